"""Boilerplate knowledge: the phrases and markup that mark what is not the article."""
