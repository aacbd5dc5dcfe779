"""Repair: what a choice of blocks lacks (the lead, an intertitle, a paragraph between two) and what it has too much.

Every step says what it did and by which rule. Rules are for kinds of markup
(pipeline/extraction/boilerplate/markup_kinds.py), kinds of phrases (pipeline/extraction/boilerplate/phrase_patterns.py)
and places on the page; none knows a site.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from itertools import takewhile

from pipeline.extraction.boilerplate.markup_kinds import Kind
from pipeline.extraction.boilerplate.phrases import is_paywall_line, phrase_rule
from pipeline.extraction.content.captions import find_captions
from pipeline.extraction.content.lead import find_lead, find_lone_lead, find_offers, is_byline, rest_of_lead
from pipeline.extraction.content.promo_boxes import find_comments, find_offers_within, find_teasers
from pipeline.extraction.content.pull_quotes import find_pull_quotes
from pipeline.extraction.content.recover import find_between, find_beyond, find_opening
from pipeline.extraction.content.related_links import find_link_lines, is_closing_link
from pipeline.extraction.content.repeats import repeats_title
from pipeline.extraction.content.structure import ends_sentence, is_spoken, set_apart
from pipeline.extraction.dom.blocks import Block
from pipeline.extraction.values import Step
from pipeline.text.normalize import key_of

__all__ = ["Repaired", "repair"]

_POSTED = re.compile(r"—\s*[^—]{2,80}\(@\w+\)[^—]{0,40}$")
_WORDS_SHOWN = 80
_MOST_OVER_NOTHING = 2  # headings in a row at a text's end
_SHORT_LINE_CHARS = 60
_ALL_LINK = 0.9
_LEAST_TITLE_LETTERS = 20  # a shorter headline may begin a sentence
_POINTING = 0.3  # of a line behind an arrow is a link
_MOST_BIOGRAPHIES = 2
_MOST_NAME_CHARS = 200
_ENOUGH_ABOVE, _ENOUGH_CHARS_ABOVE = 3, 500  # paragraphs and characters that make an article of an introduction
_PARTS = 2  # headings further down that make one of the first
_WALL_REACH = 6  # blocks behind the text in which a paywall says that it is one


@dataclass(frozen=True, slots=True)
class Repaired:
    """The blocks of the article in order, which one is the lead, and what was done."""

    chosen: tuple[int, ...]
    lead: int | None
    steps: tuple[Step, ...]
    is_cut_short: bool = False  # a sentence of a paywall stood there


class _Work:
    """The blocks kept so far, and what was done to get there."""

    def __init__(self, blocks: Sequence[Block], chosen: frozenset[int], barred: frozenset[int]) -> None:
        self.blocks = blocks
        self.barred = barred  # what is known to be none of the article, wherever it stands
        self.kept = set(chosen)
        self.dropped: set[int] = set()
        self.steps: list[Step] = []
        self.apart = set_apart(blocks, chosen)
        self.kinds = frozenset(mark.kind for block in blocks for mark in block.marks)

    def drop_where(self, rule: str, test: Callable[[int], bool]) -> None:
        self.drop(rule, set(filter(test, self.kept)))

    def drop(self, rule: str, found: AbstractSet[int]) -> None:
        for index in sorted(self.kept.intersection(found)) if found else ():
            self.kept.discard(index)
            self.dropped.add(index)
            self.steps.append(Step("dropped", rule, self.blocks[index].text[:_WORDS_SHOWN]))

    def add(self, rule: str, index: int) -> None:
        if index not in self.kept and index not in self.barred:
            self.kept.add(index)
            self.steps.append(Step("added", rule, self.blocks[index].text[:_WORDS_SHOWN]))

    def marked_as(self, kind: Kind) -> set[int]:
        """The blocks under a marking of a kind; of most kinds a page has none."""
        if kind not in self.kinds:
            return set()
        return {i for i, block in enumerate(self.blocks) for mark in block.marks if mark.kind is kind}

    def is_apart(self, index: int) -> bool:
        return not self.apart.isdisjoint(self.blocks[index].marked)


def repair(
    blocks: Sequence[Block],
    chosen: frozenset[int],
    *,
    title: str,
    description: str,
    site: str = "",
    authors: Sequence[str] = (),
    barred: frozenset[int] = frozenset(),
) -> Repaired:
    """The article's blocks, from a first choice of them; none of `barred`."""
    work = _Work(blocks, chosen, barred)
    reach = blocks[min(chosen) : max(chosen) + _WALL_REACH] if chosen else ()
    is_cut_short = any(is_paywall_line(block.text) for block in reach)
    title_key = key_of(title)
    name_keys = tuple(key_of(name) for name in authors if " " in name)
    is_scrambled = _drop_scrambled(work)
    _drop_live_posts(work)
    work.drop_where("markup", work.is_apart)
    work.drop_where("title", lambda i: repeats_title(blocks[i], title))
    work.drop_where("own teaser", lambda i: _teases(blocks[i], title_key))
    between = find_between(blocks, work.kept, work.apart, title=title)
    for index in (*between, *find_beyond(blocks, work.kept, work.apart)):
        work.add("between", index)
    for index in find_opening(blocks, work.kept, work.apart, title=title):
        work.add("opening", index)
    _settle_embeds(work, site)
    captions, offers = find_captions(blocks, work.kept), find_offers(blocks, range(max(work.kept, default=0)))
    work.drop("caption", captions)
    work.drop("offer", offers)
    _drop_teasers(work, title)
    work.drop("comments", find_comments(blocks, work.kept))
    _drop_phrases(work)
    work.drop("box", find_offers_within(blocks, work.kept))
    work.drop("links", find_link_lines(blocks, work.kept, work.dropped))
    lead = find_lead(
        blocks,
        work.kept,
        work.apart,
        description=description,
        title_key=title_key,
        barred=captions | offers | barred,
    )
    if not work.kept and is_cut_short:
        lead = find_lone_lead(blocks, description=description, title_key=title_key)
    if lead is not None:
        work.add("lead", lead)
        for index in rest_of_lead(blocks, lead):
            work.add("lead", index)
        for index in find_between(blocks, work.kept, work.apart, title=title):
            if index not in work.dropped:
                work.add("between", index)
    _trim(work, lead)
    trimmed = len(work.kept)
    _drop_biographies(work, name_keys)
    work.drop("pull quote", find_pull_quotes(blocks, work.kept, lead))
    if len(work.kept) < trimmed:
        _trim(work, lead)  # the heading over what was dropped
    return Repaired(tuple(sorted(work.kept)), lead, tuple(work.steps), is_cut_short or is_scrambled)


