"""Content selection: which blocks are the article, by the catalogue's rule, the page's structure or trafilatura.

structure (our reading of the DOM) ── shows what JSON-LD says ──▶ taken
     │ no
trafilatura (fast) ── agrees with the structure ──▶ taken
     │ no
     └▶ trafilatura (with its fallbacks) ── agrees better ──▶ taken; else the selection most similar to the headline

Of trafilatura only the selection is used, found by the text that it and the blocks share; paragraphs are ours. It is
called for outlets without a wrapper, in doubt, and for the sample that audits a wrapper.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping
from copy import deepcopy
from dataclasses import dataclass

from lxml import html
from lxml.html import builder

from pipeline.domain.model import ExtractRules
from pipeline.extraction.boilerplate.markup_kinds import Kind
from pipeline.extraction.boilerplate.phrases import phrase_kind
from pipeline.extraction.content.structure import chars_of, select_by_structure
from pipeline.extraction.dom.blocks import Blocks
from pipeline.extraction.dom.xpath import find_by_css
from pipeline.text.normalize import clean_text, key_of, looks_like_markup, plain_text

__all__ = ["Selection", "apply_rules", "paragraphs_of", "select_by_trafilatura", "select_content"]

_AGREES = 0.5  # share that two selections have in common
_FITS = 0.4  # of the words of headline and description
_TINY = 0.35  # of the other selection: one so much smaller missed the article
_SHOWN_SHARE = 0.8  # of the structured text
_TEXT_CHARS = 500  # of structured text: less may be a summary
_MIN_REGION_CHARS = 1_000
_MAX_CHARS_ABOVE = 500  # characters that a page may print above a text: standfirst, what its links are about
_SHARED = 0.05  # two selections that have no more in common are of two things
_MOST = 0.7  # of a page's prose, of a selection
_LEVELS = 3  # of elements around the text
_WORD = re.compile(r"\w{4,}")
_MIN_INSIDE = 300  # characters of an `<article>` element that holds the article
_ALL_LINK, _MANY_CARDS, _MIN_PARAGRAPHS = 0.9, 3, 3
_MIN_KEY, _MIN_BLOCK_KEY = 200, 20  # letters of a structured text that is an article, and of a block found in it
_BREAK = re.compile(r"\n\s*\n+")
_SHORT = 24  # a key so short may occur inside a sentence: it must be a line of its own
_Kept = frozenset[int]  # the blocks of a selection


@dataclass(frozen=True, slots=True)
class Selection:
    """The blocks selected, and by which view. `text`: text that the page has in its metadata and does not show."""

    kept: frozenset[int]
    view: str
    text: str = ""


def apply_rules(root: html.HtmlElement, blocks: Blocks, rules: ExtractRules) -> tuple[frozenset[int], int | None]:
    """The blocks inside the rule's body, none when it is not on the page, and the block of its lead."""
    bodies, leads = (set(find_by_css(root, selector)) for selector in (rules.body, rules.lead))
    kept = frozenset(i for i, block in enumerate(blocks) if not bodies.isdisjoint(block.line))
    lead = next((i for i, block in enumerate(blocks) if not leads.isdisjoint(block.line)), None)
    return kept | ({lead} if lead is not None and kept else set()), lead


def select_content(root: html.HtmlElement, blocks: Blocks, *, about: str, text: str) -> Selection:
    """The selection; `about` is headline and description, `text` from JSON-LD or the feed, plain or as markup."""
    unrelated = _find_unrelated_prose(blocks)
    text = plain_text(text) if looks_like_markup(text) else text
    structure = select_by_structure(blocks, unrelated)
    by_text = _select_by_structured_text(blocks, key_of(text))
    if (found := _by_text(blocks, text, by_text, structure, about)) is not None:
        return found
    fast = select_by_trafilatura(_region(root, blocks, structure), blocks, fast=True) - unrelated
    shown = chars_of(blocks, by_text)
    is_shown = len(text) > _TEXT_CHARS and shown > _SHOWN_SHARE * len(text)
    if is_shown and chars_of(blocks, by_text & fast) < _AGREES * shown:
        return Selection(by_text, "json-ld")
    if _agreement(blocks, fast, structure) >= _AGREES:
        return Selection(_without_tail(blocks, fast, structure), "teacher")
    if structure and _is_thread(blocks, fast) and not _is_thread(blocks, structure):
        return Selection(structure, "structure")
    slow = select_by_trafilatura(root, blocks, fast=False) - unrelated
    return _resolve(blocks, fast, slow, structure, about)


