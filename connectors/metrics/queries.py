"""Metrics queries: the state of the store at one moment, and the reports written since the last read.

Every query uses an index and is bounded, so a scrape costs the same however long the deployment has run.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Column, Connection, func, or_, select

from connectors.store.database import Database
from connectors.store.schema import IS_FAILED, IS_PENDING, entries, outbox, runs
from pipeline.domain.model import FeedState
from pipeline.reporting.metrics import LaneBacklog, Snapshot
from pipeline.reporting.report import Report

RECENT = timedelta(minutes=15)  # long enough for a few hundred delays, short enough to show a change
MAX_DELAYS = 5_000  # for the quantiles

# Start and end of a delay, and its rows: first seen to first verdict, written to delivered.
TO_VERDICT = (entries.c.first_seen_at, entries.c.settled_at, entries.c.version == 1)
TO_DELIVERY = (outbox.c.created_at, outbox.c.delivered_at)


class MetricsStore:
    """Reads the tables of entries, outbox and runs."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.last_run: int | None = None

    def read_new_reports(self) -> tuple[Report, ...]:
        """The reports written since the last call. The first call returns none and remembers where they end."""
        with self.database.reading() as connection:
            if self.last_run is None:
                self.last_run = connection.scalar(select(func.max(runs.c.id))) or 0
                return ()
            query = select(runs.c.id, runs.c.report).where(runs.c.id > self.last_run).order_by(runs.c.id)
            rows = connection.execute(query).all()
        if rows:
            self.last_run = rows[-1].id
        return tuple(Report.from_json(json.loads(row.report)) for row in rows)

    def snapshot(self, feeds: Sequence[FeedState], *, lanes: int, now: datetime) -> Snapshot:
        is_due = or_(entries.c.next_attempt_at.is_(None), entries.c.next_attempt_at <= now)
        number, oldest = func.count().label("number"), func.min(entries.c.first_seen_at).label("oldest")
        with self.database.reading() as connection:
            due = connection.execute(select(number, oldest).where(IS_PENDING, is_due)).one()
            later = select(func.count()).where(IS_PENDING, entries.c.next_attempt_at > now)
            return Snapshot(
                at=now,
                feeds=tuple(feeds),
                pending_due=due.number,
                pending_later=connection.scalar(later) or 0,
                oldest_due_at=due.oldest,
                dead_letters=count_dead_letters(connection),
                lanes=waiting_lanes(connection, lanes, now),
                last_report_at=connection.scalar(select(func.max(runs.c.finished_at))),
                verdict_delays_s=delays(connection, now - RECENT, *TO_VERDICT),
                delivery_delays_s=delays(connection, now - RECENT, *TO_DELIVERY),
            )


def count_dead_letters(connection: Connection) -> int:
    """Failed entries that were neither resolved nor redriven."""
    return connection.scalar(select(func.count()).select_from(entries).where(IS_FAILED)) or 0


def waiting_lanes(connection: Connection, lanes: int, now: datetime) -> tuple[LaneBacklog, ...]:
    """Undelivered messages of each lane, also of lanes without any."""
    query = (
        select(outbox.c.lane, func.count().label("number"), func.min(outbox.c.created_at).label("oldest"))
        .where(outbox.c.delivered_at.is_(None))
        .group_by(outbox.c.lane)
    )
    found = {row.lane: LaneBacklog(row.lane, row.number, row.oldest) for row in connection.execute(query)}
    return tuple(found.get(lane, LaneBacklog(lane, 0, now)) for lane in sorted({*range(lanes), *found}))


def delays(
    connection: Connection, since: datetime, start: Column[Any], end: Column[Any], *conditions: Any
) -> tuple[float, ...]:
    """Seconds between two columns of the rows that ended since then, latest first."""
    query = select(start, end).where(end >= since, *conditions).order_by(end.desc()).limit(MAX_DELAYS)
    return tuple((ended - started).total_seconds() for started, ended in connection.execute(query))