def _drop_scrambled(work: _Work) -> bool:
    """What a paywall shows in letters that make no words; whether there was any."""
    scrambled = work.marked_as(Kind.SCRAMBLED)
    work.drop("scrambled", scrambled)
    return bool(scrambled)


def _drop_live_posts(work: _Work) -> None:
    """The posts of a live list, which change by the minute, where the text above them is an article by itself."""
    posts = work.marked_as(Kind.LIVE) & work.kept
    above = [work.blocks[i] for i in work.kept if posts and i < min(posts) and work.blocks[i].is_paragraph]
    if len(above) >= _ENOUGH_ABOVE and sum(len(block.text) for block in above) >= _ENOUGH_CHARS_ABOVE:
        work.drop("live posts", posts)


def _teases(block: Block, title_key: str) -> bool:
    """Whether an entry of a list is the article's own: its headline, which is a link, and how it begins."""
    if block.tag != "li" or len(title_key) <= _LEAST_TITLE_LETTERS or len(block.text) <= len(title_key):
        return False
    return block.link_chars >= len(title_key) and block.key.startswith(title_key)


def _settle_embeds(work: _Work, site: str) -> None:
    """Posts that the article quotes stay, or come in, with who wrote them; the outlet's own are its promotion."""
    blocks = work.blocks
    if not work.kept:
        return
    inside = range(min(work.kept), max(work.kept) + 1)
    embeds = [i for i in work.marked_as(Kind.EMBED) if i in inside or i in work.kept]
    for index in sorted(embeds):
        posted = _POSTED.search(blocks[index].text)
        if posted is None or (site and key_of(site) in key_of(posted[0])):
            work.drop("embed", {index})
        elif not work.is_apart(index):
            work.add("embed", index)


