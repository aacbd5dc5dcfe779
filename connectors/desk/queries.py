"""What the desk reads of the store: every figure of its pages, each by an index; lists are connectors/desk/lists.py's.

Counts are taken over the last day and from indexes alone, lists are cut to a page, so that a page costs the same
however long the deployment has run (tests/benchmarks/desk.py). Changes nothing.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, func, literal_column, select

from connectors.desk.lists import (
    PAGE_SIZE,
    last_polls,
    list_entries,
    list_feeds,
    list_messages,
    states_of,
)
from connectors.desk.views import (
    WORST_FIRST,
    Backlog,
    DeadLetterGroup,
    Delays,
    EntryFilter,
    EntryRow,
    FeedFilter,
    FeedPage,
    Hour,
    LaneBacklog,
    MessageRow,
    OutboxFilter,
    OutletDetail,
    OutletFilter,
    OutletPage,
    OutletSummary,
    Overview,
    RunDetail,
    RunsPage,
    WrapperSummary,
)
from connectors.metrics.queries import delivery_delays, verdict_delays
from connectors.store.database import Database
from connectors.store.outbox import outbox
from connectors.store.runs import RunStore, RunSummary, list_runs, sum_runs
from connectors.store.schema import IS_FAILED, IS_PENDING, entries, feeds, runs, wrappers
from pipeline.domain.model import FeedState, FeedStatus, Verdict
from pipeline.extraction.wrapper.wrapper import Wrapper
from pipeline.reporting.report import AUDIT, Report

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
MOST_RUNS = 300  # of a day, every five minutes: 288

# Literals and no parameters: what is selected must be what is grouped by.
AN_HOUR: ColumnElement[timedelta] = literal_column("interval '1 hour'")
FULL_HOUR: ColumnElement[datetime] = literal_column("timestamptz '2000-01-01 00:00:00+00'")


class DeskStore:
    """Reads the tables."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def overview(self, *, now: datetime) -> Overview:
        """The first page: the last 24 hours, and what waits."""
        with self.database.reading() as connection:
            return Overview(
                hours=self.hours(connection, now),
                feeds=self.feed_counts(connection),
                settling=delays_of(verdict_delays(connection, now - HOUR)),
                delivering=delays_of(delivery_delays(connection, now - HOUR)),
                backlog=backlog(connection),
                day=sum_runs(connection, since=now - DAY),
                feeds_with_gaps=feeds_with_gaps(connection),
                audit=last_audit(connection, now),
                last_run_at=connection.scalar(select(func.max(runs.c.finished_at))),
            )

    def feed_counts(self, connection: Connection) -> dict[FeedStatus, int]:
        """Feeds by the desk's word."""
        query = select(feeds.c.status, feeds.c.paused, func.count().label("n")).group_by(feeds.c.status, feeds.c.paused)
        counts: Counter[FeedStatus] = Counter()
        for row in connection.execute(query):
            counts[FeedStatus.PAUSED if row.paused else FeedStatus(row.status)] += row.n
        return dict(counts)

    def hour_of(self, moment: Any) -> ColumnElement[Any]:
        """When a time's hour began, in UTC: on SQLite as text, `2026-11-23 06`."""
        if self.database.is_sqlite:
            return func.substr(moment, 1, 13)
        return func.date_bin(AN_HOUR, moment, FULL_HOUR)  # a third of what date_trunc or to_char take

    def hours(self, connection: Connection, now: datetime) -> tuple[Hour, ...]:
        """Entries settled in the last 24 hours, by hour and verdict."""
        first = this_hour(now) - 23 * HOUR
        hour = self.hour_of(entries.c.settled_at).label("hour")
        query = select(hour, entries.c.verdict).where(entries.c.settled_at >= first, entries.c.verdict.is_not(None))
        found: defaultdict[datetime, dict[Verdict, int]] = defaultdict(dict)
        for (starts, verdict), number in count_settled(connection, query).items():
            found[hour_from(starts)][Verdict(verdict)] = number
        return tuple(Hour(starts, found[starts]) for starts in (first + HOUR * n for n in range(24)))

    # ------------------------------------------------------------ outlets

    def outlets(self, choice: OutletFilter, *, page: int, now: datetime) -> OutletPage:
        """Outlets of a choice, the worst first."""
        with self.database.reading() as connection:
            words = rank_outlets(connection, containing=choice.containing)
            ids = [outlet_id for outlet_id, word in words.items() if choice.status in (None, word)]
            start = (page - 1) * PAGE_SIZE
            lines = summarise_outlets(connection, ids[start : start + PAGE_SIZE])
            return OutletPage(self.with_figures(connection, lines, now), len(ids), dict(Counter(words.values())))

    def with_figures(
        self, connection: Connection, lines: Sequence[OutletSummary], now: datetime
    ) -> tuple[OutletSummary, ...]:
        """These outlets with their articles by hour, and with what waits."""
        ids = [line.id for line in lines]
        published = self.published_by_hour(connection, ids, now)
        waiting = count_by_outlet(connection, ids, IS_PENDING)
        dead = count_by_outlet(connection, ids, IS_FAILED)
        return tuple(
            replace(line, published=published[line.id], waiting=waiting[line.id], dead_letters=dead[line.id])
            for line in lines
        )

    def published_by_hour(
        self, connection: Connection, outlet_ids: Collection[str], now: datetime
    ) -> dict[str, tuple[int, ...]]:
        """Articles that went out in each of the last 24 hours, by outlet."""
        first = this_hour(now) - 23 * HOUR
        hour = self.hour_of(entries.c.settled_at).label("hour")
        query = select(entries.c.outlet_id, hour).where(
            entries.c.outlet_id.in_(outlet_ids),
            entries.c.settled_at >= first,
            entries.c.verdict.in_(("new", "revised", "copy")),
        )
        counts: dict[str, list[int]] = {outlet_id: [0] * 24 for outlet_id in outlet_ids}
        for (outlet_id, starts), number in count_settled(connection, query).items():
            index = int((hour_from(starts) - first) / HOUR)
            if index < 24:
                counts[outlet_id][index] = number
        return {outlet_id: tuple(by_hour) for outlet_id, by_hour in counts.items()}

    def outlet(self, outlet_id: str, *, now: datetime) -> OutletDetail | None:
        """One outlet; None when the store knows no feed of it."""
        with self.database.reading() as connection:
            states = states_of(connection, select(feeds).where(feeds.c.outlet_id == outlet_id))
            if not states:
                return None
            (line,) = self.with_figures(connection, [OutletSummary(outlet_id, states)], now)
            return OutletDetail(
                line=line,
                polls=last_polls(connection, [feed.feed_id for feed in states], now),
                settled=list_entries(connection, EntryFilter(outlet_id=outlet_id), page=1),
                pending=list_entries(connection, EntryFilter(outlet_id=outlet_id, is_pending=True), page=1),
                wrapper=summarise_wrapper(connection, outlet_id),
            )

    def feed(self, feed_id: str) -> FeedState | None:
        """One feed."""
        with self.database.reading() as connection:
            found = states_of(connection, select(feeds).where(feeds.c.feed_id == feed_id))
            return found[0] if found else None

    # ------------------------------------------------------------ entries, dead letters, outbox, runs

    def entries(self, choice: EntryFilter, *, page: int) -> tuple[EntryRow, ...]:
        """A page of entries, the last settled first."""
        with self.database.reading() as connection:
            return list_entries(connection, choice, page=page)

    def messages(self, choice: OutboxFilter, *, page: int) -> tuple[MessageRow, ...]:
        """A page of messages."""
        with self.database.reading() as connection:
            return list_messages(connection, choice, page=page)

    def feeds(self, choice: FeedFilter, *, page: int) -> FeedPage:
        """A page of feeds."""
        with self.database.reading() as connection:
            return list_feeds(connection, choice, page=page)

    def dead_letter_groups(self) -> tuple[DeadLetterGroup, ...]:
        """Dead letters by outlet and cause, the most first."""
        number = func.count().label("n")
        query = (
            select(entries.c.outlet_id, entries.c.reason, number, func.max(entries.c.settled_at).label("latest"))
            .where(IS_FAILED)
            .group_by(entries.c.outlet_id, entries.c.reason)
            .order_by(number.desc(), entries.c.outlet_id)
            .limit(200)
        )
        with self.database.reading() as connection:
            return tuple(DeadLetterGroup(r.outlet_id, r.reason or "", r.n, r.latest) for r in connection.execute(query))

    def waiting_lanes(self) -> tuple[LaneBacklog, ...]:
        """What waits in the outbox, by lane and topic."""
        query = (
            select(
                outbox.c.lane,
                outbox.c.topic,
                func.count().label("messages"),
                func.count(outbox.c.batch).label("stamped"),
                func.min(outbox.c.created_at).label("oldest_at"),
            )
            .where(outbox.c.delivered_at.is_(None))
            .group_by(outbox.c.lane, outbox.c.topic)
            .order_by(outbox.c.lane, outbox.c.topic)
        )
        with self.database.reading() as connection:
            return tuple(LaneBacklog(**row._asdict()) for row in connection.execute(query))

    def runs(self, *, since: datetime | None) -> RunsPage:
        """The last runs; of a time, with what they add up to."""
        with self.database.reading() as connection:
            if since is None:
                return RunsPage(list_runs(connection, limit=PAGE_SIZE), None)
            return RunsPage(list_runs(connection, since=since, limit=MOST_RUNS), sum_runs(connection, since=since))

    def run(self, run_id: str) -> RunDetail | None:
        """What one run did; None when its report is not kept."""
        with self.database.reading() as connection:
            found = list_runs(connection, run_id=run_id)
        return RunDetail(found[0], Report.merge(RunStore(self.database).reports(run_id))) if found else None


