"""Finds what is no part of an article among its paragraphs: boxes, links to other articles, pull quotes.

One recognisable line marks a whole box: a button to subscribe, a headline that is a link, a paywall, a credit. Links
are recognised by their form alone.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from itertools import takewhile

from lxml import html

from pipeline.extraction.boilerplate.markup_kinds import Kind
from pipeline.extraction.boilerplate.phrases import phrase_kind
from pipeline.extraction.content.structure import chars_of, repeats_title
from pipeline.extraction.dom.blocks import Block, Blocks

__all__ = ["find_boxes", "find_captions", "find_comments", "find_pull_quotes", "find_related_links", "find_teasers"]

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
_MIN_LINK_CHARS, _MAX_LINK_CHARS = 25, 220  # of a headline: shorter links are names, sources, list entries
_MOSTLY_LINK = 0.7
_MOST_ENTRIES = 0.75
_MIN_HEADLINES = 3
_MIN_QUOTE_CHARS, _MAX_QUOTE_CHARS = 40, 300
_MAX_PULLED = 0.2  # of the text: else the page has all of it twice


def find_captions(blocks: Blocks, kept: Collection[int]) -> frozenset[int]:
    """Kept lines in a box with a picture and nothing else, whose markup does not say that they are captions."""
    boxes: defaultdict[html.HtmlElement | None, list[int]] = defaultdict(list)
    for i in kept:
        if blocks[i].tag in {"p", "div"}:
            boxes[blocks[i].container].append(i)
    pictures = (lines for box, lines in boxes.items() if box is not None and _is_picture(blocks, box, lines))
    found = frozenset[int]().union(*pictures)
    total = sum(chars_of(blocks, lines) for lines in boxes.values())
    return found if chars_of(blocks, found) < _MAX_CAPTIONS_SHARE * total else frozenset()


def _is_picture(blocks: Blocks, box: html.HtmlElement, lines: Sequence[int]) -> bool:
    texts = [blocks[i].text for i in lines]
    if len(texts) > _MAX_CAPTION_LINES or max(map(len, texts)) > _MAX_CAPTION_CHARS:
        return False
    if next(box.iter("img", "picture", "amp-img"), None) is None:
        return False
    if sum(len(text.strip()) for text in box.itertext()) > sum(map(len, texts)) + _MAX_OTHER_CHARS:
        return False
    is_bare = len(texts) == 1 and len(texts[0]) <= _MAX_BARE_CHARS and not texts[0].endswith(_SENTENCE_ENDS)
    return is_bare or any(phrase_kind(text) == "credit" for text in texts)


def find_teasers(blocks: Blocks, kept: Collection[int], title: str) -> set[int]:
    """Other articles among the paragraphs: the kept blocks in a box under a headline that is a link."""
    reach = range(max(0, min(kept, default=0) - 1), max(kept, default=0))
    headlines = [i for i in reach if _heads_teaser(blocks[i], title)]
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


def _heads_teaser(block: Block, title: str) -> bool:
    return block.is_heading and block.link_share >= _ALL_LINK and not repeats_title(block, title)


def find_boxes(blocks: Blocks, kept: Collection[int]) -> set[int]:
    """Kept blocks that share a box with an offer: `Every week, our analysis` over the button `Subscribe`."""
    if len(kept) < 2:
        return set()
    home, places = _home(blocks, kept)
    first = min(i for i in kept if blocks[i].container is home)  # headline and lead above it are among buttons
    reach = range(first, min(len(blocks), max(kept) + _OFFER_REACH))
    offers = {i: kind for i in reach if (kind := phrase_kind(blocks[i].text)) in _OFFERS}
    boxed = _boxed_with(blocks, offers, reach, home)
    offered = {i for i in boxed if i in kept and blocks[i].dom_path not in places}
    is_walled = "paywall" in offers.values()  # little text stands above a paywall, and much is offered
    return offered if is_walled or chars_of(blocks, offered) <= _MAX_OFFERED * chars_of(blocks, kept) else set()


def _boxed_with(blocks: Blocks, offers: Mapping[int, str], reach: range, home: html.HtmlElement | None) -> set[int]:
    """The blocks that share a small box with an offer."""
    around = set() if home is None else {home, *home.iterancestors()}
    max_chars: dict[html.HtmlElement, int] = {}
    for i, kind in offers.items():
        for box in takewhile(lambda element: element not in around, blocks[i].line):
            max_chars[box] = max(max_chars.get(box, 0), _MAX_WALL_CHARS if kind == "paywall" else _MAX_OFFER_CHARS)
    inside: dict[html.HtmlElement, set[int]] = {}
    for i in reach if max_chars else ():
        for element in max_chars.keys() & {*blocks[i].line}:
            inside.setdefault(element, set()).add(i)
    small = (found for box, found in inside.items() if chars_of(blocks, found) <= max_chars[box])
    return set[int]().union(*small)


def _home(blocks: Blocks, kept: Collection[int]) -> tuple[html.HtmlElement | None, frozenset[str]]:
    """The element that holds most characters of the text, and the places of its blocks there.

    Of a paywalled text only the blocks above the paywall line count: what it offers may be longer than they are.
    """
    walls = (i for i in range(min(kept), max(kept) + 1) if phrase_kind(blocks[i].text) == "paywall")
    wall = next(walls, len(blocks))
    text = [i for i in kept if i < wall]
    if not any(blocks[i].is_paragraph for i in text):
        text = list(kept)
    sizes: Counter[html.HtmlElement | None] = Counter()
    for i in text:
        sizes[blocks[i].container] += len(blocks[i].text)
    home = sizes.most_common(1)[0][0]
    return home, frozenset(blocks[i].dom_path for i in text if blocks[i].container is home)


def find_comments(blocks: Blocks, kept: Collection[int]) -> set[int]:
    """Kept blocks behind the heading of the comments, below an article: `13 Comments`, `Kommentare (4)`."""
    for i in range(min(kept, default=0), max(kept, default=0)):
        block = blocks[i]
        may_head = len(block.text) <= _MAX_COMMENTS_CHARS and (block.is_heading or block.link_share < _ALL_LINK)
        if may_head and _COMMENTS.fullmatch(block.text):
            above = [k for k in kept if k <= i and blocks[k].is_paragraph]
            if len(above) >= _MIN_PARAGRAPHS and chars_of(blocks, above) >= _MIN_CHARS:
                return set(range(i, len(blocks))).intersection(kept)
    return set()


def find_related_links(blocks: Blocks, kept: Collection[int], dropped: Collection[int]) -> set[int]:
    """Lines that are a link: alone among paragraphs, in a list of links, or behind a dropped invitation to read on."""
    lists: defaultdict[tuple[html.HtmlElement | None, bool], list[int]] = defaultdict(list)
    for i in kept:
        if blocks[i].tag in {"li", "dt", "dd"}:
            lists[blocks[i].node.getparent(), blocks[i].tag == "li"].append(i)
    linked = {i for entries in lists.values() if _are_links(blocks, entries) for i in entries}
    terms = {i for i in linked if blocks[i].tag != "li"}
    alone = {i for i in kept if blocks[i].tag != "li" and blocks[i].link_share > _ALL_LINK}
    return terms | _headlines(blocks, linked | alone) | _behind_invitations(blocks, kept, dropped)


def _behind_invitations(blocks: Blocks, kept: Collection[int], dropped: Collection[int]) -> set[int]:
    """Link lines right behind an invitation to read something else: `Don't miss` and two headlines in a row."""
    found: set[int] = set()
    for i in sorted(kept):
        is_invited = i - 1 in found or (i - 1 in dropped and phrase_kind(blocks[i - 1].text) == "related")
        if is_invited and blocks[i].link_share > _MOSTLY_LINK and not blocks[i].is_heading:
            found.add(i)
    return found


def _are_links(blocks: Blocks, entries: Sequence[int]) -> bool:
    """Whether a list is of links: its entries, or the terms whose headlines are links with what they are about."""
    items = [blocks[i] for i in entries]
    links = [item for item in items if item.link_share > _MOSTLY_LINK]
    if items[0].tag == "li":
        return len(links) >= _MOST_ENTRIES * len(items) and all(item.link_share > 0.5 for item in items)
    terms = sum(item.tag == "dt" for item in items)
    headlines = sum(item.tag == "dt" and len(item.text) >= _MIN_LINK_CHARS for item in links)
    return terms >= _MIN_HEADLINES and headlines >= _MOST_ENTRIES * terms


def _headlines(blocks: Blocks, links: Collection[int]) -> set[int]:
    """Those of these lines that may be another article's headline by their form."""
    sized = (i for i in links if _MIN_LINK_CHARS <= len(blocks[i].text) <= _MAX_LINK_CHARS and not blocks[i].is_heading)
    return {i for i in sized if "://" not in blocks[i].text and not blocks[i].text.endswith((".", ":", ","))}


def find_pull_quotes(blocks: Blocks, kept: Collection[int], lead: int | None) -> set[int]:
    """Kept blocks whose words a longer paragraph in another place contains."""
    text = [blocks[i] for i in kept if blocks[i].is_paragraph]
    if len({block.dom_path for block in text}) < 2:
        return set()  # most articles: nothing to compare with
    pulled = {i for i in kept if i != lead and _is_pulled(blocks[i], text)}
    return pulled if chars_of(blocks, pulled) < _MAX_PULLED * sum(len(block.text) for block in text) else set()


def _is_pulled(block: Block, text: Blocks) -> bool:
    least = _MIN_QUOTE_CHARS if any(mark.kind is Kind.QUOTE for mark in block.marks) else 2 * _MIN_QUOTE_CHARS
    if not least <= len(block.text) <= _MAX_QUOTE_CHARS or block.is_heading or block.tag in {"li", "tr"}:
        return False
    longer = (other for other in text if other.dom_path != block.dom_path and len(other.text) > len(block.text))
    return any(block.key in other.key for other in longer)
