"""Repair: what a choice of blocks lacks (the lead, an intertitle, a paragraph between two) and what it has too much.

Every step says what it did and by which rule. Rules are for kinds of markup (pipeline/markup.py), kinds of phrases
(pipeline/phrases.py) and places on the page; none knows a site.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from lxml import html

from pipeline.blocks import Block, key_of
from pipeline.body import chars_of, is_paragraph, set_apart
from pipeline.boxes import find_behind_wall, find_offers_within, find_teasers, find_trailers
from pipeline.captions import find_captions
from pipeline.duplicates import find_duplicates, has_key
from pipeline.extraction import Step
from pipeline.leads import find_lead, find_lone_lead, find_offers, is_byline, rest_of_lead
from pipeline.markup import Kind
from pipeline.parts import boxes_of, is_aside, is_closing_post, is_entry_in
from pipeline.phrases import is_paywall_line, phrase_rule
from pipeline.titles import same_words

__all__ = ["Repaired", "repair"]

_POSTED = re.compile(r"—\s*[^—]{2,80}\(@\w+\)[^—]{0,40}$")
_WORDS_SHOWN = 80
_MAX_LINK_LINE_CHARS = 220
_LEAST_LINK_LINE_CHARS = 25  # shorter links are names, sources, list entries
_SHORT_LINE_CHARS = 60
_ALL_LINK, _MOST_ARE = 0.9, 0.75
_POINTING = 0.3  # of a line behind an arrow is a link
_MOST_KICKER_CHARS = 40
_MOST_PASSED = 5  # captions and advertisements between a heading and its text
_LEAST_QUOTED_CHARS, _MOST_QUOTED_CHARS = 40, 300
_MOST_PULLED = 0.2
_MOST_BIOGRAPHIES = 2
_MOST_NAME_CHARS = 200
_ENOUGH_ABOVE, _ENOUGH_CHARS_ABOVE = 3, 500  # paragraphs and characters that make an article of an introduction
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

    def drop(self, rule: str, test: Callable[[int], bool]) -> None:
        for index in sorted(filter(test, self.kept)):
            self.kept.discard(index)
            self.dropped.add(index)
            self.steps.append(Step("dropped", rule, self.blocks[index].text[:_WORDS_SHOWN]))

    def add(self, rule: str, index: int) -> None:
        if index not in self.kept and index not in self.barred:
            self.kept.add(index)
            self.steps.append(Step("added", rule, self.blocks[index].text[:_WORDS_SHOWN]))

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
    is_cut_short = bool(chosen) and any(
        is_paywall_line(block.text) for block in blocks[min(chosen) : max(chosen) + _WALL_REACH]
    )
    title_key = key_of(title)
    is_scrambled = _drop_scrambled(work)
    _drop_live_posts(work)
    work.drop("markup", work.is_apart)
    work.drop("title", lambda i: _repeats_title(blocks[i], title, title_key))
    for index in (*_between(work, title, title_key), *_beyond(work, title, title_key)):
        work.add("between", index)
    _settle_embeds(work, site)
    captions, offers = find_captions(blocks, work.kept), find_offers(blocks, range(max(work.kept, default=0)))
    work.drop("caption", captions.__contains__)
    work.drop("offer", offers.__contains__)
    _drop_teasers(work, title, title_key)
    work.drop("behind a paywall", find_behind_wall(blocks, work.kept).__contains__)
    work.drop("behind other articles", find_trailers(blocks, work.kept).__contains__)
    _drop_phrases(work)
    work.drop("box", find_offers_within(blocks, work.kept).__contains__)
    _drop_link_lines(work)
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
        for index in _between(work, title, title_key):
            if index not in work.dropped:
                work.add("between", index)
    _trim(work, lead)
    trimmed = len(work.kept)
    _drop_biographies(work, authors)
    _drop_pull_quotes(work, lead)
    duplicates = find_duplicates(blocks, work.kept, lead)
    work.drop("duplicate", duplicates.__contains__)
    if len(work.kept) < trimmed:
        _trim(work, lead)  # the heading over what was dropped
    return Repaired(tuple(sorted(work.kept)), lead, tuple(work.steps), is_cut_short or is_scrambled)


def _drop_scrambled(work: _Work) -> bool:
    """What a paywall shows in letters that make no words; whether there was any."""
    scrambled = _marked_as(work.blocks, Kind.SCRAMBLED)
    work.drop("scrambled", scrambled.__contains__)
    return bool(scrambled)


def _marked_as(blocks: Sequence[Block], kind: Kind) -> set[int]:
    """The blocks under a marking of a kind."""
    return {i for i, block in enumerate(blocks) if block.marks and any(mark.kind is kind for mark in block.marks)}


def _drop_live_posts(work: _Work) -> None:
    """The posts of a live list, which change by the minute, where the text above them is an article by itself."""
    posts = _marked_as(work.blocks, Kind.LIVE) & work.kept
    above = [work.blocks[i] for i in work.kept if posts and i < min(posts) and is_paragraph(work.blocks[i])]
    if len(above) >= _ENOUGH_ABOVE and sum(len(block.text) for block in above) >= _ENOUGH_CHARS_ABOVE:
        work.drop("live posts", lambda i: i in posts)


def _repeats_title(block: Block, title: str, title_key: str) -> bool:
    if not title_key:
        return False
    if has_key(block, title_key):
        return True
    if block.tag == "h1" and same_words(block.text, title) > 0.5:
        return True
    return block.is_heading and len(title_key) > 20 and title_key in block.key


def _settle_embeds(work: _Work, site: str) -> None:
    """Posts that the article quotes stay, or come in, with who wrote them; the outlet's own are its promotion."""
    blocks = work.blocks
    if not work.kept:
        return
    last = max(work.kept)
    inside = range(min(work.kept), last + 1 + is_closing_post(blocks, work.kept, last + 1))
    embeds = [i for i in _marked_as(blocks, Kind.EMBED) if i in inside or i in work.kept]
    for index in sorted(embeds):
        posted = _POSTED.search(blocks[index].text)
        if posted is None or (site and key_of(site) in key_of(posted[0])):
            work.drop("embed", lambda i, index=index: i == index)  # type: ignore[misc]
        elif not work.is_apart(index):
            work.add("embed", index)


