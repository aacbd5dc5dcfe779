"""Desk queries: every figure of the desk's pages, and the lists that the figures link to, each read by an index.

Counts cover the last day and come from indexes alone; lists are cut to a page, and their rows go to the templates as
they are. A page therefore costs the same however long the deployment has run (tests/benchmarks/desk.py). Changes
nothing.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Row, Select, case, func, literal_column, select

from connectors.metrics.queries import TO_DELIVERY, TO_VERDICT, count_dead_letters, delays
from connectors.store.feeds import state_from_row
from connectors.store.runs import RunSummary, RunTotals, list_runs, read_reports, sum_runs
from connectors.store.schema import IS_FAILED, IS_PENDING, entries, feeds, outbox, polls, runs, wrappers
from pipeline.domain.model import FeedState, FeedStatus, Topic, Verdict
from pipeline.extraction.wrapper.wrapper import Wrapper
from pipeline.reporting.report import AUDIT, Report

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
PAGE_SIZE = 50
MAX_PAGES = 40  # the database reads through an offset: older rows are found by time
MAX_POLLS = 40  # on an outlet's page
POLLS_SINCE = timedelta(days=7)  # of feeds that are polled rarely
PUBLISHED = (Verdict.NEW, Verdict.REVISED, Verdict.COPY)
MAX_RUNS = 300  # a day has 288, one every five minutes
MAX_GROUPS = 200  # of dead letters

# Columns of a list: of `entries`, where a pending entry keeps its former verdict; of `outbox`, all but the value.
IS_SETTLED = entries.c.state == "settled"
ENTRY_COLUMNS = (
    *(entries.c[name] for name in ("id", "outlet_id", "identity", "entry", "reason", "attempts")),
    *(entries.c[name] for name in ("first_seen_at", "next_attempt_at")),
    case((IS_SETTLED, entries.c.verdict)).label("verdict"),
    case((IS_SETTLED, entries.c.settled_at)).label("settled_at"),
)
MESSAGE_COLUMNS = tuple(
    outbox.c[name] for name in ("lane", "topic", "key", "type", "created_at", "batch", "delivered_at")
)

# Literals, not parameters: the selected and the grouped expression must be equal.
AN_HOUR: ColumnElement[timedelta] = literal_column("interval '1 hour'")
FULL_HOUR: ColumnElement[datetime] = literal_column("timestamptz '2000-01-01 00:00:00+00'")


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


@dataclass(frozen=True, slots=True, kw_only=True)
class OutletSummary:
    """An outlet in a list of outlets."""

    id: str
    feeds: tuple[FeedState, ...]
    published: tuple[int, ...]  # by hour, the latest last
    waiting: int
    dead_letters: int

    @property
    def status(self) -> FeedStatus:
        """The worst status among its feeds."""
        return min((feed.health.status for feed in self.feeds), key=WORST_FIRST.index)

    @property
    def reason(self) -> str | None:
        return next((feed.health.status_reason for feed in self.feeds if feed.health.status is self.status), None)

    @property
    def last_new_entry_at(self) -> datetime | None:
        """When any of its feeds last showed a new entry."""
        return max(
            (feed.health.last_new_entry_at for feed in self.feeds if feed.health.last_new_entry_at), default=None
        )

    @property
    def next_poll_at(self) -> datetime | None:
        return min((feed.schedule.next_poll_at for feed in self.feeds if feed.schedule.next_poll_at), default=None)


def read_overview(connection: Connection, *, now: datetime) -> dict[str, Any]:
    """What the first page shows: the last 24 hours, and the backlog."""
    starts = last_hours(now)
    found = count_by_hour(connection, entries.c.verdict, starts, entries.c.verdict.is_not(None))
    number, oldest = func.count().label("number"), func.min(entries.c.first_seen_at).label("oldest_at")
    oldest_message = func.min(outbox.c.created_at).label("oldest_at")
    with_gaps = select(func.count()).select_from(feeds).where(feeds.c.possible_gaps > 0)
    hours = [(hour, sum(found[verdict, hour] for verdict in PUBLISHED)) for hour in starts]
    return {
        "hours": [{"starts_at": hour, "ends_at": hour + HOUR, "published": number} for hour, number in hours],
        "published": sum(number for _, number in hours),
        "verdicts": {verdict: sum(found[verdict, hour] for hour in starts) for verdict in Verdict},
        "feeds": count_feeds(connection),
        "settling": delay_stats(delays(connection, now - HOUR, *TO_VERDICT)),
        "delivering": delay_stats(delays(connection, now - HOUR, *TO_DELIVERY)),
        "pending": connection.execute(select(number, oldest).where(IS_PENDING)).one(),
        "undelivered": connection.execute(select(number, oldest_message).where(outbox.c.delivered_at.is_(None))).one(),
        "dead_letters": count_dead_letters(connection),
        "day": sum_runs(connection, since=now - DAY),  # by the reports of the runs
        "feeds_with_gaps": connection.scalar(with_gaps) or 0,
        "audit": last_audit(connection, now),
        "last_run_at": connection.scalar(select(func.max(runs.c.finished_at))),
    }


def read_outlets(
    connection: Connection, status: FeedStatus | None = None, containing: str = "", *, page: int, now: datetime
) -> tuple[list[OutletSummary], int, Counter[FeedStatus]]:
    """A page of outlets with this status and this in their id, the worst first; how many match; outlets by status."""
    statuses = rank_outlets(connection, containing=containing)
    ids = [outlet_id for outlet_id, worst in statuses.items() if status in (None, worst)]
    start = (page - 1) * PAGE_SIZE
    lines = summarise_outlets(connection, ids[start : start + PAGE_SIZE], now)
    return lines, len(ids), Counter(statuses.values())


def read_outlet(connection: Connection, outlet_id: str, *, now: datetime) -> dict[str, Any] | None:
    """What the page of an outlet shows; None when the store has no feed of it."""
    (line,) = summarise_outlets(connection, [outlet_id], now)
    if not line.feeds:
        return None
    learnt = connection.execute(select(wrappers).where(wrappers.c.outlet_id == outlet_id)).one_or_none()
    return {
        "line": line,
        "polls": last_polls(connection, [feed.feed_id for feed in line.feeds], now),
        "settled": list_entries(connection, EntryFilter(outlet_id=outlet_id), page=1),
        "pending": list_entries(connection, EntryFilter(outlet_id=outlet_id, is_pending=True), page=1),
        "learnt": learnt,
        "wrapper": Wrapper.from_json(learnt.wrapper) if learnt else None,
    }


def dead_letter_groups(connection: Connection) -> Sequence[Row[Any]]:
    """Outlet, reason, number and latest time of dead letters with one cause, the largest group first."""
    number, latest_at = func.count().label("number"), func.max(entries.c.settled_at).label("latest_at")
    reason = func.coalesce(entries.c.reason, "").label("reason")
    query = select(entries.c.outlet_id, reason, number, latest_at).where(IS_FAILED)
    query = query.group_by(entries.c.outlet_id, entries.c.reason).order_by(number.desc(), entries.c.outlet_id)
    return connection.execute(query.limit(MAX_GROUPS)).all()


def waiting_lanes(connection: Connection) -> Sequence[Row[Any]]:
    """Undelivered messages by lane and topic: number, how many are stamped, and the oldest."""
    group = outbox.c.lane, outbox.c.topic
    stamped = func.count(outbox.c.batch).label("stamped")
    query = select(*group, func.count().label("messages"), stamped, func.min(outbox.c.created_at).label("oldest_at"))
    return connection.execute(query.where(outbox.c.delivered_at.is_(None)).group_by(*group).order_by(*group)).all()


def read_runs(connection: Connection, *, since: datetime | None) -> tuple[tuple[RunSummary, ...], RunTotals | None]:
    """The last runs; since a time, with their sums."""
    if since is None:
        return list_runs(connection, limit=PAGE_SIZE), None
    return list_runs(connection, since=since, limit=MAX_RUNS), sum_runs(connection, since=since)


def read_run(connection: Connection, run_id: str) -> tuple[RunSummary, Report] | None:
    """One run and what it did, by outlet; None when its report is not stored."""
    found = list_runs(connection, run_id=run_id)
    return (found[0], Report.merge(read_reports(connection, run_id))) if found else None


def last_hours(now: datetime) -> list[datetime]:
    """The starts of the last 24 hours in UTC, this one included."""
    this_hour = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    return [this_hour - HOUR * ago for ago in reversed(range(24))]


def count_by_hour(
    connection: Connection, column: Column[Any], starts: Sequence[datetime], *conditions: Any
) -> Counter[tuple[str, datetime]]:
    """Entries settled since the first of these hours, by a column's value and by hour.

    Pending entries keep their former verdict: not counted.
    """
    if connection.dialect.name == "sqlite":
        hour = func.substr(entries.c.settled_at, 1, 13)  # `2026-11-23 06`
    else:  # takes a third of the time of date_trunc or to_char
        hour = func.date_bin(AN_HOUR, entries.c.settled_at, FULL_HOUR)
    query = select(column, hour.label("hour"), func.count().label("n"))
    query = query.where(entries.c.settled_at >= starts[0], IS_SETTLED, *conditions).group_by(column, "hour")
    counts: Counter[tuple[str, datetime]] = Counter()
    for value, found, number in connection.execute(query):
        is_time = isinstance(found, datetime)
        settled = found if is_time else datetime.strptime(found, "%Y-%m-%d %H").replace(tzinfo=UTC)
        counts[value, settled.astimezone(UTC)] = number
    return counts


def count_feeds(connection: Connection) -> dict[FeedStatus, int]:
    query = select(feeds.c.status, feeds.c.paused, func.count().label("n")).group_by(feeds.c.status, feeds.c.paused)
    counts: Counter[FeedStatus] = Counter()
    for row in connection.execute(query):
        counts[FeedStatus.PAUSED if row.paused else FeedStatus(row.status)] += row.n
    return counts


def rank_outlets(connection: Connection, *, containing: str) -> dict[str, FeedStatus]:
    """Outlets with this in their id and the worst status of their feeds, the worst first."""
    columns = (feeds.c.outlet_id, feeds.c.status, feeds.c.paused)
    statuses: defaultdict[str, list[FeedStatus]] = defaultdict(list)
    for row in connection.execute(select(*columns).distinct()):
        statuses[row.outlet_id].append(FeedStatus.PAUSED if row.paused else FeedStatus(row.status))
    worst = {o: min(found, key=WORST_FIRST.index) for o, found in statuses.items() if containing.lower() in o}
    return dict(sorted(worst.items(), key=lambda pair: (WORST_FIRST.index(pair[1]), pair[0])))


def summarise_outlets(connection: Connection, outlet_ids: Sequence[str], now: datetime) -> list[OutletSummary]:
    """These outlets in this order, with their articles by hour and their backlog."""
    feeds_of: defaultdict[str, list[FeedState]] = defaultdict(list)
    for state in states_of(connection, select(feeds).where(feeds.c.outlet_id.in_(outlet_ids))):
        feeds_of[state.outlet_id].append(state)
    starts, is_published = last_hours(now), entries.c.verdict.in_([verdict.value for verdict in PUBLISHED])
    of_these = entries.c.outlet_id.in_(outlet_ids)
    published = count_by_hour(connection, entries.c.outlet_id, starts, of_these, is_published)
    waiting = count_by_outlet(connection, outlet_ids, IS_PENDING)
    dead = count_by_outlet(connection, outlet_ids, IS_FAILED)
    return [
        OutletSummary(
            id=outlet_id,
            feeds=tuple(feeds_of[outlet_id]),
            published=tuple(published[outlet_id, hour] for hour in starts),
            waiting=waiting[outlet_id],
            dead_letters=dead[outlet_id],
        )
        for outlet_id in outlet_ids
    ]


def count_by_outlet(connection: Connection, outlet_ids: Collection[str], condition: Any) -> Counter[str]:
    """How many entries of these outlets meet a condition that has an index of its own, by outlet."""
    query = select(entries.c.outlet_id, func.count().label("n")).where(condition, entries.c.outlet_id.in_(outlet_ids))
    return Counter({row.outlet_id: row.n for row in connection.execute(query.group_by(entries.c.outlet_id))})


def last_audit(connection: Connection, now: datetime) -> RunSummary | None:
    """The last audit of store, outbox and topics; None without one in two days."""
    query = select(runs.c.run_id).where(runs.c.finished_at >= now - 2 * DAY, runs.c.run_id.startswith(AUDIT))
    run_id = connection.scalar(query.order_by(runs.c.finished_at.desc()).limit(1))
    return list_runs(connection, run_id=run_id)[0] if run_id else None


def delay_stats(seconds: Sequence[float]) -> dict[str, float | None]:
    """Median and 95th percentile in seconds (None without a measurement), and the number of measurements."""
    ranked = sorted(seconds)
    last = len(ranked) - 1
    median_s, p95_s = (ranked[last // 2], ranked[round(last * 0.95)]) if ranked else (None, None)
    return {"median_s": median_s, "p95_s": p95_s, "number": len(ranked)}


# ---------------------------------------------------------------- lists


def paged(query: Select[Any], page: int) -> Select[Any]:
    return query.limit(PAGE_SIZE).offset((min(page, MAX_PAGES) - 1) * PAGE_SIZE)


def list_entries(connection: Connection, choice: EntryFilter, *, page: int) -> Sequence[Row[Any]]:
    """A page of entries, the last settled first; of pending ones the oldest first."""
    query = select(*ENTRY_COLUMNS)
    if choice.outlet_id is not None:
        query = query.where(entries.c.outlet_id == choice.outlet_id)
        if choice.reason is not None:
            query = query.where(entries.c.reason == choice.reason)
    if choice.is_pending:
        query = query.where(IS_PENDING).order_by(entries.c.first_seen_at, entries.c.id)
        return connection.execute(paged(query, page)).all()
    # In the order of the index that counts them.
    query = query.where(entries.c.settled_at.is_not(None), IS_SETTLED)
    if choice.since is not None:
        query = query.where(entries.c.settled_at >= choice.since)
    if choice.until is not None:
        query = query.where(entries.c.settled_at < choice.until)
    if choice.is_first:
        query = query.where(entries.c.version == 1)
    if choice.verdicts == (Verdict.FAILED,):
        query = query.where(IS_FAILED)
    elif choice.verdicts:
        query = query.where(entries.c.verdict.in_([verdict.value for verdict in choice.verdicts]))
    return connection.execute(paged(query.order_by(entries.c.settled_at.desc()), page)).all()


def list_messages(connection: Connection, choice: OutboxFilter, *, page: int) -> Sequence[Row[Any]]:
    """A page of messages: undelivered ones in order of delivery, or delivered ones, the last first."""
    query = select(*MESSAGE_COLUMNS)
    if choice.lane is not None:
        query = query.where(outbox.c.lane == choice.lane)
    if choice.topics:
        query = query.where(outbox.c.topic.in_([topic.value for topic in choice.topics]))
    if choice.since is None:
        query = query.where(outbox.c.delivered_at.is_(None)).order_by(outbox.c.id)
    else:
        query = query.where(outbox.c.delivered_at >= choice.since).order_by(outbox.c.delivered_at.desc())
    if choice.until is not None:
        query = query.where(outbox.c.delivered_at < choice.until)
    return connection.execute(paged(query, page)).all()


def states_of(connection: Connection, query: Select[Any]) -> tuple[FeedState, ...]:
    """Feeds in order of their ids."""
    return tuple(state_from_row(row) for row in connection.execute(query.order_by(feeds.c.feed_id)))


def list_feeds(
    connection: Connection, status: FeedStatus | None, *, with_gaps: bool, page: int
) -> tuple[tuple[FeedState, ...], int]:
    """A page of feeds with a status or possible gaps, in order of their ids, and the number of all that match."""
    conditions: list[ColumnElement[bool]] = []
    if status is FeedStatus.PAUSED:
        conditions.append(feeds.c.paused.is_(True))
    elif status is not None:
        conditions += [feeds.c.status == status.value, feeds.c.paused.is_(False)]
    if with_gaps:
        conditions.append(feeds.c.possible_gaps > 0)
    number = connection.scalar(select(func.count()).select_from(feeds).where(*conditions)) or 0
    query = select(feeds).where(*conditions).limit(PAGE_SIZE).offset((page - 1) * PAGE_SIZE)
    return states_of(connection, query), number


def last_polls(connection: Connection, feed_ids: Sequence[str], now: datetime) -> Sequence[Row[Any]]:
    query = (
        select(polls)
        .where(polls.c.feed_id.in_(feed_ids), polls.c.polled_at >= now - POLLS_SINCE)
        .order_by(polls.c.polled_at.desc(), polls.c.id.desc())
        .limit(MAX_POLLS)
    )
    return connection.execute(query).all()
