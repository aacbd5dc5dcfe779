"""Worker processes that extract pages."""
