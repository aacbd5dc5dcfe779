"""Page metadata: title, authors, dates, agencies, JSON-LD."""
