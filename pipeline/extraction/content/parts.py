"""Parts: short parts of an article that views of its prose pass over: a word between paragraphs, a list, a last post.

They are told by where they stand: in the article's own elements, or in boxes like those of its paragraphs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from lxml import html

from pipeline.extraction.boilerplate.phrases import phrase_rule
from pipeline.extraction.dom.blocks import Block

__all__ = ["BoxKind", "boxes_of", "is_aside", "is_entry_in"]

_MANY_BOXES = 3
_FEW_LINKS = 0.3  # in an entry of a list that is text
_SENTENCE_ENDS = (".", "!", "?", "…", "»", "”", '"')


class BoxKind(NamedTuple):
    """What boxes have in common that stand beside each other and are alike: some pages set each paragraph in one."""

    parent: html.HtmlElement | None
    tag: str
    classes: str


def _box_kind(box: html.HtmlElement | None) -> BoxKind:
    """Which boxes a box is one of."""
    return BoxKind(None, "", "") if box is None else BoxKind(box.getparent(), str(box.tag), box.get("class") or "")


def boxes_of(holders: Iterable[html.HtmlElement | None]) -> frozenset[BoxKind]:
    """The boxes that these are of, and what holds them where each paragraph is in one of its own."""
    kinds = Counter(map(_box_kind, holders))
    return frozenset(kinds) | {_box_kind(kind.parent) for kind, count in kinds.items() if count >= _MANY_BOXES}


def is_aside(blocks: Sequence[Block], kept: Collection[int], index: int) -> bool:
    """Whether a line right behind a kept one is a sentence of a word or two, or announces a list: `Three reasons:`."""
    block = blocks[index]
    if index - 1 not in kept or block.link_chars or block.is_heading:
        return False
    announces = block.text.endswith(":") and index + 1 < len(blocks) and blocks[index + 1].tag == "li"
    return (announces or block.text.endswith(_SENTENCE_ENDS)) and phrase_rule(block.text) is None


def is_entry_in(block: Block, boxes: Collection[BoxKind]) -> bool:
    """Whether a block is an entry of a list that stands in one of these boxes, and no link."""
    if block.tag != "li" or block.link_share >= _FEW_LINKS:
        return False
    entries = block.node.getparent()
    return entries is not None and _box_kind(entries.getparent()) in boxes