def _select_by_structured_text(blocks: Blocks, key: str) -> frozenset[int]:
    """The blocks whose text is part of the article's text in JSON-LD or the feed, by its key."""
    long = (i for i, block in enumerate(blocks) if len(key) >= _MIN_KEY and len(block.key) > _MIN_BLOCK_KEY)
    return frozenset(i for i in long if blocks[i].key in key)


def _find_unrelated_prose(blocks: Blocks) -> frozenset[int]:
    """The prose of other articles and of comments, outside the headline's `<article>` element.

    A short article has less text than the cards or comments below it. Where the element holds too little to be an
    article, only cards count: many in the same place, each behind a link.
    """
    article = _article_of_headline(blocks)
    if article is None:
        return frozenset()
    prose = [i for i, block in enumerate(blocks) if block.is_paragraph]
    outside = {i for i in prose if article not in blocks[i].line}
    cards = {i for i in prose if i and blocks[i - 1].link_share >= _ALL_LINK}
    inside = set(prose) - outside - cards
    cards &= outside
    if len(inside) >= _MIN_PARAGRAPHS and chars_of(blocks, inside) >= _MIN_INSIDE:
        return frozenset(outside)
    return _alike(blocks, cards) if inside else frozenset()


def _alike(blocks: Blocks, cards: Collection[int]) -> frozenset[int]:
    """Those of these cards that have many others in their place."""
    places = Counter(blocks[i].dom_path for i in cards)
    return frozenset(i for i in cards if places[blocks[i].dom_path] >= _MANY_CARDS)


def _article_of_headline(blocks: Blocks) -> html.HtmlElement | None:
    headline = next((block.node for block in blocks if block.tag == "h1"), None)
    return next(headline.iterancestors("article"), None) if headline is not None else None


def _by_text(blocks: Blocks, text: str, by_text: _Kept, structure: _Kept, about: str) -> Selection | None:
    """The selection by structured text that needs no trafilatura: the structure agrees, or the page shows no text."""
    shown, size = chars_of(blocks, by_text), len(text)
    if size >= _TEXT_CHARS and shown >= 0.9 * size and _agreement(blocks, by_text, structure) > 0.85:
        return Selection(by_text, "json-ld and structure")
    is_hidden = size > _TEXT_CHARS and shown < 0.3 * size and chars_of(blocks, structure) < 0.6 * size
    if is_hidden and _shared_words(text, about) >= _FITS:
        return Selection(frozenset(), "json-ld", text=text)  # the page shows its text when its scripts have run
    return None


def _region(root: html.HtmlElement, blocks: Blocks, structure: _Kept) -> html.HtmlElement:
    """The part of the page that trafilatura reads: the text's element and three levels around it.

    Two thirds of a page are menus and lists of other articles, and trafilatura's time grows with all of them.
    """
    prose = chars_of(blocks, (i for i, block in enumerate(blocks) if block.is_paragraph))
    if chars_of(blocks, structure) < max(_MIN_REGION_CHARS, _MOST * prose):
        return root  # it is not clear what the article is
    lines = [list(blocks[i].node.iterancestors()) for i in (min(structure), max(structure))]
    shared = [element for element in lines[0] if element in set(lines[1])]
    above = shared[_LEVELS] if len(shared) > _LEVELS else root
    if above.tag in {"html", "body"}:
        return root
    return builder.HTML(builder.BODY(deepcopy(above)))


def _resolve(blocks: Blocks, fast: _Kept, slow: _Kept, structure: _Kept, about: str) -> Selection:
    """The selections disagree: try trafilatura's fallbacks too, and keep what shares most words with the headline."""
    fit = {kept: _fit(blocks, kept, about) for kept in (fast, structure, slow)}
    is_nearer = _agreement(blocks, slow, structure) > _agreement(blocks, fast, structure)
    if is_nearer and fit[slow] >= 0.8 * fit[fast] and not _is_missing(blocks, slow, structure, fit):
        return Selection(_shorn(blocks, slow, structure), "teacher with fallbacks")
    # Trafilatura took one post of a live blog, or one part of a serial.
    is_part = chars_of(blocks, fast & structure) > 0.9 * chars_of(blocks, fast) and fit[structure] >= fit[fast]
    is_scattered = _is_scattered(blocks, fast, structure) and fit[structure] >= 0.8 * fit[fast]
    if is_part or is_scattered or _is_missing(blocks, fast, structure, fit):
        return Selection(structure, "structure")
    return Selection(_shorn(blocks, fast, structure) or structure, "teacher")


