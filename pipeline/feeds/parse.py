"""A feed, understood: bytes in, `ParsedFeed` out, whatever the format.

Promises bounded work and memory, that a bad entry costs itself, and `NotAFeed` for anything else; dates in the
outlet's zone where they name none. Leaves deciding what is new to the poll.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from pipeline.domain.errors import NotAFeed
from pipeline.domain.model import Entry
from pipeline.feeds.charset import decode
from pipeline.feeds.digest import body_digest
from pipeline.feeds.discovery import find_alternates
from pipeline.feeds.entries import Surroundings, understand
from pipeline.feeds.json_feed import read_json
from pipeline.feeds.news_sitemap import read_sitemap
from pipeline.feeds.raw import RawFeed
from pipeline.feeds.sanitize import is_cut_short, looks_like, root_name
from pipeline.identity.urls import canonicalise, repair
from pipeline.text.dates import zone_of
from pipeline.text.html_text import looks_like_markup, one_line, plain_text

__all__ = ["FeedInput", "NoFeed", "ParsedFeed", "body_digest", "find_alternates", "parse_feed", "read_feed"]

_MAX_FAULTS = 50


@dataclass(frozen=True, slots=True)
class ParsedFeed:
    """What a feed says. `entries`: one per identity, in the feed's order; `repeats`: more of an identity already there.

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
    """A body to be parsed, with what is known of it: `parse_feed`'s arguments as one value."""

    body: bytes
    url: str
    content_type: str | None
    zone: str
    now: datetime
    article_number: str | None = None


@dataclass(frozen=True, slots=True)
class NoFeed:
    """What `NotAFeed` says, as a value that crosses from the process that found it."""

    url: str
    looks_like: str
    alternates: tuple[str, ...] = ()


def read_feed(given: FeedInput) -> ParsedFeed | NoFeed:
    """The feed in a body, or what it is instead."""
    try:
        return parse_feed(
            given.body,
            url=given.url,
            content_type=given.content_type,
            zone=given.zone,
            now=given.now,
            article_number=given.article_number,
        )
    except NotAFeed as error:
        return NoFeed(error.url, error.looks_like, error.alternates)


def parse_feed(
    body: bytes, *, url: str, content_type: str | None, zone: str, now: datetime, article_number: str | None = None
) -> ParsedFeed:
    """The feed in a body fetched from `url`. Raises `NotAFeed`, which names the feeds that an HTML page points to."""
    text = decode(body, content_type)
    root = root_name(text)
    raw = _read(text, root, url)
    if raw is None or not (raw.kind or raw.entries):
        raise NotAFeed(url, looks_like(text), alternates=find_alternates(text, url) if raw is None else ())
    homepage = repair(raw.homepage, url) if raw.homepage else None
    around = Surroundings(
        url=url,
        zone=zone_of(zone),
        now=now,
        article_number=article_number,
        language=raw.language,
        home=canonicalise(homepage) if homepage else "",
    )
    understood = understand(raw.entries, around)
    return ParsedFeed(
        kind=raw.kind or "rss",
        title=one_line(plain_text(raw.title) if looks_like_markup(raw.title) else raw.title)[:2_000],
        language=raw.language,
        homepage=homepage,
        entries=understood.entries,
        repeats=understood.repeats,
        ttl_s=raw.ttl_s,
        update_period_s=raw.update_period_s,
        skip_hours=raw.skip_hours,
        skip_days=raw.skip_days,
        self_url=repair(raw.self_url, url) if raw.self_url else None,
        next_url=repair(raw.next_url, url) if raw.next_url else None,
        hubs=tuple(hub for printed in raw.hubs if (hub := repair(printed, url))),
        faults=(*raw.faults, *understood.faults)[:_MAX_FAULTS],
        truncated=root is not None and is_cut_short(text),
        clipped=raw.clipped,
    )


def _read(text: str, root: str | None, url: str) -> RawFeed | None:
    if root in ("urlset", "sitemapindex"):
        return read_sitemap(text)
    if root is not None:
        from pipeline.feeds.rss_atom import read_xml  # feedparser: a run that finds nothing new parses no feed

        return read_xml(text, url)
    if text.lstrip()[:1] == "{":
        return read_json(text)
    return None
