"""Observations: what the selected blocks of one page teach its outlet's wrapper.

Tested by tests/extraction/wrapper/test_apply.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lxml import html

from pipeline.extraction.dom.blocks import Block, branch_of
from pipeline.extraction.values import Observation, PathCount
from pipeline.extraction.wrapper.apply import MAX_REPEATED_CHARS
from pipeline.extraction.wrapper.skip_regions import SkipRegions
from pipeline.extraction.wrapper.wrapper import key_hash

__all__ = ["observe"]


def observe(
    page: int,
    body: html.HtmlElement,
    blocks: Sequence[Block],
    chosen: Sequence[int],
    *,
    agreed: float | None,
    regions: SkipRegions,
) -> Observation:
    """The counts by DOM path, text hashes, empty branches and skip regions of a page with this hash."""
    kept = set(chosen)
    counts: dict[str, list[int]] = {}
    for index, block in enumerate(blocks):
        counts.setdefault(block.place, [0, 0])[index not in kept] += len(block.text)
    keys = (block.key for block in blocks if len(block.text) < MAX_REPEATED_CHARS)
    alive, dead = _branches(body, blocks, kept)
    return Observation(
        page=page,
        paths=tuple(PathCount(path, *count) for path, count in counts.items()),
        texts=tuple(dict.fromkeys(key_hash(key) for key in keys if key)),
        alive=tuple(sorted(alive)),
        dead=tuple(sorted(dead)),
        agreement=agreed,
        regions=regions.empty,
        filled_regions=regions.filled,
    )


def _branches(body: html.HtmlElement, blocks: Sequence[Block], kept: set[int]) -> tuple[set[str], set[str]]:
    """The branches of the tree that hold kept text, a headline or a possible lead, and the topmost others."""
    holding = (block.node for index, block in enumerate(blocks) if index in kept or block.tag == "h1")
    living = {above for node in holding for above in (node, *node.iterancestors())}
    alive = {branch_of(element) for element in living if element is not body}
    alive.update(map(branch_of, _below_headline(blocks, kept)))
    return alive, {branch_of(child) for child in _dead_children(living, [blocks[index].node for index in kept])} - alive


def _dead_children(living: set[html.HtmlElement], text: Sequence[html.HtmlElement]) -> Iterator[html.HtmlElement]:
    """The children of living elements that hold none; not those of kept blocks, whose text includes them.

    Plain elements next to paragraphs are left out: they hold links on one page and a list on the next. Some outlets set
    each paragraph in a box.
    """
    homes = {element.getparent() for element in text}
    containers = homes | {home.getparent() for home in homes if home is not None}
    for element in living.difference(text):
        for child in element:
            if child in living or not isinstance(child.tag, str):
                continue
            if element not in containers or child.get("class"):
                yield child


def _below_headline(blocks: Sequence[Block], kept: set[int]) -> Iterator[html.HtmlElement]:
    """The elements between headline and text: some articles of an outlet have a lead there, others only a byline."""
    first = min(kept, default=0)
    headline = next((i for i in range(first - 1, -1, -1) if blocks[i].tag == "h1"), None)
    if headline is None:
        return
    text = {blocks[first].node, *blocks[first].node.iterancestors()}
    for element in (blocks[headline].node, *blocks[headline].node.iterancestors()):
        for sibling in element.itersiblings() if element not in text else ():
            if sibling in text:
                return
            if isinstance(sibling.tag, str):
                yield sibling
