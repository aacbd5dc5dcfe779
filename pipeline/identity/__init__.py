"""Article identity: which URL belongs to which article."""
