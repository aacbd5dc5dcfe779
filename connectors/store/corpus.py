"""A corpus on a store: rows decided on by claims, so that several processes may add to one corpus at once.

Promises that rows are remembered when `add_all` returns, and that a row added again is UNCHANGED under the same ids.
Articles are known here by their sketches alone: nothing is published, and no alias is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from sqlalchemy import Connection

from connectors.store.claims import claim
from connectors.store.database import Database
from connectors.store.repeated_paragraphs import note_paragraphs, repeated_paragraphs
from connectors.store.sketches import lock_for_claim
from pipeline.dedup.decide import Candidate, DecidePolicy
from pipeline.dedup.fingerprint import paragraph_hashes
from pipeline.dedup.jsonl import DedupedRow, DedupRow, candidate_of
from pipeline.identity.urls import canonicalise, host


class CorpusStore:
    """A corpus on a Database; a row without a date is as old as its arrival."""

    def __init__(self, database: Database, *, clock: Callable[[], datetime]) -> None:
        self.database = database
        self.clock = clock

    def add_all(self, rows: Sequence[DedupRow]) -> tuple[DedupedRow, ...]:
        """Decide on rows in their order, in two transactions: their paragraphs, their decisions. Raises StoreError."""
        now = self.clock()
        with self.database.writing() as connection:
            lock_for_claim(connection)  # two processes with one host's rows would wait for each other
            candidates = [note_row(connection, row, now=now) for row in rows]
        decisions = claim(self.database, candidates, now=now, policy=DecidePolicy())
        return tuple(DedupedRow(row.id, decision) for row, decision in zip(rows, decisions, strict=True))


def note_row(connection: Connection, row: DedupRow, *, now: datetime) -> Candidate:
    """Note where a row's paragraphs were seen; the row without what its host shows under other URLs too."""
    site, url, hashes = host(row.url), canonicalise(row.url), paragraph_hashes(row.text)
    repeated = repeated_paragraphs(connection, site, hashes, url_key=url)
    note_paragraphs(connection, site, hashes, url_key=url, now=now)
    return candidate_of(row, repeated, seen_at=row.published or now)
