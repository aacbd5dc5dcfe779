"""Skip regions: stretches of an outlet's markup without article text, cut out before parsing to save time.

A region begins and ends at signs: attributes that the page has once (`id="comments"`), the last one at the page's end.
Promises regions of whole elements that hold neither text of the article nor the source of its metadata. How many pages
must agree is for the wrapper to decide.
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

_UNTRACED = "page"  # source label of dates whose position on the page is unknown (htmldate)
_NOT_IN_BODY = frozenset({"json-ld", "meta", "opengraph", "dc", "url"})  # sources of metadata outside the visible page
_MAX_ENDS = 15  # the first after the article; beyond is the footer, and little is left to save
_MAX_BEHIND, _MAX_WITHIN = 100, 10  # elements after the article, and within each of them
_MAX_BEFORE = 5
_MAX_TRIED = 100  # counting a sign in a page takes longer than parsing an element
_MIN_REGION_CHARS = 2_000
_MIN_SIGN_CHARS, _MAX_SIGN_CHARS = 4, 200
_NAMING = {"id": 0, "itemprop": 1, "class": 2, "role": 3}  # attributes by rank
_META = frozenset({"meta", "link"})
_WORD = re.compile(r"[\w-]+")
_NUMBER = re.compile(r"\d{5}")  # of the article or of a build


class SkipRegions(NamedTuple):
    """The regions of a page without content, in each direction the largest first, and the known ones with content."""

    empty: tuple[SkipRegion, ...] = ()
    filled: tuple[SkipRegion, ...] = ()


def find_skip_regions(
    page: ParsedPage, metadata: Metadata, chosen: Sequence[html.HtmlElement], known: Collection[SkipRegion] = ()
) -> SkipRegions:
    """The skip regions around these elements of the article, and which of the known regions hold content here."""
    published = metadata.dates.published
    if not chosen or (published is not None and published.source == _UNTRACED):
        return SkipRegions()
    sources = (*chosen, *_metadata_sources(page, metadata))
    needed = {above for e in sources for above in (e, *e.iterancestors())}
    container = _container(chosen)
    behind = _unique_signs(page.markup, _begin_behind(container, needed))
    found = (*_regions_before(page, needed), *map(SkipRegion, islice(behind, _MAX_ENDS)))
    others = [region for region in known if region not in found]
    if not others:
        return SkipRegions(found)
    empty, filled = _check_known(page, others, {inner for e in (container, *sources) for inner in e.iter()})
    return SkipRegions((*found, *empty), tuple(filled))


def _check_known(
    page: ParsedPage, regions: Sequence[SkipRegion], needed: Collection[html.HtmlElement]
) -> tuple[list[SkipRegion], list[SkipRegion]]:
    """Of the regions that would be cut out of this page, those without needed elements, and the others.

    A region that is not made of whole elements counts as one with needed elements.
    """
    order = _elements(page.root.iter())
    positions = _positions(page.markup, order, {sign for region in regions for sign in (region.sign, region.stop)})
    needed_at = [at for at, element in enumerate(order) if element in needed]
    sorted_regions: tuple[list[SkipRegion], list[SkipRegion]] = ([], [])
    for region in regions:
        start, stop = positions.get(region.sign, -1), positions.get(region.stop, -1) if region.stop else len(order)
        if 0 <= start < stop:
            above = order[start] if region.is_inside else order[start].getparent()
            is_whole = not region.stop or order[stop].getparent() is above
            holds = any(start + region.is_inside <= at < stop for at in needed_at)
            sorted_regions[holds or not is_whole].append(region)
    return sorted_regions


def _positions(markup: str, order: Sequence[html.HtmlElement], signs: Collection[str]) -> dict[str, int]:
    """The positions in this order of the elements with these signs, as far as the markup has a sign once."""
    once = {sign for sign in signs if markup.count(sign) == 1}
    return {sign: at for at, element in enumerate(order) for sign in _signs(element) if sign in once}


def _elements(elements: Iterable[html.HtmlElement]) -> list[html.HtmlElement]:
    """Those that are elements and no comments."""
    return [element for element in elements if isinstance(element.tag, str)]


def _metadata_sources(page: ParsedPage, metadata: Metadata) -> Iterator[html.HtmlElement]:
    """The elements that headline, names and dates were read from, unless these come from JSON-LD or the page's head."""
    title = key_of(metadata.title.value)
    dated = metadata.dates.published.source if metadata.dates.published is not None else ""
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
    if metadata.authors.source not in _NOT_IN_BODY:
        yield from find_byline_elements(page)
    if dated == "byline":
        yield from find_printed_date(page.root)
    elif dated not in _NOT_IN_BODY:
        yield from find_time_elements(page)


