"""The parsed page: bytes, tree, elements, text blocks."""
