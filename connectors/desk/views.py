"""View values of the desk: pages and filters. `queries.py` and `lists.py` fill them, the templates print them.

Where a template prints columns of one table as they are, it gets that table's rows instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row

from connectors.store.runs import RunSummary, RunTotals
from pipeline.domain.model import FeedState, FeedStatus, Topic, Verdict
from pipeline.reporting.report import Report

# An outlet has the worst status among its feeds.
WORST_FIRST: tuple[FeedStatus, ...] = (
    FeedStatus.BLOCKED,
    FeedStatus.GONE,
    FeedStatus.FAILING,
    FeedStatus.SILENT,
    FeedStatus.MOVED,
    FeedStatus.QUIET,
    FeedStatus.FRESH,
    FeedStatus.PAUSED,
)
PUBLISHED = (Verdict.NEW, Verdict.REVISED, Verdict.COPY)


@dataclass(frozen=True, slots=True)
class HourCounts:
    """Entries settled in one hour, by verdict."""

    starts_at: datetime
    verdicts: dict[Verdict, int] = field(default_factory=dict)

    @property
    def ends_at(self) -> datetime:
        """The start of the next hour."""
        return self.starts_at + timedelta(hours=1)

    @property
    def published(self) -> int:
        """Published articles: new ones, revisions and copies."""
        return sum(self.verdicts.get(verdict, 0) for verdict in PUBLISHED)


@dataclass(frozen=True, slots=True)
class DelayStats:
    """Quantiles of a delay in seconds; None without a measurement."""

    median_s: float | None
    p95_s: float | None
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """What waits: pending entries, undelivered messages, dead letters."""

    entries: int
    oldest_entry_at: datetime | None
    messages: int
    oldest_message_at: datetime | None
    dead_letters: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """The first page."""

    hours: tuple[HourCounts, ...]
    feeds: dict[FeedStatus, int]
    settling: DelayStats
    delivering: DelayStats
    backlog: Backlog
    day: RunTotals  # by the reports of the runs of the last 24 hours
    feeds_with_gaps: int
    audit: RunSummary | None  # of last night
    last_run_at: datetime | None

    @property
    def verdicts(self) -> dict[Verdict, int]:
        """Entries of all these hours by verdict."""
        return {verdict: sum(hour.verdicts.get(verdict, 0) for hour in self.hours) for verdict in Verdict}

    @property
    def published(self) -> int:
        """Articles published in these hours."""
        return sum(hour.published for hour in self.hours)


@dataclass(frozen=True, slots=True, kw_only=True)
class OutletSummary:
    """An outlet in a list of outlets."""

    id: str
    feeds: tuple[FeedState, ...]
    published: tuple[int, ...] = ()  # by hour, the latest last
    waiting: int = 0
    dead_letters: int = 0

    @property
    def status(self) -> FeedStatus:
        """The worst status among its feeds."""
        return min((feed.health.status for feed in self.feeds), key=WORST_FIRST.index)

    @property
    def reason(self) -> str | None:
        """The reason of that status."""
        return next((feed.health.status_reason for feed in self.feeds if feed.health.status is self.status), None)

    @property
    def last_new_entry_at(self) -> datetime | None:
        """When any of its feeds last showed a new entry."""
        return max(
            (feed.health.last_new_entry_at for feed in self.feeds if feed.health.last_new_entry_at), default=None
        )

    @property
    def next_poll_at(self) -> datetime | None:
        """The next poll of any of its feeds."""
        return min((feed.schedule.next_poll_at for feed in self.feeds if feed.schedule.next_poll_at), default=None)


@dataclass(frozen=True, slots=True)
class OutletFilter:
    """Outlets with this status and this part of an id."""

    status: FeedStatus | None = None
    containing: str = ""


@dataclass(frozen=True, slots=True)
class OutletPage:
    """A page of the list of outlets."""

    lines: tuple[OutletSummary, ...]
    number: int  # of all that match
    counts: dict[FeedStatus, int]  # outlets by status


@dataclass(frozen=True, slots=True)
class FeedFilter:
    """Feeds with this status, or with possible gaps (polls at which every entry was unknown)."""

    status: FeedStatus | None = None
    with_gaps: bool = False


@dataclass(frozen=True, slots=True)
class FeedPage:
    """A page of the list of feeds."""

    feeds: tuple[FeedState, ...]
    number: int  # of all that match


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryRow:
    """An entry with its verdict."""

    id: int
    outlet_id: str
    identity: str
    title: str
    link: str | None
    verdict: Verdict | None
    reason: str | None
    attempts: int
    first_seen_at: datetime
    settled_at: datetime | None
    next_attempt_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WrapperSummary:
    """An outlet's learnt wrapper and the confidence in it."""

    version: int
    pages: int
    confidence: float
    redesigns: int
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class OutletDetail:
    """The page of an outlet."""

    line: OutletSummary
    polls: Sequence[Row[Any]]  # of the table `polls`
    settled: tuple[EntryRow, ...]
    pending: tuple[EntryRow, ...]
    wrapper: WrapperSummary | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryFilter:
    """Entries of an outlet, with a verdict (or `is_pending`), settled in a time range.

    `reason` applies only with an outlet: it has no index of its own.
    """

    outlet_id: str | None = None
    verdicts: tuple[Verdict, ...] = ()
    reason: str | None = None
    is_pending: bool = False
    is_first: bool = False  # settled for the first time, not after a change
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxFilter:
    """Messages of the outbox in a lane, on topics: undelivered ones, or those delivered in a time range."""

    lane: int | None = None
    topics: tuple[Topic, ...] = ()
    since: datetime | None = None  # None: undelivered messages
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class RunsPage:
    """The last runs; since a time, with their sums."""

    lines: tuple[RunSummary, ...]
    total: RunTotals | None


@dataclass(frozen=True, slots=True)
class RunDetail:
    """What one run did, by outlet."""

    line: RunSummary
    report: Report
