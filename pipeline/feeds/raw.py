"""What a reader of one feed format hands over: strings as they were printed, before anything is understood.

The readers (`feed_xml`, `feed_json`, `feed_sitemap`) fill these in; `feed_entries` makes entries of them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

MAX_ENTRIES = 2_000  # of one feed (Media Cloud's cap): the newest are kept
MAX_TEXT_CHARS = 262_144  # of one summary or content


@dataclass(frozen=True, slots=True)
class RawText:
    """A text and whether it is markup. `html` None: the format does not say (RSS titles)."""

    value: str
    html: bool | None = None


@dataclass(frozen=True, slots=True)
class RawDate:
    """A date as printed, and what the format's library made of it (UTC), to be used where our own reading fails."""

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
