"""Text and dates: normalisation, tokenizer, languages, date parsing."""