def _is_missing(blocks: Blocks, kept: _Kept, structure: _Kept, fit: Mapping[_Kept, float]) -> bool:
    """Whether a selection has so little of the text in the structure that it missed the article."""
    is_tiny = chars_of(blocks, kept) < _TINY * chars_of(blocks, structure)
    # Headline and lead alone share more words with the headline than an article does.
    body = [i for i in kept if not blocks[i].is_heading and all(mark.kind is not Kind.LEAD for mark in blocks[i].marks)]
    return is_tiny and ((kept and not body) or fit[structure] >= fit[kept])


def _is_scattered(blocks: Blocks, fast: _Kept, structure: _Kept) -> bool:
    """Whether trafilatura took lines from all over the page, and nothing of the text that comes first on it."""
    text = chars_of(blocks, structure)
    if text < _MIN_REGION_CHARS or chars_of(blocks, fast & structure) >= _SHARED * text:
        return False
    above = (i for i in fast if i < min(structure) and blocks[i].is_paragraph)
    return chars_of(blocks, above) < _MAX_CHARS_ABOVE


def _is_thread(blocks: Blocks, kept: _Kept) -> bool:
    """Whether a selection is mostly readers' comments, which may be longer than the article above them."""
    said = [i for i in kept if any(mark.kind is Kind.COMMENTS for mark in blocks[i].marks)]
    return chars_of(blocks, said) > _MOST * chars_of(blocks, kept)


def _agreement(blocks: Blocks, one: _Kept, other: _Kept) -> float:
    """The share of the larger of two selections that both have."""
    return chars_of(blocks, one & other) / max(1, chars_of(blocks, one), chars_of(blocks, other))


def _fit(blocks: Blocks, kept: _Kept, about: str) -> float:
    return _shared_words(" ".join(blocks[i].text for i in kept if blocks[i].tag != "h1"), about)


def _shared_words(text: str, about: str) -> float:
    """The share of the words in headline and description that a text contains."""
    words = set(_WORD.findall(about.casefold()))
    return len(words & set(_WORD.findall(text.casefold()))) / len(words) if words else 1.0


def _shorn(blocks: Blocks, fast: _Kept, structure: _Kept) -> frozenset[int]:
    """A selection without its tail, where it has all that the structure has."""
    is_whole = chars_of(blocks, fast & structure) > 0.9 * max(1, chars_of(blocks, structure))
    return _without_tail(blocks, fast, structure) if is_whole else fast


def _without_tail(blocks: Blocks, fast: _Kept, structure: _Kept) -> frozenset[int]:
    """A selection without blocks behind the article's container: teasers, other articles."""
    last = max(structure)
    places = {blocks[i].dom_path for i in structure}
    holders = {blocks[i].container for i in structure}
    return frozenset(
        i
        for i in fast
        if i <= last
        or blocks[i].dom_path in places
        or blocks[i].container in holders
        or (blocks[i].tag == "li" and not holders.isdisjoint(blocks[i].line))  # it ends the article
    )


def select_by_trafilatura(root: html.HtmlElement, blocks: Blocks, *, fast: bool) -> frozenset[int]:
    """The blocks that trafilatura keeps of this page; none when it finds no text."""
    from trafilatura import bare_extraction  # half a CPU second: paid where pages are read, not by every command

    try:
        document = bare_extraction(root, fast=fast, include_comments=False, include_tables=True)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError):
        document = None  # what trafilatura raises on odd trees; the other selections decide then
    text = str(getattr(document, "text", "") or "")
    keys = [key_of(clean_text(line)) for line in text.split("\n") if line.strip()]
    single, joined = set(keys), "".join(keys)  # joined, because a block may span a quotation and its speaker
    return frozenset(
        index
        for index, block in enumerate(blocks)
        if (key := block.key) and (key in single or (len(key) > _SHORT and key in joined))
    )


def paragraphs_of(text: str, *, title: str, description: str, shown: str = "") -> tuple[tuple[str, ...], str | None]:
    """The paragraphs of structured text without headline and boilerplate, and which of them is the lead, if one is.

    `shown` is the description, as the page has it: it goes first where the text lacks it.
    """
    text = plain_text(text) if looks_like_markup(text) else text
    parts = _BREAK.split(text) if _BREAK.search(text) else text.split("\n")
    lines = filter(None, map(clean_text, parts))
    paragraphs = [line for line in lines if phrase_kind(line) is None and key_of(line) != key_of(title)]
    if shown and key_of(shown) not in key_of(" ".join(paragraphs)):
        paragraphs.insert(0, shown)
    is_led = bool(paragraphs) and bool(description) and key_of(paragraphs[0]) == key_of(description)
    return tuple(paragraphs), paragraphs[0] if is_led else None