def _drop_teasers(work: _Work, title: str, title_key: str) -> None:
    """Other articles among the paragraphs: what stands in one box under a headline that is a link."""
    blocks = work.blocks
    headlines = [
        i
        for i in range(max(0, min(work.kept, default=0) - 1), max(work.kept, default=0))
        if blocks[i].is_heading
        and blocks[i].link_share >= _ALL_LINK
        and not _repeats_title(blocks[i], title, title_key)
    ]
    work.drop("teaser", find_teasers(blocks, work.kept, headlines).__contains__)


def _drop_phrases(work: _Work) -> None:
    """Lines that are no text by what they say, each named by its kind."""
    for index in sorted(work.kept):
        rule = phrase_rule(work.blocks[index].text)
        is_pointing = rule != "pointer" or work.blocks[index].link_share > _POINTING
        if rule is not None and is_pointing:
            work.drop(rule, lambda i, index=index: i == index)  # type: ignore[misc]


def _drop_link_lines(work: _Work) -> None:
    """Headlines of other articles: lines that are a link, alone among paragraphs or in a list of nothing but such."""
    blocks = work.blocks
    lists: dict[html.HtmlElement | None, list[int]] = {}
    for index in sorted(work.kept):
        if blocks[index].tag == "li":
            lists.setdefault(blocks[index].node.getparent(), []).append(index)
    link_lists = {i for items in lists.values() if _is_link_list([blocks[i] for i in items]) for i in items}
    work.drop("links", lambda i: _is_headline(blocks[i]) and (i in link_lists or _is_link_line(blocks[i])))


def _is_link_list(items: Sequence[Block]) -> bool:
    """Whether a list is of links: each entry for the most part, most of them wholly."""
    links = sum(map(_is_link_entry, items))
    return _MOST_ARE * len(items) <= links and all(item.link_share > 0.5 or _is_link_entry(item) for item in items)


