"""What the store remembers of feeds: their state, their polls, and which entries they showed.

`record_poll` is the first of the walk's two transactions: the feed's new state and its new or changed entries are
written together, so that from here on an entry cannot be lost. It decides nothing: the caller's `decide` turns what was
known of the entries into the feed's next state.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, fields
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, or_, select, text, update
from sqlalchemy.dialects import postgresql, sqlite

from connectors.store import outbox
from connectors.store.database import Database
from connectors.store.entry_diff import EntryDiff
from connectors.store.entry_json import entry_from_json
from connectors.store.schema import entries, feeds, numberings, polls
from pipeline.domain.fault_injection import crash_point
from pipeline.domain.model import (
    Feed,
    FeedState,
    FeedStatus,
    Message,
    PendingEntry,
    Validators,
    Verdict,
)
from pipeline.ingest.transactions import PollDecision, Polled, PollLine, QuietPoll, Shown, Sighted

# SQLite allows 32,766 variables in a statement; a feed has at most 2,000 entries.
STATE_COLUMNS = tuple(f.name for f in fields(FeedState) if f.name not in ("validators", "status"))
LINE_COLUMNS = tuple(f.name for f in fields(PollLine))
# What an operator switches is no poll's to write: a poll under way would undo it.
SWITCHES = frozenset({"paused", "interval_override_s"})
POLLED_COLUMNS = tuple(name for name in (*STATE_COLUMNS, "etag", "last_modified", "status") if name not in SWITCHES)
UPDATE_STATES = (
    update(feeds)
    .where(feeds.c.feed_id == bindparam("this_feed"))
    .values({name: bindparam(name) for name in POLLED_COLUMNS})
)


class FeedStore:
    """Feeds and their entries, on a Database."""

    def __init__(self, database: Database, *, lanes: int) -> None:
        self.database = database
        self.lanes = lanes

    def ensure(self, catalogue: Sequence[Feed], *, interval_s: int) -> None:
        """Give every feed of the catalogue a state; one whose declared URL was edited starts afresh there."""
        with self.database.reading() as connection:
            rows_known = connection.execute(select(feeds.c.feed_id, feeds.c.declared_url))
            declared = {row.feed_id: row.declared_url for row in rows_known}
        stale = [feed for feed in catalogue if declared.get(feed.id) != feed.url]
        if not stale:
            return
        rows = [
            state_to_row(FeedState(feed_id=feed.id, outlet_id=feed.outlet_id, url=feed.url, interval_s=interval_s))
            | {"declared_url": feed.url}
            for feed in stale
        ]
        statement = self.insert(feeds)
        afresh = {
            name: statement.excluded[name] for name in ("declared_url", "url", "etag", "last_modified", "body_hash")
        }
        with self.database.writing() as connection:
            connection.execute(
                statement.on_conflict_do_update(index_elements=[feeds.c.feed_id], set_=afresh | {"next_poll_at": None}),
                rows,
            )

    def states(self, feed_ids: Sequence[str]) -> tuple[FeedState, ...]:
        """The states of these feeds that the store knows."""
        with self.database.reading() as connection:
            found: list[FeedState] = []
            for start in range(0, len(feed_ids), 1000):
                some = feed_ids[start : start + 1000]
                rows = connection.execute(select(feeds).where(feeds.c.feed_id.in_(some)))
                found.extend(state_from_row(row) for row in rows)
            return tuple(found)

    def set_number_rule_once(self, outlet_id: str, rule: str | None, *, now: datetime) -> str | None:
        """Keep what an outlet's article numbers follow (None: nothing), unless that is settled; the rule in force."""
        with self.database.writing() as connection:
            given = self.insert(numberings).values(outlet_id=outlet_id, rule=rule, learnt_at=now)
            connection.execute(given.on_conflict_do_nothing())
            return connection.scalar(select(numberings.c.rule).where(numberings.c.outlet_id == outlet_id))

    def number_rules(self) -> Mapping[str, str]:
        """The rules that were learnt, by outlet."""
        with self.database.reading() as connection:
            rows = connection.execute(select(numberings).where(numberings.c.rule.is_not(None)))
            return {row.outlet_id: row.rule for row in rows}

    # ------------------------------------------------------------ by an operator's hand

    def override(self, feed_ids: Sequence[str], *, interval_s: int | None) -> int:
        """Poll these feeds at this interval from now on, whatever is learnt; None: as learnt. How many they are."""
        return self.change(feed_ids, interval_override_s=interval_s, next_poll_at=None)

    def pause(self, feed_ids: Sequence[str], *, reason: str) -> int:
        """Poll these feeds no more until they go on; how many there are."""
        return self.change(feed_ids, paused=True, status=FeedStatus.PAUSED.value, status_reason=reason)

    def go_on(self, feed_ids: Sequence[str]) -> int:
        """Poll these feeds again, paused or gone, from now on; how many there are."""
        afresh = {"gone_count": 0, "gone_since": None, "failures": 0, "next_poll_at": None}
        return self.change(feed_ids, paused=False, status=FeedStatus.QUIET.value, status_reason=None, **afresh)

    def change(self, feed_ids: Sequence[str], **values: Any) -> int:
        """Set columns of these feeds; how many there are."""
        changed = 0
        with self.database.writing() as connection:
            for start in range(0, len(feed_ids), 1000):
                chosen = feeds.c.feed_id.in_(feed_ids[start : start + 1000])
                changed += connection.execute(update(feeds).where(chosen).values(**values)).rowcount
        return changed

    # ------------------------------------------------------------ polls

    def record_poll(self, feed: FeedState, polled: Polled, decide: Callable[[Shown], PollDecision]) -> Sighted:
        """Write entries, feed state, poll and messages in one transaction; the entries that now wait."""
        with self.database.writing() as connection:
            lock_outlet(connection, feed.outlet_id)
            comparison = EntryDiff.make(connection, feed, polled.entries)
            shown = comparison.shown()
            decision = decide(shown)
            pending = comparison.write(connection, now=polled.at, insert=self.insert)
            self.write_poll(connection, decision, shown, line=polled.line, now=polled.at)
        crash_point("after_poll_commit")
        return Sighted(shown=shown, pending=pending, state=decision.state)

    def record_quiet_polls(self, polls_made: Sequence[QuietPoll]) -> None:
        """Write polls without entries, each with its feed's next state and messages, in one transaction."""
        states = [state_to_row(poll.decision.state) for poll in polls_made]
        with self.database.writing() as connection:
            connection.execute(UPDATE_STATES, [polled_columns(row) for row in states])
            connection.execute(polls.insert(), [line_to_row(poll) for poll in polls_made])
            for poll in polls_made:
                if poll.decision.messages:
                    outbox.append(connection, poll.decision.messages, lanes=self.lanes, now=poll.at)

    def write_poll(
        self, connection: Connection, decision: PollDecision, shown: Shown, *, line: PollLine, now: datetime
    ) -> None:
        """The feed's next state, the poll's line and the messages, in the caller's transaction."""
        state = decision.state
        connection.execute(UPDATE_STATES, [polled_columns(state_to_row(state))])
        connection.execute(
            polls.insert().values(
                feed_id=state.feed_id,
                outlet_id=state.outlet_id,
                polled_at=now,
                entries=shown.entries,
                new=shown.new,
                changed=shown.changed,
                **asdict(line),
            )
        )
        outbox.append(connection, decision.messages, lanes=self.lanes, now=now)

    def switch(self, state: FeedState, messages: Sequence[Message], *, now: datetime) -> None:
        """Write a state that an operator made by hand, and the messages that tell of it."""
        with self.database.writing() as connection:
            connection.execute(update(feeds).where(feeds.c.feed_id == state.feed_id).values(**state_to_row(state)))
            outbox.append(connection, messages, lanes=self.lanes, now=now)

    def expire_entries(self, *, before: datetime) -> int:
        """Forget settled entries that no feed has shown since; how many went. Their sightings go with them."""
        with self.database.writing() as connection:
            old = (entries.c.state == "settled") & (entries.c.last_seen_at < before)
            return connection.execute(delete(entries).where(old)).rowcount

    @property
    def insert(self) -> Any:
        """The dialect's INSERT, which knows ON CONFLICT."""
        return sqlite.insert if self.database.is_sqlite else postgresql.insert


