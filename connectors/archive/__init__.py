"""The archive of raw pages in WARC files."""