def _is_link_entry(block: Block) -> bool:
    """Whether an entry is a link, or a kicker and a link: `Newsblog: All about the vote`."""
    kicker, colon, headline = block.text.partition(": ")
    is_kicked = bool(colon) and len(kicker) < _MOST_KICKER_CHARS and block.link_chars >= _ALL_LINK * len(headline)
    return block.link_share > 0.7 or is_kicked


def _is_link_line(block: Block) -> bool:
    return block.tag != "li" and block.link_share > _ALL_LINK


def _is_headline(block: Block) -> bool:
    """Whether a line may be another article's headline by its form."""
    return (
        _LEAST_LINK_LINE_CHARS <= len(block.text) <= _MAX_LINK_LINE_CHARS
        and not block.is_heading
        and "://" not in block.text
        and not block.text.endswith((".", ":", ","))
    )


def _ends_sentence(text: str) -> bool:
    return text.endswith((".", "!", "?", "…", "»", "”", '"', ".)", "。", "」"))


def _between(work: _Work, title: str, title_key: str) -> list[int]:
    """Paragraphs and intertitles that stand among the kept ones, in the same parent as they, and were passed over."""
    if not work.kept:
        return []
    blocks = work.blocks
    parents = {(blocks[i].node.getparent(), blocks[i].tag) for i in work.kept}
    holders = {blocks[i].node.getparent() for i in work.kept if blocks[i].tag in {"p", "div", "li", "td"}}
    above = holders | {holder.getparent() for holder in holders if holder is not None}  # of intertitles, quotations
    boxes = boxes_of(holders)
    places = {blocks[i].place for i in work.kept if is_paragraph(blocks[i])}
    return [
        i
        for i in range(min(work.kept), max(work.kept))
        if i not in work.kept
        and blocks[i].link_share < 0.5
        and not work.is_apart(i)
        and not _repeats_title(blocks[i], title, title_key)
        and (
            (_is_spoken(blocks[i]) and (blocks[i].node.getparent(), blocks[i].tag) in parents)
            or (_is_spoken(blocks[i]) and blocks[i].place in places)
            or (_quoted_in(blocks[i]) in above)
            or (blocks[i].place in places and is_aside(blocks, work.kept, i))
            or is_entry_in(blocks[i], boxes)
            or (blocks[i].is_heading and _box_of(blocks[i]) in above and _heads_kept(work, i))
        )
    ]


def _box_of(heading: Block) -> html.HtmlElement | None:
    """The element that a heading stands in among others, whatever boxes of its own it has."""
    parent = heading.node.getparent()
    while parent is not None and len(parent) == 1 and heading.tag == heading.node.tag:
        parent = parent.getparent()
    return parent


def _heads_kept(work: _Work, heading: int) -> bool:
    """Whether the next block that is none of a picture's or an advertisement's is kept."""
    behind = range(heading + 1, min(len(work.blocks), heading + _MOST_PASSED))
    shown = (i for i in behind if not work.is_apart(i) and phrase_rule(work.blocks[i].text) is None)
    return next(shown, None) in work.kept


def _beyond(work: _Work, title: str, title_key: str) -> list[int]:
    """Paragraphs right before the first kept one and right behind the last, of the same kind in the same element."""
    spoken = [i for i in sorted(work.kept) if is_paragraph(work.blocks[i]) and work.blocks[i].tag == "p"]
    if not spoken:
        return []
    return [
        *_next_of_kind(work, spoken[0], -1, title, title_key),
        *_next_of_kind(work, spoken[-1], 1, title, title_key),
    ]


def _next_of_kind(work: _Work, start: int, step: int, title: str, title_key: str) -> list[int]:
    blocks, found = work.blocks, []
    model, index = blocks[start], start + step
    while 0 <= index < len(blocks) and index not in work.kept:
        block = blocks[index]
        is_like = block.place == model.place and block.node.getparent() is model.node.getparent()
        is_said = is_paragraph(block) or (step > 0 and block.text.startswith("*"))  # `* Not her real name`
        if not is_like or not is_said or work.is_apart(index) or _repeats_title(block, title, title_key):
            break
        if step < 0 and not _ends_sentence(block.text):
            break  # before the text stand captions too
        found.append(index)
        index += step
    return found