def lock_outlet(connection: Connection, outlet_id: str) -> None:
    """Let one poll of an outlet be recorded after the other: two of its feeds often show the same new entry at once.

    Until the transaction ends, and among all processes. SQLite has one writer anyway.
    """
    if connection.dialect.name == "postgresql":
        # The first key is "news" in hexadecimal: a space of its own beside the other advisory locks.
        connection.execute(
            text("SELECT pg_advisory_xact_lock(x'6e657773'::int, hashtext(:outlet))"), {"outlet": outlet_id}
        )


def due_entries(
    connection: Connection, feed_ids: Sequence[str], *, now: datetime, limit: int
) -> tuple[PendingEntry, ...]:
    """Entries of these feeds that wait and may be tried now, oldest first."""
    rows = connection.execute(
        select(entries)
        .where(
            entries.c.feed_id.in_(feed_ids),
            entries.c.state == "pending",
            or_(entries.c.next_attempt_at.is_(None), entries.c.next_attempt_at <= now),
        )
        .order_by(entries.c.first_seen_at, entries.c.id)
        .limit(limit)
    )
    return tuple(pending_entry(row) for row in rows)


def pending_entry(row: Row[Any]) -> PendingEntry:
    """A row of `entries` as the walk takes it up."""
    return PendingEntry(
        id=row.id,
        outlet_id=row.outlet_id,
        feed_id=row.feed_id,
        entry=entry_from_json(row.entry),
        sighting=row.sighting,
        attempts=row.attempts,
        first_seen_at=row.first_seen_at,
        article_id=row.article_id,
        is_dead=row.verdict == Verdict.FAILED.value,
    )


def line_to_row(poll: QuietPoll) -> dict[str, Any]:
    """A poll without entries as its row for the desk."""
    state, line = poll.decision.state, poll.line
    return {
        "feed_id": state.feed_id,
        "outlet_id": state.outlet_id,
        "polled_at": poll.at,
        "entries": 0,
        "new": 0,
        "changed": 0,
        **{name: getattr(line, name) for name in LINE_COLUMNS},
    }


def polled_columns(row: Mapping[str, Any]) -> dict[str, Any]:
    """What a poll writes of a feed's row, and which row."""
    return {name: row[name] for name in POLLED_COLUMNS} | {"this_feed": row["feed_id"]}


def state_to_row(state: FeedState) -> dict[str, Any]:
    """A feed's state as its row."""
    return {
        **{name: getattr(state, name) for name in STATE_COLUMNS},
        "etag": state.validators.etag,
        "last_modified": state.validators.last_modified,
        "status": state.status.value,
    }


def state_from_row(row: Row[Any]) -> FeedState:
    """A feed's state from its row."""
    return FeedState(
        validators=Validators(row.etag, row.last_modified),
        status=FeedStatus.PAUSED if row.paused else FeedStatus(row.status),
        **{name: getattr(row, name) for name in STATE_COLUMNS},
    )
