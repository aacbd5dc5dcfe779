"""Reports of runs, kept for the desk."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, delete, func, select

from connectors.store.database import Database
from connectors.store.schema import polls, runs
from pipeline.domain.model import Topic, Verdict
from pipeline.reporting.report import Report

MOST_SHARDS = 64  # of a run, by the DAG's form
MOST_ROWS = 3000  # read for a list
SUMS = [column for column in runs.c if column.name != "report"]
DAY_SUMS = ("polls", "entries", "settled", "pending", "published", "delivered")
PUBLISHING = (Verdict.NEW, Verdict.REVISED, Verdict.COPY)


@dataclass(frozen=True, slots=True)
class RunSummary:
    """A run: the sums of its shards' reports."""

    run_id: str
    shards: int
    started_at: datetime
    finished_at: datetime
    polls: int
    entries: int
    settled: int
    pending: int
    published: int
    delivered: int
    is_red: bool
    seconds: float  # of the longest shard

    @property
    def lost(self) -> int:
        """Entries without a verdict that do not wait either: none, unless something is wrong."""
        return self.entries - self.settled - self.pending


@dataclass(frozen=True, slots=True)
class RunTotals:
    """What runs of some time add up to."""

    polls: int
    entries: int
    settled: int
    pending: int
    published: int
    delivered: int

    @property
    def lost(self) -> int:
        """Entries without a verdict that do not wait either."""
        return self.entries - self.settled - self.pending


class RunStore:
    """The `runs` table."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def keep(self, run_id: str, report: Report, *, now: datetime) -> None:
        """Write the report of a run, or of one of its shards."""
        with self.database.writing() as connection:
            connection.execute(
                runs.insert().values(
                    run_id=run_id,
                    finished_at=now,
                    report=json.dumps(report.to_json()),
                    polls=sum(sum(tally.polls.values()) for tally in report.outlets.values()),
                    entries=report.entries,
                    settled=sum(tally.settled for tally in report.outlets.values()),
                    pending=sum(tally.pending for tally in report.outlets.values()),
                    published=sum(report.total(verdict) for verdict in PUBLISHING),
                    delivered=report.delivered[Topic.ARTICLES.value] + report.delivered[Topic.COPIES.value],
                    is_red=bool(report.problems),
                    seconds=report.seconds,
                )
            )

    def reports(self, run_id: str) -> tuple[Report, ...]:
        """The reports of a run's shards."""
        with self.database.reading() as connection:
            kept = connection.scalars(select(runs.c.report).where(runs.c.run_id == run_id).order_by(runs.c.id))
            return tuple(Report.from_json(json.loads(text)) for text in kept)

    def expire(self, *, before: datetime) -> int:
        """Delete reports and polls older than this; how many rows went."""
        with self.database.writing() as connection:
            old_runs = connection.execute(delete(runs).where(runs.c.finished_at < before)).rowcount
            return old_runs + connection.execute(delete(polls).where(polls.c.polled_at < before)).rowcount


def list_runs(
    connection: Connection, *, run_id: str | None = None, since: datetime | None = None, limit: int = 10
) -> tuple[RunSummary, ...]:
    """The last runs, the last one first: of one id all shards."""
    query = select(*SUMS).order_by(runs.c.id.desc()).limit(min(limit * MOST_SHARDS, MOST_ROWS))
    if run_id is not None:
        query = query.where(runs.c.run_id == run_id)
    if since is not None:
        query = query.where(runs.c.finished_at >= since)
    shards: dict[str, list[Row[Any]]] = {}
    for row in connection.execute(query):
        shards.setdefault(row.run_id, []).append(row)
    return tuple(summarise_run(rows) for rows in list(shards.values())[:limit])


def summarise_run(rows: Sequence[Row[Any]]) -> RunSummary:
    """The shards of a run, added up."""
    return RunSummary(
        run_id=rows[0].run_id,
        shards=len(rows),
        # A second more: what was measured began after the run did.
        started_at=min(row.finished_at - timedelta(seconds=row.seconds + 1) for row in rows),
        finished_at=max(row.finished_at for row in rows),
        polls=sum(row.polls for row in rows),
        entries=sum(row.entries for row in rows),
        settled=sum(row.settled for row in rows),
        pending=sum(row.pending for row in rows),
        published=sum(row.published for row in rows),
        delivered=sum(row.delivered for row in rows),
        is_red=any(row.is_red for row in rows),
        seconds=max(row.seconds for row in rows),
    )


def sum_runs(connection: Connection, *, since: datetime) -> RunTotals:
    """All runs that ended since then, added up."""
    sums = (func.coalesce(func.sum(runs.c[name]), 0).label(name) for name in DAY_SUMS)
    return RunTotals(**connection.execute(select(*sums).where(runs.c.finished_at >= since)).one()._asdict())
