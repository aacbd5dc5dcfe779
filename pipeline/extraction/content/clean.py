"""Cleans a selection of blocks: adds the lead and the blocks that the selection missed, drops what is not the article.

The steps are one ordered table (`STEPS`), and each names its rule in the explanation. Rules are for kinds of markup and
kinds of phrases (pipeline/extraction/boilerplate) and for positions on the page; none is for one site.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from itertools import takewhile

from pipeline.extraction.boilerplate.markup_kinds import Kind
from pipeline.extraction.boilerplate.phrases import is_on, phrase_kind
from pipeline.extraction.content.lead import find_lead, find_lead_without_body, find_offers, is_byline, rest_of_lead
from pipeline.extraction.content.promo_boxes import (
    find_boxes,
    find_captions,
    find_comments,
    find_pull_quotes,
    find_related_links,
    find_teasers,
)
from pipeline.extraction.content.recover import find_following, find_opening, find_skipped_between
from pipeline.extraction.content.structure import chars_of, ends_sentence, is_prose, marks_apart, repeats_title
from pipeline.extraction.dom.blocks import Block, Blocks
from pipeline.extraction.values import Step
from pipeline.text.normalize import key_of

__all__ = ["STEPS", "CleanedContent", "clean_blocks"]

_POSTED = re.compile(r"—\s*[^—]{2,80}\(@\w+\)[^—]{0,40}$")  # who wrote an embedded post
_CHARS_SHOWN = 80  # of a block, in the explanation
_MAX_CLOSING_HEADINGS = 2  # more headings in a row at the end are a list of things
_SHORT_LINE_CHARS = 60  # a name, a place, a date
_ALL_LINK = 0.9
_MIN_TITLE_LETTERS = 20  # a shorter headline may begin a sentence
_POINTER_LINK_SHARE = 0.3  # of a line behind an arrow
_MAX_BIOGRAPHIES = 2
_MAX_NAME_CHARS = 200
_MIN_PARAGRAPHS_ABOVE, _MIN_CHARS_ABOVE = 3, 500  # above live posts: an article by itself
_MIN_PARTS = 2  # headings further down that make the first heading one of a series
_WALL_REACH = 6  # blocks behind the text in which a paywall line still speaks of this article


@dataclass(frozen=True, slots=True)
class CleanedContent:
    """The article's blocks in order, which one is the lead, and what was done."""

    chosen: tuple[int, ...]
    lead: int | None
    steps: tuple[Step, ...]
    is_cut_short: bool = False  # a paywall line or scrambled text was found


class _Work:
    """The blocks kept so far, what was done to get there, and what the steps need to know of the page."""

    def __init__(self, blocks: Blocks, chosen: frozenset[int], barred: frozenset[int]) -> None:
        self.blocks = blocks
        self.barred = barred  # known to be outside the article, wherever they stand
        self.kept = set(chosen)
        self.dropped: set[int] = set()
        self.not_lead: frozenset[int] = barred
        self.lead: int | None = None
        self.steps: list[Step] = []
        self.apart = marks_apart(blocks, chosen)
        self.kinds = frozenset(mark.kind for block in blocks for mark in block.marks)
        self.title = self.title_key = self.description = self.site = ""
        self.author_keys: tuple[str, ...] = ()
        self.kept_when_trimmed = 0
        reach = blocks[min(chosen) : max(chosen) + _WALL_REACH] if chosen else ()
        self.is_cut_short = any(phrase_kind(block.text) == "paywall" for block in reach)

    def drop_where(self, rule: str, test: Callable[[int], bool]) -> None:
        self.drop(rule, set(filter(test, self.kept)))

    def drop(self, rule: str, found: AbstractSet[int], *, may_lead: bool = True) -> None:
        if not may_lead:
            self.not_lead |= found
        for index in sorted(self.kept.intersection(found)) if found else ():
            self.kept.discard(index)
            self.dropped.add(index)
            self.steps.append(Step("dropped", rule, self.blocks[index].text[:_CHARS_SHOWN]))

    def add(self, rule: str, found: Iterable[int]) -> None:
        for index in found:
            if index not in self.kept and index not in self.barred:
                self.kept.add(index)
                self.steps.append(Step("added", rule, self.blocks[index].text[:_CHARS_SHOWN]))

    def skipped(self) -> list[int]:
        return find_skipped_between(self.blocks, self.kept, self.apart, title=self.title)

    def marked_as(self, kind: Kind) -> set[int]:
        """Blocks inside markup of a kind; most pages have none of most kinds."""
        blocks = self.blocks if kind in self.kinds else ()
        return {i for i, block in enumerate(blocks) for mark in block.marks if mark.kind is kind}

    def is_apart(self, index: int) -> bool:
        return not self.apart.isdisjoint(self.blocks[index].marked)


