"""Sitemaps for backfill: the pages that a sitemap lists, and which of them fall into a span of days.

The protocol (sitemaps.org) has two files: an index of sitemaps, and a list of pages. A page's date comes from its news
extension, the day in its URL, `lastmod`, or the day in the sitemap's name, in this order. Outlets name archive sitemaps
by year, month or day. A page without any date is counted and skipped.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, tzinfo
from itertools import islice

from pipeline.domain.errors import NotAFeed
from pipeline.feeds.charset import decode
from pipeline.feeds.news_sitemap import entry_of, iterate_fields
from pipeline.feeds.raw import RawEntry
from pipeline.feeds.sanitize import looks_like
from pipeline.identity.urls import registrable_domain, repair
from pipeline.text.dates import read_date

DAY = timedelta(days=1)
MAX_LISTED = 50_000  # of one file, by the protocol
# 2026-03-01, 2026/03/01, 2026_03, 202603: forms in archive URLs; a bare year only between separators.
_DAY = re.compile(r"(?<!\d)(20\d\d|19\d\d)[-/_.]?(0[1-9]|1[0-2])(?:[-/_.]?(0[1-9]|[12]\d|3[01]))?(?!\d)")
_ROOT = re.compile(r"<(?:[\w.-]+:)?(sitemapindex|urlset)(?=[\s>])", re.IGNORECASE)
_YEAR = re.compile(r"(?<![\d])(20\d\d|19\d\d)(?![\d])")
_QUERY_DAY = re.compile(r"yyyy=(\d{4})&(?:amp;)?mm=(\d{1,2})(?:&(?:amp;)?dd=(\d{1,2}))?")


@dataclass(frozen=True, slots=True)
class Span:
    """A span of days: from `since` (included) to `until` (excluded)."""

    since: datetime
    until: datetime

    def holds(self, moment: datetime) -> bool:
        """Whether the span contains a moment."""
        return self.since <= moment < self.until

    def meets(self, other: Span) -> bool:
        """Whether the two spans overlap."""
        return self.since < other.until and other.since < self.until

    def __str__(self) -> str:
        return f"{self.since:%Y-%m-%d}..{self.until:%Y-%m-%d}"


@dataclass(frozen=True, slots=True)
class Child:
    """A sitemap listed in an index."""

    url: str
    modified: datetime | None


@dataclass(frozen=True, slots=True)
class SitemapPage:
    """A page listed in a sitemap."""

    raw: RawEntry
    at: datetime | None  # when it was published; None when no source has a date


@dataclass(frozen=True, slots=True)
class SitemapFile:
    """A parsed sitemap file."""

    children: tuple[Child, ...] = ()
    pages: tuple[SitemapPage, ...] = ()
    faults: tuple[str, ...] = field(default=())


def read_sitemap_file(body: bytes, *, url: str, content_type: str | None, zone: tzinfo) -> SitemapFile:
    """Parse a sitemap file. Raises `NotAFeed`."""
    text = decode(body, content_type)
    root = _ROOT.search(text, 0, 65_536)
    if root is None:
        raise NotAFeed(url, looks_like(text))
    listed = list(islice(iterate_fields(text[root.start() :], "{*}url", "{*}sitemap"), MAX_LISTED + 1))
    faults = (f"{url}: more than {MAX_LISTED} places, the rest is not read",) if len(listed) > MAX_LISTED else ()
    listed = listed[:MAX_LISTED]
    if root[1].lower() == "sitemapindex":
        found = [(repair(fields["loc"], url), fields) for fields in listed if "loc" in fields]
        children = tuple(Child(loc, moment(fields.get("lastmod"), zone)) for loc, fields in found if loc)
        return SitemapFile(children=children, faults=faults)
    pages = tuple(listed_page(fields, url, zone) for fields in listed if "loc" in fields)
    return SitemapFile(pages=pages, faults=faults)


def listed_page(fields: dict[str, str], sitemap_url: str, zone: tzinfo) -> SitemapPage:
    """A page with its date."""
    raw = entry_of(fields)
    named = period_of(repair(fields["loc"], sitemap_url) or "")
    day = named.since if named and named.until - named.since <= DAY else None
    own = period_of(sitemap_url)
    return SitemapPage(
        raw,
        moment(fields.get("publication_date"), zone)
        or day
        or moment(fields.get("lastmod"), zone)
        or (own.since if own else None),
    )


def moment(text: str | None, zone: tzinfo) -> datetime | None:
    """Parse a printed date; None when there is none."""
    found = read_date(text, zone) if text else None
    return found.value if found else None


def in_span(file: SitemapFile, span: Span) -> tuple[RawEntry, ...]:
    """The pages in the span."""
    return tuple(page.raw for page in file.pages if page.at is not None and span.holds(page.at))


def undated(file: SitemapFile) -> int:
    """The number of pages without a date."""
    return sum(page.at is None for page in file.pages)


def may_hold(child: Child, span: Span) -> bool:
    """Whether a sitemap may list pages of the span, judged by the period in its name and its last change.

    One day of tolerance on both sides: outlets name days in their own time zone.
    """
    if child.modified is not None and child.modified < span.since:
        return False
    named = period_of(child.url)
    return named is None or named.meets(Span(span.since - DAY, span.until + DAY))


def period_of(url: str) -> Span | None:
    """The day, month or year in a URL's path or query, in UTC; None when there is none."""
    tail = url.partition("://")[2].partition("/")[2]
    for pattern in (_QUERY_DAY, _DAY):
        found = pattern.search(tail)
        if found:
            return period(int(found[1]), int(found[2]), int(found[3]) if found[3] else None)
    year = _YEAR.search(tail)
    return period(int(year[1]), None, None) if year else None


def period(year: int, month: int | None, day: int | None) -> Span | None:
    """A day, month or year as a span; None when the date does not exist."""
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
    """The start of a day in UTC."""
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
