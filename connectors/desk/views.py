"""What the desk's pages show, one value per table or figure. Plain: `desk_store` fills them, templates print them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from connectors.store.runs import RunSummary, RunTotals
from pipeline.domain.model import FeedState, FeedStatus, Topic, Verdict
from pipeline.reporting.report import Report

# The worst first: an outlet is called by the worst word among its feeds.
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


@dataclass(frozen=True, slots=True)
class Hour:
    """An hour's entries by verdict."""

    starts_at: datetime
    verdicts: dict[Verdict, int] = field(default_factory=dict)

    @property
    def ends_at(self) -> datetime:
        """When the next one starts."""
        return self.starts_at + timedelta(hours=1)

    @property
    def published(self) -> int:
        """Articles that went out: new ones, revisions and copies."""
        return sum(self.verdicts.get(verdict, 0) for verdict in (Verdict.NEW, Verdict.REVISED, Verdict.COPY))


@dataclass(frozen=True, slots=True)
class Delays:
    """How long something took, in seconds; None when nothing happened lately."""

    median_s: float | None
    p95_s: float | None
    worst_s: float | None
    number: int


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits."""

    entries: int
    oldest_entry_at: datetime | None
    messages: int
    oldest_message_at: datetime | None
    dead_letters: int


@dataclass(frozen=True, slots=True)
class Overview:
    """The first page."""

    hours: tuple[Hour, ...]
    feeds: dict[FeedStatus, int]
    settling: Delays
    delivering: Delays
    backlog: Backlog
    day: RunTotals  # what the runs of the last 24 hours say of themselves
    feeds_with_gaps: int
    audit: RunSummary | None  # of last night
    last_run_at: datetime | None

    @property
    def verdicts(self) -> dict[Verdict, int]:
        """Entries of all these hours by verdict."""
        return {verdict: sum(hour.verdicts.get(verdict, 0) for hour in self.hours) for verdict in Verdict}

    @property
    def published(self) -> int:
        """Articles that went out in these hours."""
        return sum(hour.published for hour in self.hours)


@dataclass(frozen=True, slots=True)
class OutletSummary:
    """An outlet among the others."""

    id: str
    feeds: tuple[FeedState, ...]
    published: tuple[int, ...] = ()  # by hour, the latest last
    waiting: int = 0
    dead_letters: int = 0

    @property
    def status(self) -> FeedStatus:
        """The worst word among its feeds."""
        return min((feed.status for feed in self.feeds), key=WORST_FIRST.index)

    @property
    def reason(self) -> str | None:
        """Why it is called so."""
        return next((feed.status_reason for feed in self.feeds if feed.status is self.status), None)

    @property
    def last_new_entry_at(self) -> datetime | None:
        """When any of its feeds last showed something new."""
        return max((feed.last_new_entry_at for feed in self.feeds if feed.last_new_entry_at), default=None)

    @property
    def next_poll_at(self) -> datetime | None:
        """When the first of its feeds is polled next."""
        return min((feed.next_poll_at for feed in self.feeds if feed.next_poll_at), default=None)


@dataclass(frozen=True, slots=True)
class OutletFilter:
    """Which outlets: called so, with this in id."""

    status: FeedStatus | None = None
    containing: str = ""


@dataclass(frozen=True, slots=True)
class OutletPage:
    """A page of the list of outlets."""

    lines: tuple[OutletSummary, ...]
    number: int  # of all that match
    counts: dict[FeedStatus, int]  # outlets by word


@dataclass(frozen=True, slots=True)
class FeedFilter:
    """Which feeds: called so, or that rolled over between two polls."""

    status: FeedStatus | None = None
    with_gaps: bool = False


@dataclass(frozen=True, slots=True)
class FeedPage:
    """A page of the list of feeds."""

    feeds: tuple[FeedState, ...]
    number: int  # of all that match


@dataclass(frozen=True, slots=True)
class EntryRow:
    """An entry with its verdict."""

    id: int
    outlet_id: str
    feed_id: str
    identity: str
    title: str
    link: str | None
    verdict: Verdict | None
    reason: str | None
    attempts: int
    first_seen_at: datetime
    settled_at: datetime | None
    next_attempt_at: datetime | None


@dataclass(frozen=True, slots=True)
class PollLine:
    """A poll."""

    feed_id: str
    at: datetime
    outcome: str
    http_status: int | None
    entries: int
    new: int
    changed: int
    wire_bytes: int
    elapsed_s: float
    detail: str | None


@dataclass(frozen=True, slots=True)
class WrapperSummary:
    """What an outlet's pages taught, and how far it is trusted."""

    version: int
    pages: int
    confidence: float
    redesigns: int
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class OutletDetail:
    """The page of an outlet."""

    line: OutletSummary
    polls: tuple[PollLine, ...]
    settled: tuple[EntryRow, ...]
    pending: tuple[EntryRow, ...]
    wrapper: WrapperSummary | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryFilter:
    """Which entries: of an outlet, with a verdict (or `is_pending`), settled in a span.

    `reason` counts with an outlet alone: no index leads to it.
    """

    outlet_id: str | None = None
    verdicts: tuple[Verdict, ...] = ()
    reason: str | None = None
    is_pending: bool = False
    is_first: bool = False  # settled for the first time, not after a change
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class DeadLetterGroup:
    """Dead letters of one outlet with one cause."""

    outlet_id: str
    reason: str
    number: int
    latest_at: datetime


@dataclass(frozen=True, slots=True)
class LaneBacklog:
    """What waits in a lane of the outbox, by topic."""

    lane: int
    topic: str
    messages: int
    stamped: int
    oldest_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxFilter:
    """Which messages of the outbox: those that wait, or those delivered in a span; in a lane, on topics."""

    lane: int | None = None
    topics: tuple[Topic, ...] = ()
    since: datetime | None = None  # without it: those that wait
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class MessageRow:
    """A message, without its value."""

    id: int
    lane: int
    topic: str
    key: str
    type: str
    created_at: datetime
    batch: int | None
    delivered_at: datetime | None


@dataclass(frozen=True, slots=True)
class RunsPage:
    """The last runs; of a span, with what they add up to."""

    lines: tuple[RunSummary, ...]
    total: RunTotals | None


@dataclass(frozen=True, slots=True)
class RunDetail:
    """What one run did, outlet by outlet."""

    line: RunSummary
    report: Report
