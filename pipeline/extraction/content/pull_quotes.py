"""Pull quotes: words of the text that a page sets again beside it, large, with or without who said them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import NamedTuple

from pipeline.extraction.boilerplate.markup_kinds import Kind
from pipeline.extraction.content.structure import chars_of
from pipeline.extraction.dom.blocks import Block

__all__ = ["find_pull_quotes"]

_LEAST_CHARS, _MOST_CHARS = 40, 300
_MOST_PULLED = 0.2  # of the text: else the page says all of it twice


class _Place(NamedTuple):
    """The paragraphs of a place, and the letters of all of them together: most quotations stand in none."""

    place: str
    said: str
    paragraphs: Sequence[Block]


def find_pull_quotes(blocks: Sequence[Block], kept: Collection[int], lead: int | None) -> frozenset[int]:
    """Those of the kept blocks that say again what a paragraph in another place says."""
    text = [i for i in kept if blocks[i].is_paragraph]
    by_place: defaultdict[str, list[Block]] = defaultdict(list)
    for i in text:
        by_place[blocks[i].place].append(blocks[i])
    if len(by_place) < 2:
        return frozenset()  # most articles: nothing to compare with
    quotes = [i for i in kept if i != lead and _may_pull(blocks[i])]
    if not quotes:
        return frozenset()
    places = [_Place(place, "\n".join(block.key for block in there), there) for place, there in by_place.items()]
    pulled = frozenset(i for i in quotes if _is_pulled(blocks[i], places))
    return pulled if chars_of(blocks, pulled) < _MOST_PULLED * chars_of(blocks, text) else frozenset()


def _is_pulled(quote: Block, text: Sequence[_Place]) -> bool:
    return any(
        len(quote.text) < len(paragraph.text) and quote.key in paragraph.key
        for there in text
        if there.place != quote.place and quote.key in there.said
        for paragraph in there.paragraphs
    )


def _is_set_out(block: Block) -> bool:
    return any(mark.kind is Kind.QUOTE for mark in block.marks)


def _may_pull(block: Block) -> bool:
    least = _LEAST_CHARS if _is_set_out(block) else 2 * _LEAST_CHARS
    return least <= len(block.text) <= _MOST_CHARS and not block.is_heading and block.tag not in {"li", "tr"}
