"""Signatures: the author from a line next to the text that is only a name, where no other source names one.

Tested by tests/extraction/metadata/test_authors.py.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from pipeline.extraction.dom.blocks import Block
from pipeline.extraction.dom.xpath import only_child
from pipeline.extraction.metadata.authors import Authors, read_signature

__all__ = ["find_signature"]

_MAX_SIGNED_CHARS = 50
_RIGHT = re.compile(r"text-align\s*:\s*(?:right|end)")
_ITALIC, _BOLD = frozenset({"em", "i"}), frozenset({"b", "strong"})
_REACH = 2  # lines after the text or before it


def find_signature(blocks: Sequence[Block], chosen: Sequence[int]) -> Authors:
    """The author who signs right after the text, else right above it, in the element that holds its paragraphs.

    After the text, a bold line is the next text's headline: there a signature is in italics or aligned right.
    """
    if not chosen:
        return Authors()
    text = [i for i in chosen if blocks[i].tag == "p"] or list(chosen)
    for end, step, tags in ((text[-1], 1, _ITALIC), (text[0], -1, _ITALIC | _BOLD)):
        for index in range(end, end + step * (_REACH + 1), step):
            if 0 <= index < len(blocks) and _may_sign(blocks[index], blocks[end], tags):
                signed = read_signature(blocks[index].text)
                if signed.people:
                    return signed
    return Authors()


def _may_sign(line: Block, paragraph: Block, tags: frozenset[str]) -> bool:
    """Whether a line is a sibling of the paragraphs and styled differently, as a signature is and a dateline is not."""
    if line.is_heading or line.tag != paragraph.tag or line.link_chars or len(line.text) > _MAX_SIGNED_CHARS:
        return False
    if line.node.getparent() is not paragraph.node.getparent():
        return False
    child = only_child(line.node)
    return _RIGHT.search(line.node.get("style") or "") is not None or (child is not None and child.tag in tags)
