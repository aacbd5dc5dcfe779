"""Feed parser: bytes in, `ParsedFeed` out, for RSS, Atom, RDF, JSON Feed and news sitemaps.

Promises bounded work and memory. A bad entry is skipped and counted; what is no feed raises `NotAFeed`. Dates without a
zone are read in the outlet's. Leaves deciding what is new to the poll.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from pipeline.domain.errors import NotAFeed
from pipeline.domain.model import Entry
from pipeline.feeds.charset import decode
from pipeline.feeds.digest import body_digest
from pipeline.feeds.discovery import find_alternates
from pipeline.feeds.entries import FeedContext, normalize_entries
from pipeline.feeds.json_feed import read_json
from pipeline.feeds.raw import RawFeed
from pipeline.feeds.sanitize import is_cut_short, looks_like, root_name
from pipeline.identity.urls import canonicalise, repair
from pipeline.text.dates import zone_of
from pipeline.text.html_text import looks_like_markup, one_line, plain_text

__all__ = ["FeedInput", "NoFeed", "ParsedFeed", "body_digest", "find_alternates", "parse_feed", "read_feed"]

_MAX_FAULTS = 50


@dataclass(frozen=True, slots=True)
class ParsedFeed:
    """A parsed feed. `entries`: one per identity, in the feed's order; `repeats`: further entries of the same identity.

    `truncated`: the end of the feed is missing; `clipped`: it was too long, the newest entries are kept.
    """

    kind: str  # rss20, atom10, rdf …, json11, sitemap-news, sitemap, sitemap-index
    title: str = ""
    language: str | None = None
    homepage: str | None = None
    entries: tuple[Entry, ...] = ()
    repeats: tuple[Entry, ...] = ()
    ttl_s: int | None = None
    update_period_s: int | None = None
    skip_hours: frozenset[int] = frozenset()  # UTC
    skip_days: frozenset[int] = frozenset()  # Monday is 0
    self_url: str | None = None
    next_url: str | None = None
    hubs: tuple[str, ...] = ()
    faults: tuple[str, ...] = field(default=())
    truncated: bool = False
    clipped: bool = False


@dataclass(frozen=True, slots=True)
class FeedInput:
    """The arguments of `parse_feed` as one value, for a worker process."""

    body: bytes
    url: str
    content_type: str | None
    zone: str
    now: datetime
    article_number: str | None = None


@dataclass(frozen=True, slots=True)
class NoFeed:
    """`NotAFeed` as a value that a worker process can return."""

    url: str
    looks_like: str
    alternates: tuple[str, ...] = ()


def read_feed(given: FeedInput) -> ParsedFeed | NoFeed:
    """Parse a feed; a body that is none gives `NoFeed` instead of an exception."""
    try:
        return _parse(given)
    except NotAFeed as error:
        return NoFeed(error.url, error.looks_like, error.alternates)


def parse_feed(
    body: bytes, *, url: str, content_type: str | None, zone: str, now: datetime, article_number: str | None = None
) -> ParsedFeed:
    """Parse the body fetched from `url`. Raises `NotAFeed` with the feeds that an HTML page links to."""
    return _parse(FeedInput(body, url, content_type, zone, now, article_number))


def _parse(given: FeedInput) -> ParsedFeed:
    url, text = given.url, decode(given.body, given.content_type)
    root = root_name(text)
    raw = _read(text, root, url)
    if raw is None or not (raw.kind or raw.entries):
        raise NotAFeed(url, looks_like(text), alternates=find_alternates(text, url) if raw is None else ())
    homepage = _absolute(raw.homepage, url)
    context = FeedContext(
        url=url,
        zone=zone_of(given.zone),
        now=given.now,
        article_number=given.article_number,
        language=raw.language,
        home=canonicalise(homepage) if homepage else "",
    )
    normalized = normalize_entries(raw.entries, context)
    return ParsedFeed(
        kind=raw.kind or "rss",
        title=one_line(plain_text(raw.title) if looks_like_markup(raw.title) else raw.title)[:2_000],
        language=raw.language,
        homepage=homepage,
        entries=normalized.entries,
        repeats=normalized.repeats,
        ttl_s=raw.ttl_s,
        update_period_s=raw.update_period_s,
        skip_hours=raw.skip_hours,
        skip_days=raw.skip_days,
        self_url=_absolute(raw.self_url, url),
        next_url=_absolute(raw.next_url, url),
        hubs=tuple(hub for printed in raw.hubs if (hub := repair(printed, url))),
        faults=(*raw.faults, *normalized.faults)[:_MAX_FAULTS],
        truncated=root is not None and is_cut_short(text),
        clipped=raw.clipped,
    )


def _absolute(printed: str | None, url: str) -> str | None:
    return repair(printed, url) if printed else None


def _read(text: str, root: str | None, url: str) -> RawFeed | None:
    if root in ("urlset", "sitemapindex"):
        from pipeline.feeds.news_sitemap import read_sitemap  # loads lxml: few feeds are sitemaps

        return read_sitemap(text)
    if root is not None:
        from pipeline.feeds.rss_atom import read_xml  # feedparser: a run that finds nothing new parses no feed

        return read_xml(text, url)
    if text.lstrip()[:1] == "{":
        return read_json(text)
    return None
