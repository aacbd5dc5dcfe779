"""Adapter of trafilatura: which blocks it would keep, found by the text that it and the blocks share.

Its own rendering is not used: paragraphs are ours, only the selection is its. Called for outlets without a wrapper, in
doubt, and for the sample that audits a wrapper.

Tested by tests/extraction/content/test_select.py.
"""

from __future__ import annotations

from collections.abc import Sequence

from lxml import html

from pipeline.extraction.dom.blocks import Block
from pipeline.text.normalize import clean_text, key_of

__all__ = ["select_by_trafilatura"]

_SHORT = 24  # a key so short may occur inside a sentence: it must be a line of its own


def select_by_trafilatura(root: html.HtmlElement, blocks: Sequence[Block], *, fast: bool) -> frozenset[int]:
    """The blocks that trafilatura keeps of this page; none when it finds no text."""
    from trafilatura import bare_extraction  # half a CPU second: paid where pages are read, not by every command

    try:
        document = bare_extraction(root, fast=fast, include_comments=False, include_tables=True)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError):
        document = None  # what trafilatura raises on odd trees; the other selections decide then
    text = str(getattr(document, "text", "") or "")
    keys = [key_of(clean_text(line)) for line in text.split("\n") if line.strip()]
    single, joined = set(keys), "".join(keys)  # joined, because a block may span a quotation and its speaker
    return frozenset(
        index
        for index, block in enumerate(blocks)
        if (key := block.key) and (key in single or (len(key) > _SHORT and key in joined))
    )
