"""Desk queries: every figure of the desk's pages, each read by an index. The lists are in connectors/desk/lists.py.

Counts cover the last day and come from indexes alone; lists are cut to a page. A page therefore costs the same however
long the deployment has run (tests/benchmarks/desk.py). Changes nothing.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, func, literal_column, select

from connectors.desk.lists import PAGE_SIZE, last_polls, list_entries, states_of
from connectors.desk.views import (
    PUBLISHED,
    WORST_FIRST,
    Backlog,
    DelayStats,
    EntryFilter,
    HourCounts,
    OutletDetail,
    OutletFilter,
    OutletPage,
    OutletSummary,
    Overview,
    RunDetail,
    RunsPage,
    WrapperSummary,
)
from connectors.metrics.queries import count_dead_letters, delivery_delays, verdict_delays
from connectors.store.runs import RunSummary, list_runs, read_reports, sum_runs
from connectors.store.schema import IS_FAILED, IS_PENDING, entries, feeds, outbox, runs, wrappers
from pipeline.domain.model import FeedStatus, Verdict
from pipeline.extraction.wrapper.wrapper import Wrapper
from pipeline.reporting.report import AUDIT, Report

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
MAX_RUNS = 300  # a day has 288, one every five minutes
MAX_GROUPS = 200  # of dead letters

# Literals, not parameters: the selected and the grouped expression must be equal.
AN_HOUR: ColumnElement[timedelta] = literal_column("interval '1 hour'")
FULL_HOUR: ColumnElement[datetime] = literal_column("timestamptz '2000-01-01 00:00:00+00'")


def read_overview(connection: Connection, *, now: datetime) -> Overview:
    """The first page: the last 24 hours, and the backlog."""
    return Overview(
        hours=count_hours(connection, now),
        feeds=count_feeds(connection),
        settling=delay_stats(verdict_delays(connection, now - HOUR)),
        delivering=delay_stats(delivery_delays(connection, now - HOUR)),
        backlog=backlog(connection),
        day=sum_runs(connection, since=now - DAY),
        feeds_with_gaps=feeds_with_gaps(connection),
        audit=last_audit(connection, now),
        last_run_at=connection.scalar(select(func.max(runs.c.finished_at))),
    )


def read_outlets(connection: Connection, choice: OutletFilter, *, page: int, now: datetime) -> OutletPage:
    """A page of outlets, the worst status first."""
    statuses = rank_outlets(connection, containing=choice.containing)
    ids = [outlet_id for outlet_id, status in statuses.items() if choice.status in (None, status)]
    start = (page - 1) * PAGE_SIZE
    lines = summarise_outlets(connection, ids[start : start + PAGE_SIZE], now)
    return OutletPage(lines, len(ids), dict(Counter(statuses.values())))


def read_outlet(connection: Connection, outlet_id: str, *, now: datetime) -> OutletDetail | None:
    """One outlet; None when the store has no feed of it."""
    (line,) = summarise_outlets(connection, [outlet_id], now)
    if not line.feeds:
        return None
    return OutletDetail(
        line=line,
        polls=last_polls(connection, [feed.feed_id for feed in line.feeds], now),
        settled=list_entries(connection, EntryFilter(outlet_id=outlet_id), page=1),
        pending=list_entries(connection, EntryFilter(outlet_id=outlet_id, is_pending=True), page=1),
        wrapper=summarise_wrapper(connection, outlet_id),
    )


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


def read_runs(connection: Connection, *, since: datetime | None) -> RunsPage:
    """The last runs; since a time, with their sums."""
    if since is None:
        return RunsPage(list_runs(connection, limit=PAGE_SIZE), None)
    return RunsPage(list_runs(connection, since=since, limit=MAX_RUNS), sum_runs(connection, since=since))


def read_run(connection: Connection, run_id: str) -> RunDetail | None:
    """One run; None when its report is not stored."""
    found = list_runs(connection, run_id=run_id)
    return RunDetail(found[0], Report.merge(read_reports(connection, run_id))) if found else None


def this_hour(now: datetime) -> datetime:
    """The start of the hour, in UTC."""
    return now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def hour_of_settling(connection: Connection) -> ColumnElement[Any]:
    """The hour in which an entry was settled, in UTC: on SQLite as text, `2026-11-23 06`."""
    if connection.dialect.name == "sqlite":
        return func.substr(entries.c.settled_at, 1, 13)
    return func.date_bin(AN_HOUR, entries.c.settled_at, FULL_HOUR)  # takes a third of the time of date_trunc or to_char


def hour_from(found: str | datetime) -> datetime:
    """The value of `hour_of_settling` as a time."""
    if isinstance(found, datetime):
        return found.astimezone(UTC)
    return datetime.strptime(found, "%Y-%m-%d %H").replace(tzinfo=UTC)


def count_settled(connection: Connection, query: Select[Any]) -> Counter[tuple[Any, Any]]:
    """How many settled entries have each pair of values. Pending entries keep their former verdict: not counted."""
    pair = tuple(query.selected_columns)
    counted = query.add_columns(func.count().label("n")).where(entries.c.state == "settled").group_by(*pair)
    return Counter({(row[0], row[1]): row.n for row in connection.execute(counted)})


def count_hours(connection: Connection, now: datetime) -> tuple[HourCounts, ...]:
    """Entries settled in the last 24 hours, by hour and verdict."""
    first, hour = this_hour(now) - 23 * HOUR, hour_of_settling(connection).label("hour")
    query = select(hour, entries.c.verdict).where(entries.c.settled_at >= first, entries.c.verdict.is_not(None))
    found: defaultdict[datetime, dict[Verdict, int]] = defaultdict(dict)
    for (starts, verdict), number in count_settled(connection, query).items():
        found[hour_from(starts)][Verdict(verdict)] = number
    return tuple(HourCounts(starts, found[starts]) for starts in (first + HOUR * n for n in range(24)))


def count_feeds(connection: Connection) -> dict[FeedStatus, int]:
    """Feeds by status."""
    query = select(feeds.c.status, feeds.c.paused, func.count().label("n")).group_by(feeds.c.status, feeds.c.paused)
    counts: Counter[FeedStatus] = Counter()
    for row in connection.execute(query):
        counts[FeedStatus.PAUSED if row.paused else FeedStatus(row.status)] += row.n
    return dict(counts)


def rank_outlets(connection: Connection, *, containing: str) -> dict[str, FeedStatus]:
    """Outlets with this in their id and the worst status of their feeds, the worst first."""
    columns = (feeds.c.outlet_id, feeds.c.status, feeds.c.paused)
    statuses: defaultdict[str, list[FeedStatus]] = defaultdict(list)
    for row in connection.execute(select(*columns).distinct()):
        statuses[row.outlet_id].append(FeedStatus.PAUSED if row.paused else FeedStatus(row.status))
    worst = {o: min(found, key=WORST_FIRST.index) for o, found in statuses.items() if containing.lower() in o}
    return dict(sorted(worst.items(), key=lambda pair: (WORST_FIRST.index(pair[1]), pair[0])))


def summarise_outlets(connection: Connection, outlet_ids: Sequence[str], now: datetime) -> tuple[OutletSummary, ...]:
    """These outlets in this order, with their articles by hour and their backlog."""
    lines = {outlet_id: OutletSummary(id=outlet_id, feeds=()) for outlet_id in outlet_ids}
    for state in states_of(connection, select(feeds).where(feeds.c.outlet_id.in_(outlet_ids))):
        line = lines[state.outlet_id]
        lines[state.outlet_id] = replace(line, feeds=(*line.feeds, state))
    published = published_by_hour(connection, outlet_ids, now)
    waiting = count_by_outlet(connection, outlet_ids, IS_PENDING)
    dead = count_by_outlet(connection, outlet_ids, IS_FAILED)
    return tuple(
        replace(line, published=published[line.id], waiting=waiting[line.id], dead_letters=dead[line.id])
        for line in lines.values()
    )


def published_by_hour(connection: Connection, outlet_ids: Collection[str], now: datetime) -> dict[str, tuple[int, ...]]:
    """Articles published in each of the last 24 hours, by outlet."""
    first, hour = this_hour(now) - 23 * HOUR, hour_of_settling(connection).label("hour")
    query = select(entries.c.outlet_id, hour).where(
        entries.c.outlet_id.in_(outlet_ids),
        entries.c.settled_at >= first,
        entries.c.verdict.in_([verdict.value for verdict in PUBLISHED]),
    )
    counts: dict[str, list[int]] = {outlet_id: [0] * 24 for outlet_id in outlet_ids}
    for (outlet_id, starts), number in count_settled(connection, query).items():
        index = int((hour_from(starts) - first) / HOUR)
        if index < 24:
            counts[outlet_id][index] = number
    return {outlet_id: tuple(by_hour) for outlet_id, by_hour in counts.items()}


def count_by_outlet(connection: Connection, outlet_ids: Collection[str], condition: Any) -> Counter[str]:
    """How many entries of these outlets meet a condition that has an index of its own, by outlet."""
    query = select(entries.c.outlet_id, func.count().label("n")).where(condition, entries.c.outlet_id.in_(outlet_ids))
    return Counter({row.outlet_id: row.n for row in connection.execute(query.group_by(entries.c.outlet_id))})


def backlog(connection: Connection) -> Backlog:
    """Pending entries, undelivered messages and dead letters."""
    number = func.count().label("number")
    oldest_entry = func.min(entries.c.first_seen_at).label("oldest")
    pending = connection.execute(select(number, oldest_entry).where(IS_PENDING)).one()
    oldest_message = func.min(outbox.c.created_at).label("oldest")
    waiting = connection.execute(select(number, oldest_message).where(outbox.c.delivered_at.is_(None))).one()
    return Backlog(
        entries=pending.number,
        oldest_entry_at=pending.oldest,
        messages=waiting.number,
        oldest_message_at=waiting.oldest,
        dead_letters=count_dead_letters(connection),
    )


def last_audit(connection: Connection, now: datetime) -> RunSummary | None:
    """The last audit of store, outbox and topics; None without one in two days."""
    query = select(runs.c.run_id).where(runs.c.finished_at >= now - 2 * DAY, runs.c.run_id.startswith(AUDIT))
    run_id = connection.scalar(query.order_by(runs.c.finished_at.desc()).limit(1))
    return list_runs(connection, run_id=run_id)[0] if run_id else None


def feeds_with_gaps(connection: Connection) -> int:
    """Feeds with possible gaps: once, every entry that a poll found was unknown."""
    return connection.scalar(select(func.count()).select_from(feeds).where(feeds.c.possible_gaps > 0)) or 0


def delay_stats(seconds: Sequence[float]) -> DelayStats:
    """Median and 95th percentile."""
    ranked = sorted(seconds)
    if not ranked:
        return DelayStats(None, None, 0)
    last = len(ranked) - 1
    return DelayStats(ranked[last // 2], ranked[round(last * 0.95)], len(ranked))


def summarise_wrapper(connection: Connection, outlet_id: str) -> WrapperSummary | None:
    """An outlet's learnt wrapper; None before one was learnt."""
    row = connection.execute(select(wrappers).where(wrappers.c.outlet_id == outlet_id)).one_or_none()
    if row is None:
        return None
    wrapper = Wrapper.from_json(row.wrapper)
    return WrapperSummary(
        version=row.version,
        pages=wrapper.pages,
        confidence=wrapper.confidence,
        redesigns=wrapper.redesigns,
        updated_at=row.updated_at,
    )
