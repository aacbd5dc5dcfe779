"""Transactional outbox: messages waiting for delivery; without Kafka it is the topic log itself.

Implements `pipeline.domain.ports.Outbox`. `append` runs inside the transaction that decided the message, so verdict and
message are committed together. Guarantee: a row gets one batch number and is delivered under it; the protocol is in
pipeline/delivery/deliver.py. Rows of one key are in one lane in order of their ids. The writer of a key holds its
article's lock, so a lower id is never committed after a higher one of the same key.

Without Kafka, consumers read the table itself: publishing commits the lane's batch number, the rows are there already.
"""

from __future__ import annotations

import fcntl
import time
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import accumulate
from operator import attrgetter
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, delete, exists, func, select, text, update

from connectors.store.database import Database, chunks, insert_into, upsert
from connectors.store.schema import UtcTime, lanes, outbox
from pipeline.delivery.messages import headers_of
from pipeline.domain.errors import LaneFenced
from pipeline.domain.fault_injection import crash_point
from pipeline.domain.model import Message, OutboxRow, ReceivedMessage, Topic

# Columns that a message has under the same name. Its id is `event_id`; its topic is converted.
MESSAGE_COLUMNS = ("key", "type", "time", "source", "subject", "schema", "value")
UNDELIVERED = outbox.c.delivered_at.is_(None)

# Ids are assigned before commit, and are not committed in order. Writers hold this lock shared. A reader that gets it
# exclusively knows that every id up to the highest is committed or never will be.
LOCK_SHARED_FOR_APPEND = text("SELECT pg_advisory_xact_lock_shared(x'6f7574626f78'::bigint)")  # "outbox" in hexadecimal
LOCK_OUT_APPENDS = text("SELECT pg_advisory_xact_lock(x'6f7574626f78'::bigint)")

POLL_S = 0.5  # between two queries of a reader that follows the embedded log
PAGE_ROWS = 500  # per query
PARTITION = 0  # the embedded log has one
MAX_IDS_PER_STATEMENT = 10_000  # of 32,766 parameters on SQLite, 65,535 on PostgreSQL


def lane_for_key(key: str, *, lanes: int) -> int:
    """The lane of a key by CRC-32: stable for ever, so that all messages of one article keep their order."""
    return zlib.crc32(key.encode()) % lanes


def append(connection: Connection, messages: Sequence[Message], *, lanes: int, now: datetime) -> None:
    """Add messages in the caller's transaction; an event id that exists already is skipped."""
    if not messages:
        return
    if connection.dialect.name == "postgresql":
        connection.execute(LOCK_SHARED_FOR_APPEND)
    # Where messages of a key wait, the next one must follow, even if the number of lanes changed.
    keys = {message.key for message in messages}
    waits = select(outbox.c.key, outbox.c.lane).where(outbox.c.key.in_(keys), UNDELIVERED)
    lane_of = {key: lane_for_key(key, lanes=lanes) for key in keys}
    lane_of |= {row.key: row.lane for row in connection.execute(waits)}
    rows = [
        {"lane": lane_of[each.key], **columns_of(each), "event_id": each.id, "created_at": now} for each in messages
    ]
    statement = insert_into(connection, outbox)
    connection.execute(statement.on_conflict_do_nothing(index_elements=[outbox.c.event_id]), rows)


def safe_end(database: Database) -> int:
    """The highest id of the outbox up to which no row can appear any more. SQLite has one writer, so needs no lock."""
    highest = select(func.coalesce(func.max(outbox.c.id), 0))
    if database.is_sqlite:
        with database.reading() as connection:
            return connection.scalar(highest) or 0
    with database.writing() as connection:
        connection.execute(LOCK_OUT_APPENDS)
        return connection.scalar(highest) or 0


def columns_of(message: Message) -> dict[str, Any]:
    """The columns of a message, without its event id."""
    same = {name: getattr(message, name) for name in MESSAGE_COLUMNS}
    return {**same, "topic": message.topic.value, "size": len(message.value or b"") + len(message.key)}