def _trim(work: _Work, lead: int | None) -> None:
    """Short lines before the first paragraph (kicker, byline, dates) and after the last one (signature, headings)."""
    spoken = [i for i in sorted(work.kept) if _is_spoken(work.blocks[i]) and not is_byline(work.blocks[i].text)]
    if not spoken:
        return
    first, last = spoken[0], spoken[-1]
    first_behind = next((i for i in spoken if i != lead), first)  # names stand between lead and text too
    work.drop("head", lambda i: i < first and i != lead and _heads(work.blocks[i]))
    behind = [i for i in sorted(work.kept) if i > last]
    work.drop("head", lambda i: i != lead and i < first_behind and is_byline(work.blocks[i].text))
    work.drop("tail", lambda i: i >= last and i != lead and _is_closing_link(work.blocks[i]))
    work.drop("tail", lambda i: i > last and (len(behind) < 3 or i == behind[-1]) and _is_short_line(work.blocks[i]))


def _drop_biographies(work: _Work, authors: Sequence[str]) -> None:
    """The names of those who wrote, alone on a line, and what the last lines tell of them: `Jane Roe founded …`."""
    keys = tuple(key_of(name) for name in authors if " " in name)
    work.drop("byline", lambda i: work.blocks[i].key in keys)
    last = sorted(work.kept)[-_MOST_BIOGRAPHIES:] if keys else []
    work.drop("biography", lambda i: i in last and key_of(work.blocks[i].text[:_MOST_NAME_CHARS]).startswith(keys))


def _drop_pull_quotes(work: _Work, lead: int | None) -> None:
    """Words of the text that are set again beside it, large."""
    blocks = work.blocks
    quotes = [i for i in work.kept if i != lead and _may_pull(blocks[i])]
    text = [i for i in work.kept if is_paragraph(blocks[i])]
    by_place: defaultdict[str, list[Block]] = defaultdict(list)  # most articles have one: nothing to compare with
    for i in text:
        by_place[blocks[i].place].append(blocks[i])
    pulled = {i for i in quotes if _is_pulled(blocks[i], by_place)}
    if chars_of(blocks, pulled) < _MOST_PULLED * chars_of(blocks, text):  # else the page says all of it twice
        work.drop("pull quote", pulled.__contains__)


def _is_pulled(quote: Block, text: Mapping[str, Sequence[Block]]) -> bool:
    """Whether a paragraph in another place says it too."""
    return any(
        len(quote.text) < len(paragraph.text) and quote.key in paragraph.key
        for place, paragraphs in text.items()
        if place != quote.place
        for paragraph in paragraphs
    )


def _may_pull(block: Block) -> bool:
    is_set_out = any(mark.kind is Kind.QUOTE for mark in block.marks)
    least = _LEAST_QUOTED_CHARS if is_set_out else 2 * _LEAST_QUOTED_CHARS
    return least <= len(block.text) <= _MOST_QUOTED_CHARS and not block.is_heading and block.tag not in {"li", "tr"}


def _is_closing_link(block: Block) -> bool:
    """A last line that is nothing but a link: where to read on."""
    is_link = block.link_share >= _ALL_LINK and len(block.text) < _MAX_LINK_LINE_CHARS and "://" not in block.text
    return is_link and block.tag not in {"li", "tr"}


def _is_spoken(block: Block) -> bool:
    return is_paragraph(block) or (len(block.text) > 30 and _ends_sentence(block.text) and not block.is_heading)


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
        and not _ends_sentence(block.text)
        and not block.text.startswith(("*", "—", "–", "- ", "("))
    )


def _quoted_in(block: Block) -> html.HtmlElement | None:
    """Which element holds the quotation that a block is."""
    quotes = [mark.node for mark in block.marks if mark.kind is Kind.QUOTE]
    return quotes[0].getparent() if quotes else None
