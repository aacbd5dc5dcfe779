"""Feed store: the state of feeds, their polls, and the entries they show.

`record_poll` is the first of the two transactions of ingest: it writes the feed's new state together with its new or
changed entries, so that no entry can be lost afterwards. The caller's `decide` computes the next state. Left to others:
the comparison of entries (connectors/store/entry_diff.py), and how entries end (connectors/store/articles.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, fields, replace
from datetime import datetime
from operator import attrgetter
from typing import Any

from sqlalchemy import Row, bindparam, delete, select, text, update

from connectors.store import outbox
from connectors.store.database import Database, chunks, insert_into, upsert
from connectors.store.entry_diff import EntryDiff
from connectors.store.schema import entries, feeds, numberings, polls
from pipeline.domain.fault_injection import crash_point
from pipeline.domain.model import STATE_GROUPS, Feed, FeedState, FeedStatus, Message, Schedule, Validators
from pipeline.ingest.ports import EntryCounts, PollDecision, PollResult

# Columns of `feeds` that are fields of FeedState. Validators (two columns) and status (text) are converted.
STATE_COLUMNS = tuple(name for name in STATE_GROUPS if name not in {"validators", "status"})
# The type of each group and the names of its fields.
STATE_PARTS: dict[str, tuple[Any, list[str]]] = {
    part.name: (part.default_factory, [name for name, group in STATE_GROUPS.items() if group == part.name])
    for part in fields(FeedState)
    if part.name in STATE_GROUPS.values()
}
STATE_VALUES = attrgetter(*(f"{STATE_GROUPS[name]}.{name}".lstrip(".") for name in STATE_COLUMNS))
# Columns that only operators change: a poll under way must not overwrite them.
OPERATOR_COLUMNS = frozenset({"paused", "interval_override_s"})
POLL_COLUMNS = tuple(
    name for name in (*STATE_COLUMNS, "etag", "last_modified", "status") if name not in OPERATOR_COLUMNS
)
UPDATE_STATES = (
    update(feeds)
    .where(feeds.c.feed_id == bindparam("this_feed"))
    .values({name: bindparam(name) for name in POLL_COLUMNS})
)

# Serialises the polls of an outlet, of all processes, until the transaction ends: its feeds often show a new entry at
# the same time. The first key is "news" in hexadecimal: it separates this from other advisory locks.
LOCK_OUTLET = text("SELECT pg_advisory_xact_lock(x'6e657773'::int, hashtext(:outlet))")


class FeedStore:
    """Feeds and their entries, on a Database."""

    def __init__(self, database: Database, *, lanes: int) -> None:
        self.database = database
        self.lanes = lanes

    def ensure(self, catalogue: Sequence[Feed], *, interval_s: int) -> None:
        """Give every feed of the catalogue a state; reset it when the declared URL was edited."""
        rows = self.database.read(select(feeds.c.feed_id, feeds.c.declared_url))
        declared = {row.feed_id: row.declared_url for row in rows}
        stale = [feed for feed in catalogue if declared.get(feed.id) != feed.url]
        if not stale:
            return
        schedule = Schedule(interval_s=interval_s)
        states = [
            FeedState(feed_id=each.id, outlet_id=each.outlet_id, url=each.url, schedule=schedule) for each in stale
        ]
        new_rows = [state_to_row(state) | {"declared_url": state.url} for state in states]
        # A new state has no next_poll_at: the feed is due.
        reset = ("declared_url", "url", "etag", "last_modified", "body_hash", "next_poll_at")
        with self.database.writing() as connection:
            connection.execute(upsert(connection, feeds, reset), new_rows)

    def states(self, feed_ids: Sequence[str]) -> tuple[FeedState, ...]:
        """The states of those of these feeds that the store knows."""
        with self.database.reading() as connection:
            return tuple(
                state_from_row(row)
                for some in chunks(feed_ids)
                for row in connection.execute(select(feeds).where(feeds.c.feed_id.in_(some)))
            )

    def set_number_rule_once(self, outlet_id: str, rule: str | None, *, now: datetime) -> str | None:
        """Store the rule for an outlet's article numbers (None: no rule) unless one is set; the rule in force."""
        with self.database.writing() as connection:
            row = insert_into(connection, numberings).values(outlet_id=outlet_id, rule=rule, learnt_at=now)
            connection.execute(row.on_conflict_do_nothing())
            return connection.scalar(select(numberings.c.rule).where(numberings.c.outlet_id == outlet_id))

    def number_rules(self) -> Mapping[str, str]:
        """The learnt rules for article numbers, by outlet."""
        rows = self.database.read(select(numberings).where(numberings.c.rule.is_not(None)))
        return {row.outlet_id: row.rule for row in rows}

    def override(self, feed_ids: Sequence[str], *, interval_s: int | None) -> int:
        """Set a fixed poll interval (None: the learnt one) for these feeds; returns how many."""
        return self.change(feed_ids, interval_override_s=interval_s, next_poll_at=None)

    def pause(self, feed_ids: Sequence[str], *, reason: str) -> int:
        """Stop polling these feeds until they are resumed; returns how many."""
        return self.change(feed_ids, paused=True, status=FeedStatus.PAUSED.value, status_reason=reason)

    def go_on(self, feed_ids: Sequence[str]) -> int:
        """Poll these feeds again from now on, whether paused or gone; returns how many."""
        reset = {"gone_count": 0, "gone_since": None, "failures": 0, "next_poll_at": None}
        return self.change(feed_ids, paused=False, status=FeedStatus.QUIET.value, status_reason=None, **reset)

    def change(self, feed_ids: Sequence[str], **values: Any) -> int:
        """Set columns of these feeds; returns how many."""
        with self.database.writing() as connection:
            return sum(
                connection.execute(update(feeds).where(feeds.c.feed_id.in_(some)).values(**values)).rowcount
                for some in chunks(feed_ids)
            )

    def switch(self, state: FeedState, messages: Sequence[Message], *, now: datetime) -> None:
        """Write a state that an operator action produced, with its messages."""
        with self.database.writing() as connection:
            connection.execute(update(feeds).where(feeds.c.feed_id == state.feed_id).values(**state_to_row(state)))
            outbox.append(connection, messages, lanes=self.lanes, now=now)

    def record_poll(
        self, feed: FeedState, polled: PollResult, decide: Callable[[EntryCounts], PollDecision]
    ) -> EntryCounts:
        """Write entries, feed state, poll and messages in one transaction; returns the pending entries."""
        with self.database.writing() as connection:
            if not self.database.is_sqlite:  # SQLite has one writer
                connection.execute(LOCK_OUTLET, {"outlet": feed.outlet_id})
            comparison = EntryDiff.make(connection, feed, polled.entries)
            counts = comparison.counts()
            decision = decide(counts)
            pending = comparison.write(connection, now=polled.at)
            connection.execute(UPDATE_STATES, [poll_values(decision.state)])
            connection.execute(polls.insert(), poll_row(decision.state, polled, counts))
            outbox.append(connection, decision.messages, lanes=self.lanes, now=polled.at)
        crash_point("after_poll_commit")
        return replace(counts, pending=pending)

    def record_quiet_polls(self, quiet: Sequence[tuple[PollResult, PollDecision]]) -> None:
        """Write polls without entries, each with its feed's next state and messages, in one transaction."""
        states = [poll_values(decision.state) for _, decision in quiet]
        rows = [poll_row(decision.state, polled, EntryCounts()) for polled, decision in quiet]
        with self.database.writing() as connection:
            connection.execute(UPDATE_STATES, states)
            connection.execute(polls.insert(), rows)
            for polled, decision in quiet:
                outbox.append(connection, decision.messages, lanes=self.lanes, now=polled.at)

    def expire_entries(self, *, before: datetime) -> int:
        """Delete settled entries that no feed has shown since, with their rows in `feed_entries`; returns how many."""
        is_old = entries.c.state == "settled", entries.c.last_seen_at < before
        return self.database.write(delete(entries).where(*is_old))


