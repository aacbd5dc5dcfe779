"""The entries of one poll beside what is known of them: which are new, changed, hidden; and writing that down.

Works inside the transaction of FeedStore.record_poll; what follows for the feed is the caller's decision.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, select, update

from connectors.store.entry_json import entry_to_json
from connectors.store.schema import entries, sightings
from pipeline.domain.model import (
    Entry,
    FeedState,
    PendingEntry,
    Verdict,
    is_backfill_feed,
)
from pipeline.ingest.transactions import Shown
from pipeline.scheduling.feed_state import HIDDEN_AFTER

# Sightings of entries that stay in a feed are freshened at most this often: a write per entry and poll would be the
# store's largest cost and tell nothing.
FRESHEN_AFTER = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class EntryDiff:
    """The entries of one poll beside what is known of them."""

    feed: FeedState
    entries: tuple[Entry, ...]
    known: Mapping[str, Row[Any]]  # identity → row of `entries`
    digests: Mapping[int, Row[Any]]  # entry id → this feed's sighting

    @classmethod
    def make(cls, connection: Connection, feed: FeedState, shown_entries: Sequence[Entry]) -> EntryDiff:
        """Look up which of these the outlet, and which this feed, has shown before."""
        identities = [entry.identity for entry in shown_entries]
        found = connection.execute(
            select(entries).where(entries.c.outlet_id == feed.outlet_id, entries.c.identity.in_(identities))
        ).all()
        ids = [row.id for row in found]
        seen = connection.execute(
            select(sightings).where(sightings.c.feed_id == feed.feed_id, sightings.c.entry_id.in_(ids))
        ).all()
        return cls(
            feed=feed,
            entries=tuple(shown_entries),
            known={row.identity: row for row in found},
            digests={row.entry_id: row for row in seen},
        )

    def is_changed(self, entry: Entry) -> bool:
        """Whether this feed showed it before, with other words; or in the same, before its article was withdrawn."""
        row = self.known.get(entry.identity)
        sighting = self.digests.get(row.id) if row else None
        if row is None or sighting is None:
            return False
        return bool(sighting.digest != entry.digest or row.verdict == Verdict.WITHDRAWN.value)

    def shown(self) -> Shown:
        """The comparison in numbers."""
        rows = [self.known.get(entry.identity) for entry in self.entries]
        known = [row for row in rows if row is not None and row.id in self.digests]
        new = sum(row is None or self.is_overtaken(row) for row in rows)
        return Shown(
            known=len(known),
            new=new,
            elsewhere=len(rows) - new - len(known),
            changed=sum(self.is_changed(entry) for entry in self.entries),
            waiting=sum(row.state == "pending" for row in known),
            hidden=sum(
                self.is_hidden(entry)
                for entry, row in zip(self.entries, rows, strict=True)
                if row is None or row.id not in self.digests
            ),
        )

    def is_overtaken(self, row: Row[Any]) -> bool:
        """Whether it waits under a backfill while a live feed shows it: live news waits for no backfill."""
        waits_there = row.state == "pending" and is_backfill_feed(row.feed_id) and row.id not in self.digests
        return waits_there and not is_backfill_feed(self.feed.feed_id)

    def is_hidden(self, entry: Entry) -> bool:
        """Whether it was in the feed at the last poll already, going by its date, and was not shown to us then."""
        last = self.feed.last_poll_at
        return last is not None and entry.published is not None and entry.published < last - HIDDEN_AFTER

    def write(self, connection: Connection, *, now: datetime, insert: Any) -> tuple[PendingEntry, ...]:
        """Insert what is new, reopen what changed, note who showed what; the entries that wait because of this poll."""
        fresh = [entry for entry in self.entries if entry.identity not in self.known]
        ids = self.insert_entries(connection, fresh, now=now)
        changed = [entry for entry in self.entries if self.is_changed(entry)]
        reopened = [self.reopen(connection, entry, now=now) for entry in changed]
        overtaken = [
            self.take_over(connection, row, entry)
            for entry in self.entries
            if (row := self.known.get(entry.identity)) is not None and self.is_overtaken(row)
        ]
        self.write_feed_entries(connection, ids, now=now, insert=insert)
        new = [
            PendingEntry(
                id=ids[entry.identity],
                outlet_id=self.feed.outlet_id,
                feed_id=self.feed.feed_id,
                entry=entry,
                sighting=1,
                attempts=0,
                first_seen_at=now,
            )
            for entry in fresh
        ]
        return (*new, *overtaken, *(entry for entry in reopened if entry is not None))

    def insert_entries(self, connection: Connection, fresh: Sequence[Entry], *, now: datetime) -> dict[str, int]:
        """Insert entries never seen in the outlet; identity → id.

        No other poll of the outlet is written meanwhile (feed_store.lock_outlet); the unique index holds it to that.
        """
        if not fresh:
            return {}
        rows = [
            {
                "outlet_id": self.feed.outlet_id,
                "identity": entry.identity,
                "feed_id": self.feed.feed_id,
                "entry": entry_to_json(entry),
                "state": "pending",
                "sighting": 1,
                "attempts": 0,
                "first_seen_at": now,
                "last_seen_at": now,
            }
            for entry in fresh
        ]
        found = connection.execute(entries.insert().returning(entries.c.id, entries.c.identity), rows).all()
        return {row.identity: row.id for row in found}

    def reopen(self, connection: Connection, entry: Entry, *, now: datetime) -> PendingEntry | None:
        """The feed changed its words: keep the new ones; a settled entry is pending again (None: it already was).

        One that is pending counts as sighted anew: whoever has fetched its page by now must not settle it with that.
        """
        row = self.known[entry.identity]
        values: dict[str, Any] = {"entry": entry_to_json(entry), "last_seen_at": now, "sighting": row.sighting + 1}
        # Whatever `row` says: it may have been settled since that was read.
        values |= {"state": "pending", "attempts": 0, "next_attempt_at": None}
        connection.execute(update(entries).where(entries.c.id == row.id).values(**values))
        if row.state != "settled":
            return None
        return PendingEntry(
            id=row.id,
            outlet_id=row.outlet_id,
            feed_id=row.feed_id,
            entry=entry,
            sighting=row.sighting + 1,
            attempts=0,
            first_seen_at=row.first_seen_at,
            article_id=row.article_id,
            is_dead=row.verdict == Verdict.FAILED.value,
        )

    def take_over(self, connection: Connection, row: Row[Any], entry: Entry) -> PendingEntry:
        """An entry that waited under a backfill is this feed's from now on."""
        values = {"feed_id": self.feed.feed_id, "entry": entry_to_json(entry), "next_attempt_at": None}
        connection.execute(update(entries).where(entries.c.id == row.id).values(**values))
        return PendingEntry(
            id=row.id,
            outlet_id=row.outlet_id,
            feed_id=self.feed.feed_id,
            entry=entry,
            sighting=row.sighting,
            attempts=row.attempts,
            first_seen_at=row.first_seen_at,
            article_id=row.article_id,
        )

    def write_feed_entries(self, connection: Connection, ids: Mapping[str, int], *, now: datetime, insert: Any) -> None:
        """Write which entries this feed shows with which words, where that is news or a day old."""
        stale = [
            {"feed_id": self.feed.feed_id, "entry_id": entry_id, "digest": entry.digest, "last_seen_at": now}
            for entry in self.entries
            if (entry_id := ids.get(entry.identity) or self.known[entry.identity].id)
            if self.is_stale(entry_id, entry, now=now)
        ]
        if not stale:
            return
        statement = insert(sightings)
        statement = statement.on_conflict_do_update(
            index_elements=[sightings.c.feed_id, sightings.c.entry_id],
            set_={"digest": statement.excluded.digest, "last_seen_at": statement.excluded.last_seen_at},
        )
        connection.execute(statement, stale)
        known = [row["entry_id"] for row in stale if row["entry_id"] not in ids.values()]
        if known:
            connection.execute(update(entries).where(entries.c.id.in_(known)).values(last_seen_at=now))

    def is_stale(self, entry_id: int, entry: Entry, *, now: datetime) -> bool:
        """Whether the sighting is missing, says something else, or was last freshened long ago."""
        sighting = self.digests.get(entry_id)
        return sighting is None or sighting.digest != entry.digest or now - sighting.last_seen_at > FRESHEN_AFTER
