"""The body: where in the tree an article's paragraphs stand, by our own reading of a page's blocks.

A second view beside the teacher's, and the first one where the page's JSON-LD has the text. Finds a region and the
blocks in it; what is to be added or dropped is left to repair.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence

from lxml import html

from pipeline.extraction.boilerplate.markup_kinds import Kind
from pipeline.extraction.dom.blocks import Block
from pipeline.text.normalize import key_of

__all__ = [
    "BESIDE",
    "chars_of",
    "choose_by_structure",
    "choose_by_told_text",
    "ends_sentence",
    "find_foreign",
    "holder_of",
    "is_spoken",
    "set_apart",
]

# Kinds of markup that hold no part of the article's text, unless they hold much of what reads like one.
BESIDE = frozenset(
    {
        Kind.COMMENTS,
        Kind.NEWSLETTER,
        Kind.SHARE,
        Kind.AD,
        Kind.RELATED,
        Kind.TAGS,
        Kind.CAPTION,
        Kind.CHROME,
        Kind.BYLINE,
    }
)
_LARGE_PART = 0.3
_MANY_POSTS = 3  # elements alike that hold a comment each: an article has one, even where it is called a comment
_ENOUGH_INSIDE = 300  # characters of an element that calls itself an article, and is one
_ENOUGH_OUTSIDE = 400  # characters that make an article of what stands outside the comments
_ALL_LINK, _MANY_CARDS, _ENOUGH_PARAGRAPHS = 0.9, 3, 3
_HOLDERS = frozenset({"div", "td", "body", "article", "section", "main"})  # text stands in them bare, between breaks
_SENTENCE_CHARS = 30
_LEVELS = 4  # how far above its paragraphs a container may stand
_DECAY = 0.8  # so that the lowest container of all paragraphs wins over its wrappers
_USUAL_SHARE = 0.15


def chars_of(blocks: Sequence[Block], indices: Iterable[int]) -> int:
    """Characters of these blocks."""
    return sum(len(blocks[i].text) for i in indices)


def set_apart(blocks: Sequence[Block], chosen: Collection[int]) -> frozenset[str]:
    """The markings that set text apart on this page: those that hold no large part of what was chosen, and comments."""
    chars: Counter[str] = Counter()
    for index in chosen:
        for marking in blocks[index].marked:
            chars[marking] += len(blocks[index].text)
    names = {mark.name for block in blocks for mark in block.marks if mark.kind in BESIDE}
    total = chars_of(blocks, chosen)
    apart = frozenset(name for name in names if chars[name] <= _LARGE_PART * total)
    return apart | _threads(blocks, chosen, apart)


def _threads(blocks: Sequence[Block], chosen: Collection[int], apart: frozenset[str]) -> frozenset[str]:
    """The markings of comments that go on for longer than the article above them."""
    posts: dict[str, set[html.HtmlElement]] = {}
    for index in chosen:
        for mark in blocks[index].marks:
            if mark.kind is Kind.COMMENTS:
                posts.setdefault(mark.name, set()).add(mark.node)
    threads = frozenset(name for name, nodes in posts.items() if len(nodes) >= _MANY_POSTS)
    if threads <= apart:
        return frozenset()
    outside = [i for i in chosen if blocks[i].is_paragraph and not (threads | apart) & blocks[i].marked]
    return threads if chars_of(blocks, outside) >= _ENOUGH_OUTSIDE else frozenset()


def is_spoken(block: Block) -> bool:
    """Whether a block is prose: a paragraph, or a short sentence that is no heading."""
    return block.is_paragraph or (
        len(block.text) > _SENTENCE_CHARS and ends_sentence(block.text) and not block.is_heading
    )


def ends_sentence(text: str) -> bool:
    """Whether a text ends as sentences do."""
    return text.endswith((".", "!", "?", "…", "»", "”", '"', ".)", "。", "」"))


def holder_of(block: Block) -> html.HtmlElement | None:
    """The element that holds a block among its siblings: where text stands bare between breaks, its own element."""
    return block.node if block.tag in _HOLDERS else block.node.getparent()


def choose_by_structure(blocks: Sequence[Block], foreign: Collection[int]) -> frozenset[int]:
    """The blocks of the container that holds most of the page's prose, and of its like where the text is in parts.

    `foreign` is prose of other articles and of comments (`find_foreign`), which is none.
    """
    prose = [i for i, block in enumerate(blocks) if block.is_paragraph and i not in foreign]
    if not prose:
        return frozenset()
    apart = set_apart(blocks, prose)
    good = [i for i in prose if not apart & blocks[i].marked] or prose
    container = _best_container(blocks, good)
    inside = {i for i in range(len(blocks)) if container in _line(blocks[i].node)}
    usual = _usual_places(blocks, [i for i in good if i in inside])
    spoken = [i for i in good if i in inside or blocks[i].place in usual]
    if not spoken:
        return frozenset()
    return frozenset(
        i
        for i in range(min(spoken), max(spoken) + 1)
        if (i in inside or blocks[i].place in usual)
        and not apart & blocks[i].marked
        and (blocks[i].link_share < 0.6 or i in spoken)
    )


def find_foreign(blocks: Sequence[Block]) -> frozenset[int]:
    """The prose of other articles and of comments, by where the headline stands.

    A short article has less text than the cards or comments below it: they are alike, each behind a link, or outside
    the element of the article where that holds enough to be one.
    """
    headline = next((block.node for block in blocks if block.tag == "h1"), None)
    article = next(headline.iterancestors("article"), None) if headline is not None else None
    if article is None:
        return frozenset()
    prose = [i for i, block in enumerate(blocks) if block.is_paragraph]
    cards = {i for i in prose if i and blocks[i - 1].link_share >= _ALL_LINK}
    outside = [i for i in prose if article not in _line(blocks[i].node)]
    inside = set(prose).difference(outside, cards)
    if len(inside) >= _ENOUGH_PARAGRAPHS and chars_of(blocks, inside) >= _ENOUGH_INSIDE:
        return frozenset(outside)
    places = Counter(blocks[i].place for i in outside if i in cards)
    return frozenset(i for i in outside if inside and i in cards and places[blocks[i].place] >= _MANY_CARDS)


def _usual_places(blocks: Sequence[Block], prose: Sequence[int]) -> frozenset[str]:
    """The places that hold a good part of some prose."""
    chars: Counter[str] = Counter()
    for index in prose:
        chars[blocks[index].place] += len(blocks[index].text)
    return frozenset(place for place, count in chars.items() if count >= _USUAL_SHARE * chars.total())


def _best_container(blocks: Sequence[Block], good: Sequence[int]) -> html.HtmlElement:
    """The element that holds most prose, a little less for each level above it."""
    direct: Counter[html.HtmlElement] = Counter()
    for index in good:
        block = blocks[index]
        holder = holder_of(block)
        if holder is None:
            continue
        weight = float(len(block.text))
        for level, element in enumerate((holder, *holder.iterancestors())):
            if level > _LEVELS or element.tag == "html":
                break
            direct[element] += int(weight * _DECAY**level)
    return direct.most_common(1)[0][0]


def _line(node: html.HtmlElement) -> tuple[html.HtmlElement, ...]:
    return (node, *node.iterancestors())


def choose_by_told_text(blocks: Sequence[Block], told: str) -> frozenset[int]:
    """The blocks that say what another source (JSON-LD, the feed) says the article says."""
    whole = key_of(told)
    if len(whole) < 200:
        return frozenset()
    return frozenset(i for i, block in enumerate(blocks) if len(block.key) > 20 and block.key in whole)
