"""Reports of runs, kept for the desk."""

from __future__ import annotations

import json
from datetime import datetime

from sqlalchemy import delete, select

from connectors.database import Database
from connectors.tables import polls, runs
from pipeline.report import Report


class RunStore:
    """The `runs` table."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def keep(self, run_id: str, report: Report, *, now: datetime) -> None:
        """Write the report of a run, or of one of its shards."""
        with self.database.writing() as connection:
            connection.execute(
                runs.insert().values(run_id=run_id, finished_at=now, report=json.dumps(report.to_json()))
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
