"""Dates of a page: published and modified, each with its source; never a date of the page's footer."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from itertools import islice

from lxml import etree, html

from pipeline.domain.model import SourcedTime
from pipeline.extraction.boilerplate.markup_kinds import is_outside_article
from pipeline.extraction.dom.page import ParsedPage
from pipeline.extraction.dom.xpath import Search, find_elements, find_texts, text_of
from pipeline.extraction.metadata.json_ld import LinkedArticle
from pipeline.text.dates import read_date, zone_of
from pipeline.text.normalize import read_table

_TABLE = read_table(__name__)
_TIMES = Search(tuple((re.compile(hint), test) for hint, test in _TABLE["times"]))
_MODIFIED_WORD = re.compile(r"modif|updat|mis-?a-?jour|maj|aktualis", re.IGNORECASE)
_URL_DATE = re.compile(
    r"/(?P<y>(?:19|20)\d\d)[/-]?(?P<m>0[1-9]|1[0-2])[/-]?(?P<d>0[1-9]|[12]\d|3[01])(?=[/_.-]|$)|[-_/](?P<d2>0[1-9]|"
    r"[12]\d|3[01])-(?P<m2>0[1-9]|1[0-2])-(?P<y2>20\d\d)(?=[-_/.])"
)
_OFFSET = re.compile(r"(?:[T ]\d\d:?\d\d(?::?\d\d(?:[.,]\d+)?)?\s*)([+-])(\d\d):?(\d\d)$")
_PRINTED = re.compile(
    r"(?<!\d)(?:\d{1,2}(?:er|st|nd|rd|th|\.)?\s+(?:de\s+)?[^\W\d_]{3,10}\.?,?\s+(?:de\s+|del\s+)?(?:19|20)\d\d|"
    r"[^\W\d_]{3,10}\.?\s+\d{1,2}(?:st|nd|rd|th)?,?\s+(?:19|20)\d\d"
    r"|(?:19|20)\d\d[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.](?:19|20)\d\d)(?:\s*(?:à|at|um|às|-|–|,|\||"
    r"/)?\s*\d{1,2}[:h.]\d\d)?"
)


@dataclass(frozen=True, slots=True)
class PageDates:
    """When the article first appeared and when it last changed."""

    published: SourcedTime | None = None
    modified: SourcedTime | None = None


def read_dates(
    page: ParsedPage,
    metas: Mapping[str, tuple[str, ...]],
    linked: LinkedArticle,
    *,
    url: str,
    zone: str,
    feed: tuple[datetime | None, datetime | None],
) -> PageDates:
    """Both dates by their written order; a modification before the publication is none."""
    here = zone_of(zone)
    in_feed = [SourcedTime(value=value.astimezone(UTC), source="feed") if value else None for value in feed]
    published = _first(_published(page, metas, linked, url), here) or in_feed[0] or _guessed(page.root, url, here)
    modified = _first(_in_head("modified", linked.modified, metas), here) or in_feed[1]
    if published is not None and modified is not None and modified.value < published.value:
        modified = None
    return PageDates(published or modified, modified)


def _published(
    page: ParsedPage, metas: Mapping[str, tuple[str, ...]], linked: LinkedArticle, url: str
) -> Iterator[tuple[str, str]]:
    yield from _in_head("published", linked.published, metas)
    yield from _times(page)
    printed = [(date, "byline") for date, _ in _near(page.root)]
    dated = _URL_DATE.search(url.partition("?")[0])
    day = "-".join(dated[part] or dated[f"{part}2"] for part in "ymd") if dated else ""
    if day and printed and (near := read_date(printed[0][0], UTC)) and near.value.date().isoformat() == day:
        yield from printed  # the same day, with the hour
    yield day, "url"
    yield from printed


def _in_head(kind: str, linked: str, metas: Mapping[str, tuple[str, ...]]) -> Iterator[tuple[str, str]]:
    yield linked, "json-ld"
    for name in _TABLE[kind]:
        for value in metas.get(name, ()):
            yield value, "opengraph" if ":" in name else "dc" if name.startswith("dc") else "meta"


def _first(texts: Iterator[tuple[str, str]], zone: tzinfo) -> SourcedTime | None:
    for text, source in texts:
        if text and (found := read_date(text, zone)) is not None:
            return SourcedTime(
                value=found.value,
                source=source,
                zone_assumed=found.zone_assumed,
                offset_s=_offset(text, found.value, zone, found.zone_assumed),
            )
    return None


def _offset(text: str, value: datetime, zone: tzinfo, assumed: bool) -> int:
    """Seconds east of UTC of the clock the outlet printed."""
    if assumed:
        offset = value.astimezone(zone).utcoffset()
        return int(offset.total_seconds()) if offset else 0
    found = _OFFSET.search(text.strip())
    return (1 if found[1] == "+" else -1) * (int(found[2]) * 3600 + int(found[3]) * 60) if found else 0


_FOOTERS = etree.XPath("//footer | //*[@id='footer'] | //aside | //nav | //form | //*[contains(@class, 'comment')]")


def _guessed(root: html.HtmlElement, url: str, zone: tzinfo) -> SourcedTime | None:
    """A day found by htmldate in the page without footer, sidebars and comments, where no source has one."""
    from htmldate import find_date  # a tenth of a CPU second: only where a page has no other date

    body = deepcopy(root)
    for element in find_elements(_FOOTERS, body):
        if element.getparent() is not None:
            element.drop_tree()
    try:
        day = find_date(body, url=url, original_date=True, extensive_search=True)
    except (ValueError, TypeError, AttributeError, OverflowError):
        return None  # what htmldate raises on odd trees
    return _first(iter([(day or "", "page")]), zone)


def _times(page: ParsedPage) -> Iterator[tuple[str, str]]:
    later: list[tuple[str, str]] = []
    for element in find_time_elements(page):
        prop = element.get("itemprop") or ""
        text = element.get("datetime") or element.get("content") or text_of(element)
        if prop in {"datePublished", "dateCreated"} or element.get("pubdate") is not None:
            yield text, "itemprop"
        elif not _MODIFIED_WORD.search(element.get("class") or ""):
            later.append((text, "time"))
    yield from later[:3]


def find_time_elements(page: ParsedPage) -> list[html.HtmlElement]:
    """The elements that may say when the article first appeared, in the page's order."""
    found = _TIMES.find(page.root, page.markup)[:40]
    return [e for e in found if e.get("itemprop") != "dateModified" and not is_outside_article(e)]


_NEAR = etree.XPath(
    "//h1[1]/ancestor::*[position() < 5]//text()[string-length(normalize-space(.)) > 5 and string-length(.) < 120]"
    " | /html[not(//h1)]/body//text()[string-length(normalize-space(.)) > 5 and string-length(.) < 120][position() "
    "< 80]"
)


def find_printed_date(root: html.HtmlElement) -> list[html.HtmlElement]:
    """The element that contains the date printed near the headline, or ends right before it."""
    return [element for _, text in _near(root) if (element := text.getparent()) is not None]


def _near(root: html.HtmlElement) -> Iterator[tuple[str, etree._ElementUnicodeResult]]:
    """The first date printed near the headline, and the text that contains it."""
    found = ((date[0], text) for text in find_texts(_NEAR, root)[:60] if (date := _PRINTED.search(text)))
    return islice(found, 1)
