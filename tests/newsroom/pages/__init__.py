"""The looks of the outlets' pages: one module each, as different from one another as real sites are.

Every module has `render(page) -> str`, the HTML of one article.
"""
