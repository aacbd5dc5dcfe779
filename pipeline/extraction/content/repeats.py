"""Blocks that repeat the headline, which a page often shows twice."""

from __future__ import annotations

from pipeline.extraction.dom.blocks import Block
from pipeline.extraction.metadata.titles import same_words
from pipeline.text.normalize import key_of

__all__ = ["has_key", "repeats_title"]

_LEAST_TITLE_LETTERS = 20  # a shorter headline may stand within a heading of another
_SAME_WORDS = 0.5
_MOST_SIGNS = 4  # to a letter, blanks and punctuation included


def has_key(block: Block, key: str) -> bool:
    """Whether a block says just these letters; a text of many more signs cannot, and need not be looked through."""
    return len(block.text) <= _MOST_SIGNS * len(key) and block.key == key


def repeats_title(block: Block, title: str) -> bool:
    """Whether a block says the headline again."""
    title_key = key_of(title)
    if not title_key:
        return False
    if has_key(block, title_key):
        return True
    if block.tag == "h1" and same_words(block.text, title) > _SAME_WORDS:
        return True
    return block.is_heading and len(title_key) > _LEAST_TITLE_LETTERS and title_key in block.key
