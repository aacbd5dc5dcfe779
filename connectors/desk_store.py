"""What the desk reads of the store: every figure and list of its pages, each by an index.

Counts are taken over the last day and from indexes alone, lists are cut to a page, so that a page costs the same
however long the deployment has run (tests/benchmarks/desk.py). Changes nothing.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, func, literal_column, select, text

from connectors.database import Database
from connectors.desk.views import (
    WORST_FIRST,
    Backlog,
    DeadGroup,
    Delays,
    EntryChoice,
    EntryLine,
    Hour,
    OneOutlet,
    OneRun,
    OutletChoice,
    OutletLine,
    OutletPage,
    OutletRank,
    Overview,
    PollLine,
    WaitingLane,
    WrapperLine,
)
from connectors.feed_store import state_from_row
from connectors.metrics.metrics_store import delivery_delays, verdict_delays
from connectors.outbox import outbox
from connectors.run_store import RunLine, RunStore, day_line, run_lines
from connectors.tables import entries, feeds, polls, runs, wrappers
from pipeline.model import FeedState, FeedStatus, Verdict
from pipeline.report import Report
from pipeline.wrapper import Wrapper

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
ON_A_PAGE = 50
MOST_PAGES = 40  # an offset is read through: further back one asks by time
MOST_POLLS = 40

# Literals and no parameters: what is selected must be what is grouped by.
HOUR_FORM: ColumnElement[str] = literal_column("'YYYY-MM-DD HH24'")
UTC_ZONE: ColumnElement[str] = literal_column("'UTC'")

# Literals, by which both databases find the partial indexes.
IS_PENDING = text("state = 'pending'")
IS_FAILED = text("verdict = 'failed' AND state = 'settled'")


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
                day=day_line(connection, since=now - DAY),
                feeds_with_gaps=feeds_with_gaps(connection),
                last_run_at=connection.scalar(select(func.max(runs.c.finished_at))),
            )

    def feed_counts(self, connection: Connection) -> dict[FeedStatus, int]:
        """Feeds by the desk's word."""
        query = select(feeds.c.status, feeds.c.paused, func.count().label("n")).group_by(feeds.c.status, feeds.c.paused)
        counts: Counter[FeedStatus] = Counter()
        for row in connection.execute(query):
            counts[FeedStatus.PAUSED if row.paused else FeedStatus(row.status)] += row.n
        return dict(counts)

    def hour_of(self, moment: Any) -> ColumnElement[str]:
        """A time's hour as text, `2026-11-23 06`, in UTC."""
        if self.database.is_sqlite:
            return func.substr(moment, 1, 13)
        return func.to_char(func.timezone(UTC_ZONE, moment), HOUR_FORM)

    def hours(self, connection: Connection, now: datetime) -> tuple[Hour, ...]:
        """Entries settled in the last 24 hours, by hour and verdict."""
        first = this_hour(now) - 23 * HOUR
        hour = self.hour_of(entries.c.settled_at).label("hour")
        query = select(hour, entries.c.verdict).where(entries.c.settled_at >= first, entries.c.verdict.is_not(None))
        found: defaultdict[datetime, dict[Verdict, int]] = defaultdict(dict)
        for (hour_words, verdict), number in count_settled(connection, query).items():
            found[hour_from(hour_words)][Verdict(verdict)] = number
        return tuple(Hour(starts, found[starts]) for starts in (first + HOUR * n for n in range(24)))

    # ------------------------------------------------------------ outlets

    def outlets(self, choice: OutletChoice, *, page: int, now: datetime) -> OutletPage:
        """Outlets of a choice, the worst first."""
        with self.database.reading() as connection:
            ranks = [rank for rank in rank_outlets(connection) if choice.fits(rank)]
            counts = Counter(rank.status for rank in ranks)
            if choice.status is not None:
                ranks = [rank for rank in ranks if rank.status is choice.status]
            start = (page - 1) * ON_A_PAGE
            lines = outlet_lines(connection, [rank.outlet_id for rank in ranks[start : start + ON_A_PAGE]])
            return OutletPage(self.with_figures(connection, lines, now), len(ranks), dict(counts))

    def with_figures(
        self, connection: Connection, lines: Sequence[OutletLine], now: datetime
    ) -> tuple[OutletLine, ...]:
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
        for (outlet_id, hour_words), number in count_settled(connection, query).items():
            index = int((hour_from(hour_words) - first) / HOUR)
            if index < 24:
                counts[outlet_id][index] = number
        return {outlet_id: tuple(by_hour) for outlet_id, by_hour in counts.items()}

    def outlet(self, outlet_id: str, *, now: datetime) -> OneOutlet | None:
        """One outlet; None when the store knows no feed of it."""
        with self.database.reading() as connection:
            states = states_of(connection, select(feeds).where(feeds.c.outlet_id == outlet_id))
            if not states:
                return None
            (line,) = self.with_figures(connection, [OutletLine(outlet_id, states)], now)
            return OneOutlet(
                line=line,
                polls=last_polls(connection, [feed.feed_id for feed in states], now),
                settled=list_entries(connection, EntryChoice(outlet_id=outlet_id), page=1),
                pending=list_entries(connection, EntryChoice(outlet_id=outlet_id, is_pending=True), page=1),
                wrapper=wrapper_line(connection, outlet_id),
            )

    def feed(self, feed_id: str) -> FeedState | None:
        """One feed."""
        with self.database.reading() as connection:
            found = states_of(connection, select(feeds).where(feeds.c.feed_id == feed_id))
            return found[0] if found else None

    # ------------------------------------------------------------ entries, dead letters, outbox, runs

    def entries(self, choice: EntryChoice, *, page: int) -> tuple[EntryLine, ...]:
        """A page of entries, the last settled first."""
        with self.database.reading() as connection:
            return list_entries(connection, choice, page=min(page, MOST_PAGES))

    def dead_groups(self) -> tuple[DeadGroup, ...]:
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
            return tuple(DeadGroup(r.outlet_id, r.reason or "", r.n, r.latest) for r in connection.execute(query))

    def waiting_lanes(self) -> tuple[WaitingLane, ...]:
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
            return tuple(WaitingLane(**row._asdict()) for row in connection.execute(query))

    def runs(self, *, limit: int = 10) -> tuple[RunLine, ...]:
        """The last runs with their reports."""
        with self.database.reading() as connection:
            return run_lines(connection, limit=limit)

    def run(self, run_id: str) -> OneRun | None:
        """What one run did; None when its report is not kept."""
        with self.database.reading() as connection:
            found = run_lines(connection, run_id=run_id)
        return OneRun(found[0], Report.merge(RunStore(self.database).reports(run_id))) if found else None


