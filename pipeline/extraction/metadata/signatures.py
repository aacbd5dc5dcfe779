"""Signatures: a line beside the text that is nothing but the name of who wrote it, where the page names nobody else."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pipeline.extraction.dom.blocks import Block
from pipeline.extraction.dom.xpath import only_child
from pipeline.extraction.metadata.authors import Authors, read_signature

__all__ = ["find_signature"]

_MOST_SIGNED_CHARS = 50
_RIGHT = re.compile(r"text-align\s*:\s*(?:right|end)")
_ITALIC, _BOLD = frozenset({"em", "i"}), frozenset({"b", "strong"})
_REACH = 2  # lines behind the text or before it


def find_signature(blocks: Sequence[Block], chosen: Sequence[int]) -> Authors:
    """Who signs right behind the text or, else, right above it, in the element that holds its paragraphs.

    Behind it a bold line heads what comes next: there a signature is in italics or set to the right.
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


def _may_sign(line: Block, beside: Block, tags: frozenset[str]) -> bool:
    """Whether a line stands among the paragraphs and is set apart from them, as a signature is and a place is not."""
    if line.is_heading or line.tag != beside.tag or line.link_chars or len(line.text) > _MOST_SIGNED_CHARS:
        return False
    if line.node.getparent() is not beside.node.getparent():
        return False
    child = only_child(line.node)
    return _RIGHT.search(line.node.get("style") or "") is not None or (child is not None and child.tag in tags)