def _regions_before(page: ParsedPage, needed: Collection[html.HtmlElement]) -> list[SkipRegion]:
    """From the first sibling with a sign to the first element that holds something needed, level by level."""
    sized: list[tuple[int, SkipRegion]] = []
    level = page.root.find("body")
    while level is not None:
        children = _elements(level)
        first, after = _first_needed(children, needed)
        if first < 0:
            break
        before = children[after : min(first, after + _MAX_BEFORE)]
        region = _region_to(page.markup, children[first], None if after else level, before) if before else None
        level = children[first]
        if region is not None:
            sized.append((page.markup.find(region.stop) - page.markup.find(region.sign), region))
    return [region for size, region in sorted(sized, reverse=True) if size >= _MIN_REGION_CHARS]


def _first_needed(children: Sequence[html.HtmlElement], needed: Collection[html.HtmlElement]) -> tuple[int, int]:
    """The position of the first needed child that is no meta element, -1 without one; and the first unneeded one."""
    needed_at = [at for at, child in enumerate(children) if child in needed]
    first = next((at for at in needed_at if children[at].tag not in _META), -1)
    return first, max((at + 1 for at in needed_at if at < first), default=0)


def _region_to(
    markup: str, stop: html.HtmlElement, parent: html.HtmlElement | None, before: Sequence[html.HtmlElement]
) -> SkipRegion | None:
    """From the sign of the first child before `stop`, else from within the parent, else from a later child's sign."""
    end = next(_unique_signs(markup, [stop]), "")
    if not end:
        return None
    signs = [next(_unique_signs(markup, [child]), "") for child in before]
    if parent is not None and not signs[0] and not any(">" in value for value in parent.values()):
        within = next(_unique_signs(markup, [parent]), "")
        signs.insert(0, f"{INSIDE}{within}" if within else "")
    start = next(filter(None, signs), "")
    return SkipRegion(start, end) if start else None


def _begin_behind(container: html.HtmlElement, needed: Collection[html.HtmlElement]) -> list[html.HtmlElement]:
    """The elements that begin after this one and after all that is needed, outermost first, in the page's order."""
    found: list[html.HtmlElement] = []
    for element in (container, *container.iterancestors()):
        for sibling in element.itersiblings():
            if sibling in needed:
                found.clear()
            elif len(found) < _MAX_BEHIND:
                found.extend(islice((e for e in sibling.iter() if isinstance(e.tag, str)), _MAX_WITHIN))
    return found


def _container(chosen: Sequence[html.HtmlElement]) -> html.HtmlElement:
    """The innermost element that holds all of these, because a box between two paragraphs may move on the next page."""
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
            if len(tried) == _MAX_TRIED:
                return
            if sign not in tried:
                tried.add(sign)
                if markup.count(sign) == 1:
                    yield sign
                    break


def _signs(element: html.HtmlElement) -> Iterator[str]:
    """An element's naming attributes as its tag has them, single words without quotation marks too."""
    # Some builds change classes, some pages change data attributes.
    for name, value in sorted(element.items(), key=lambda item: _NAMING.get(item[0], len(_NAMING))):
        if name not in _NAMING and not name.startswith("data-"):
            continue
        if _MIN_SIGN_CHARS <= len(value) <= _MAX_SIGN_CHARS and _NUMBER.search(value) is None:
            yield f'{name}="{value}"'
            if _WORD.fullmatch(value):
                yield f"{name}={value} "
                yield f"{name}={value}>"
