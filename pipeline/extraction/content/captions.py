"""Captions: lines beside a picture, in a box of its own, whose markup does not say that they are any."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from lxml import html

from pipeline.extraction.boilerplate.phrases import phrase_rule
from pipeline.extraction.dom.blocks import Block

__all__ = ["find_captions"]

_PICTURES = ("img", "picture", "amp-img")
_MOST_LINES = 3  # caption, credit, and a caption's second line
_MOST_CHARS = 400
_MOST_SHARE = 0.3  # of the text
_MOST_BARE_CHARS = 200  # of a line without a credit beside it


def find_captions(blocks: Sequence[Block], indices: Iterable[int]) -> frozenset[int]:
    """Those of these blocks that stand with a picture in a box that holds nothing else."""
    boxes: defaultdict[html.HtmlElement | None, list[int]] = defaultdict(list)
    for index in indices:
        if blocks[index].tag in {"p", "div"}:
            boxes[_box_of(blocks[index])].append(index)
    found = {i for box, lines in boxes.items() if box is not None and _is_box(blocks, box, lines) for i in lines}
    all_chars = sum(len(blocks[i].text) for lines in boxes.values() for i in lines)
    is_small = sum(len(blocks[i].text) for i in found) < _MOST_SHARE * all_chars
    return frozenset(found) if is_small else frozenset()  # else the article is made of such boxes


def _box_of(block: Block) -> html.HtmlElement | None:
    return block.node if block.tag == "div" else block.node.getparent()


def _is_box(blocks: Sequence[Block], box: html.HtmlElement, lines: Sequence[int]) -> bool:
    texts = [blocks[i].text for i in lines]
    if len(texts) > _MOST_LINES or max(map(len, texts)) > _MOST_CHARS or next(box.iter(*_PICTURES), None) is None:
        return False
    if not _holds_only(blocks, box, lines):
        return False
    if any(phrase_rule(text) == "credit" for text in texts):
        return True
    return (
        len(texts) == 1
        and len(texts[0]) <= _MOST_BARE_CHARS
        and not texts[0].endswith((".", "!", "?", "…", ":", "”", '"', "»", "。", "」"))
    )


def _holds_only(blocks: Sequence[Block], box: html.HtmlElement, lines: Sequence[int]) -> bool:
    """Whether a box has no other words than these lines', pictures and their buttons apart."""
    said = sum(len(blocks[i].text) for i in lines)
    return sum(len(text.strip()) for text in box.itertext()) <= said + 20