class StoredOutbox:
    """The outbox as delivery uses it."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def lanes_with_work(self) -> tuple[int, ...]:
        """Lanes with undelivered rows."""
        query = select(outbox.c.lane).where(UNDELIVERED).distinct().order_by(outbox.c.lane)
        return tuple(row.lane for row in self.database.read(query))

    @contextmanager
    def lease(self, lane: int) -> Iterator[bool]:
        """Lease of a lane: True when no other process drains it. Ends also when its holder dies."""
        if self.database.is_sqlite:
            with lock_file(Path(f"{self.database.engine.url.database}.lane{lane}.lock")) as is_ours:
                yield is_ours
            return
        with self.database.reading() as connection:
            # The class is "lane" in hexadecimal; the lock belongs to this connection.
            key = {"class": 0x6C616E65, "lane": lane}
            is_ours = bool(connection.scalar(text("SELECT pg_try_advisory_lock(:class, :lane)"), key))
            connection.commit()  # a session lock survives it: no transaction stays open while the lane is drained
            try:
                yield is_ours
            finally:
                if is_ours:
                    connection.execute(text("SELECT pg_advisory_unlock(:class, :lane)"), key)

    def is_stalled(self, lane: int, *, since: datetime) -> bool:
        """Whether a message of the lane has waited since before that time, and none was delivered after it."""
        waits = exists().where(outbox.c.lane == lane, UNDELIVERED, outbox.c.created_at < since)
        moved = exists().where(outbox.c.lane == lane, outbox.c.delivered_at >= since)
        return bool(self.database.read_value(select(waits & ~moved)))

    def known_lanes(self) -> tuple[int, ...]:
        """Every lane that ever delivered."""
        return tuple(row.lane for row in self.database.read(select(lanes.c.lane).order_by(lanes.c.lane)))

    def undelivered(self) -> int:
        """How many messages are undelivered."""
        return self.database.read_value(select(func.count()).where(UNDELIVERED)) or 0

    def stamped(self, lane: int) -> tuple[OutboxRow, ...]:
        """Undelivered rows of the lane that have a batch number, in order."""
        is_stamped = outbox.c.lane == lane, UNDELIVERED, outbox.c.batch.is_not(None)
        return self.select(*is_stamped, order=(outbox.c.batch, outbox.c.id))

    def stamp(self, lane: int, *, batch: int, max_rows: int, max_bytes: int) -> tuple[OutboxRow, ...]:
        """Give the lane's next rows this batch number and commit: at most so many rows and bytes, at least one row."""
        unstamped = and_(outbox.c.lane == lane, UNDELIVERED, outbox.c.batch.is_(None))
        waiting = select(outbox.c.id, outbox.c.size).where(unstamped).order_by(outbox.c.id).limit(max_rows)
        with self.database.writing() as connection:
            rows = connection.execute(waiting).all()
            if not rows:
                return ()
            totals = accumulate(row.size for row in rows)
            fitting = [row.id for row, total in zip(rows, totals, strict=True) if total <= max_bytes]
            last = fitting[-1] if fitting else rows[0].id
            claim_batch_number(connection, lane, batch)
            stamp = update(outbox).where(unstamped, outbox.c.id <= last).values(batch=batch).returning(outbox)
            return tuple(sorted(map(row_to_value, connection.execute(stamp)), key=attrgetter("id")))

    def mark_delivered(self, lane: int, *, up_to_batch: int) -> int:
        """Mark rows of the lane up to this batch as delivered; returns how many."""
        is_delivered = outbox.c.lane == lane, UNDELIVERED, outbox.c.batch <= up_to_batch
        with self.database.writing() as connection:
            delivered = update(outbox).where(*is_delivered).values(delivered_at=database_time(connection))
            return connection.execute(delivered).rowcount

    def last_batch(self, lane: int) -> int:
        """The highest batch number ever given in the lane; 0 before the first."""
        return self.database.read_value(select(lanes.c.stamped_batch).where(lanes.c.lane == lane)) or 0

    def waiting(self, lane: int) -> tuple[OutboxRow, ...]:
        """Every undelivered row of the lane, stamped or not, in order."""
        return self.select(outbox.c.lane == lane, UNDELIVERED)

    def reconcile_events(self, lane: int, *, batch: int, delivered: Sequence[int]) -> None:
        """Mark these rows as delivered; every other undelivered row of the lane loses its batch number.

        Claims this batch number, without rows. Raises LaneFenced when it was given before.
        """
        with self.database.writing() as connection:
            claim_batch_number(connection, lane, batch)
            for some in chunks(delivered, MAX_IDS_PER_STATEMENT):
                known = update(outbox).where(outbox.c.id.in_(some))
                connection.execute(known.values(delivered_at=database_time(connection)))
            connection.execute(update(outbox).where(outbox.c.lane == lane, UNDELIVERED).values(batch=None))

    def replace(self, row_id: int, message: Message) -> None:
        """Replace a row's message, keeping its event id."""
        self.database.write(update(outbox).where(outbox.c.id == row_id).values(columns_of(message)))

    def rows(self, topic: Topic) -> tuple[OutboxRow, ...]:
        """Every stored row of a topic, in order, for the audit."""
        return self.select(outbox.c.topic == topic.value)

    def select(self, *conditions: Any, order: Sequence[Any] = (outbox.c.id,)) -> tuple[OutboxRow, ...]:
        """The rows that meet these conditions, in order."""
        rows = self.database.read(select(outbox).where(*conditions).order_by(*order))
        return tuple(row_to_value(row) for row in rows)

    def expire(self, *, before: datetime) -> int:
        """Delete rows delivered before that time; returns how many."""
        return self.database.write(delete(outbox).where(outbox.c.delivered_at < before))


