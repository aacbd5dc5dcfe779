"""The outbox: messages that wait for their delivery, and, without Kafka, the topic log itself.

Implements `pipeline.domain.ports.Outbox`. `append` is called inside the transaction that decided the message, so that a
verdict and its message stand or fall together. Guarantee: a row is stamped with one batch number and delivered under it
(the protocol is pipeline/delivery/deliver.py). Rows of one key are in one lane, in order of their ids: whoever writes
a key has its article's lock, so a lower id is never committed after a higher one of the same key.
"""

from __future__ import annotations

import fcntl
import zlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from operator import attrgetter
from pathlib import Path
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Index,
    Integer,
    LargeBinary,
    Row,
    String,
    Table,
    Text,
    and_,
    delete,
    exists,
    func,
    select,
    text,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from connectors.store.database import Database
from connectors.store.schema import BigId, UtcTime, metadata
from pipeline.domain.errors import LaneFenced
from pipeline.domain.model import Message, OutboxRow, Topic

outbox = Table(
    "outbox",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("lane", Integer, nullable=False),
    Column("topic", String, nullable=False),
    Column("key", String, nullable=False),
    Column("event_id", String, nullable=False, unique=True),
    Column("type", String, nullable=False),
    Column("time", UtcTime, nullable=False),
    Column("source", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("schema", String, nullable=False),
    Column("value", LargeBinary),
    Column("size", Integer, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("batch", BigInteger),
    Column("delivered_at", UtcTime),
    Index(
        "outbox_undelivered",
        "lane",
        "batch",
        "id",
        postgresql_where=text("delivered_at IS NULL"),
        sqlite_where=text("delivered_at IS NULL"),
    ),
    Index("outbox_by_topic", "topic", "id"),
    Index("outbox_by_key", "key"),
    Index("outbox_by_delivery", "delivered_at"),
    sqlite_autoincrement=True,  # an id is a place on the embedded log: never given again, even when all rows are gone
)

# `stamped_batch`: the highest number ever given in this lane; when the topics know a higher one, the store is older
# than they are. `committed_batch`: the number committed on the embedded log; Kafka keeps its own
# (connectors/kafka/topics.py).
lanes = Table(
    "lanes",
    metadata,
    Column("lane", Integer, primary_key=True, autoincrement=False),
    Column("stamped_batch", BigInteger, nullable=False),
    Column("committed_batch", BigInteger),
)


# Ids are given before they are committed, and not committed in their order. Whoever appends holds this lock in company,
# so that a reader that has it for a moment knows that every id up to the highest is committed, or never will be.
LOCK_SHARED_FOR_APPEND = text("SELECT pg_advisory_xact_lock_shared(x'6f7574626f78'::bigint)")  # "outbox" in hexadecimal
LOCK_OUT_APPENDS = text("SELECT pg_advisory_xact_lock(x'6f7574626f78'::bigint)")

# A statement takes at most 32,766 parameters on SQLite, 65,535 on PostgreSQL.
MAX_IDS_PER_STATEMENT = 10_000


def lane_for_key(key: str, *, lanes: int) -> int:
    """The lane of a key: stable for ever (CRC-32), so that all messages of one article keep their order."""
    return zlib.crc32(key.encode()) % lanes


def append(connection: Connection, messages: Sequence[Message], *, lanes: int, now: datetime) -> None:
    """Add messages in the caller's transaction; an event that is there already (same ce_id) is left alone."""
    if not messages:
        return
    insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    if connection.dialect.name == "postgresql":
        connection.execute(LOCK_SHARED_FOR_APPEND)
    waiting = waiting_lanes(connection, {message.key for message in messages})
    rows = [
        {
            "lane": waiting.get(message.key, lane_for_key(message.key, lanes=lanes)),
            **columns_of(message),
            "event_id": message.id,
            "created_at": now,
        }
        for message in messages
    ]
    connection.execute(insert(outbox).on_conflict_do_nothing(index_elements=[outbox.c.event_id]), rows)


def safe_end(database: Database) -> int:
    """The highest id of the outbox: at or below it nothing will be added any more. SQLite has one writer at a time."""
    highest = select(func.coalesce(func.max(outbox.c.id), 0))
    if database.is_sqlite:
        with database.reading() as connection:
            return connection.scalar(highest) or 0
    with database.writing() as connection:
        connection.execute(LOCK_OUT_APPENDS)
        return connection.scalar(highest) or 0


def columns_of(message: Message) -> dict[str, Any]:
    """A message as columns, without its event id."""
    return {
        "topic": message.topic.value,
        "key": message.key,
        "type": message.type,
        "time": message.time,
        "source": message.source,
        "subject": message.subject,
        "schema": message.schema,
        "value": message.value,
        "size": len(message.value or b"") + len(message.key),
    }


def waiting_lanes(connection: Connection, keys: Collection[str]) -> dict[str, int]:
    """Where messages of these keys wait: the next one goes there too, even if the number of lanes changed."""
    query = select(outbox.c.key, outbox.c.lane).where(outbox.c.key.in_(keys), outbox.c.delivered_at.is_(None))
    return {row.key: row.lane for row in connection.execute(query)}


class StoredOutbox:
    """The delivery's side of the outbox table."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def lanes_with_work(self) -> tuple[int, ...]:
        """Lanes that hold undelivered rows."""
        with self.database.reading() as connection:
            query = select(outbox.c.lane).where(outbox.c.delivered_at.is_(None)).distinct().order_by(outbox.c.lane)
            return tuple(connection.scalars(query))

    @contextmanager
    def lease(self, lane: int) -> Iterator[bool]:
        """Whether this process may drain the lane now: no other one does. Given back when a holder dies, too."""
        if self.database.is_sqlite:
            with lock_file(Path(f"{self.database.engine.url.database}.lane{lane}.lock")) as is_ours:
                yield is_ours
            return
        with self.database.reading() as connection:
            # The class is "lane" in hexadecimal; the lock lives as long as this connection.
            key = {"class": 0x6C616E65, "lane": lane}
            is_ours = bool(connection.scalar(text("SELECT pg_try_advisory_lock(:class, :lane)"), key))
            connection.commit()  # the lock is the session's: no transaction stays open while the lane is drained
            try:
                yield is_ours
            finally:
                if is_ours:
                    connection.execute(text("SELECT pg_advisory_unlock(:class, :lane)"), key)

    def is_stalled(self, lane: int, *, since: datetime) -> bool:
        """Whether a message of the lane waits since before then, and none of it was delivered after."""
        waits = exists().where(outbox.c.lane == lane, outbox.c.delivered_at.is_(None), outbox.c.created_at < since)
        moved = exists().where(outbox.c.lane == lane, outbox.c.delivered_at >= since)
        with self.database.reading() as connection:
            return bool(connection.scalar(select(waits & ~moved)))

    def known_lanes(self) -> tuple[int, ...]:
        """Every lane that was ever delivered from."""
        with self.database.reading() as connection:
            return tuple(connection.scalars(select(lanes.c.lane).order_by(lanes.c.lane)))

    def undelivered(self) -> int:
        """How many messages wait."""
        with self.database.reading() as connection:
            return connection.scalar(select(func.count()).where(outbox.c.delivered_at.is_(None))) or 0

    def stamped(self, lane: int) -> tuple[OutboxRow, ...]:
        """Undelivered rows of the lane that a batch number was given to, in order."""
        with self.database.reading() as connection:
            query = (
                select(outbox)
                .where(outbox.c.lane == lane, outbox.c.delivered_at.is_(None), outbox.c.batch.is_not(None))
                .order_by(outbox.c.batch, outbox.c.id)
            )
            return tuple(row_to_value(row) for row in connection.execute(query))

    def stamp(self, lane: int, *, batch: int, max_rows: int, max_bytes: int) -> tuple[OutboxRow, ...]:
        """Give the lane's next rows this batch number, committed; at most so many rows and bytes, at least one row."""
        unstamped = and_(outbox.c.lane == lane, outbox.c.delivered_at.is_(None), outbox.c.batch.is_(None))
        waiting = select(outbox.c.id, outbox.c.size).where(unstamped).order_by(outbox.c.id).limit(max_rows)
        with self.database.writing() as connection:
            last = last_id_within(connection.execute(waiting).all(), max_bytes=max_bytes)
            if last is None:
                return ()
            claim_batch_number(connection, lane, batch)
            stamp = update(outbox).where(unstamped, outbox.c.id <= last).values(batch=batch).returning(outbox)
            return tuple(sorted(map(row_to_value, connection.execute(stamp)), key=attrgetter("id")))

    def mark_delivered(self, lane: int, *, up_to_batch: int) -> int:
        """Rows of the lane stamped with this batch or a lower one are delivered; how many that were."""
        with self.database.writing() as connection:
            return mark_delivered(connection, lane, up_to_batch=up_to_batch)

    def last_batch(self, lane: int) -> int:
        """The highest batch number that was ever stamped for the lane; 0 before the first."""
        with self.database.reading() as connection:
            return connection.scalar(select(lanes.c.stamped_batch).where(lanes.c.lane == lane)) or 0

    def waiting(self, lane: int) -> tuple[OutboxRow, ...]:
        """Every undelivered row of the lane, stamped or not, in order."""
        with self.database.reading() as connection:
            query = select(outbox).where(outbox.c.lane == lane, outbox.c.delivered_at.is_(None)).order_by(outbox.c.id)
            return tuple(row_to_value(row) for row in connection.execute(query))

    def reconcile_events(self, lane: int, *, batch: int, delivered: Sequence[int]) -> None:
        """These rows are on the topics; every other undelivered row of the lane loses its batch number.

        Takes up this batch number, without rows. Raises LaneFenced when it was given before.
        """
        with self.database.writing() as connection:
            claim_batch_number(connection, lane, batch)
            for some in batched(delivered, MAX_IDS_PER_STATEMENT):
                known = update(outbox).where(outbox.c.id.in_(some))
                connection.execute(known.values(delivered_at=database_time(connection)))
            rest = update(outbox).where(outbox.c.lane == lane, outbox.c.delivered_at.is_(None))
            connection.execute(rest.values(batch=None))

    def replace(self, row_id: int, message: Message) -> None:
        """Put another message in a row's place, under the same event id."""
        with self.database.writing() as connection:
            connection.execute(update(outbox).where(outbox.c.id == row_id).values(columns_of(message)))

    def rows(self, topic: Topic) -> tuple[OutboxRow, ...]:
        """Every row kept of a topic, in order: what the audit compares with the topic."""
        with self.database.reading() as connection:
            query = select(outbox).where(outbox.c.topic == topic.value).order_by(outbox.c.id)
            return tuple(row_to_value(row) for row in connection.execute(query))

    def expire(self, *, before: datetime) -> int:
        """Delete delivered rows older than this; how many that were."""
        with self.database.writing() as connection:
            return connection.execute(delete(outbox).where(outbox.c.delivered_at < before)).rowcount


@contextmanager
def lock_file(path: Path) -> Iterator[bool]:
    """Hold a lock on a file, if nobody else does: the system gives it back when a process dies."""
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


def claim_batch_number(connection: Connection, lane: int, batch: int) -> None:
    """Take up a lane's batch number in the caller's transaction. Raises LaneFenced when it was given before."""
    insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    statement = insert(lanes).values(lane=lane, stamped_batch=batch)
    is_next = lanes.c.stamped_batch < batch
    taken = statement.on_conflict_do_update(
        index_elements=[lanes.c.lane], set_={"stamped_batch": batch}, where=is_next
    ).returning(lanes.c.lane)
    if connection.execute(taken).first() is None:
        raise LaneFenced(f"lane {lane}: another process gave batch {batch} already")


def set_committed_batch(connection: Connection, lane: int, batch: int) -> None:
    """Remember the number committed on the embedded log, in the caller's transaction."""
    insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    statement = insert(lanes).values(lane=lane, stamped_batch=batch, committed_batch=batch)
    connection.execute(statement.on_conflict_do_update(index_elements=[lanes.c.lane], set_={"committed_batch": batch}))


def mark_delivered(connection: Connection, lane: int, *, up_to_batch: int) -> int:
    """Mark a lane's rows up to a batch as delivered, in the caller's transaction."""
    statement = (
        update(outbox)
        .where(outbox.c.lane == lane, outbox.c.delivered_at.is_(None), outbox.c.batch <= up_to_batch)
        .values(delivered_at=database_time(connection))
    )
    return connection.execute(statement).rowcount


def database_time(connection: Connection) -> ColumnElement[datetime]:
    """Now, by the one clock that all deliverers share; SQLite's own CURRENT_TIMESTAMP has whole seconds."""
    if connection.dialect.name == "sqlite":
        return func.strftime("%Y-%m-%d %H:%M:%f000", "now", type_=UtcTime)  # as many digits as times written by us
    return func.current_timestamp()


def batched(ids: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    """The ids in portions (itertools.batched comes with Python 3.12)."""
    for start in range(0, len(ids), size):
        yield ids[start : start + size]


def last_id_within(rows: Iterable[Any], *, max_bytes: int) -> int | None:
    """The id of the last row before the size is used up; the first one fits always."""
    last, total = None, 0
    for row in rows:
        total += row.size
        if total > max_bytes and last is not None:
            break
        last = row.id
    return last


def row_to_value(row: Row[Any]) -> OutboxRow:
    """A row as the value that crosses the port."""
    return OutboxRow(
        id=row.id,
        lane=row.lane,
        message=Message(
            topic=Topic(row.topic),
            key=row.key,
            id=row.event_id,
            type=row.type,
            time=row.time,
            source=row.source,
            subject=row.subject,
            schema=row.schema,
            value=row.value,
        ),
        created_at=row.created_at,
        batch=row.batch,
        delivered_at=row.delivered_at,
    )
