"""Article extraction: a page in, an article or a rejection out."""
