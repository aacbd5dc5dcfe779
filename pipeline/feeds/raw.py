"""Raw feed values: what the reader of one format returns, strings as printed.

The readers (`rss_atom`, `json_feed`, `news_sitemap`) fill these in; `entries` normalises them.

Tested by tests/feeds/test_parse.py.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

MAX_ENTRIES = 2_000  # of one feed (Media Cloud's cap): the newest are kept
MAX_TEXT_CHARS = 262_144  # of one summary or content


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


@dataclass(frozen=True, slots=True)
class RawFeed:
    """One feed as printed. `skip_days`: Monday is 0. `clipped`: entries beyond a limit were not read."""

    kind: str
    entries: tuple[RawEntry, ...] = ()
    title: str = ""
    language: str | None = None
    homepage: str | None = None
    ttl_s: int | None = None
    update_period_s: int | None = None
    skip_hours: frozenset[int] = frozenset()
    skip_days: frozenset[int] = frozenset()
    self_url: str | None = None
    next_url: str | None = None
    hubs: tuple[str, ...] = ()
    faults: tuple[str, ...] = field(default=())
    clipped: bool = False