def clean_blocks(
    blocks: Blocks,
    chosen: frozenset[int],
    *,
    title: str,
    description: str,
    site: str = "",
    authors: Sequence[str] = (),
    barred: frozenset[int] = frozenset(),
) -> CleanedContent:
    """The article's blocks, from a first selection of them; never one of `barred`."""
    work = _Work(blocks, chosen, barred)
    work.title, work.title_key, work.description, work.site = title, key_of(title), description, site
    work.author_keys = tuple(key_of(name) for name in authors if " " in name)
    for name, step in STEPS:
        if is_on(name):
            step(work)
    return CleanedContent(tuple(sorted(work.kept)), work.lead, tuple(work.steps), work.is_cut_short)


def _drop_scrambled(work: _Work) -> None:
    """Text that a paywall shows with scrambled letters."""
    scrambled = work.marked_as(Kind.SCRAMBLED)
    work.drop("scrambled", scrambled)
    work.is_cut_short = work.is_cut_short or bool(scrambled)


def _drop_live_posts(work: _Work) -> None:
    """Posts of a live list, which change by the minute, below an article that is complete without them."""
    posts = work.marked_as(Kind.LIVE) & work.kept
    above = [i for i in work.kept if posts and i < min(posts) and work.blocks[i].is_paragraph]
    if len(above) >= _MIN_PARAGRAPHS_ABOVE and chars_of(work.blocks, above) >= _MIN_CHARS_ABOVE:
        work.drop("live posts", posts)


def _drop_own_teaser(work: _Work) -> None:
    """A list entry that teases this article: its headline, which is a link, and its beginning."""
    key = work.title_key
    entries = {i for i in work.kept if work.blocks[i].tag == "li" and len(key) > _MIN_TITLE_LETTERS}
    longer = {i for i in entries if len(work.blocks[i].text) > len(key) <= work.blocks[i].link_chars}
    work.drop("own teaser", {i for i in longer if work.blocks[i].key.startswith(key)})


def _settle_embeds(work: _Work) -> None:
    """Posts that the article quotes are kept or added, with their author; the outlet's own are promotion."""
    inside = range(min(work.kept, default=0), max(work.kept, default=-1) + 1)
    for index in sorted(work.marked_as(Kind.EMBED).intersection(inside)):
        posted = _POSTED.search(work.blocks[index].text)
        if posted is None or (work.site and key_of(work.site) in key_of(posted[0])):
            work.drop("embed", {index})
        elif not work.is_apart(index):
            work.add("embed", (index,))


def _drop_phrases(work: _Work) -> None:
    """Lines that their words mark as boilerplate, each with its kind."""
    for index in sorted(work.kept):
        kind = phrase_kind(work.blocks[index].text)
        if kind is not None and (kind != "pointer" or work.blocks[index].link_share > _POINTER_LINK_SHARE):
            work.drop(kind, {index})


def _add_lead(work: _Work) -> None:
    blocks, about = work.blocks, {"description": work.description, "title_key": work.title_key}
    if work.kept or not work.is_cut_short:
        work.lead = find_lead(blocks, work.kept, work.apart, barred=work.not_lead, **about)
    else:
        work.lead = find_lead_without_body(blocks, **about)
    if work.lead is not None:
        work.add("lead", (work.lead,))


def _add_below_lead(work: _Work) -> None:
    if work.lead is not None:
        work.add("between", (i for i in work.skipped() if i not in work.dropped))


def _trim(work: _Work, *, again: bool = False) -> None:
    """Short lines before the first paragraph (kicker, byline, dates) and after the last (signature, headings)."""
    if again and len(work.kept) >= work.kept_when_trimmed:
        return
    prose = [i for i in sorted(work.kept) if is_prose(work.blocks[i]) and not is_byline(work.blocks[i].text)]
    if prose:
        _trim_head(work, prose)
        _trim_tail(work, prose[-1])
    work.kept_when_trimmed = len(work.kept)


def _trim_head(work: _Work, prose: Sequence[int]) -> None:
    blocks, lead, first = work.blocks, work.lead, prose[0]
    below_lead = next((i for i in prose if i != lead), first)  # names stand between lead and text too
    stays = {lead, *_headings_of_parts(work, first)}
    names = {i for i in work.kept - {lead} if i < below_lead and is_byline(blocks[i].text)}
    # Between headline and text stand kicker, byline, dates, reading time.
    short = {i for i in work.kept - stays if i < first and _is_short_line(blocks[i], entries=False)}
    work.drop("head", names | short)


