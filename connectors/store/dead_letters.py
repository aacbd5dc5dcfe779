"""Dead letter store: finds failed entries by outlet, cause and time, and makes them pending again.

Promises: `redrive` writes state and messages in one transaction, so an entry is never pending again without a message.
Processing the entry is left to the next run.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select, update

from connectors.store import outbox
from connectors.store.database import Database
from connectors.store.entry_diff import pending_entry
from connectors.store.schema import IS_FAILED, entries
from pipeline.delivery.dead_letters import DeadEntry, RedriveChoice
from pipeline.domain.model import Message, Verdict


class DeadLetterStore:
    """The failed rows of `entries`."""

    def __init__(self, database: Database, *, lanes: int) -> None:
        self.database = database
        self.lanes = lanes

    def find(self, choice: RedriveChoice) -> tuple[DeadEntry, ...]:
        """The failed entries of a choice, oldest failure first."""
        query = select(entries).where(IS_FAILED).order_by(entries.c.settled_at, entries.c.id)
        if choice.outlets:
            query = query.where(entries.c.outlet_id.in_(choice.outlets))
        if choice.since is not None:
            query = query.where(entries.c.settled_at >= choice.since)
        if choice.until is not None:
            query = query.where(entries.c.settled_at < choice.until)
        rows = [row for row in self.database.read(query) if choice.has_cause(row.reason or "")]
        return tuple(DeadEntry(pending_entry(row), row.reason or "", row.settled_at) for row in rows[: choice.limit])

    def redrive(self, dead: Sequence[DeadEntry], letters: Sequence[Message], *, now: datetime) -> int:
        """Make these entries pending and due, with their messages; returns how many were still unchanged.

        `letters[i]` is the message of `dead[i]`.
        """
        done = 0
        with self.database.writing() as connection:
            for each, letter in zip(dead, letters, strict=True):
                unchanged = (
                    (entries.c.id == each.entry.id)
                    & (entries.c.state == "settled")
                    & (entries.c.verdict == Verdict.FAILED.value)
                    & (entries.c.version == each.entry.version)
                )
                again = {"state": "pending", "version": each.entry.version + 1, "attempts": 0}
                values = {**again, "next_attempt_at": None, "last_seen_at": now}
                if connection.execute(update(entries).where(unchanged).values(**values)).rowcount:
                    outbox.append(connection, (letter,), lanes=self.lanes, now=now)
                    done += 1
        return done