def _drop_teasers(work: _Work, title: str) -> None:
    """Other articles among the paragraphs: what stands in one box under a headline that is a link."""
    blocks = work.blocks
    headlines = [
        i
        for i in range(max(0, min(work.kept, default=0) - 1), max(work.kept, default=0))
        if blocks[i].is_heading and blocks[i].link_share >= _ALL_LINK and not repeats_title(blocks[i], title)
    ]
    work.drop("teaser", find_teasers(blocks, work.kept, headlines))


def _drop_phrases(work: _Work) -> None:
    """Lines that are no text by what they say, each named by its kind."""
    for index in sorted(work.kept):
        rule = phrase_rule(work.blocks[index].text)
        is_pointing = rule != "pointer" or work.blocks[index].link_share > _POINTING
        if rule is not None and is_pointing:
            work.drop(rule, {index})


def _trim(work: _Work, lead: int | None) -> None:
    """Short lines before the first paragraph (kicker, byline, dates) and after the last one (signature, headings)."""
    spoken = [i for i in sorted(work.kept) if is_spoken(work.blocks[i]) and not is_byline(work.blocks[i].text)]
    if not spoken:
        return
    first, last = spoken[0], spoken[-1]
    first_behind = next((i for i in spoken if i != lead), first)  # names stand between lead and text too
    headings = _headings_of_parts(work, first)
    work.drop_where("head", lambda i: i < first and i != lead and i not in headings and _heads(work.blocks[i]))
    behind = [i for i in sorted(work.kept) if i > last]
    work.drop_where("head", lambda i: i != lead and i < first_behind and is_byline(work.blocks[i].text))
    work.drop_where("tail", lambda i: i >= last and i != lead and is_closing_link(work.blocks[i]))
    ending = set(takewhile(lambda i: i > last and work.blocks[i].is_heading, sorted(work.kept, reverse=True)))
    if len(ending) <= _MOST_OVER_NOTHING:  # else a list of things
        work.drop("tail", ending)
        work.drop_where(
            "tail", lambda i: i > last and (len(behind) < 3 or i == behind[-1]) and _is_short_line(work.blocks[i])
        )


def _drop_biographies(work: _Work, keys: tuple[str, ...]) -> None:
    """The names of those who wrote, alone on a line, and what the last lines tell of them: `Jane Roe founded …`."""
    work.drop_where("byline", lambda i: len(work.blocks[i].text) < _MOST_NAME_CHARS and work.blocks[i].key in keys)
    last = sorted(work.kept)[-_MOST_BIOGRAPHIES:] if keys else []
    work.drop_where(
        "biography", lambda i: i in last and key_of(work.blocks[i].text[:_MOST_NAME_CHARS]).startswith(keys)
    )


def _headings_of_parts(work: _Work, first: int) -> set[int]:
    """The headings right above the first paragraph, where headings of the same kind stand within the text too."""
    blocks, found = work.blocks, set[int]()
    for i in range(first - 1, -1, -1):
        if i not in work.kept or not blocks[i].is_heading:
            break
        alike = (other for other in work.kept if other > first and blocks[other].tag == blocks[i].tag)
        if sum(blocks[other].place == blocks[i].place for other in alike) >= _PARTS:
            found.add(i)
    return found


def _heads(block: Block) -> bool:
    """What stands between headline and text and is neither: kicker, byline, dates, reading time."""
    return is_byline(block.text) or _is_short_line(block, entries=False)


def _is_short_line(block: Block, *, entries: bool = True) -> bool:
    """A heading over nothing, a name, a place, a date; footnotes are none, nor `entries` of lists and tables."""
    if block.is_heading:
        return len(block.text) < 2 * _SHORT_LINE_CHARS
    return (
        len(block.text) < _SHORT_LINE_CHARS
        and not (entries and block.tag in {"li", "tr", "dd", "td"})
        and not ends_sentence(block.text)
        and not block.text.startswith(("*", "—", "–", "- ", "("))
    )
