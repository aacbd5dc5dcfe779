"""Content selection by DOM structure: the container that holds the article's paragraphs.

A second selection beside trafilatura's, and the first one where the page's JSON-LD has the text. Which blocks are then
added or dropped is left to clean.py.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence

from lxml import html

from pipeline.extraction.boilerplate.markup_kinds import NON_CONTENT_KINDS, Kind
from pipeline.extraction.boilerplate.switches import is_on
from pipeline.extraction.dom.blocks import Block
from pipeline.text.normalize import key_of

__all__ = [
    "chars_of",
    "container_of",
    "ends_sentence",
    "find_unrelated_prose",
    "is_prose",
    "non_content_marks",
    "select_by_structure",
    "select_by_structured_text",
]

_LARGE_PART = 0.3  # of the selected text: what holds so much is the article, whatever its class says
_MANY_POSTS = 3  # similar elements with a comment each: an opinion piece may be marked as a comment too
_MIN_INSIDE = 300  # characters of an `<article>` element that holds the article
_MIN_OUTSIDE = 400  # characters outside the comments that are an article
_ALL_LINK, _MANY_CARDS, _MIN_PARAGRAPHS = 0.9, 3, 3
_HOLDERS = frozenset({"div", "td", "body", "article", "section", "main"})  # text stands in them bare, between breaks
_SENTENCE_CHARS = 30  # of a short sentence that is prose
_MAX_LINK_SHARE = 0.6  # of a block that is not prose
_LEVELS = 4  # how far above its paragraphs a container may stand
_DECAY = 0.8  # so that the lowest container of all paragraphs wins over its wrappers
_USUAL_SHARE = 0.15  # of the prose: a place that holds so much holds the text


def chars_of(blocks: Sequence[Block], indices: Iterable[int]) -> int:
    """Characters of these blocks."""
    return sum(len(blocks[i].text) for i in indices)


def non_content_marks(blocks: Sequence[Block], chosen: Collection[int]) -> frozenset[str]:
    """The markings of non-content on this page: those that hold no large part of the selected text, and threads."""
    kinds = frozenset(kind for kind in NON_CONTENT_KINDS if is_on(f"markup {kind}"))
    chars: Counter[str] = Counter()
    for index in chosen:
        for marking in blocks[index].marked:
            chars[marking] += len(blocks[index].text)
    names = {mark.name for block in blocks for mark in block.marks if mark.kind in kinds}
    total = chars_of(blocks, chosen)
    apart = frozenset(name for name in names if chars[name] <= _LARGE_PART * total)
    return apart | _threads(blocks, chosen, apart)


def _threads(blocks: Sequence[Block], chosen: Collection[int], apart: frozenset[str]) -> frozenset[str]:
    """The markings of comments that are longer than the article above them."""
    posts: dict[str, set[html.HtmlElement]] = {}
    for index in chosen:
        for mark in blocks[index].marks:
            if mark.kind is Kind.COMMENTS:
                posts.setdefault(mark.name, set()).add(mark.node)
    threads = frozenset(name for name, nodes in posts.items() if len(nodes) >= _MANY_POSTS)
    if threads <= apart:
        return frozenset()
    outside = [i for i in chosen if blocks[i].is_paragraph and not (threads | apart) & blocks[i].marked]
    return threads if chars_of(blocks, outside) >= _MIN_OUTSIDE else frozenset()


def is_prose(block: Block) -> bool:
    """Whether a block is a paragraph, or a short sentence that is not a heading."""
    return block.is_paragraph or (
        len(block.text) > _SENTENCE_CHARS and ends_sentence(block.text) and not block.is_heading
    )


def ends_sentence(text: str) -> bool:
    """Whether a text ends as sentences do."""
    return text.endswith((".", "!", "?", "…", "»", "”", '"', ".)", "。", "」"))


def container_of(block: Block) -> html.HtmlElement | None:
    """The element around a block's siblings: its own element where bare text stands between line breaks."""
    return block.node if block.tag in _HOLDERS else block.node.getparent()


