"""The teacher: which blocks trafilatura would keep, found by the words that it and the blocks share.

Its own rendering is not used: paragraphs are ours, only the choice is its. Called on outlets that no wrapper knows, on
doubt, and on the sample that audits a wrapper.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lxml import html

from pipeline.extraction.dom.blocks import Block
from pipeline.text.normalize import clean_text, key_of

__all__ = ["Lesson", "ask_teacher"]

_SHORT = 24  # a key so short may occur inside a sentence: it must be a line of its own


@dataclass(frozen=True, slots=True)
class Lesson:
    """The blocks the teacher keeps, and its own lines for a page whose blocks do not show them."""

    kept: frozenset[int]
    lines: tuple[str, ...]


def ask_teacher(root: html.HtmlElement, blocks: Sequence[Block], *, fast: bool) -> Lesson:
    """What trafilatura keeps of this page; nothing when it finds no text."""
    from trafilatura import bare_extraction  # half a CPU second: paid where pages are read, not by every command

    try:
        document = bare_extraction(root, fast=fast, include_comments=False, include_tables=True)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError):
        document = None  # what trafilatura raises on odd trees; the other views of the page decide then
    text = str(getattr(document, "text", "") or "")
    lines = tuple(line for line in text.split("\n") if line.strip())
    keys = [key_of(clean_text(line)) for line in lines]
    return Lesson(frozenset(_matches(blocks, keys)), lines)


def _matches(blocks: Sequence[Block], keys: Sequence[str]) -> set[int]:
    flowing = "".join(keys)  # where a quotation and its speaker stand together, as in our blocks
    single = set(keys)
    return {
        index
        for index, block in enumerate(blocks)
        if (key := block.key) and (key in single or (len(key) > _SHORT and key in flowing))
    }
