"""Gaps: stretches of an outlet's markup in which nothing of its articles stands, so that they need not be parsed.

A gap begins and ends at signs, attributes that the page has once (`id="comments"`), the last one at the page's end.
Promises gaps of whole elements that hold neither text of the article nor a headline, nor what names and dates were read
from on this page, and to tell of known gaps that held any here; how many pages must agree is for the wrapper to say.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from lxml import html

from pipeline.extraction.dom.page import ParsedPage
from pipeline.extraction.dom.xpath import text_of
from pipeline.extraction.metadata.authors import find_byline_elements
from pipeline.extraction.metadata.dates import find_printed_date, find_time_elements
from pipeline.extraction.metadata.resolve import RELS, Metadata
from pipeline.extraction.values import INSIDE, SkipRegion
from pipeline.text.normalize import clean_text, key_of

__all__ = ["SkipRegions", "find_skip_regions"]

_UNTRACED = "page"  # the source of dates of which nobody knows where on the page they were found
_TOLD = frozenset({"json-ld", "meta", "opengraph", "dc", "url"})
_MOST_ENDS = 15  # the first behind the article; beyond comes the footer, and little is left to save
_MOST_BEHIND, _MOST_WITHIN = 100, 10
_MOST_BEFORE = 5
_MOST_TRIED = 100  # to count one in a page takes longer than to parse an element
_LEAST_GAP_CHARS = 2_000
_LEAST_SIGN_CHARS, _MOST_SIGN_CHARS = 4, 200
_NAMING = {"id": 0, "itemprop": 1, "class": 2, "role": 3}
_META = frozenset({"meta", "link"})
_WORD = re.compile(r"[\w-]+")
_NUMBER = re.compile(r"\d{5}")  # of the article or of a build


class SkipRegions(NamedTuple):
    """Those that hold nothing on a page, the largest first of those before the article and of those behind it, and of
    the known ones those that do hold something.
    """

    empty: tuple[SkipRegion, ...] = ()
    filled: tuple[SkipRegion, ...] = ()


def find_skip_regions(
    page: ParsedPage, metadata: Metadata, chosen: Sequence[html.HtmlElement], known: Collection[SkipRegion] = ()
) -> SkipRegions:
    """What is a gap on this page, around these elements of its article, and which of the known ones is none."""
    if not chosen or (metadata.published is not None and metadata.published.source == _UNTRACED):
        return SkipRegions()
    read_from = (*chosen, *_read_from(page, metadata))
    needed = {above for e in read_from for above in (e, *e.iterancestors())}
    holder = _holder(chosen)
    behind = _unique_signs(page.markup, _begin_behind(holder, needed))
    found = (*_gaps_before(page, needed), *(SkipRegion(sign) for sign in islice(behind, _MOST_ENDS)))
    others = [gap for gap in known if gap not in found]
    standing = _standing(page, others, {inner for e in (holder, *read_from) for inner in e.iter()}) if others else {}
    return SkipRegions(
        (*found, *(gap for gap, is_empty in standing.items() if is_empty)),
        tuple(gap for gap, is_empty in standing.items() if not is_empty),
    )


def _standing(
    page: ParsedPage, gaps: Sequence[SkipRegion], needed: Collection[html.HtmlElement]
) -> dict[SkipRegion, bool]:
    """Those of these gaps that would be cut out of this page, and whether they are whole and hold nothing needed."""
    signs = {sign for gap in gaps for sign in (gap.sign, gap.stop)}
    once = {sign for sign in signs if page.markup.count(sign) == 1}
    order = [element for element in page.root.iter() if isinstance(element.tag, str)]
    places = {sign: place for place, element in enumerate(order) for sign in _signs(element) if sign in once}
    wanted = [place for place, element in enumerate(order) if element in needed]
    found: dict[SkipRegion, bool] = {}
    for gap in gaps:
        start, stop = places.get(gap.sign), places.get(gap.stop, len(order))
        if start is None or (gap.stop and gap.stop not in places) or stop <= start:
            continue
        above = order[start] if gap.is_inside else order[start].getparent()
        is_whole = not gap.stop or order[stop].getparent() is above
        found[gap] = is_whole and not any(start + gap.is_inside <= place < stop for place in wanted)
    return found


def _read_from(page: ParsedPage, metadata: Metadata) -> Iterator[html.HtmlElement]:
    """The elements that the headline, names and dates come from, where JSON-LD and the page's head do not tell them."""
    title = key_of(metadata.title.value)
    dated = metadata.published.source if metadata.published is not None else ""
    is_linked = metadata.authors.source == dated == "json-ld"
    for element in page.root.iter("h1", "meta", "link"):  # a page that closes its head too soon has them in its body
        if element.tag == "h1":
            is_needed = key_of(clean_text(text_of(element))) == title
        elif element.tag == "link":
            is_needed = not RELS.isdisjoint((element.get("rel") or "").split())
        else:
            is_needed = not is_linked or bool(element.get("name") or element.get("property"))
        if is_needed:
            yield element
    if metadata.authors.source not in _TOLD:
        yield from find_byline_elements(page)
    if dated == "byline":
        yield from find_printed_date(page.root)
    elif dated not in _TOLD:
        yield from find_time_elements(page)


