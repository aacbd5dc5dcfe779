"""Run store: the reports of runs and their sums, for the desk.

Aggregation of reports is left to pipeline/reporting/report.py.
"""

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

MAX_SHARDS = 64  # of a run, as the DAG's form allows
MAX_ROWS = 3000  # read for one list
SUMMED = ("polls", "entries", "settled", "pending", "published", "delivered")
PUBLISHING = (Verdict.NEW, Verdict.REVISED, Verdict.COPY)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunTotals:
    """Sums over runs, or over the shards of one run."""

    polls: int
    entries: int
    settled: int
    pending: int
    published: int
    delivered: int

    @property
    def lost(self) -> int:
        """Entries that have no verdict and are not pending: 0, unless something is wrong."""
        return self.entries - self.settled - self.pending


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSummary(RunTotals):
    """One run with the sums over its shards."""

    run_id: str
    shards: int
    started_at: datetime
    finished_at: datetime
    is_red: bool
    seconds: float  # of the longest shard


class RunStore:
    """The `runs` table."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def keep(self, run_id: str, report: Report, *, now: datetime) -> None:
        """Store the report of a run, or of one of its shards."""
        whole = report.whole
        row = {
            "run_id": run_id,
            "finished_at": now,
            "report": json.dumps(report.to_json()),
            "polls": whole.polls.total(),
            "entries": whole.entries,
            "settled": whole.settled,
            "pending": whole.pending,
            "published": sum(report.total(verdict) for verdict in PUBLISHING),
            "delivered": report.delivered[Topic.ARTICLES.value] + report.delivered[Topic.COPIES.value],
            "is_red": bool(report.problems),
            "seconds": report.seconds,
        }
        self.database.write(runs.insert().values(row))

    def reports(self, run_id: str) -> tuple[Report, ...]:
        """The reports of a run's shards."""
        with self.database.reading() as connection:
            return read_reports(connection, run_id)

    def expire(self, *, before: datetime) -> int:
        """Delete reports and polls older than that; returns how many rows."""
        with self.database.writing() as connection:
            old_runs = connection.execute(delete(runs).where(runs.c.finished_at < before)).rowcount
            return old_runs + connection.execute(delete(polls).where(polls.c.polled_at < before)).rowcount


def read_reports(connection: Connection, run_id: str) -> tuple[Report, ...]:
    """The reports of a run's shards."""
    stored = connection.scalars(select(runs.c.report).where(runs.c.run_id == run_id).order_by(runs.c.id))
    return tuple(Report.from_json(json.loads(text)) for text in stored)


def list_runs(
    connection: Connection, *, run_id: str | None = None, since: datetime | None = None, limit: int = 10
) -> tuple[RunSummary, ...]:
    """The last runs, latest first; `run_id` restricts them to one run."""
    columns = [column for column in runs.c if column.name != "report"]
    query = select(*columns).order_by(runs.c.id.desc()).limit(min(limit * MAX_SHARDS, MAX_ROWS))
    if run_id is not None:
        query = query.where(runs.c.run_id == run_id)
    if since is not None:
        query = query.where(runs.c.finished_at >= since)
    shards: dict[str, list[Row[Any]]] = {}
    for row in connection.execute(query):
        shards.setdefault(row.run_id, []).append(row)
    return tuple(summarise_run(rows) for rows in list(shards.values())[:limit])


def summarise_run(rows: Sequence[Row[Any]]) -> RunSummary:
    """One run from the rows of its shards."""
    return RunSummary(
        run_id=rows[0].run_id,
        shards=len(rows),
        # One second earlier: the measurement begins after the run.
        started_at=min(row.finished_at - timedelta(seconds=row.seconds + 1) for row in rows),
        finished_at=max(row.finished_at for row in rows),
        is_red=any(row.is_red for row in rows),
        seconds=max(row.seconds for row in rows),
        **{name: sum(getattr(row, name) for row in rows) for name in SUMMED},
    )


def sum_runs(connection: Connection, *, since: datetime) -> RunTotals:
    """Sums over all runs that ended since then."""
    sums = (func.coalesce(func.sum(runs.c[name]), 0).label(name) for name in SUMMED)
    return RunTotals(**connection.execute(select(*sums).where(runs.c.finished_at >= since)).one()._asdict())