def select_by_structure(blocks: Sequence[Block], unrelated: Collection[int]) -> frozenset[int]:
    """The blocks of the container with most of the page's prose, and of similar ones where the text is in parts.

    `unrelated` is prose of other articles and of comments (`find_unrelated_prose`).
    """
    prose = [i for i, block in enumerate(blocks) if block.is_paragraph and i not in unrelated]
    if not prose:
        return frozenset()
    apart = non_content_marks(blocks, prose)
    good = [i for i in prose if not apart & blocks[i].marked] or prose
    here = _in_text(blocks, good)
    text = here.intersection(good)
    if not text:
        return frozenset()
    inside = here.intersection(range(min(text), max(text) + 1))
    return frozenset(
        i for i in inside if apart.isdisjoint(blocks[i].marked) and _has_few_links(blocks[i], is_text=i in text)
    )


def _has_few_links(block: Block, *, is_text: bool) -> bool:
    return is_text or block.link_share < _MAX_LINK_SHARE


def _in_text(blocks: Sequence[Block], good: Sequence[int]) -> set[int]:
    """All blocks in the best container of this prose, or in the places that hold much of the prose in it."""
    container = _best_container(blocks, good)
    inside = {i for i in range(len(blocks)) if container in _line(blocks[i].node)}
    usual = _usual_places(blocks, [i for i in good if i in inside])
    return inside | {i for i, block in enumerate(blocks) if block.place in usual}


def find_unrelated_prose(blocks: Sequence[Block]) -> frozenset[int]:
    """The prose of other articles and of comments, outside the headline's `<article>` element.

    A short article has less text than the cards or comments below it. Where the element holds too little to be an
    article, only cards count: many in the same place, each behind a link.
    """
    article = _article_of_headline(blocks)
    if article is None:
        return frozenset()
    prose = [i for i, block in enumerate(blocks) if block.is_paragraph]
    outside = {i for i in prose if article not in _line(blocks[i].node)}
    cards = {i for i in prose if i and blocks[i - 1].link_share >= _ALL_LINK}
    inside = set(prose) - outside - cards
    cards &= outside
    if len(inside) >= _MIN_PARAGRAPHS and chars_of(blocks, inside) >= _MIN_INSIDE:
        return frozenset(outside)
    return _alike(blocks, cards) if inside else frozenset()


def _alike(blocks: Sequence[Block], cards: Collection[int]) -> frozenset[int]:
    """Those of these cards that have many others in their place."""
    places = Counter(blocks[i].place for i in cards)
    return frozenset(i for i in cards if places[blocks[i].place] >= _MANY_CARDS)


def _article_of_headline(blocks: Sequence[Block]) -> html.HtmlElement | None:
    headline = next((block.node for block in blocks if block.tag == "h1"), None)
    return next(headline.iterancestors("article"), None) if headline is not None else None


def _usual_places(blocks: Sequence[Block], prose: Sequence[int]) -> frozenset[str]:
    """The places that hold a good part of this prose."""
    chars: Counter[str] = Counter()
    for index in prose:
        chars[blocks[index].place] += len(blocks[index].text)
    return frozenset(place for place, count in chars.items() if count >= _USUAL_SHARE * chars.total())


def _best_container(blocks: Sequence[Block], good: Sequence[int]) -> html.HtmlElement:
    """The element that holds most prose, counted a little less for each level in between."""
    direct: Counter[html.HtmlElement] = Counter()
    for index in good:
        block = blocks[index]
        holder = container_of(block)
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


def select_by_structured_text(blocks: Sequence[Block], text: str) -> frozenset[int]:
    """The blocks whose text is part of the article's text in JSON-LD or the feed."""
    whole = key_of(text)
    if len(whole) < 200:
        return frozenset()
    return frozenset(i for i, block in enumerate(blocks) if len(block.key) > 20 and block.key in whole)