@contextmanager
def lock_file(path: Path) -> Iterator[bool]:
    """Try to lock a file; the system releases the lock when the process dies."""
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


def claim_batch_number(connection: Connection, lane: int, batch: int) -> None:
    """Claim a lane's batch number in the caller's transaction. Raises LaneFenced when it was given before."""
    statement = upsert(connection, lanes, ["stamped_batch"], where=lanes.c.stamped_batch < batch)
    claimed = statement.values(lane=lane, stamped_batch=batch).returning(lanes.c.lane)
    if connection.execute(claimed).first() is None:
        raise LaneFenced(f"lane {lane}: another process used batch number {batch} already")


def database_time(connection: Connection) -> ColumnElement[datetime]:
    """The database's clock, which all deliverers share; SQLite's own CURRENT_TIMESTAMP has whole seconds."""
    if connection.dialect.name == "sqlite":
        return func.strftime("%Y-%m-%d %H:%M:%f000", "now", type_=UtcTime)  # as many digits as UtcTime writes
    return func.current_timestamp()


def row_to_value(row: Row[Any]) -> OutboxRow:
    """A row of the table as an OutboxRow."""
    same = {name: getattr(row, name) for name in MESSAGE_COLUMNS}
    return OutboxRow(
        id=row.id,
        lane=row.lane,
        message=Message(id=row.event_id, topic=Topic(row.topic), **same),
        created_at=row.created_at,
        batch=row.batch,
        delivered_at=row.delivered_at,
    )


class EmbeddedLane:
    """A lane of the embedded log. The database's write lock replaces fencing: one writer at a time."""

    def __init__(self, database: Database, number: int) -> None:
        self.database = database
        self.number = number

    def committed_batch(self) -> int | None:
        """The last batch number committed for this lane; None before the first."""
        batch: int | None = self.database.read_value(select(lanes.c.committed_batch).where(lanes.c.lane == self.number))
        return batch

    def publish(self, batch: int, messages: Sequence[Message]) -> None:
        """Commit the batch number; the messages are on the log already."""
        del messages
        for point in ("transaction_begun", "messages_sent", "offsets_sent"):
            crash_point(point)  # the same crash points as on Kafka, so that the same tests apply
        with self.database.writing() as connection:
            statement = upsert(connection, lanes, ["committed_batch"])
            connection.execute(statement.values(lane=self.number, stamped_batch=batch, committed_batch=batch))
        crash_point("transaction_committed")

    def fits(self, message: Message) -> bool:
        """Always: the message is in the outbox already."""
        del message
        return True

    def find_events(self, messages: Sequence[Message]) -> frozenset[str]:
        """Every event of the outbox is on the log."""
        return frozenset(message.id for message in messages)

    def close(self) -> None:
        """Does nothing."""


class EmbeddedTopics:
    """The topics of a deployment without Kafka.

    Implements `pipeline.domain.ports.Topics`. Guarantee: exactly once, in order per key, to readers of one database.
    """

    def __init__(self, database: Database, *, prefix: str, sleep: Callable[[float], None] = time.sleep) -> None:
        self.database = database
        self.prefix = prefix
        self.sleep = sleep

    def open_lane(self, lane: int) -> EmbeddedLane:
        """Open the lane."""
        return EmbeddedLane(self.database, lane)

    def read(
        self,
        topic: Topic,
        *,
        since: datetime | None = None,
        follow: bool = False,
        after: Mapping[int, int] | None = None,
    ) -> Iterator[ReceivedMessage]:
        """Messages of a topic in order of writing; ends at the current end unless `follow`."""
        last = (after or {}).get(PARTITION, 0)
        while True:
            end = safe_end(self.database)
            while rows := self.page(topic, after=last, up_to=end, since=since):
                for row in rows:
                    yield ReceivedMessage(
                        topic=self.prefix + row.message.topic.value,
                        partition=PARTITION,
                        offset=row.id,
                        key=row.message.key,
                        headers=headers_of(row.message),
                        value=row.message.value,
                        timestamp=row.created_at,
                    )
                    last = row.id
            if not follow:
                return
            self.sleep(POLL_S)

    def page(self, topic: Topic, *, after: int, up_to: int, since: datetime | None) -> tuple[OutboxRow, ...]:
        """The next rows of a topic after an id."""
        query = select(outbox).where(outbox.c.topic == topic.value, outbox.c.id > after, outbox.c.id <= up_to)
        if since is not None:
            query = query.where(outbox.c.created_at >= since.astimezone(UTC))
        return tuple(row_to_value(row) for row in self.database.read(query.order_by(outbox.c.id).limit(PAGE_ROWS)))

    def close(self) -> None:
        """Does nothing: the owner of the database closes it."""