def poll_row(state: FeedState, polled: PollResult, counts: EntryCounts) -> dict[str, Any]:
    """A poll as a row of `polls`."""
    return {
        "feed_id": state.feed_id,
        "outlet_id": state.outlet_id,
        "polled_at": polled.at,
        "entries": counts.entries,
        "new": counts.new,
        "changed": counts.changed,
        **asdict(polled.record),
    }


def poll_values(state: FeedState) -> dict[str, Any]:
    """The parameters of UPDATE_STATES."""
    row = state_to_row(state)
    return {name: row[name] for name in POLL_COLUMNS} | {"this_feed": row["feed_id"]}


def state_to_row(state: FeedState) -> dict[str, Any]:
    """A feed's state as a row of `feeds`."""
    same = zip(STATE_COLUMNS, STATE_VALUES(state), strict=True)
    validators = state.cache.validators
    others = {"etag": validators.etag, "last_modified": validators.last_modified, "status": state.health.status.value}
    return dict(same) | others


def state_from_row(row: Row[Any]) -> FeedState:
    """A feed's state from its row."""
    values = {name: getattr(row, name) for name in STATE_COLUMNS}
    values["status"] = FeedStatus.PAUSED if row.paused else FeedStatus(row.status)
    values["validators"] = Validators(row.etag, row.last_modified)
    parts = {group: kind(**{name: values[name] for name in names}) for group, (kind, names) in STATE_PARTS.items()}
    return FeedState(feed_id=row.feed_id, outlet_id=row.outlet_id, url=row.url, **parts)
