"""Blocks that repeat others on the same page: the headline, and quotations that a page sets out again in large type.

Tested by tests/extraction/content/test_structure.py.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence

from pipeline.extraction.boilerplate.markup_kinds import Kind
from pipeline.extraction.content.structure import chars_of
from pipeline.extraction.dom.blocks import Block
from pipeline.extraction.metadata.titles import same_words
from pipeline.text.normalize import key_of

__all__ = ["find_pull_quotes", "has_key", "repeats_title"]

_MIN_TITLE_LETTERS = 20  # a shorter headline may stand within a heading of another
_SAME_WORDS = 0.5
_MAX_SIGNS = 4  # to a letter, blanks and punctuation included
_MIN_QUOTE_CHARS, _MAX_QUOTE_CHARS = 40, 300
_MAX_PULLED = 0.2  # of the text: else the page has all of it twice


def has_key(block: Block, key: str) -> bool:
    """Whether a block has just these letters; a text of many more signs cannot, and its key need not be made."""
    return len(block.text) <= _MAX_SIGNS * len(key) and block.key == key


def repeats_title(block: Block, title: str) -> bool:
    """Whether a block repeats the headline."""
    title_key = key_of(title)
    if not title_key or has_key(block, title_key):
        return bool(title_key)
    if block.tag == "h1" and same_words(block.text, title) > _SAME_WORDS:
        return True
    return block.is_heading and len(title_key) > _MIN_TITLE_LETTERS and title_key in block.key


def find_pull_quotes(blocks: Sequence[Block], kept: Collection[int], lead: int | None) -> set[int]:
    """Kept blocks whose words a longer paragraph in another place contains."""
    text = [i for i in kept if blocks[i].is_paragraph]
    by_place: defaultdict[str, list[Block]] = defaultdict(list)
    for i in text:
        by_place[blocks[i].place].append(blocks[i])
    if len(by_place) < 2:
        return set()  # most articles: nothing to compare with
    keys = {place: "\n".join(block.key for block in there) for place, there in by_place.items()}
    pulled = {i for i in kept if i != lead and _may_be_pulled(blocks[i]) and _is_said(blocks[i], by_place, keys)}
    return pulled if chars_of(blocks, pulled) < _MAX_PULLED * chars_of(blocks, text) else set()


def _is_said(quote: Block, by_place: dict[str, list[Block]], keys: dict[str, str]) -> bool:
    return any(
        len(quote.text) < len(paragraph.text) and quote.key in paragraph.key
        for place, key in keys.items()
        if place != quote.place and quote.key in key  # most quotations are in none
        for paragraph in by_place[place]
    )


def _may_be_pulled(block: Block) -> bool:
    is_quote = any(mark.kind is Kind.QUOTE for mark in block.marks)
    least = _MIN_QUOTE_CHARS if is_quote else 2 * _MIN_QUOTE_CHARS
    return least <= len(block.text) <= _MAX_QUOTE_CHARS and not block.is_heading and block.tag not in {"li", "tr"}
