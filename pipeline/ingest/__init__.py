"""Ingestion: poll, collect, settle, revisit, replay and backfill, carried by ports."""
