"""Boxes: what stands among an article's paragraphs in an element of its own and is none of it, found by its neighbours.

One line tells for the whole box: a button to subscribe, a headline that is a link, the sentence of a paywall.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence

from lxml import html

from pipeline.extraction.boilerplate.phrases import is_paywall_line, phrase_rule
from pipeline.extraction.content.structure import chars_of, holder_of
from pipeline.extraction.dom.blocks import Block

__all__ = ["find_comments", "find_offers_within", "find_teasers"]

_MOST_TEASED = 0.45
_HOME_PARAGRAPHS = 3  # an element with so many paragraphs is the article's, not a teaser's
_ALL_LINK = 0.9
_OFFERS = frozenset({"account", "consent", "newsletter", "offer", "paywall"})
_OFFERS_AND_LINKS = _OFFERS | {"related"}
_MOST_OFFERED_CHARS, _MOST_WALL_CHARS = 500, 1_500
_OFFER_REACH = 4  # blocks behind the text: a box ends with its button
_MOST_OFFERED = 0.25
_LEAST_PARAGRAPHS, _LEAST_CHARS = 3, 400  # above comments: less is no article
_COMMENTS = re.compile(
    r"\W*(?:\d+ (?:comments?|comment\(s\)|commentaires?|kommentare?|comentarios?|comentários?|reacties|komentarzy|"
    r"opinie)|(?:reader )?(?:comments?|commentaires|kommentare|comentarios|comentários|commenti|reacties|komentarze|"
    r"opinie|kommentarer|komentáře|yorumlar|комментарии|коментарі|σχόλια)(?:\s*\(?\d+\)?)?)\W*",
    re.IGNORECASE,
)
_MOST_COMMENTS_CHARS = 60


def find_teasers(blocks: Sequence[Block], kept: Collection[int], headlines: Sequence[int]) -> set[int]:
    """Other articles among the paragraphs: what stands in one box under one of these headlines that are links."""
    if not headlines:
        return set()
    homes: Counter[html.HtmlElement | None] = Counter()
    sizes: Counter[html.HtmlElement | None] = Counter()
    for i in kept:
        homes[blocks[i].node.getparent()] += blocks[i].is_paragraph
        sizes[blocks[i].node.getparent()] += len(blocks[i].text)
    homes[sizes.most_common(1)[0][0]] = _HOME_PARAGRAPHS  # the largest is the article's, however short
    teasers: set[int] = set()
    for index in headlines:
        box = blocks[index].node.getparent()
        if box is not None and homes[box] < _HOME_PARAGRAPHS:
            teasers |= {i for i in kept if i >= index and blocks[i].node.getparent() is box}
    # Else a list of things is the article.
    return teasers if chars_of(blocks, teasers) < _MOST_TEASED * chars_of(blocks, kept) else set()


def find_offers_within(blocks: Sequence[Block], kept: Collection[int]) -> set[int]:
    """What shares a box with an offer: `Politics` and `Every week, our analysis` over the button `Subscribe`."""
    if len(kept) < 2:
        return set()
    wall = next((i for i in range(min(kept), max(kept) + 1) if is_paywall_line(blocks[i].text)), len(blocks))
    text = [i for i in kept if i < wall]  # what a paywall offers may be longer than the text above it
    home, places = _home(blocks, text if any(blocks[i].is_paragraph for i in text) else kept)
    first = min(i for i in kept if holder_of(blocks[i]) is home)  # before it stand headline and lead, among buttons
    reach = range(first, min(len(blocks), max(kept) + _OFFER_REACH))
    offers = {i: rule for i in reach if (rule := phrase_rule(blocks[i].text)) in _OFFERS_AND_LINKS}
    if not offers:
        return set()
    around = set() if home is None else {home, *home.iterancestors()}
    most: dict[html.HtmlElement, int] = {}
    for i, rule in offers.items():
        for element in _boxes(blocks[i].node, around):
            most[element] = max(most.get(element, 0), _MOST_WALL_CHARS if rule == "paywall" else _MOST_OFFERED_CHARS)
    found: dict[html.HtmlElement, set[int]] = {}
    for i in reach:
        for element in (blocks[i].node, *blocks[i].node.iterancestors()) if most else ():
            if element in most:
                found.setdefault(element, set()).add(i)
    small = [inside for box, inside in found.items() if chars_of(blocks, inside) <= most[box]]
    offered = {i for inside in small for i in inside if i in kept and blocks[i].place not in places}
    walled = any(rule == "paywall" for rule in offers.values())  # little stands above a paywall, and much is offered
    return offered if walled or chars_of(blocks, offered) <= _MOST_OFFERED * chars_of(blocks, kept) else set()


def _boxes(node: html.HtmlElement, around: Collection[html.HtmlElement]) -> Iterator[html.HtmlElement]:
    """An offer's element and those that it stands in, up to one that the article stands in too."""
    for element in (node, *node.iterancestors()):
        if element in around:
            return
        yield element


def _home(blocks: Sequence[Block], kept: Collection[int]) -> tuple[html.HtmlElement | None, frozenset[str]]:
    """The element that holds most of the article's characters, and the places of its paragraphs."""
    sizes: Counter[html.HtmlElement | None] = Counter()
    for i in kept:
        sizes[holder_of(blocks[i])] += len(blocks[i].text)
    home = sizes.most_common(1)[0][0]
    return home, frozenset(blocks[i].place for i in kept if holder_of(blocks[i]) is home)


def find_comments(blocks: Sequence[Block], kept: Collection[int]) -> set[int]:
    """All behind the heading of the comments, where an article stands above it: `13 Comments`, `Kommentare (4)`."""
    ordered = sorted(kept)
    chars = paragraphs = 0
    for index in range(ordered[0], ordered[-1]) if ordered else ():
        block = blocks[index]
        if index in kept and block.is_paragraph:
            paragraphs, chars = paragraphs + 1, chars + len(block.text)
        if len(block.text) > _MOST_COMMENTS_CHARS or paragraphs < _LEAST_PARAGRAPHS or chars < _LEAST_CHARS:
            continue
        if (block.is_heading or block.link_share < _ALL_LINK) and _COMMENTS.fullmatch(block.text):
            return {i for i in ordered if i >= index}
    return set()
