"""Content selection: which blocks are the article on a page whose outlet has no wrapper yet.

structure (our reading of the DOM) ── shows what JSON-LD says ──▶ taken
     │ no
trafilatura (fast) ── agrees with the structure ──▶ taken
     │ no
     └▶ trafilatura (with its fallbacks) ── agrees better ──▶ taken; else the selection most similar to the headline
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass

from lxml import etree, html

from pipeline.extraction.boilerplate.markup_kinds import Kind
from pipeline.extraction.content.structure import (
    chars_of,
    container_of,
    find_unrelated_prose,
    select_by_structure,
    select_by_structured_text,
)
from pipeline.extraction.content.trafilatura_adapter import select_by_trafilatura
from pipeline.extraction.dom.blocks import Block
from pipeline.text.html_text import looks_like_markup, plain_text

__all__ = ["Selection", "select_content"]

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


@dataclass(frozen=True, slots=True)
class Selection:
    """The blocks selected, and by which view. `text`: text that the page has in its metadata and does not show."""

    kept: frozenset[int]
    view: str
    text: str = ""


def select_content(root: html.HtmlElement, blocks: Sequence[Block], *, about: str, text: str) -> Selection:
    """The selection; `about` is headline and description, `text` from JSON-LD or the feed, plain or as markup."""
    unrelated = find_unrelated_prose(blocks)
    text = plain_text(text) if looks_like_markup(text) else text
    structure = select_by_structure(blocks, unrelated)
    by_text = select_by_structured_text(blocks, text)
    if (found := _by_text(blocks, text, by_text, structure, about)) is not None:
        return found
    fast = select_by_trafilatura(_region(root, blocks, structure), blocks, fast=True) - unrelated
    if _misses_text(blocks, fast, by_text, len(text)):
        return Selection(by_text, "json-ld")
    if _agreement(blocks, fast, structure) >= _AGREES:
        return Selection(_without_tail(blocks, fast, structure), "teacher")
    if structure and _is_thread(blocks, fast) and not _is_thread(blocks, structure):
        return Selection(structure, "structure")
    slow = select_by_trafilatura(root, blocks, fast=False) - unrelated
    return _resolve(blocks, fast, slow, structure, about)


def _by_text(
    blocks: Sequence[Block], text: str, by_text: frozenset[int], structure: frozenset[int], about: str
) -> Selection | None:
    """The selection by structured text that needs no trafilatura: the structure agrees, or the page shows no text."""
    shown, size = chars_of(blocks, by_text), len(text)
    if size >= _TEXT_CHARS and shown >= 0.9 * size and _agreement(blocks, by_text, structure) > 0.85:
        return Selection(by_text, "json-ld and structure")
    if size > _TEXT_CHARS and shown < 0.3 * size and chars_of(blocks, structure) < 0.6 * size and _fits(text, about):
        return Selection(frozenset(), "json-ld", text=text)  # the page shows its text when its scripts have run
    return None


def _misses_text(blocks: Sequence[Block], kept: frozenset[int], by_text: frozenset[int], size: int) -> bool:
    """Whether a selection has less than half of the structured text, which the page shows."""
    shown = chars_of(blocks, by_text)
    is_shown = size > _TEXT_CHARS and shown > _SHOWN_SHARE * size
    return is_shown and chars_of(blocks, by_text & kept) < _AGREES * shown


def _region(root: html.HtmlElement, blocks: Sequence[Block], structure: frozenset[int]) -> html.HtmlElement:
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
    page = html.Element("html")
    body = etree.SubElement(page, "body")
    body.append(deepcopy(above))
    return page


def _resolve(
    blocks: Sequence[Block], fast: frozenset[int], slow: frozenset[int], structure: frozenset[int], about: str
) -> Selection:
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


def _is_lead_alone(blocks: Sequence[Block], kept: frozenset[int]) -> bool:
    """Whether a selection is only headline and lead, which share more words with the headline than an article does."""
    return bool(kept) and all(
        blocks[i].is_heading or any(mark.kind is Kind.LEAD for mark in blocks[i].marks) for i in kept
    )


def _is_missing(
    blocks: Sequence[Block], kept: frozenset[int], structure: frozenset[int], fit: Mapping[frozenset[int], float]
) -> bool:
    """Whether a selection has so little of the text in the structure that it missed the article."""
    is_tiny = chars_of(blocks, kept) < _TINY * chars_of(blocks, structure)
    return is_tiny and (_is_lead_alone(blocks, kept) or fit[structure] >= fit[kept])


def _is_scattered(blocks: Sequence[Block], fast: frozenset[int], structure: frozenset[int]) -> bool:
    """Whether trafilatura took lines from all over the page, and nothing of the text that comes first on it."""
    text = chars_of(blocks, structure)
    if text < _MIN_REGION_CHARS or chars_of(blocks, fast & structure) >= _SHARED * text:
        return False
    above = (i for i in fast if i < min(structure) and blocks[i].is_paragraph)
    return chars_of(blocks, above) < _MAX_CHARS_ABOVE


def _is_thread(blocks: Sequence[Block], kept: frozenset[int]) -> bool:
    """Whether a selection is mostly readers' comments, which may be longer than the article above them."""
    said = [i for i in kept if any(mark.kind is Kind.COMMENTS for mark in blocks[i].marks)]
    return chars_of(blocks, said) > _MOST * chars_of(blocks, kept)


def _agreement(blocks: Sequence[Block], one: frozenset[int], other: frozenset[int]) -> float:
    """The share of the larger of two selections that both have."""
    return chars_of(blocks, one & other) / max(1, chars_of(blocks, one), chars_of(blocks, other))


def _fit(blocks: Sequence[Block], kept: frozenset[int], about: str) -> float:
    """The share of the words in headline and description that a selection contains."""
    return _shared_words(" ".join(blocks[i].text for i in kept if blocks[i].tag != "h1"), about)


def _fits(text: str, about: str) -> bool:
    return _shared_words(text, about) >= _FITS


def _shared_words(text: str, about: str) -> float:
    words = set(_WORD.findall(about.casefold()))
    return len(words & set(_WORD.findall(text.casefold()))) / len(words) if words else 1.0


def _shorn(blocks: Sequence[Block], fast: frozenset[int], structure: frozenset[int]) -> frozenset[int]:
    """A selection without its tail, where it has all that the structure has."""
    is_whole = chars_of(blocks, fast & structure) > 0.9 * max(1, chars_of(blocks, structure))
    return _without_tail(blocks, fast, structure) if is_whole else fast


def _without_tail(blocks: Sequence[Block], fast: frozenset[int], structure: frozenset[int]) -> frozenset[int]:
    """A selection without blocks behind the article's container: teasers, other articles."""
    last = max(structure)
    places = {blocks[i].place for i in structure}
    holders = {container_of(blocks[i]) for i in structure}
    return frozenset(
        i
        for i in fast
        if i <= last
        or blocks[i].place in places
        or container_of(blocks[i]) in holders
        or (blocks[i].tag == "li" and not holders.isdisjoint(blocks[i].node.iterancestors()))  # it ends the article
    )
