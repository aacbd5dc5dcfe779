"""Sitemaps of the past: what a sitemap file lists, and what of it falls into a span of days. Pure.

The protocol (sitemaps.org) knows two files: an index of other sitemaps, and a list of pages. Pages are dated by their
news extension, by the day in their URL, by `lastmod`, or by the day in the sitemap's own name, in this order; outlets
name archive sitemaps by year, month or day. A page that nothing dates is counted and left alone.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any

from lxml import etree

from pipeline.domain.errors import NotAFeed
from pipeline.feeds.charset import decode
from pipeline.feeds.news_sitemap import entry_of, fields_of
from pipeline.feeds.raw import RawEntry
from pipeline.feeds.sanitize import looks_like
from pipeline.identity.urls import registrable_domain, repair
from pipeline.text.dates import read_date

DAY = timedelta(days=1)
MAX_LISTED = 50_000  # of one file, by the protocol
# 2026-03-01, 2026/03/01, 2026_03, 202603: what stands in archive URLs; a bare year only between separators.
_DAY = re.compile(r"(?<!\d)(20\d\d|19\d\d)[-/_.]?(0[1-9]|1[0-2])(?:[-/_.]?(0[1-9]|[12]\d|3[01]))?(?!\d)")
_ROOT = re.compile(r"<(?:[\w.-]+:)?(sitemapindex|urlset)(?=[\s>])", re.IGNORECASE)
_YEAR = re.compile(r"(?<![\d])(20\d\d|19\d\d)(?![\d])")
_QUERY_DAY = re.compile(r"yyyy=(\d{4})&(?:amp;)?mm=(\d{1,2})(?:&(?:amp;)?dd=(\d{1,2}))?")


@dataclass(frozen=True, slots=True)
class Span:
    """Days to fill: from `since` on, before `until`."""

    since: datetime
    until: datetime

    def holds(self, moment: datetime) -> bool:
        """Whether a moment is in it."""
        return self.since <= moment < self.until

    def meets(self, other: Span) -> bool:
        """Whether the two have a moment in common."""
        return self.since < other.until and other.since < self.until

    def __str__(self) -> str:
        return f"{self.since:%Y-%m-%d}..{self.until:%Y-%m-%d}"


@dataclass(frozen=True, slots=True)
class Child:
    """A sitemap that an index names."""

    url: str
    modified: datetime | None


@dataclass(frozen=True, slots=True)
class Listed:
    """A page that a sitemap names."""

    raw: RawEntry
    at: datetime | None  # when it was published, as far as anything says


@dataclass(frozen=True, slots=True)
class SitemapFile:
    """A sitemap, understood."""

    children: tuple[Child, ...] = ()
    pages: tuple[Listed, ...] = ()
    faults: tuple[str, ...] = field(default=())


def read_sitemap_file(body: bytes, *, url: str, content_type: str | None, zone: tzinfo) -> SitemapFile:
    """The sitemap in a body. Raises `NotAFeed`."""
    text = decode(body, content_type)
    root = _ROOT.search(text, 0, 65_536)
    if root is None:
        raise NotAFeed(url, looks_like(text))
    listed = list(fields_in(text[root.start() :]))
    faults = (f"{url}: more than {MAX_LISTED} places, the rest is not read",) if len(listed) > MAX_LISTED else ()
    listed = listed[:MAX_LISTED]
    if root[1].lower() == "sitemapindex":
        found = [(repair(fields["loc"], url), fields) for fields in listed if "loc" in fields]
        children = tuple(Child(loc, moment(fields.get("lastmod"), zone)) for loc, fields in found if loc)
        return SitemapFile(children=children, faults=faults)
    pages = tuple(listed_page(fields, url, zone) for fields in listed if "loc" in fields)
    return SitemapFile(pages=pages, faults=faults)


def fields_in(text: str) -> Iterator[dict[str, str]]:
    """The fields of each `<url>` or `<sitemap>`, as far as the markup can be read."""
    walk: Any = etree.iterparse(
        io.BytesIO(text.encode("utf-8", "replace")),
        tag=("{*}url", "{*}sitemap"),
        recover=True,
        huge_tree=False,
        resolve_entities=False,
        no_network=True,
    )
    try:
        for number, (_, element) in enumerate(walk):
            if number > MAX_LISTED:
                return
            yield fields_of(element)
            element.clear()
    except etree.XMLSyntaxError:
        return


def listed_page(fields: dict[str, str], sitemap_url: str, zone: tzinfo) -> Listed:
    """A page with its date."""
    raw = entry_of(fields)
    named = period_of(repair(fields["loc"], sitemap_url) or "")
    day = named.since if named and named.until - named.since <= DAY else None
    own = period_of(sitemap_url)
    return Listed(
        raw,
        moment(fields.get("publication_date"), zone)
        or day
        or moment(fields.get("lastmod"), zone)
        or (own.since if own else None),
    )


def moment(text: str | None, zone: tzinfo) -> datetime | None:
    """The moment that a printed date names."""
    found = read_date(text, zone) if text else None
    return found.value if found else None


def in_span(file: SitemapFile, span: Span) -> tuple[RawEntry, ...]:
    """The pages of the span."""
    return tuple(page.raw for page in file.pages if page.at is not None and span.holds(page.at))


def undated(file: SitemapFile) -> int:
    """How many pages nothing dates."""
    return sum(page.at is None for page in file.pages)


def may_hold(child: Child, span: Span) -> bool:
    """Whether a sitemap can list pages of the span: by the period in its name, and by when it was last changed.

    A day to spare on both sides: outlets name days by their own clock.
    """
    if child.modified is not None and child.modified < span.since:
        return False
    named = period_of(child.url)
    return named is None or named.meets(Span(span.since - DAY, span.until + DAY))


def period_of(url: str) -> Span | None:
    """The day, month or year that a URL's path or query names, in UTC; None when it names none."""
    tail = url.partition("://")[2].partition("/")[2]
    for pattern in (_QUERY_DAY, _DAY):
        found = pattern.search(tail)
        if found:
            return period(int(found[1]), int(found[2]), int(found[3]) if found[3] else None)
    year = _YEAR.search(tail)
    return period(int(year[1]), None, None) if year else None


def period(year: int, month: int | None, day: int | None) -> Span | None:
    """A day, month or year as a span; None for the 31st of February."""
    try:
        first = date(year, month or 1, day or 1)
    except ValueError:
        return None
    if day:
        end = first + DAY
    elif month:
        end = date(year + month // 12, month % 12 + 1, 1)
    else:
        end = date(year + 1, 1, 1)
    return Span(at_midnight(first), at_midnight(end))


def at_midnight(day: date) -> datetime:
    """When a day begins, in UTC."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def sitemaps_named(robots_text: str, *, origin: str) -> tuple[str, ...]:
    """The `Sitemap:` lines of a robots.txt, of the outlet's own domain."""
    named = []
    for line in robots_text.splitlines():
        field_name, _, value = line.partition(":")
        if field_name.strip().lower() == "sitemap":
            url = repair(value.partition(" #")[0].strip(), origin)
            if url and registrable_domain(url) == registrable_domain(origin):
                named.append(url)
    return tuple(dict.fromkeys(named))
