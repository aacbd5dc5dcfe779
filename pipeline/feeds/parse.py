"""Feed parser: bytes in, `ParsedFeed` out, for RSS, Atom, RDF, JSON Feed and news sitemaps.

Promises bounded work and memory. A bad entry is skipped and counted; what is no feed raises `NotAFeed`. Dates without a
zone are read in the outlet's. Leaves deciding what is new to the poll.
"""

from __future__ import annotations

import hashlib
import html as html_references
import json
import re
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from pipeline.domain.errors import NotAFeed
from pipeline.domain.model import Entry
from pipeline.feeds.charset import decode
from pipeline.feeds.entries import FeedContext, normalize_entries
from pipeline.feeds.json_feed import read_json
from pipeline.feeds.raw import FeedFields, RawFeed
from pipeline.feeds.sanitize import is_cut_short, looks_like, root_name
from pipeline.identity.urls import canonicalise, repair
from pipeline.text.dates import zone_of
from pipeline.text.normalize import looks_like_markup, one_line, plain_text

_MAX_FAULTS = 50

_HEAD_ONLY = re.compile(
    rb"<(lastBuildDate|pubDate|updated|modified|ttl|feedDate|dc:date|generator|sy:[A-Za-z]{1,30})\b[^>]{0,200}>[^<]{0,500}</\1\s*>",
    re.IGNORECASE,
)
_ANYWHERE = re.compile(
    rb"<(slash:comments|slash:hit_parade|thr:total|lastBuildDate|feedDate)\b[^>]{0,200}>[^<]{0,200}</\1\s*>"
    rb"|<media:(?:statistics|starRating)\b[^>]{0,300}>|\sthr:count=\"\d{0,9}\"|\sthr:updated=\"[^\"]{0,40}\"",
    re.IGNORECASE,
)
_FIRST_ENTRY = re.compile(rb"<(?:[A-Za-z]{1,20}:)?(?:item|entry|url)[\s>]", re.IGNORECASE)

