"""Progress of backfills: which sitemaps are done and how far a WARC file was read, so that a backfill can resume."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select

from connectors.store.database import Database, upsert
from connectors.store.schema import backfills
from pipeline.ingest.backfill import Share

WHOLE = ""  # the source of the row that stands for the backfill itself


class BackfillStore:
    """The `backfills` table."""

    def __init__(self, database: Database, *, clock: Callable[[], datetime]) -> None:
        self.database = database
        self.clock = clock

    def begin(self, share: Share, *, again: bool = False) -> None:
        """Store that this backfill began; `again` deletes its former progress."""
        if again:
            self.database.write(delete(backfills).where(backfills.c.job == job_of(share)))
        if again or not self.is_done(share, WHOLE):
            self.write(share, WHOLE, share=text_of(share), is_done=False)

    def end(self, share: Share) -> None:
        """Store that the whole backfill is done."""
        self.write(share, WHOLE, share=text_of(share), is_done=True)

    def unfinished(self) -> tuple[Share, ...]:
        """Backfills that began and are not done."""
        is_unfinished = backfills.c.source == WHOLE, ~backfills.c.is_done
        query = select(backfills.c.share).where(*is_unfinished).order_by(backfills.c.updated_at)
        return tuple(Share.from_json(json.loads(row.share)) for row in self.database.read(query))

    def is_done(self, share: Share, source: str) -> bool:
        """Whether a source was finished."""
        row = self.row(share, source)
        return row is not None and bool(row.is_done)

    def position(self, share: Share, source: str) -> int:
        """Where to resume in a source."""
        row = self.row(share, source)
        return row.position if row is not None else 0

    def move(self, share: Share, source: str, *, position: int = 0, is_done: bool = False, entries: int = 0) -> None:
        """Store how far a source was read, or that all of it is done."""
        self.write(share, source, position=position, is_done=is_done, entries=entries)

    def expire(self, *, before: datetime) -> int:
        """Delete backfills that were done before then; returns how many rows."""
        is_old = backfills.c.source == WHOLE, backfills.c.is_done, backfills.c.updated_at < before
        done = select(backfills.c.job).where(*is_old)
        return self.database.write(delete(backfills).where(backfills.c.job.in_(done)))

    def row(self, share: Share, source: str) -> Any:
        """A source's row, if it has one."""
        query = select(backfills).where(backfills.c.job == job_of(share), backfills.c.source == source)
        return next(iter(self.database.read(query)), None)

    def write(self, of: Share, source: str, **values: Any) -> None:
        """Insert or update a row."""
        row = {"share": "", "position": 0, "entries": 0, "is_done": False, **values, "updated_at": self.clock()}
        with self.database.writing() as connection:
            connection.execute(upsert(connection, backfills, row), {"job": job_of(of), "source": source, **row})


def text_of(share: Share) -> str:
    """A share as JSON, the same text for the same share."""
    return json.dumps(share.to_json(), ensure_ascii=False, sort_keys=True)


def job_of(share: Share) -> str:
    """The key of a backfill."""
    return hashlib.sha256(text_of(share).encode()).hexdigest()[:32]