def _trim_tail(work: _Work, last: int) -> None:
    blocks = work.blocks
    behind = [i for i in sorted(work.kept) if i > last]
    # A last line that is only a link: where to read on, what to subscribe to.
    links = (i for i in {last, *behind} - {work.lead} if blocks[i].link_share >= _ALL_LINK)
    work.drop("tail", {i for i in links if "://" not in blocks[i].text and blocks[i].tag not in {"li", "tr"}})
    ending = set(takewhile(lambda i: blocks[i].is_heading, sorted(work.kept.intersection(behind), reverse=True)))
    if len(ending) > _MAX_CLOSING_HEADINGS:
        return
    work.drop("tail", ending)
    short = behind if len(behind) < 3 else behind[-1:]
    work.drop("tail", {i for i in short if _is_short_line(blocks[i])})


def _drop_author_lines(work: _Work) -> None:
    """Author names alone on a line, and biographies among the last lines: `Jane Roe founded …`."""
    blocks, keys = work.blocks, work.author_keys
    work.drop_where("byline", lambda i: len(blocks[i].text) < _MAX_NAME_CHARS and blocks[i].key in keys)
    last = sorted(work.kept)[-_MAX_BIOGRAPHIES:] if keys else []
    work.drop("biography", {i for i in last if key_of(blocks[i].text[:_MAX_NAME_CHARS]).startswith(keys)})


def _headings_of_parts(work: _Work, first: int) -> set[int]:
    """Headings right above the first paragraph, where headings in the same place recur within the text."""
    blocks = work.blocks
    places = [blocks[i].dom_path for i in work.kept if i > first and blocks[i].is_heading]
    above = takewhile(lambda i: i in work.kept and blocks[i].is_heading, range(first - 1, -1, -1))
    return {i for i in above if places.count(blocks[i].dom_path) >= _MIN_PARTS}


def _is_short_line(block: Block, *, entries: bool = True) -> bool:
    """A heading over nothing, a name, a place, a date; not a footnote, nor (with `entries`) an entry of a list."""
    if block.is_heading:
        return len(block.text) < 2 * _SHORT_LINE_CHARS
    is_entry = entries and block.tag in {"li", "tr", "dd", "td"}
    is_note = block.text.startswith(("*", "—", "–", "- ", "("))
    return len(block.text) < _SHORT_LINE_CHARS and not is_entry and not is_note and not ends_sentence(block.text)


# The order matters. What is certainly outside goes first, because later steps compare with the blocks that are kept.
# Missed blocks are added before boxes and lines are judged by their neighbours. The lead needs a body without
# boilerplate above it. Trimming comes after the lead, which may look like a line to be trimmed, and again when a block
# below a heading was dropped.
STEPS: tuple[tuple[str, Callable[[_Work], None]], ...] = (
    ("scrambled text", _drop_scrambled),
    ("live posts", _drop_live_posts),
    ("markup", lambda work: work.drop_where("markup", work.is_apart)),
    ("title", lambda work: work.drop_where("title", lambda i: repeats_title(work.blocks[i], work.title))),
    ("own teaser", _drop_own_teaser),
    ("between", lambda work: work.add("between", work.skipped())),
    ("following", lambda work: work.add("between", find_following(work.blocks, work.kept, work.apart))),
    ("opening", lambda work: work.add("opening", find_opening(work.blocks, work.kept, work.apart, title=work.title))),
    ("embeds", _settle_embeds),
    ("captions", lambda work: work.drop("caption", find_captions(work.blocks, work.kept), may_lead=False)),
    ("offers", lambda work: work.drop("offer", find_offers(work.blocks, work.kept), may_lead=False)),
    ("teasers", lambda work: work.drop("teaser", find_teasers(work.blocks, work.kept, work.title))),
    ("comments", lambda work: work.drop("comments", find_comments(work.blocks, work.kept))),
    ("phrases", _drop_phrases),
    ("boxes", lambda work: work.drop("box", find_boxes(work.blocks, work.kept))),
    ("links", lambda work: work.drop("links", find_related_links(work.blocks, work.kept, work.dropped))),
    ("lead", _add_lead),
    ("rest of lead", lambda work: work.add("lead", rest_of_lead(work.blocks, work.lead))),
    ("below lead", _add_below_lead),
    ("trim", _trim),
    ("author lines", _drop_author_lines),
    ("pull quotes", lambda work: work.drop("pull quote", find_pull_quotes(work.blocks, work.kept, work.lead))),
    ("trim again", lambda work: _trim(work, again=True)),
)
