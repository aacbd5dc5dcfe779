"""Sitemaps: entries of a news sitemap that is polled as a feed, and for backfill the pages in a span of days.

The protocol (sitemaps.org) has two files: an index of sitemaps, and a list of pages. A page's date comes from its news
extension, the day in its URL, `lastmod`, or the day in the sitemap's name, in this order. Outlets name archive sitemaps
by year, month or day. A page without any date is counted and skipped.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import islice
from typing import Any

from lxml import etree

from pipeline.domain.errors import NotAFeed
from pipeline.feeds.charset import decode
from pipeline.feeds.raw import MAX_ENTRIES, RawEntry, RawFeed, raw_date, raw_text
from pipeline.feeds.sanitize import looks_like, prepare
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
    faults: tuple[str, ...] = ()


def read_sitemap(text: str) -> RawFeed:
    """Parse a Google News sitemap as a feed; a plain sitemap or an index gives only its kind."""
    markup = prepare(text)
    if "<sitemapindex" in markup.text[:65_536].lower():
        return RawFeed(kind="sitemap-index", faults=markup.faults, clipped=markup.clipped)
    listed = _iterate_fields(markup.text, "{*}url")
    news = (_entry(fields) for fields in listed if "title" in fields or "publication_date" in fields)
    entries = tuple(islice(news, MAX_ENTRIES))
    clipped = markup.clipped or next(news, None) is not None
    return RawFeed(
        kind="sitemap-news" if entries else "sitemap", entries=entries, faults=markup.faults, clipped=clipped
    )


def read_sitemap_file(body: bytes, *, url: str, content_type: str | None, zone: tzinfo) -> SitemapFile:
    """Parse a sitemap file. Raises `NotAFeed`."""
    text = decode(body, content_type)
    root = _ROOT.search(text, 0, 65_536)
    if root is None:
        raise NotAFeed(url, looks_like(text))
    listed = list(islice(_iterate_fields(text[root.start() :], "{*}url", "{*}sitemap"), MAX_LISTED + 1))
    faults = (f"{url}: more than {MAX_LISTED} places, the rest is not read",) if len(listed) > MAX_LISTED else ()
    places = [fields for fields in listed[:MAX_LISTED] if "loc" in fields]
    if root[1].lower() == "sitemapindex":
        found = [(repair(fields["loc"], url), fields) for fields in places]
        children = tuple(Child(loc, _moment(fields.get("lastmod"), zone)) for loc, fields in found if loc)
        return SitemapFile(children=children, faults=faults)
    return SitemapFile(pages=tuple(_listed_page(fields, url, zone) for fields in places), faults=faults)


def _iterate_fields(text: str, *tags: str) -> Iterator[dict[str, str]]:
    """The fields of each element with one of these tags, up to the first XML error: by local name the first text."""
    source = io.BytesIO(text.encode("utf-8", "replace"))
    elements: Any = etree.iterparse(
        source, tag=tags, recover=True, huge_tree=False, resolve_entities=False, no_network=True
    )
    try:
        for _, listed in elements:
            fields: dict[str, str] = {}
            for element in listed.iter(etree.Element):
                name, parent = etree.QName(element).localname, element.getparent()
                in_image = parent is not None and etree.QName(parent).localname == "image"
                if element.text and element.text.strip():
                    fields.setdefault(f"image_{name}" if in_image else name, element.text.strip())
            yield fields
            listed.clear()
    except etree.XMLSyntaxError:
        return


def _entry(fields: dict[str, str]) -> RawEntry:
    """The entry in the fields of a `<url>`."""
    keywords = (word.strip() for word in fields.get("keywords", "").split(","))
    return RawEntry(
        title=raw_text(fields.get("title")),
        link=fields.get("loc"),
        published=raw_date(fields.get("publication_date")),
        modified=raw_date(fields.get("lastmod")),
        categories=tuple(word for word in keywords if word),
        language=fields.get("language"),
        image=fields.get("image_loc"),
    )


def _listed_page(fields: dict[str, str], sitemap_url: str, zone: tzinfo) -> SitemapPage:
    named, own = period_of(repair(fields["loc"], sitemap_url) or ""), period_of(sitemap_url)
    at = (
        _moment(fields.get("publication_date"), zone)
        or (named.since if named and named.until - named.since <= DAY else None)
        or _moment(fields.get("lastmod"), zone)
        or (own.since if own else None)
    )
    return SitemapPage(_entry(fields), at)


def _moment(text: str | None, zone: tzinfo) -> datetime | None:
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
    """The day, month or year in a URL's path or query, in UTC; None when there is none, or no such date."""
    tail = url.partition("://")[2].partition("/")[2]
    found = _QUERY_DAY.search(tail) or _DAY.search(tail) or _YEAR.search(tail)
    if found is None:
        return None
    year, month, day = (int(part or 0) for part in (*found.groups(), 0, 0)[:3])
    last_month = month or 12
    try:
        first = datetime(year, month or 1, day or 1, tzinfo=UTC)
        after = first + DAY if day else datetime(year + last_month // 12, last_month % 12 + 1, 1, tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
    return Span(first, after)


def sitemaps_named(robots_text: str, *, origin: str) -> tuple[str, ...]:
    """The `Sitemap:` lines of a robots.txt, of the outlet's own domain."""
    lines = (line.partition(":") for line in robots_text.splitlines())
    values = [value.partition(" #")[0].strip() for name, _, value in lines if name.strip().lower() == "sitemap"]
    urls = [url for value in values if (url := repair(value, origin))]
    return tuple(dict.fromkeys(url for url in urls if registrable_domain(url) == registrable_domain(origin)))
