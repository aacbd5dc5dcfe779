"""Deduplication: fingerprints, near-duplicate matching, the verdict."""
