"""What the metrics are computed from: the store's state at one moment, and the reports written since the last look.

Every query goes by an index and is bounded, so that a scrape costs the same however long the deployment has run.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, func, or_, select

from connectors.store.database import Database
from connectors.store.outbox import outbox
from connectors.store.schema import IS_FAILED, IS_PENDING, entries, runs
from pipeline.domain.model import FeedState
from pipeline.reporting.metrics import LaneBacklog, Snapshot
from pipeline.reporting.report import Report

RECENT = timedelta(minutes=15)
MOST_DELAYS = 5_000  # of which quantiles are taken


class MetricsStore:
    """Reads the tables of entries, outbox and runs."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.last_run: int | None = None

    def read_new_reports(self) -> tuple[Report, ...]:
        """The reports written since the last call; none at the first one, which only remembers where they end."""
        with self.database.reading() as connection:
            if self.last_run is None:
                self.last_run = connection.scalar(select(func.max(runs.c.id))) or 0
                return ()
            rows = connection.execute(
                select(runs.c.id, runs.c.report).where(runs.c.id > self.last_run).order_by(runs.c.id)
            ).all()
        if rows:
            self.last_run = rows[-1].id
        return tuple(Report.from_json(json.loads(row.report)) for row in rows)

    def snapshot(self, feeds: Sequence[FeedState], *, lanes: int, now: datetime) -> Snapshot:
        """The store now."""
        with self.database.reading() as connection:
            due, later, oldest = pending(connection, now)
            return Snapshot(
                at=now,
                feeds=tuple(feeds),
                pending_due=due,
                pending_later=later,
                oldest_due_at=oldest,
                dead_letters=dead_letters(connection),
                lanes=waiting_lanes(connection, lanes, now),
                last_report_at=connection.scalar(select(func.max(runs.c.finished_at))),
                verdict_delays_s=verdict_delays(connection, now - RECENT),
                delivery_delays_s=delivery_delays(connection, now - RECENT),
            )


def pending(connection: Connection, now: datetime) -> tuple[int, int, datetime | None]:  # unpacked by the only caller
    """How many entries are due and how many are put off, and since when the oldest due one waits."""
    is_due = or_(entries.c.next_attempt_at.is_(None), entries.c.next_attempt_at <= now)
    due = connection.execute(
        select(func.count().label("number"), func.min(entries.c.first_seen_at).label("oldest")).where(
            IS_PENDING, is_due
        )
    ).one()
    later = connection.scalar(select(func.count()).where(IS_PENDING, entries.c.next_attempt_at > now)) or 0
    return due.number, later, due.oldest


def dead_letters(connection: Connection) -> int:
    """Entries that failed, and were neither resolved nor redriven since."""
    return connection.scalar(select(func.count()).select_from(entries).where(IS_FAILED)) or 0


def waiting_lanes(connection: Connection, lanes: int, now: datetime) -> tuple[LaneBacklog, ...]:
    """What waits in each lane; a lane with nothing counts 0."""
    query = (
        select(outbox.c.lane, func.count().label("number"), func.min(outbox.c.created_at).label("oldest"))
        .where(outbox.c.delivered_at.is_(None))
        .group_by(outbox.c.lane)
    )
    found = {row.lane: LaneBacklog(row.lane, row.number, row.oldest) for row in connection.execute(query)}
    return tuple(found.get(lane, LaneBacklog(lane, 0, now)) for lane in sorted({*range(lanes), *found}))


def verdict_delays(connection: Connection, since: datetime) -> tuple[float, ...]:
    """Seconds from first seen to the first verdict, of entries settled since then, the latest first."""
    query = (
        select(entries.c.first_seen_at, entries.c.settled_at)
        .where(entries.c.settled_at >= since, entries.c.sighting == 1)
        .order_by(entries.c.settled_at.desc())
        .limit(MOST_DELAYS)
    )
    return tuple((row.settled_at - row.first_seen_at).total_seconds() for row in connection.execute(query))


def delivery_delays(connection: Connection, since: datetime) -> tuple[float, ...]:
    """Seconds from written to delivered, of messages delivered since then, the latest first."""
    query = (
        select(outbox.c.created_at, outbox.c.delivered_at)
        .where(outbox.c.delivered_at >= since)
        .order_by(outbox.c.delivered_at.desc())
        .limit(MOST_DELAYS)
    )
    return tuple((row.delivered_at - row.created_at).total_seconds() for row in connection.execute(query))
