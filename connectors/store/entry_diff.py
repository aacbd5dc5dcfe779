"""Entry diff: compares the entries of one poll with the stored ones (new, changed, hidden) and writes the difference.

Also converts entries between rows, JSON and values. Works inside the transaction of FeedStore.record_poll. What follows
for the feed is left to the caller.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, select, update

from connectors.store.database import upsert
from connectors.store.schema import entries, feed_entries
from pipeline.domain.model import Entry, FeedState, PendingEntry, Verdict, is_backfill_feed
from pipeline.ingest.ports import EntryCounts
from pipeline.scheduling.feed_state import HIDDEN_AFTER

# How often `last_seen_at` of an entry that stays in a feed is updated: a write per entry and poll would be the store's
# largest cost.
REFRESH_AFTER = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryDiff:
    """The entries of one poll, with the stored rows of the same entries."""

    feed: FeedState
    entries: tuple[Entry, ...]
    known: Mapping[str, Row[Any]]  # identity → row of `entries`
    seen: Mapping[int, Row[Any]]  # entry id → this feed's row of `feed_entries`

    @classmethod
    def make(cls, connection: Connection, feed: FeedState, feed_shows: Sequence[Entry]) -> EntryDiff:
        """Look up which of these entries the outlet, and which this feed, has shown before."""
        identities = [entry.identity for entry in feed_shows]
        query = select(entries).where(entries.c.outlet_id == feed.outlet_id, entries.c.identity.in_(identities))
        known = {row.identity: row for row in connection.execute(query)}
        ids = [row.id for row in known.values()]
        query = select(feed_entries).where(feed_entries.c.feed_id == feed.feed_id, feed_entries.c.entry_id.in_(ids))
        seen = {row.entry_id: row for row in connection.execute(query)}
        return cls(feed=feed, entries=tuple(feed_shows), known=known, seen=seen)

    def is_changed(self, entry: Entry) -> bool:
        """Whether this feed showed it with another digest, or with the same before its article was withdrawn."""
        row = self.known.get(entry.identity)
        seen = self.seen.get(row.id) if row else None
        if row is None or seen is None:
            return False
        return bool(seen.digest != entry.digest or row.verdict == Verdict.WITHDRAWN.value)

    def counts(self) -> EntryCounts:
        """How many entries are known, new, changed and so on."""
        rows = [self.known.get(entry.identity) for entry in self.entries]
        known = [row for row in rows if row is not None and row.id in self.seen]
        new = sum(row is None or self.is_taken_over(row) for row in rows)
        return EntryCounts(
            known=len(known),
            new=new,
            elsewhere=len(rows) - new - len(known),
            changed=sum(self.is_changed(entry) for entry in self.entries),
            waiting=sum(row.state == "pending" for row in known),
            hidden=sum(
                self.is_hidden(entry)
                for entry, row in zip(self.entries, rows, strict=True)
                if row is None or row.id not in self.seen
            ),
        )

    def is_taken_over(self, row: Row[Any]) -> bool:
        """Whether it is pending under a backfill while a live feed shows it: live news must not wait for a backfill."""
        is_backfilled = row.state == "pending" and is_backfill_feed(row.feed_id) and row.id not in self.seen
        return is_backfilled and not is_backfill_feed(self.feed.feed_id)

    def is_hidden(self, entry: Entry) -> bool:
        """Whether it was published before the last poll, judged by its date, and that poll did not show it."""
        last = self.feed.schedule.last_poll_at
        return last is not None and entry.published is not None and entry.published < last - HIDDEN_AFTER

    def write(self, connection: Connection, *, now: datetime) -> tuple[PendingEntry, ...]:
        """Insert new entries, reopen changed ones, update `feed_entries`; returns what this poll made pending."""
        new = self.insert_entries(connection, now=now)
        changed = [entry for entry in self.entries if self.is_changed(entry)]
        reopened = [self.reopen(connection, entry, now=now) for entry in changed]
        taken_over = [
            self.take_over(connection, row, entry)
            for entry in self.entries
            if (row := self.known.get(entry.identity)) is not None and self.is_taken_over(row)
        ]
        self.write_feed_entries(connection, new, now=now)
        return (*new.values(), *taken_over, *(entry for entry in reopened if entry is not None))

    def insert_entries(self, connection: Connection, *, now: datetime) -> dict[str, PendingEntry]:
        """Insert the entries that are new in the outlet; identity → pending entry.

        LOCK_OUTLET keeps other polls of the outlet from inserting the same; the unique index enforces it.
        """
        fresh = [entry for entry in self.entries if entry.identity not in self.known]
        if not fresh:
            return {}
        same: dict[str, Any] = {"outlet_id": self.feed.outlet_id, "feed_id": self.feed.feed_id}
        same |= {"version": 1, "attempts": 0, "first_seen_at": now}
        rows = [
            {**same, "identity": each.identity, "entry": entry_to_json(each), "state": "pending", "last_seen_at": now}
            for each in fresh
        ]
        inserted = connection.execute(entries.insert().returning(entries.c.identity, entries.c.id), rows)
        ids = {row.identity: row.id for row in inserted}
        return {entry.identity: PendingEntry(id=ids[entry.identity], entry=entry, **same) for entry in fresh}

    def reopen(self, connection: Connection, entry: Entry, *, now: datetime) -> PendingEntry | None:
        """Store a changed entry and make it pending (None: it already was).

        `version` grows also while it is pending, so that a page fetched before the change cannot settle it.
        """
        row = self.known[entry.identity]
        # Pending unconditionally: the entry may have been settled since `row` was read.
        values = {**reopened(row.version), "entry": entry_to_json(entry), "last_seen_at": now}
        connection.execute(update(entries).where(entries.c.id == row.id).values(**values))
        if row.state != "settled":
            return None
        return pending_entry(row, entry, version=row.version + 1, attempts=0)

    def take_over(self, connection: Connection, row: Row[Any], entry: Entry) -> PendingEntry:
        """Move an entry that is pending under a backfill to this feed."""
        feed_id = self.feed.feed_id
        values = {"feed_id": feed_id, "entry": entry_to_json(entry), "next_attempt_at": None}
        connection.execute(update(entries).where(entries.c.id == row.id).values(**values))
        return pending_entry(row, entry, feed_id=feed_id)

    def write_feed_entries(self, connection: Connection, new: Mapping[str, PendingEntry], *, now: datetime) -> None:
        """Write which entries this feed shows, where that is new, changed or not refreshed for long."""
        stale, known = [], []
        for entry in self.entries:
            is_new = entry.identity in new
            entry_id = new[entry.identity].id if is_new else self.known[entry.identity].id
            seen = self.seen.get(entry_id)
            if seen is None or seen.digest != entry.digest or now - seen.last_seen_at > REFRESH_AFTER:
                stale.append({"entry_id": entry_id, "digest": entry.digest})
                known += [] if is_new else [entry_id]
        if stale:
            same = {"feed_id": self.feed.feed_id, "last_seen_at": now}
            changes = ("digest", "last_seen_at")
            connection.execute(upsert(connection, feed_entries, changes), [same | row for row in stale])
        if known:
            connection.execute(update(entries).where(entries.c.id.in_(known)).values(last_seen_at=now))


def reopened(version: int) -> dict[str, Any]:
    """The columns of an entry of this version that becomes pending and due again."""
    return {"state": "pending", "version": version + 1, "attempts": 0, "next_attempt_at": None}


def pending_entry(row: Row[Any], entry: Entry | None = None, **changes: Any) -> PendingEntry:
    """A row of `entries` as a pending entry; `entry` and `changes` replace what the row says."""
    values: dict[str, Any] = {
        "id": row.id,
        "outlet_id": row.outlet_id,
        "feed_id": row.feed_id,
        "entry": entry or entry_from_json(row.entry),
        "version": row.version,
        "attempts": row.attempts,
        "first_seen_at": row.first_seen_at,
        "article_id": row.article_id,
        "is_dead": row.verdict == Verdict.FAILED.value,
    }
    return PendingEntry(**values | changes)


def entry_to_json(entry: Entry) -> str:
    """An entry as compact JSON with times in RFC 3339, without empty fields. Lossless."""
    kept = {name: value for name, value in asdict(entry).items() if value not in (None, "", (), False)}
    return json.dumps(kept, ensure_ascii=False, separators=(",", ":"), default=datetime.isoformat)


def entry_from_json(text: str) -> Entry:
    """Inverse of `entry_to_json`."""
    fields = json.loads(text)
    for name in ("published", "modified"):
        if name in fields:
            fields[name] = datetime.fromisoformat(fields[name])
    for name in ("authors", "categories"):
        fields[name] = tuple(fields.get(name, ()))
    return Entry(**{"title": "", **fields})