def this_hour(now: datetime) -> datetime:
    """The hour's beginning."""
    return now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def hour_from(words: str) -> datetime:
    """What `hour_of` gave, as a time."""
    return datetime.strptime(words, "%Y-%m-%d %H").replace(tzinfo=UTC)


def count_settled(connection: Connection, query: Select[Any]) -> Counter[tuple[str, str]]:
    """How many settled entries have each pair of values; those that wait again keep their former verdict."""
    pair = tuple(query.selected_columns)
    counted = query.add_columns(func.count().label("n")).where(entries.c.state == "settled").group_by(*pair)
    return Counter({(row[0], row[1]): row.n for row in connection.execute(counted)})


def states_of(connection: Connection, query: Select[Any]) -> tuple[FeedState, ...]:
    """Feeds in order of their ids."""
    return tuple(state_from_row(row) for row in connection.execute(query.order_by(feeds.c.feed_id)))


def rank_outlets(connection: Connection) -> list[OutletRank]:
    """Every outlet, the worst first: of thousands of feeds no more than that is read."""
    columns = (feeds.c.outlet_id, feeds.c.status, feeds.c.paused)
    query = select(*columns, func.max(feeds.c.possible_gaps).label("gaps")).group_by(*columns)
    ranks: dict[str, OutletRank] = {}
    for row in connection.execute(query):
        status = FeedStatus.PAUSED if row.paused else FeedStatus(row.status)
        rank = OutletRank(row.outlet_id, status, has_gaps=row.gaps > 0)
        ranks[row.outlet_id] = rank.beside(ranks.get(row.outlet_id))
    return sorted(ranks.values(), key=lambda rank: (WORST_FIRST.index(rank.status), rank.outlet_id))