def _gaps_before(page: ParsedPage, needed: Collection[html.HtmlElement]) -> list[SkipRegion]:
    """From the first sibling with a sign to the first element that holds what is needed, level by level."""
    sized: list[tuple[int, SkipRegion]] = []
    level = page.root.find("body")
    while level is not None:
        children = [child for child in level if isinstance(child.tag, str)]
        first = next((i for i, child in enumerate(children) if child in needed and child.tag not in _META), None)
        if first is None:
            break
        after = 1 + max((i for i, child in enumerate(children[:first]) if child in needed), default=-1)
        stop = next(_unique_signs(page.markup, [children[first]]), "") if after < first else ""
        before = children[after : min(first, after + _MOST_BEFORE)]
        start = _start(page.markup, None if after else level, before) if stop else ""
        level = children[first]
        if start:
            gap = SkipRegion(start, stop)
            sized.append((page.markup.find(stop) - page.markup.find(gap.sign), gap))
    return [gap for size, gap in sorted(sized, reverse=True) if size >= _LEAST_GAP_CHARS]


def _start(markup: str, parent: html.HtmlElement | None, children: Sequence[html.HtmlElement]) -> str:
    """The sign of the first child, else that of the parent, which the gap begins within, else that of a later child."""
    signs = [next(_unique_signs(markup, [child]), "") for child in children]
    if parent is not None and signs and not signs[0] and not any(">" in value for value in parent.values()):
        within = next(_unique_signs(markup, [parent]), "")
        signs.insert(0, f"{INSIDE}{within}" if within else "")
    return next(filter(None, signs), "")


def _begin_behind(holder: html.HtmlElement, needed: Collection[html.HtmlElement]) -> list[html.HtmlElement]:
    """The elements that begin behind this one, and behind all that is needed, in the page's order: outermost ones, and
    the first within each.
    """
    found: list[html.HtmlElement] = []
    for element in (holder, *holder.iterancestors()):
        for sibling in element.itersiblings():
            if sibling in needed:
                found.clear()
            elif len(found) < _MOST_BEHIND:
                found.extend(islice((e for e in sibling.iter() if isinstance(e.tag, str)), _MOST_WITHIN))
    return found


def _holder(chosen: Sequence[html.HtmlElement]) -> html.HtmlElement:
    """The innermost element that holds all of these: a box in the midst of one article is within it on the next."""
    common = [*chosen[0].iterancestors()][::-1]
    for element in chosen[1:]:
        ancestors = [*element.iterancestors()][::-1]
        common = [one for one, other in zip(common, ancestors, strict=False) if one is other]
    return common[-1]


def _unique_signs(markup: str, elements: Iterable[html.HtmlElement]) -> Iterator[str]:
    """For each of these elements its first sign that the page has once."""
    tried: set[str] = set()
    for element in elements:
        for sign in _signs(element):
            if len(tried) == _MOST_TRIED:
                return
            if sign not in tried:
                tried.add(sign)
                if markup.count(sign) == 1:
                    yield sign
                    break


def _rank_of_name(attribute: tuple[str, str]) -> int:
    """Classes are drawn anew by some builds, data by some pages."""
    return _NAMING.get(attribute[0], len(_NAMING))


def _signs(element: html.HtmlElement) -> Iterator[str]:
    """An element's names as its tag has them, those of one word without quotation marks too: some pages save them."""
    for name, value in sorted(element.items(), key=_rank_of_name):
        if name not in _NAMING and not name.startswith("data-"):
            continue
        if _LEAST_SIGN_CHARS <= len(value) <= _MOST_SIGN_CHARS and _NUMBER.search(value) is None:
            yield f'{name}="{value}"'
            if _WORD.fullmatch(value):
                yield f"{name}={value} "
                yield f"{name}={value}>"
