"""The first choice of blocks on a page whose outlet no wrapper knows: the teacher's, checked against two other views.

structure ── shows what the page's JSON-LD tells ──▶ taken
     │ no
teacher (fast) ── agrees with the structure ──▶ taken
     │ no
     └▶ teacher (with its fallbacks) ── agrees better ──▶ taken; else the view that speaks of the headline
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
    choose_by_structure,
    choose_by_told_text,
    find_foreign,
    holder_of,
)
from pipeline.extraction.content.trafilatura_adapter import ask_teacher
from pipeline.extraction.dom.blocks import Block
from pipeline.text.html_text import looks_like_markup, plain_text

__all__ = ["Choice", "choose"]

_AGREES = 0.5
_TINY = 0.35  # of the other view: a teacher's answer so much smaller missed the article
_TOLD_ENOUGH = 0.8
_TOLD_CHARS = 500
_ENOUGH_FOR_REGION = 1_000
_MOST_ABOVE = 500  # characters that a page may print above a text: standfirst, what its links are about
_SHARED = 0.05  # two views that have no more in common speak of two things
_MOST_OF_PAGE = 0.7
_ROUND = 3  # levels above the text
_WORD = re.compile(r"\w{4,}")


@dataclass(frozen=True, slots=True)
class Choice:
    """The blocks chosen, and by which view. `told`: text that the page tells but does not show."""

    kept: frozenset[int]
    view: str
    told: str = ""


def choose(root: html.HtmlElement, blocks: Sequence[Block], *, about: str, told: str) -> Choice:
    """The choice; `about` is headline and description, `told` the text by JSON-LD or the feed, plain or as markup."""
    foreign = find_foreign(blocks)
    told = plain_text(told) if looks_like_markup(told) else told
    structure = choose_by_structure(blocks, foreign)
    by_told = choose_by_told_text(blocks, told)
    if _is_told(blocks, structure, by_told, len(told)):
        return Choice(by_told, "json-ld and structure")
    shown, told_chars = chars_of(blocks, by_told), len(told)
    is_hidden = shown < 0.3 * told_chars and chars_of(blocks, structure) < 0.6 * told_chars
    if told_chars > _TOLD_CHARS and is_hidden and _speaks_of(told, about):
        return Choice(frozenset(), "json-ld", told=told)  # the page shows its text when its scripts have run
    teacher = ask_teacher(_region(root, blocks, structure), blocks, fast=True).kept - foreign
    is_missed = shown > _TOLD_ENOUGH * told_chars and chars_of(blocks, by_told & teacher) < _AGREES * shown
    if told_chars > _TOLD_CHARS and is_missed:
        return Choice(by_told, "json-ld")
    if _agreement(blocks, teacher, structure) >= _AGREES:
        return Choice(_without_tail(blocks, teacher, structure), "teacher")
    if _is_thread(blocks, teacher) and structure and not _is_thread(blocks, structure):
        return Choice(structure, "structure")
    slow = ask_teacher(root, blocks, fast=False).kept - foreign
    return _settle(blocks, teacher, slow, structure, about)


def _region(root: html.HtmlElement, blocks: Sequence[Block], structure: frozenset[int]) -> html.HtmlElement:
    """The part of the page that is put before the teacher: the text's element and what stands around it.

    Two thirds of a page are menus and lists of other articles, and the teacher's time grows with all of them.
    """
    prose = chars_of(blocks, (i for i, block in enumerate(blocks) if block.is_paragraph))
    if chars_of(blocks, structure) < max(_ENOUGH_FOR_REGION, _MOST_OF_PAGE * prose):
        return root  # what the article is, is not so clear
    lines = [list(blocks[i].node.iterancestors()) for i in (min(structure), max(structure))]
    shared = [element for element in lines[0] if element in set(lines[1])]
    above = shared[_ROUND] if len(shared) > _ROUND else root
    if above.tag in {"html", "body"}:
        return root
    page = html.Element("html")
    body = etree.SubElement(page, "body")
    body.append(deepcopy(above))
    return page


def _is_told(blocks: Sequence[Block], structure: frozenset[int], by_told: frozenset[int], told_chars: int) -> bool:
    """Whether the page's structure shows what its JSON-LD tells: two that agree need no third."""
    if told_chars < _TOLD_CHARS or chars_of(blocks, by_told) < 0.9 * told_chars:
        return False
    return _agreement(blocks, by_told, structure) > 0.85