def outlet_lines(connection: Connection, outlet_ids: Sequence[str]) -> list[OutletLine]:
    """These outlets in this order, without figures."""
    by_outlet: dict[str, list[FeedState]] = {outlet_id: [] for outlet_id in outlet_ids}
    for state in states_of(connection, select(feeds).where(feeds.c.outlet_id.in_(outlet_ids))):
        by_outlet[state.outlet_id].append(state)
    return [OutletLine(outlet_id, tuple(states)) for outlet_id, states in by_outlet.items()]


def count_by_outlet(connection: Connection, outlet_ids: Collection[str], condition: Any) -> Counter[str]:
    """How many entries of these outlets meet a condition that has an index of its own."""
    query = select(entries.c.outlet_id, func.count().label("n")).where(condition).group_by(entries.c.outlet_id)
    wanted = set(outlet_ids)
    return Counter({row.outlet_id: row.n for row in connection.execute(query) if row.outlet_id in wanted})


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


def last_polls(connection: Connection, feed_ids: Sequence[str], now: datetime) -> tuple[PollLine, ...]:
    """The last polls of these feeds, the latest first; of feeds asked seldom, those of a week."""
    query = (
        select(polls)
        .where(polls.c.feed_id.in_(feed_ids), polls.c.polled_at >= now - 7 * DAY)
        .order_by(polls.c.polled_at.desc(), polls.c.id.desc())
        .limit(MOST_POLLS)
    )
    return tuple(poll_line(row) for row in connection.execute(query))


def poll_line(row: Row[Any]) -> PollLine:
    """A poll's row as it is shown."""
    return PollLine(
        feed_id=row.feed_id,
        at=row.polled_at,
        outcome=row.outcome,
        http_status=row.http_status,
        entries=row.entries,
        new=row.new,
        changed=row.changed,
        wire_bytes=row.wire_bytes,
        elapsed_s=row.elapsed_s,
        detail=row.detail,
    )


def list_entries(connection: Connection, choice: EntryChoice, *, page: int) -> tuple[EntryLine, ...]:
    """A page of entries, the last settled first; of pending ones the longest waiting first."""
    query = select(entries)
    if choice.outlet_id is not None:
        query = query.where(entries.c.outlet_id == choice.outlet_id)
    if choice.is_pending:
        query = query.where(IS_PENDING).order_by(entries.c.first_seen_at, entries.c.id)
    else:
        query = settled_query(query, choice)
    rows = connection.execute(query.limit(ON_A_PAGE).offset((page - 1) * ON_A_PAGE))
    return tuple(entry_line(row) for row in rows)


def settled_query(query: Select[Any], choice: EntryChoice) -> Select[Any]:
    """Settled entries of a choice, in the order of the index that counts them."""
    query = query.where(entries.c.settled_at.is_not(None), entries.c.state == "settled")
    if choice.since is not None:
        query = query.where(entries.c.settled_at >= choice.since)
    if choice.until is not None:
        query = query.where(entries.c.settled_at < choice.until)
    if choice.verdicts == (Verdict.FAILED,):
        query = query.where(IS_FAILED)
    elif choice.verdicts:
        query = query.where(entries.c.verdict.in_([verdict.value for verdict in choice.verdicts]))
    return query.order_by(entries.c.settled_at.desc())


def entry_line(row: Row[Any]) -> EntryLine:
    """An entry's row as it is shown."""
    shown = json.loads(row.entry)
    is_settled = row.state == "settled"
    return EntryLine(
        id=row.id,
        outlet_id=row.outlet_id,
        feed_id=row.feed_id,
        identity=row.identity,
        title=shown.get("title") or "",
        link=shown.get("link"),
        verdict=Verdict(row.verdict) if is_settled and row.verdict else None,
        reason=row.reason,
        attempts=row.attempts,
        first_seen_at=row.first_seen_at,
        settled_at=row.settled_at if is_settled else None,
        next_attempt_at=row.next_attempt_at,
    )


def wrapper_line(connection: Connection, outlet_id: str) -> WrapperLine | None:
    """What an outlet's pages taught; None when nothing was learnt yet."""
    row = connection.execute(select(wrappers).where(wrappers.c.outlet_id == outlet_id)).one_or_none()
    if row is None:
        return None
    wrapper = Wrapper.from_json(row.wrapper)
    return WrapperLine(row.version, wrapper.pages, wrapper.confidence, wrapper.redesigns, row.updated_at)
