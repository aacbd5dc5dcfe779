"""Progress of backfills: which sitemaps are done and how far a WARC file was read, so that a backfill can resume."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import Column, delete, select

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
            self.database.write(delete(backfills).where(backfills.c.job == key_of(share)[0]))
        if again or not self.is_done(share, WHOLE):
            self.write(share, WHOLE)

    def end(self, share: Share) -> None:
        """Store that the whole backfill is done."""
        self.write(share, WHOLE, is_done=True)

    def unfinished(self) -> tuple[Share, ...]:
        """Backfills that began and are not done."""
        is_unfinished = backfills.c.source == WHOLE, ~backfills.c.is_done
        query = select(backfills.c.share).where(*is_unfinished).order_by(backfills.c.updated_at)
        return tuple(Share.from_json(json.loads(row.share)) for row in self.database.read(query))

    def is_done(self, share: Share, source: str) -> bool:
        """Whether a source was finished."""
        return bool(self.value(backfills.c.is_done, share, source))

    def position(self, share: Share, source: str) -> int:
        """Where to resume in a source."""
        return self.value(backfills.c.position, share, source) or 0

    def move(self, share: Share, source: str, *, position: int = 0, is_done: bool = False, entries: int = 0) -> None:
        """Store how far a source was read, or that all of it is done."""
        self.write(share, source, position=position, is_done=is_done, entries=entries)

    def expire(self, *, before: datetime) -> int:
        """Delete backfills that were done before then; returns how many rows."""
        is_old = backfills.c.source == WHOLE, backfills.c.is_done, backfills.c.updated_at < before
        done = select(backfills.c.job).where(*is_old)
        return self.database.write(delete(backfills).where(backfills.c.job.in_(done)))

    def value(self, column: Column[Any], share: Share, source: str) -> Any:
        """A column of a source's row; None without a row."""
        is_it = backfills.c.job == key_of(share)[0], backfills.c.source == source
        return self.database.read_value(select(column).where(*is_it))

    def write(self, of: Share, source: str, **values: Any) -> None:
        """Insert or update a row."""
        job, text = key_of(of)
        first = {"share": text if source == WHOLE else "", "position": 0, "entries": 0, "is_done": False}
        row = {**first, **values, "updated_at": self.clock()}
        with self.database.writing() as connection:
            connection.execute(upsert(connection, backfills, row), {"job": job, "source": source, **row})


def key_of(share: Share) -> tuple[str, str]:
    """The key of a backfill, and its share as JSON: the same text for the same share."""
    text = json.dumps(share.to_json(), ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32], text