def this_hour(now: datetime) -> datetime:
    """The hour's beginning."""
    return now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def hour_from(found: str | datetime) -> datetime:
    """What `hour_of` gave, as a time."""
    if isinstance(found, datetime):
        return found.astimezone(UTC)
    return datetime.strptime(found, "%Y-%m-%d %H").replace(tzinfo=UTC)


def count_settled(connection: Connection, query: Select[Any]) -> Counter[tuple[Any, Any]]:
    """How many settled entries have each pair of values; those that wait again keep their former verdict."""
    pair = tuple(query.selected_columns)
    counted = query.add_columns(func.count().label("n")).where(entries.c.state == "settled").group_by(*pair)
    return Counter({(row[0], row[1]): row.n for row in connection.execute(counted)})


def rank_outlets(connection: Connection, *, containing: str) -> dict[str, FeedStatus]:
    """Every outlet with this in its id, and the worst word among its feeds, the worst first."""
    columns = (feeds.c.outlet_id, feeds.c.status, feeds.c.paused)
    words: defaultdict[str, list[FeedStatus]] = defaultdict(list)
    for row in connection.execute(select(*columns).distinct()):
        words[row.outlet_id].append(FeedStatus.PAUSED if row.paused else FeedStatus(row.status))
    worst = {o: min(called, key=WORST_FIRST.index) for o, called in words.items() if containing.lower() in o}
    return dict(sorted(worst.items(), key=lambda pair: (WORST_FIRST.index(pair[1]), pair[0])))


