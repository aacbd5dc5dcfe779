"""Boxes among an article's paragraphs that are not part of it: captions, teasers, offers, comments.

One recognisable line marks the whole box: a button to subscribe, a headline that is a link, a paywall, a credit.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence

from lxml import html

from pipeline.extraction.boilerplate.phrases import is_paywall_line, phrase_kind
from pipeline.extraction.content.structure import chars_of, container_of
from pipeline.extraction.dom.blocks import Block

__all__ = ["find_captions", "find_comments", "find_offers_within", "find_teasers"]

_MAX_CAPTION_LINES = 3  # caption, credit, and a caption's second line
_MAX_CAPTION_CHARS = 400
_MAX_BARE_CHARS = 200  # of a caption without a credit beside it
_MAX_CAPTIONS_SHARE = 0.3  # of the text: else the article is made of such boxes
_MAX_OTHER_CHARS = 20  # in a picture's box: its buttons
_SENTENCE_ENDS = (".", "!", "?", "…", ":", "”", '"', "»", "。", "」")
_MAX_TEASED = 0.45  # of the text: else a list of things is the article
_HOME_PARAGRAPHS = 3  # an element with so many paragraphs is the article's, not a teaser's
_ALL_LINK = 0.9
_OFFERS = frozenset({"newsletter", "paywall", "related"})
_MAX_OFFER_CHARS, _MAX_WALL_CHARS = 500, 1_500
_OFFER_REACH = 4  # blocks behind the text: a box ends with its button
_MAX_OFFERED = 0.25  # of the text, where no paywall ends it
_MIN_PARAGRAPHS, _MIN_CHARS = 3, 400  # above comments: less is not an article
_COMMENTS = re.compile(
    r"\W*(?:\d+ (?:comments?|comment\(s\)|commentaires?|kommentare?|comentarios?|comentários?|reacties|komentarzy|"
    r"opinie)|(?:reader )?(?:comments?|commentaires|kommentare|comentarios|comentários|commenti|reacties|komentarze|"
    r"opinie|kommentarer|komentáře|yorumlar|комментарии|коментарі|σχόλια)(?:\s*\(?\d+\)?)?)\W*",
    re.IGNORECASE,
)
_MAX_COMMENTS_CHARS = 60


def find_captions(blocks: Sequence[Block], kept: Collection[int]) -> frozenset[int]:
    """Kept lines in a box with a picture and nothing else, whose markup does not say that they are captions."""
    boxes: defaultdict[html.HtmlElement | None, list[int]] = defaultdict(list)
    for i in kept:
        if blocks[i].tag in {"p", "div"}:
            boxes[blocks[i].node if blocks[i].tag == "div" else blocks[i].node.getparent()].append(i)
    found = {i for box, lines in boxes.items() if box is not None for i in lines if _is_picture(blocks, box, lines)}
    total = sum(chars_of(blocks, lines) for lines in boxes.values())
    return frozenset(found) if chars_of(blocks, found) < _MAX_CAPTIONS_SHARE * total else frozenset()


def _is_picture(blocks: Sequence[Block], box: html.HtmlElement, lines: Sequence[int]) -> bool:
    texts = [blocks[i].text for i in lines]
    if len(texts) > _MAX_CAPTION_LINES or max(map(len, texts)) > _MAX_CAPTION_CHARS:
        return False
    if next(box.iter("img", "picture", "amp-img"), None) is None:
        return False
    if sum(len(text.strip()) for text in box.itertext()) > sum(map(len, texts)) + _MAX_OTHER_CHARS:
        return False
    is_bare = len(texts) == 1 and len(texts[0]) <= _MAX_BARE_CHARS and not texts[0].endswith(_SENTENCE_ENDS)
    return is_bare or any(phrase_kind(text) == "credit" for text in texts)


def find_teasers(blocks: Sequence[Block], kept: Collection[int], headlines: Sequence[int]) -> set[int]:
    """Other articles among the paragraphs: the kept blocks in a box under one of these headlines that are links."""
    if not headlines:
        return set()
    paragraphs: Counter[html.HtmlElement | None] = Counter()
    sizes: Counter[html.HtmlElement | None] = Counter()
    for i in kept:
        paragraphs[blocks[i].node.getparent()] += blocks[i].is_paragraph
        sizes[blocks[i].node.getparent()] += len(blocks[i].text)
    paragraphs[sizes.most_common(1)[0][0]] = _HOME_PARAGRAPHS  # the largest is the article's, however short
    teasers: set[int] = set()
    for index in headlines:
        box = blocks[index].node.getparent()
        if box is not None and paragraphs[box] < _HOME_PARAGRAPHS:
            teasers |= {i for i in kept if i >= index and blocks[i].node.getparent() is box}
    return teasers if chars_of(blocks, teasers) < _MAX_TEASED * chars_of(blocks, kept) else set()


def find_offers_within(blocks: Sequence[Block], kept: Collection[int]) -> set[int]:
    """Kept blocks that share a box with an offer: `Every week, our analysis` over the button `Subscribe`."""
    if len(kept) < 2:
        return set()
    home, places = _home(blocks, _above_wall(blocks, kept))
    first = min(i for i in kept if container_of(blocks[i]) is home)  # headline and lead above it are among buttons
    reach = range(first, min(len(blocks), max(kept) + _OFFER_REACH))
    offers = {i: kind for i in reach if (kind := phrase_kind(blocks[i].text)) in _OFFERS}
    boxed = _boxed_with(blocks, offers, reach, home)
    offered = {i for i in boxed if i in kept and blocks[i].place not in places}
    is_walled = "paywall" in offers.values()  # little text stands above a paywall, and much is offered
    return offered if is_walled or chars_of(blocks, offered) <= _MAX_OFFERED * chars_of(blocks, kept) else set()


def _above_wall(blocks: Sequence[Block], kept: Collection[int]) -> Collection[int]:
    """The kept blocks above the paywall line: what it offers may be longer than the text."""
    wall = next((i for i in range(min(kept), max(kept) + 1) if is_paywall_line(blocks[i].text)), len(blocks))
    above = [i for i in kept if i < wall]
    return above if any(blocks[i].is_paragraph for i in above) else kept


def _boxed_with(
    blocks: Sequence[Block], offers: Mapping[int, str], reach: range, home: html.HtmlElement | None
) -> set[int]:
    """The blocks that share a small box with an offer."""
    around = set() if home is None else {home, *home.iterancestors()}
    max_chars: dict[html.HtmlElement, int] = {}
    for i, kind in offers.items():
        for box in _boxes(blocks[i].node, around):
            max_chars[box] = max(max_chars.get(box, 0), _MAX_WALL_CHARS if kind == "paywall" else _MAX_OFFER_CHARS)
    inside: dict[html.HtmlElement, set[int]] = {}
    for i in reach if max_chars else ():
        for element in max_chars.keys() & {blocks[i].node, *blocks[i].node.iterancestors()}:
            inside.setdefault(element, set()).add(i)
    small = (found for box, found in inside.items() if chars_of(blocks, found) <= max_chars[box])
    return set[int]().union(*small)


def _boxes(node: html.HtmlElement, around: Collection[html.HtmlElement]) -> Iterator[html.HtmlElement]:
    """An offer's element and its ancestors, up to the first that contains the article too."""
    for element in (node, *node.iterancestors()):
        if element in around:
            return
        yield element