_MAX_HTML_CHARS = 500_000
_MAX_LINKS = 20
_LINK = re.compile(r"<link\b([^<>]{0,2000})>", re.IGNORECASE)
_BASE = re.compile(r"<base\b[^<>]{0,500}?\bhref\s*=\s*[\"']?([^\"'\s<>]{1,2048})", re.IGNORECASE)
_ATTRIBUTE = re.compile(r"([a-zA-Z-]{2,12})\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'>]+))")
_FEED_TYPE = re.compile(
    r"application/(?:rss|atom|rdf|feed)\+(?:xml|json)|application/(?:x-)?rss|text/xml|application/xml"
)
_FEED_KEYS = ("title", "kind", "language", "homepage", "truncated", "clipped", "faults")
_ENTRY_KEYS = (
    "identity", "link", "title", "published", "modified", "date_text", "date_in_future", "authors", "categories",
    "language", "image", "summary",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedFeed(FeedFields):
    """A parsed feed. `entries`: one per identity, in the feed's order; `repeats`: further entries of the same identity.

    `truncated`: the end of the feed is missing.
    """

    entries: tuple[Entry, ...] = ()
    repeats: tuple[Entry, ...] = ()
    truncated: bool = False


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
        return parse_feed(**{each.name: getattr(given, each.name) for each in fields(FeedInput)})
    except NotAFeed as error:
        return NoFeed(error.url, error.looks_like, error.alternates)


def parse_feed(
    body: bytes, *, url: str, content_type: str | None, zone: str, now: datetime, article_number: str | None = None
) -> ParsedFeed:
    """Parse the body fetched from `url`. Raises `NotAFeed` with the feeds that an HTML page links to."""
    text = decode(body, content_type)
    root = root_name(text)
    raw = _read(text, root, url)
    if raw is None or not (raw.kind or raw.entries):
        raise NotAFeed(url, looks_like(text), alternates=find_alternates(text, url) if raw is None else ())
    homepage = repair(raw.homepage, url)
    context = FeedContext(
        url=url,
        zone=zone_of(zone),
        now=now,
        article_number=article_number,
        language=raw.language,
        home=canonicalise(homepage) if homepage else "",
    )
    normalized = normalize_entries(raw.entries, context)
    as_printed: dict[str, Any] = {each.name: getattr(raw, each.name) for each in fields(FeedFields)}
    parsed: dict[str, Any] = {
        "kind": raw.kind or "rss",
        "title": one_line(plain_text(raw.title) if looks_like_markup(raw.title) else raw.title)[:2_000],
        "homepage": homepage,
        "faults": (*raw.faults, *normalized.faults)[:_MAX_FAULTS],
    }
    return ParsedFeed(
        **as_printed | parsed,
        entries=normalized.entries,
        repeats=normalized.repeats,
        truncated=root is not None and is_cut_short(text),
    )


def _read(text: str, root: str | None, url: str) -> RawFeed | None:
    if root in ("urlset", "sitemapindex"):
        from pipeline.feeds.sitemaps import read_sitemap  # loads lxml: few feeds are sitemaps

        return read_sitemap(text)
    if root is not None:
        from pipeline.feeds.rss_atom import read_xml  # feedparser: a run that finds nothing new parses no feed

        return read_xml(text, url)
    return read_json(text) if text.lstrip()[:1] == "{" else None


def body_digest(body: bytes) -> str:
    """A digest of a feed's body without what changes at every request, so that an unchanged feed is not parsed.

    Left out: build dates, comment counters, media statistics and XML comments (`<!-- generated in 0.12 s -->`), also
    inside CDATA sections.
    """
    pieces, at = [], 0
    while (begin := body.find(b"<!--", at)) >= 0 and (end := body.find(b"-->", begin)) >= 0:
        pieces.append(body[at:begin])
        at = end + 3
    bare = b"".join([*pieces, body[at:]])
    first = _FIRST_ENTRY.search(bare)
    start = first.start() if first else len(bare)
    digest = hashlib.sha256(_HEAD_ONLY.sub(b"", bare[:start]))
    digest.update(_ANYWHERE.sub(b"", bare[start:]))
    return digest.hexdigest()


def find_alternates(html: str, url: str) -> tuple[str, ...]:
    """The absolute URLs of the feeds that a page links (`<link rel=alternate type=application/rss+xml …>`)."""
    head = html[:_MAX_HTML_CHARS]
    declared = _BASE.search(head)
    base = (repair(declared.group(1), url) if declared else None) or url
    found = (repair(html_references.unescape(href), base) for tag in _LINK.findall(head) if (href := _feed_href(tag)))
    return tuple(dict.fromkeys(feed for feed in found if feed))[:_MAX_LINKS]


def _feed_href(tag: str) -> str | None:
    named = {name.lower(): double or single or bare for name, double, single, bare in _ATTRIBUTE.findall(tag)}
    is_feed = "alternate" in named.get("rel", "").lower().split() and _FEED_TYPE.match(named.get("type", "").lower())
    return named.get("href") if is_feed else None


def feed_line(
    name: str, body: bytes, *, now: datetime, url: str = "", content_type: str | None = None, zone: str = "UTC"
) -> str:
    """The parsed feed of a file as one line of JSON; a file that is no feed has `error` and no entries.

    `url`: where the feed came from. Without it relative links are left out.
    """
    shown: dict[str, Any] = {"file": name}
    try:
        parsed = parse_feed(body, url=url, content_type=content_type, zone=zone, now=now)
    except NotAFeed as error:
        shown |= {"error": f"not a feed but {error.looks_like}", "alternates": error.alternates, "entries": []}
    else:
        entries = [_entry_as_json(entry) for entry in parsed.entries]
        repeats = [_entry_as_json(entry) | {"repeats_identity": True} for entry in parsed.repeats]
        shown |= {key: getattr(parsed, key) for key in _FEED_KEYS} | {"entries": entries + repeats}
    return json.dumps(shown, ensure_ascii=False, default=datetime.isoformat)


def _entry_as_json(entry: Entry) -> dict[str, Any]:
    """The fields of an entry; only title, link and text may be empty."""
    values = {"id": entry.guid or entry.identity} | {key: getattr(entry, key) for key in _ENTRY_KEYS}
    values |= {"text": entry.content or entry.summary}
    return {key: value for key, value in values.items() if value or key in ("title", "link", "text")}
