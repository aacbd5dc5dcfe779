"""Lessons: what a page's chosen blocks teach its outlet's wrapper, and what a wrapper chooses on a page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from lxml import html

from pipeline.blocks import Block, branch_of
from pipeline.body import chars_of, is_paragraph
from pipeline.wrapper import Observation, PlaceCount, Wrapper, text_mark

__all__ = ["agreement", "choose_by_wrapper", "observe"]

_MOST_MARKED_CHARS = 400  # longer texts that return are copies of articles, not furniture
_KNOWN_SHARE = 0.9  # of the prose on the page must stand in known places
_CLEAR_SHARE = 0.9  # of the prose in known places must be clearly article or clearly not
_CLEARLY_KEPT, _CLEARLY_LEFT = 0.75, 0.25
_LEAST_CHARS = 250
_PARTED = frozenset({"ul", "ol", "blockquote", "table", "tbody"})


def observe(
    page: int, body: html.HtmlElement, blocks: Sequence[Block], chosen: Sequence[int], agreed: float | None
) -> Observation:
    """What this page teaches."""
    kept = set(chosen)
    counts: dict[str, list[int]] = {}
    for index, block in enumerate(blocks):
        counts.setdefault(block.place, [0, 0])[index not in kept] += len(block.text)
    alive, dead = _branches(body, blocks, kept)
    return Observation(
        page=page,
        places=tuple(PlaceCount(place, *count) for place, count in counts.items()),
        texts=tuple(
            dict.fromkeys(
                text_mark(block.key) for block in blocks if block.key and len(block.text) < _MOST_MARKED_CHARS
            )
        ),
        alive=tuple(sorted(alive)),
        dead=tuple(sorted(dead)),
        agreement=agreed,
    )


def choose_by_wrapper(blocks: Sequence[Block], wrapper: Wrapper) -> frozenset[int] | None:
    """The blocks that stand where the outlet's articles do and are not its furniture; None where the wrapper doubts."""
    chosen: set[int] = set()
    prose = known = clear = 0
    shares = {place: wrapper.share_kept(place) for place in {block.place for block in blocks}}
    for index, block in enumerate(blocks):
        share = shares[block.place]
        if is_paragraph(block):
            size = len(block.text)
            prose += size
            if share is not None:
                known += size
                clear += size if share >= _CLEARLY_KEPT or share <= _CLEARLY_LEFT else 0
        if share is not None and share >= 0.5 and not _is_repeated(block, wrapper):
            chosen.add(index)
    if known < _KNOWN_SHARE * prose or clear < _CLEAR_SHARE * known or chars_of(blocks, chosen) < _LEAST_CHARS:
        return None
    return frozenset(chosen.union(_between(blocks, chosen, wrapper)))


def _between(blocks: Sequence[Block], chosen: set[int], wrapper: Wrapper) -> Iterator[int]:
    """Headings, quotations and lists where none stood before, between two chosen blocks and in a place like theirs.

    Few pages of an outlet have an intertitle: what was on none of the first is not therefore left out.
    """
    for before, after in pairwise(sorted(chosen)):
        for index in range(before + 1, after):
            block = blocks[index]
            is_new = block.place not in wrapper.places and not _is_repeated(block, wrapper)
            if is_new and _is_among(block, blocks[before], blocks[after]):
                yield index


def _is_repeated(block: Block, wrapper: Wrapper) -> bool:
    """Whether other pages show a text too; of long ones no marks were taken."""
    return len(block.text) < _MOST_MARKED_CHARS and wrapper.is_repeated(text_mark(block.key))


def _is_among(block: Block, before: Block, after: Block) -> bool:
    """Whether a block stands beside its neighbours, as a part of a list or a quotation beside them, or as they do."""
    if _above(block.place) == _above(before.place) == _above(after.place):
        return True
    parent = block.node.getparent()
    if parent is not None and parent.tag in _PARTED:
        parent = parent.getparent()
    return parent is not None and parent is before.node.getparent() is after.node.getparent()


def _above(place: str) -> str:
    """A place's labels but the last."""
    return place.rpartition("/")[0]


def agreement(blocks: Sequence[Block], one: Sequence[int], other: Sequence[int]) -> float:
    """F1 of two choices by characters."""
    common = chars_of(blocks, set(one) & set(other))
    return 2 * common / max(1, chars_of(blocks, one) + chars_of(blocks, other))


def _branches(body: html.HtmlElement, blocks: Sequence[Block], kept: set[int]) -> tuple[set[str], set[str]]:
    """The branches of the tree that hold kept text or a headline, and the topmost that hold none."""
    living = {
        element
        for index, block in enumerate(blocks)
        if index in kept or block.tag == "h1"
        for element in (block.node, *block.node.iterancestors())
    }
    alive = {branch_of(element) for element in living if element is not body}
    whole = {blocks[index].node for index in kept}  # a quotation's parts are in its block, not beside it
    dead = set()
    for element in living - whole:
        for child in element:
            if child not in living and isinstance(child.tag, str):
                dead.add(branch_of(child))
    return alive, dead - alive
