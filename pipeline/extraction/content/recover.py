"""Recovers blocks that content selection missed: among the kept blocks, right behind them, or as their opening.

Paragraphs and intertitles, words between paragraphs, lists, quotations. Recognised by position: in the same elements as
the article's paragraphs, or in boxes like theirs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable

from lxml import html

from pipeline.extraction.boilerplate.markup_kinds import Kind
from pipeline.extraction.boilerplate.phrases import phrase_kind
from pipeline.extraction.content.structure import ends_sentence, has_key, is_prose, repeats_title
from pipeline.extraction.dom.blocks import Block, Blocks
from pipeline.extraction.dom.xpath import text_of
from pipeline.text.normalize import clean_text, key_of

__all__ = ["boxes_of", "find_following", "find_opening", "find_skipped_between", "is_entry_in"]

_MIN_OPENING = 2  # paragraphs: a single one is a lead, or a caption
_MAX_IN_BOX = 3  # elements of a heading's own box
_MAX_SKIPPED = 5  # captions and advertisements between a heading and its text, or between two parts of a text
_MAX_LINK_SHARE = 0.3  # of an entry in a list that is text
_MANY_BOXES = 3
# What sibling boxes have in common (parent, tag, classes): some pages put every paragraph into a box of its own.
BoxKind = tuple[html.HtmlElement | None, str, str]


def _box_kind(box: html.HtmlElement | None) -> BoxKind:
    return (None, "", "") if box is None else (box.getparent(), str(box.tag), box.get("class") or "")


def boxes_of(holders: Iterable[html.HtmlElement | None]) -> frozenset[BoxKind]:
    """The kinds of these boxes, and of what holds them where many paragraphs have a box of their own."""
    kinds = Counter(map(_box_kind, holders))
    return frozenset(kinds) | {_box_kind(kind[0]) for kind, count in kinds.items() if count >= _MANY_BOXES}


def is_entry_in(block: Block, boxes: Collection[BoxKind]) -> bool:
    """Whether a block is an entry, not a link, of a list in one of these boxes."""
    if block.tag != "li" or block.link_share >= _MAX_LINK_SHARE:
        return False
    entries = block.node.getparent()
    return entries is not None and _box_kind(entries.getparent()) in boxes


class _Kept:
    """Where the kept blocks stand, which the tests for a skipped block compare with."""

    def __init__(self, blocks: Blocks, kept: Collection[int], apart: frozenset[str]) -> None:
        self.blocks, self.kept, self.apart = blocks, kept, apart
        self.between = range(min(kept), max(kept))
        self.parents = {(blocks[i].node.getparent(), blocks[i].tag) for i in kept}
        holders = {blocks[i].node.getparent() for i in kept if blocks[i].tag in {"p", "div", "li", "td"}}
        self.above = holders | {holder.getparent() for holder in holders if holder is not None}
        self.boxes = boxes_of(holders) if any(blocks[i].tag == "li" for i in self.between) else frozenset()
        self.places = {blocks[i].dom_path for i in kept if blocks[i].is_paragraph}

    def is_paragraph(self, index: int) -> bool:
        block = self.blocks[index]
        in_place = (block.node.getparent(), block.tag) in self.parents or block.dom_path in self.places
        return in_place and is_prose(block)

    def is_quotation(self, index: int) -> bool:
        quotes = [mark.node for mark in self.blocks[index].marks if mark.kind is Kind.QUOTE]
        return bool(quotes) and quotes[0].getparent() in self.above

    def is_aside(self, index: int) -> bool:
        """A sentence of a word or two right behind a kept block, or the announcement of a list: `Three reasons:`."""
        block = self.blocks[index]
        if block.dom_path not in self.places or index - 1 not in self.kept or block.link_chars or block.is_heading:
            return False
        announces = block.text.endswith(":") and index + 1 < len(self.blocks) and self.blocks[index + 1].tag == "li"
        return (announces or ends_sentence(block.text)) and phrase_kind(block.text) is None

    def is_entry(self, index: int) -> bool:
        return is_entry_in(self.blocks[index], self.boxes)

    def is_intertitle(self, index: int) -> bool:
        """A heading beside the text whose next block, except pictures and advertisements, is kept."""
        if not self.blocks[index].is_heading or _box_of(self.blocks[index]) not in self.above:
            return False
        behind = range(index + 1, min(len(self.blocks), index + _MAX_SKIPPED))
        shown = (i for i in behind if not self.is_apart(i) and phrase_kind(self.blocks[i].text) is None)
        return next(shown, None) in self.kept

    def is_apart(self, index: int) -> bool:
        return not self.apart.isdisjoint(self.blocks[index].marked)


def find_skipped_between(blocks: Blocks, kept: Collection[int], apart: frozenset[str], *, title: str) -> list[int]:
    """Blocks of the article among the kept ones that were not selected."""
    if not kept:
        return []
    known = _Kept(blocks, kept, apart)
    tests = (known.is_paragraph, known.is_quotation, known.is_aside, known.is_entry, known.is_intertitle)  # cheap first
    return [
        i
        for i in known.between
        if i not in kept
        and blocks[i].link_share < 0.5
        and not known.is_apart(i)
        and not repeats_title(blocks[i], title)
        and any(test(i) for test in tests)
    ]


def _box_of(heading: Block) -> html.HtmlElement | None:
    """The element that a heading shares with other blocks, outside the boxes of its own."""
    parent = heading.node.getparent()
    while parent is not None and heading.tag == heading.node.tag:
        # Its own box has no other words: a kicker or a line below may be empty.
        if len(parent) > 1 and (len(parent) > _MAX_IN_BOX or clean_text(text_of(parent)) != heading.text):
            break
        parent = parent.getparent()
    return parent


def find_opening(blocks: Blocks, kept: Collection[int], apart: frozenset[str], *, title: str) -> list[int]:
    """Paragraphs between headline and first kept paragraph that open the text in an element of their own."""
    first = min((i for i in kept if blocks[i].is_paragraph), default=0)
    key = key_of(title)
    headline = next((i for i in range(first) if blocks[i].tag == "h1" and has_key(blocks[i], key)), first)
    opening = [i for i in range(headline + 1, first) if i not in kept and _may_open(blocks[i], apart)]
    homes = {blocks[i].node.getparent() for i in opening}
    return opening if len(opening) >= _MIN_OPENING and len(homes) == 1 else []


def _may_open(block: Block, apart: frozenset[str]) -> bool:
    is_sentence = block.tag == "p" and block.is_paragraph and ends_sentence(block.text) and block.link_share < 0.3
    return is_sentence and apart.isdisjoint(block.marked) and phrase_kind(block.text) is None


def find_following(blocks: Blocks, kept: Collection[int], apart: frozenset[str]) -> list[int]:
    """Paragraphs behind the last kept one, of its kind and in its place; boxes may stand between."""
    last = _last_in_usual_place(blocks, kept)
    if last is None:
        return []
    found: list[int] = []
    skipped = 0
    for index in (i for i in range(last + 1, len(blocks)) if i not in kept):
        block, model = blocks[index], blocks[last]
        is_text = block.is_paragraph or block.text.startswith("*")  # `* Not her real name`
        if is_text and _is_alike(block, model) and apart.isdisjoint(block.marked):
            found.append(index)
            skipped = 0
        elif block.node.getparent() is model.node.getparent() or skipped == _MAX_SKIPPED:
            break  # the text's own element goes on with another thing: there it ends
        else:
            skipped += 1
    return found


def _last_in_usual_place(blocks: Blocks, kept: Collection[int]) -> int | None:
    """The last paragraph in the place where most paragraphs are: a teaser may be the last of all."""
    prose = [i for i in sorted(kept) if blocks[i].is_paragraph and blocks[i].tag == "p"]
    if not prose:
        return None
    usual = Counter(blocks[i].dom_path for i in prose).most_common(1)[0][0]
    return max(i for i in prose if blocks[i].dom_path == usual)


def _is_alike(block: Block, model: Block) -> bool:
    """Whether a block stands at another's path, or has its classes in an element that shares a class with its."""
    if block.dom_path == model.dom_path:
        return True
    *_, parent, own = ("", *block.dom_path.split("/"))
    *_, other, its = ("", *model.dom_path.split("/"))
    return own == its and "." in own and not {*parent.split(".")[1:]}.isdisjoint(other.split(".")[1:])
