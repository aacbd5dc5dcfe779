"""Embedded topic log: without Kafka, consumers read the outbox table itself.

Implements `pipeline.domain.ports.Topics`. Publishing commits the lane's batch number; the rows are on the log already.
Guarantee: exactly once, in order per key, to readers of one database.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime

from sqlalchemy import select

from connectors.store.database import Database
from connectors.store.outbox import row_to_value, safe_end, set_committed_batch
from connectors.store.schema import lanes, outbox
from pipeline.delivery.messages import headers_of
from pipeline.domain.fault_injection import crash_point
from pipeline.domain.model import Message, OutboxRow, ReceivedMessage, Topic

POLL_S = 0.5  # between two queries of a following reader
PAGE_ROWS = 500  # per query
PARTITION = 0  # the log has one


class EmbeddedLane:
    """A lane of the embedded log. The database's write lock replaces fencing: one writer at a time."""

    def __init__(self, database: Database, number: int) -> None:
        self.database = database
        self.number = number

    def committed_batch(self) -> int | None:
        """The last batch number committed for this lane; None before the first."""
        query = select(lanes.c.committed_batch).where(lanes.c.lane == self.number)
        number: int | None = self.database.read_value(query)
        return number

    def publish(self, batch: int, messages: Sequence[Message]) -> None:
        """Commit the batch number; the messages are on the log already."""
        del messages
        for point in ("transaction_begun", "messages_sent", "offsets_sent"):
            crash_point(point)  # the same crash points as on Kafka, so that the same tests apply
        with self.database.writing() as connection:
            set_committed_batch(connection, self.number, batch)
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
    """The topics of a deployment without Kafka."""

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
                    yield self.received(row)
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

    def received(self, row: OutboxRow) -> ReceivedMessage:
        """A row as a consumer receives it."""
        return ReceivedMessage(
            topic=self.prefix + row.message.topic.value,
            partition=PARTITION,
            offset=row.id,
            key=row.message.key,
            headers=headers_of(row.message),
            value=row.message.value,
            timestamp=row.created_at,
        )

    def close(self) -> None:
        """Does nothing: the owner of the database closes it."""
