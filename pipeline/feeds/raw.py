"""Raw feed values: what the reader of one format returns, strings as printed.

The readers (`rss_atom`, `json_feed`, `sitemaps`) fill these in; `entries` normalises them.

Tested by tests/feeds/test_parse.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

MAX_ENTRIES = 2_000  # of one feed (Media Cloud's cap): the newest are kept
MAX_TEXT_CHARS = 262_144  # of one summary or content
_MAX_DATE_CHARS = 128


@dataclass(frozen=True, slots=True)
class RawText:
    """A text and whether it is markup. `html` is None where the format leaves it open (RSS titles)."""

    value: str
    html: bool | None = None


@dataclass(frozen=True, slots=True)
class RawDate:
    """A date as printed. `guess`: feedparser's reading of it (UTC), used only where ours fails."""

    text: str
    guess: datetime | None = None


def raw_text(value: str | None, *, html: bool | None = None) -> RawText | None:
    """None without a text."""
    return RawText(value, html) if value else None


def raw_date(text: str | None, guess: datetime | None = None) -> RawDate | None:
    """None without a text."""
    return RawDate(text[:_MAX_DATE_CHARS], guess) if text else None


@dataclass(frozen=True, slots=True)
class RawEntry:
    """One entry as printed."""

    title: RawText | None = None
    link: str | None = None
    guid: str | None = None
    summary: RawText | None = None
    content: RawText | None = None
    published: RawDate | None = None
    modified: RawDate | None = None
    authors: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    language: str | None = None
    image: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedFields:
    """A feed's own fields. `clipped`: it was too long, the newest entries are kept."""

    kind: str  # rss20, atom10, rdf …, json11, sitemap-news, sitemap, sitemap-index
    title: str = ""
    language: str | None = None
    homepage: str | None = None
    ttl_s: int | None = None
    update_period_s: int | None = None
    skip_hours: frozenset[int] = frozenset()  # UTC
    skip_days: frozenset[int] = frozenset()  # Monday is 0
    faults: tuple[str, ...] = ()
    clipped: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RawFeed(FeedFields):
    """One feed as printed."""

    entries: tuple[RawEntry, ...] = ()