def _home(blocks: Sequence[Block], kept: Collection[int]) -> tuple[html.HtmlElement | None, frozenset[str]]:
    """The element that holds most characters of these blocks, and the places of its blocks."""
    sizes: Counter[html.HtmlElement | None] = Counter()
    for i in kept:
        sizes[container_of(blocks[i])] += len(blocks[i].text)
    home = sizes.most_common(1)[0][0]
    return home, frozenset(blocks[i].place for i in kept if container_of(blocks[i]) is home)


def find_comments(blocks: Sequence[Block], kept: Collection[int]) -> set[int]:
    """Kept blocks behind the heading of the comments, below an article: `13 Comments`, `Kommentare (4)`."""
    ordered = sorted(kept)
    chars = paragraphs = 0
    for index in range(ordered[0], ordered[-1]) if ordered else ():
        block = blocks[index]
        if index in kept and block.is_paragraph:
            paragraphs, chars = paragraphs + 1, chars + len(block.text)
        if paragraphs >= _MIN_PARAGRAPHS and chars >= _MIN_CHARS and _heads_comments(block):
            return {i for i in ordered if i >= index}
    return set()


def _heads_comments(block: Block) -> bool:
    if len(block.text) > _MAX_COMMENTS_CHARS or not (block.is_heading or block.link_share < _ALL_LINK):
        return False
    return _COMMENTS.fullmatch(block.text) is not None