def _settle(
    blocks: Sequence[Block], teacher: frozenset[int], slow: frozenset[int], structure: frozenset[int], about: str
) -> Choice:
    """Two views differ: hear the teacher with its fallbacks too, and believe what speaks of the headline."""
    fit = {kept: _fit(blocks, kept, about) for kept in (teacher, structure, slow)}
    is_nearer = _agreement(blocks, slow, structure) > _agreement(blocks, teacher, structure)
    if is_nearer and fit[slow] >= 0.8 * fit[teacher] and not _is_missing(blocks, slow, structure, fit):
        return Choice(_shorn(blocks, slow, structure), "teacher with fallbacks")
    if chars_of(blocks, teacher & structure) > 0.9 * chars_of(blocks, teacher) and fit[structure] >= fit[teacher]:
        return Choice(structure, "structure")  # the teacher took one post of a live blog, one part of a serial
    if _is_scattered(blocks, teacher, structure) and fit[structure] >= 0.8 * fit[teacher]:
        return Choice(structure, "structure")
    if _is_missing(blocks, teacher, structure, fit):
        return Choice(structure, "structure")
    return Choice(_shorn(blocks, teacher, structure) or structure, "teacher")


def _is_lead_alone(blocks: Sequence[Block], kept: frozenset[int]) -> bool:
    """Whether a choice is the headline and the lead, which speak of what an article is about more than it does."""
    return bool(kept) and all(
        blocks[i].is_heading or any(mark.kind is Kind.LEAD for mark in blocks[i].marks) for i in kept
    )


def _is_missing(
    blocks: Sequence[Block], kept: frozenset[int], structure: frozenset[int], fit: Mapping[frozenset[int], float]
) -> bool:
    """Whether a choice has so little of what the structure shows that it missed the article."""
    is_tiny = chars_of(blocks, kept) < _TINY * chars_of(blocks, structure)
    return is_tiny and (_is_lead_alone(blocks, kept) or fit[structure] >= fit[kept])


def _is_scattered(blocks: Sequence[Block], teacher: frozenset[int], structure: frozenset[int]) -> bool:
    """Whether the teacher took lines from all over the page, and nothing of the text that stands first on it."""
    text = chars_of(blocks, structure)
    if text < _ENOUGH_FOR_REGION or chars_of(blocks, teacher & structure) >= _SHARED * text:
        return False
    above = (i for i in teacher if i < min(structure) and blocks[i].is_paragraph)
    return chars_of(blocks, above) < _MOST_ABOVE


def _is_thread(blocks: Sequence[Block], kept: frozenset[int]) -> bool:
    """Whether a choice is for the most part readers' comments, which may say more than the article above them."""
    said = [i for i in kept if any(mark.kind is Kind.COMMENTS for mark in blocks[i].marks)]
    return chars_of(blocks, said) > _MOST_OF_PAGE * chars_of(blocks, kept)


def _agreement(blocks: Sequence[Block], one: frozenset[int], other: frozenset[int]) -> float:
    """The share that two choices have in common of the larger one."""
    return chars_of(blocks, one & other) / max(1, chars_of(blocks, one), chars_of(blocks, other))


def _fit(blocks: Sequence[Block], kept: frozenset[int], about: str) -> float:
    """How many of the words that the article is about a choice speaks."""
    words = set(_WORD.findall(about.casefold()))
    text = " ".join(blocks[i].text for i in kept if blocks[i].tag != "h1")  # a headline speaks of itself
    spoken = set(_WORD.findall(text.casefold()))
    return len(words & spoken) / max(1, len(words))


def _speaks_of(text: str, about: str) -> bool:
    words = set(_WORD.findall(about.casefold()))
    return len(words & set(_WORD.findall(text.casefold()))) >= 0.4 * len(words)


def _shorn(blocks: Sequence[Block], teacher: frozenset[int], structure: frozenset[int]) -> frozenset[int]:
    """The teacher's choice without its tail, where it has all that the structure shows."""
    is_whole = chars_of(blocks, teacher & structure) > 0.9 * max(1, chars_of(blocks, structure))
    return _without_tail(blocks, teacher, structure) if is_whole else teacher


def _without_tail(blocks: Sequence[Block], teacher: frozenset[int], structure: frozenset[int]) -> frozenset[int]:
    """The teacher's choice without what it took behind the article's container: teasers, other articles."""
    last = max(structure)
    places = {blocks[i].place for i in structure}
    holders = {holder_of(blocks[i]) for i in structure}
    return frozenset(
        i
        for i in teacher
        if i <= last
        or blocks[i].place in places
        or holder_of(blocks[i]) in holders
        or (blocks[i].tag == "li" and not holders.isdisjoint(blocks[i].node.iterancestors()))  # it ends the article
    )
