"""Passed over: paragraphs and intertitles that a choice left out, among those it kept or right beside them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence

from lxml import html

from pipeline.extraction.boilerplate.markup_kinds import Kind
from pipeline.extraction.boilerplate.phrases import phrase_rule
from pipeline.extraction.content.parts import boxes_of, is_aside, is_entry_in
from pipeline.extraction.content.repeats import has_key, repeats_title
from pipeline.extraction.content.structure import ends_sentence, is_spoken
from pipeline.extraction.dom.blocks import Block
from pipeline.extraction.dom.xpath import text_of
from pipeline.text.normalize import clean_text, key_of

__all__ = ["find_between", "find_beyond", "find_opening"]

_LEAST_OPENING = 2  # paragraphs: a single one is a lead, or a caption
_MOST_IN_BOX = 3  # elements of a heading's own box
_MOST_PASSED = 5  # captions and advertisements between a heading and its text, between two parts of a text


def find_between(blocks: Sequence[Block], kept: Collection[int], apart: frozenset[str], *, title: str) -> list[int]:
    """Paragraphs and intertitles that stand among the kept ones, in the same parent as they, and were passed over."""
    if not kept:
        return []
    parents = {(blocks[i].node.getparent(), blocks[i].tag) for i in kept}
    holders = {blocks[i].node.getparent() for i in kept if blocks[i].tag in {"p", "div", "li", "td"}}
    above = holders | {holder.getparent() for holder in holders if holder is not None}  # of intertitles, quotations
    between = range(min(kept), max(kept))
    boxes = boxes_of(holders) if any(blocks[i].tag == "li" for i in between) else frozenset()
    places = {blocks[i].place for i in kept if blocks[i].is_paragraph}
    return [
        i
        for i in between
        if i not in kept
        and blocks[i].link_share < 0.5
        and not _is_apart(blocks[i], apart)
        and not repeats_title(blocks[i], title)
        and (
            (is_spoken(blocks[i]) and (blocks[i].node.getparent(), blocks[i].tag) in parents)
            or (is_spoken(blocks[i]) and blocks[i].place in places)
            or (_quoted_in(blocks[i]) in above)
            or (blocks[i].place in places and is_aside(blocks, kept, i))
            or is_entry_in(blocks[i], boxes)
            or (blocks[i].is_heading and _box_of(blocks[i]) in above and _heads_kept(blocks, kept, apart, i))
        )
    ]


def _box_of(heading: Block) -> html.HtmlElement | None:
    """The element that a heading stands in among others, whatever boxes of its own it has."""
    parent = heading.node.getparent()
    while parent is not None and heading.tag == heading.node.tag and _says_only(parent, heading):
        parent = parent.getparent()
    return parent


def _says_only(box: html.HtmlElement, heading: Block) -> bool:
    """Whether a heading's box holds no other words: a kicker may be empty, a line under it too."""
    return len(box) == 1 or (len(box) <= _MOST_IN_BOX and clean_text(text_of(box)) == heading.text)


def _heads_kept(blocks: Sequence[Block], kept: Collection[int], apart: frozenset[str], heading: int) -> bool:
    """Whether the next block that is none of a picture's or an advertisement's is kept."""
    behind = range(heading + 1, min(len(blocks), heading + _MOST_PASSED))
    shown = (i for i in behind if not _is_apart(blocks[i], apart) and phrase_rule(blocks[i].text) is None)
    return next(shown, None) in kept


def find_opening(blocks: Sequence[Block], kept: Collection[int], apart: frozenset[str], *, title: str) -> list[int]:
    """The paragraphs that a text opens with in an element of its own, between the headline and the first kept one."""
    first = min((i for i in kept if blocks[i].is_paragraph), default=0)
    key = key_of(title)
    headline = next((i for i in range(first) if key and blocks[i].tag == "h1" and has_key(blocks[i], key)), first)
    opening = [i for i in range(headline + 1, first) if i not in kept and _opens(blocks[i], apart)]
    homes = {blocks[i].node.getparent() for i in opening}
    return opening if len(opening) >= _LEAST_OPENING and len(homes) == 1 else []


def _opens(block: Block, apart: frozenset[str]) -> bool:
    """Whether a block is a paragraph under no marking but those of the article around it."""
    is_prose = block.tag == "p" and block.is_paragraph and ends_sentence(block.text) and block.link_share < 0.3
    return is_prose and not _is_apart(block, apart) and phrase_rule(block.text) is None


def find_beyond(blocks: Sequence[Block], kept: Collection[int], apart: frozenset[str]) -> list[int]:
    """Paragraphs behind the last kept one, of its kind and in its place; boxes may stand between."""
    spoken = [i for i in sorted(kept) if blocks[i].is_paragraph and blocks[i].tag == "p"]
    if not spoken:
        return []
    usual = Counter(blocks[i].place for i in spoken).most_common(1)[0][0]
    last = max(i for i in spoken if blocks[i].place == usual)  # a teaser may be the last of all
    found: list[int] = []
    model, passed = blocks[last], 0
    for index in range(last + 1, len(blocks)):
        block = blocks[index]
        if index in kept:
            continue
        is_said = block.is_paragraph or block.text.startswith("*")  # `* Not her real name`
        if is_said and _is_like(block, model) and not _is_apart(block, apart):
            found.append(index)
            passed = 0
        elif block.node.getparent() is model.node.getparent() or passed == _MOST_PASSED:
            break  # the text's own element goes on with another thing: there it ends
        else:
            passed += 1
    return found


def _is_like(block: Block, model: Block) -> bool:
    """Whether a block stands where another does: at the same path, or with its classes in an element of its kind."""
    if block.place == model.place:
        return True
    parent, own = block.place.split("/")[-2:]
    other, its = model.place.split("/")[-2:]
    return own == its and "." in own and not {*parent.split(".")[1:]}.isdisjoint(other.split(".")[1:])


def _quoted_in(block: Block) -> html.HtmlElement | None:
    """Which element holds the quotation that a block is."""
    quotes = [mark.node for mark in block.marks if mark.kind is Kind.QUOTE]
    return quotes[0].getparent() if quotes else None


def _is_apart(block: Block, apart: frozenset[str]) -> bool:
    return not apart.isdisjoint(block.marked)
