"""Content selection and boilerplate removal: which blocks are the article."""