def summarise_outlets(connection: Connection, outlet_ids: Sequence[str]) -> list[OutletSummary]:
    """These outlets in this order, without figures."""
    by_outlet: dict[str, list[FeedState]] = {outlet_id: [] for outlet_id in outlet_ids}
    for state in states_of(connection, select(feeds).where(feeds.c.outlet_id.in_(outlet_ids))):
        by_outlet[state.outlet_id].append(state)
    return [OutletSummary(outlet_id, tuple(states)) for outlet_id, states in by_outlet.items()]


def count_by_outlet(connection: Connection, outlet_ids: Collection[str], condition: Any) -> Counter[str]:
    """How many entries of these outlets meet a condition that has an index of its own, by outlet."""
    query = select(entries.c.outlet_id, func.count().label("n")).where(condition, entries.c.outlet_id.in_(outlet_ids))
    return Counter({row.outlet_id: row.n for row in connection.execute(query.group_by(entries.c.outlet_id))})


def backlog(connection: Connection) -> Backlog:
    """What waits."""
    pending = connection.execute(
        select(func.count().label("n"), func.min(entries.c.first_seen_at).label("oldest")).where(IS_PENDING)
    ).one()
    waiting = connection.execute(
        select(func.count().label("n"), func.min(outbox.c.created_at).label("oldest")).where(
            outbox.c.delivered_at.is_(None)
        )
    ).one()
    dead = connection.scalar(select(func.count()).select_from(entries).where(IS_FAILED)) or 0
    return Backlog(pending.n, pending.oldest, waiting.n, waiting.oldest, dead)


def last_audit(connection: Connection, now: datetime) -> RunSummary | None:
    """The last comparison of store, outbox and topics; None when there was none for two days."""
    query = select(runs.c.run_id).where(runs.c.finished_at >= now - 2 * DAY, runs.c.run_id.startswith(AUDIT))
    run_id = connection.scalar(query.order_by(runs.c.finished_at.desc()).limit(1))
    return list_runs(connection, run_id=run_id)[0] if run_id else None


def feeds_with_gaps(connection: Connection) -> int:
    """Feeds that once rolled over between two polls: nothing of what they showed was known."""
    return connection.scalar(select(func.count()).select_from(feeds).where(feeds.c.possible_gaps > 0)) or 0


def delays_of(seconds: Sequence[float]) -> Delays:
    """Median, 95th percentile and worst."""
    ranked = sorted(seconds)
    if not ranked:
        return Delays(None, None, None, 0)
    last = len(ranked) - 1
    return Delays(ranked[last // 2], ranked[round(last * 0.95)], ranked[last], len(ranked))


def summarise_wrapper(connection: Connection, outlet_id: str) -> WrapperSummary | None:
    """What an outlet's pages taught; None when nothing was learnt yet."""
    row = connection.execute(select(wrappers).where(wrappers.c.outlet_id == outlet_id)).one_or_none()
    if row is None:
        return None
    wrapper = Wrapper.from_json(row.wrapper)
    return WrapperSummary(row.version, wrapper.pages, wrapper.confidence, wrapper.redesigns, row.updated_at)
