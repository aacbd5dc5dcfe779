"""Kafka: lanes that publish exactly once, and topics that are read as a consumer reads them.

Implements `pipeline.domain.ports.Topics`. A lane is a transactional producer `newswire.<deployment>.lane.<k>`; its
committed batch number is the offset that the consumer group of the same name has for partition 0 of the `lanes` topic,
so that Kafka commits messages and number atomically. Guarantee: exactly once to `read_committed` consumers, in order of
key; a second holder of a lane fences the first. Topics are never made here (connectors/kafka/admin.py does, on
request).
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import lz4.frame
import zstandard
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka import errors as kafka_errors
from kafka.structs import OffsetAndMetadata

from connectors.kafka.config import READ_TIMEOUT_MS, KafkaSettings
from connectors.kafka.schema_registry import strip_frame
from connectors.kafka.topic_specs import LANES_TOPIC
from pipeline.delivery.cloudevents import headers_of
from pipeline.domain.errors import DeliveryError, LaneFenced, LaneLost
from pipeline.domain.fault_injection import crash_point
from pipeline.domain.model import Message, ReceivedMessage, Topic

FENCED = (kafka_errors.ProducerFencedError, kafka_errors.InvalidProducerEpochError)
POLL_MS = 500
# Bytes of one partition's batch before compression: a few of them make a transaction, each below a topic's limit.
BATCH_BYTES = 512_000
# The client's own limit, before compression. What a topic takes is the limit after it: `KafkaLane.fits`.
REQUEST_BYTES = 64_000_000
# Of a message's size on the topic: its batch's header, its headers' names and lengths.
OVERHEAD_BYTES = 512
COMPACTED = (Topic.LATEST, Topic.FEEDS)


class KafkaLane:
    """A lane held by this process."""

    def __init__(self, settings: KafkaSettings, number: int) -> None:
        self.settings = settings
        self.number = number
        self.group = f"newswire.{settings.deployment}.lane.{number}"
        self.marker = TopicPartition(settings.prefix + LANES_TOPIC, 0)
        with translate_errors(f"lane {number}"):
            self.producer = KafkaProducer(
                **settings.connection(),
                transactional_id=self.group,
                acks="all",
                enable_idempotence=True,
                compression_type=settings.compression,
                linger_ms=20,
                batch_size=BATCH_BYTES,
                request_timeout_ms=settings.delivery_timeout_ms // 2,
                max_request_size=REQUEST_BYTES,
                transaction_timeout_ms=settings.transaction_timeout_ms,
                delivery_timeout_ms=settings.delivery_timeout_ms,
                max_block_ms=settings.delivery_timeout_ms,
                allow_auto_create_topics=False,
            )
            self.producer.init_transactions()

    def committed_batch(self) -> int | None:
        """The lane's offset for the marker partition: its last batch number; None when there is none, or it expired."""
        with translate_errors(f"lane {self.number}"):
            # read_committed waits for a transaction that is being committed at this moment (KIP-447).
            consumer = KafkaConsumer(
                **self.settings.connection(),
                group_id=self.group,
                enable_auto_commit=False,
                isolation_level="read_committed",
            )
            try:
                number: int | None = consumer.committed(self.marker)
                return number
            finally:
                consumer.close(autocommit=False)

    def publish(self, batch: int, messages: Sequence[Message]) -> None:
        """Append the messages and the batch number in one transaction. Raises LaneFenced or DeliveryError."""
        with translate_errors(f"lane {self.number} batch {batch}"):
            self.producer.begin_transaction()
            crash_point("transaction_begun")
            try:
                self.send_all(batch, messages)
                crash_point("messages_sent")
                offset = OffsetAndMetadata(batch, "", -1)
                self.producer.send_offsets_to_transaction({self.marker: offset}, self.group)
                crash_point("offsets_sent")
                self.producer.commit_transaction()
            except FENCED:
                raise  # the transaction is not ours to abort any more
            except (kafka_errors.KafkaError, DeliveryError):
                self.abort()
                raise
        crash_point("transaction_committed")

    def abort(self) -> None:
        """Abort the transaction. Raises LaneFenced when that fails because another process has the lane now."""
        try:
            self.producer.abort_transaction()
        except kafka_errors.KafkaError as error:
            if isinstance(error, FENCED) or any(kind.__name__ in str(error) for kind in FENCED):
                raise LaneFenced(f"lane {self.number}: another process took it over") from error
            raise

    def send_all(self, batch: int, messages: Sequence[Message]) -> None:
        """Send and wait for every delivery report: one that failed fails the batch."""
        stamp = ("newswire_batch", f"{self.number}/{batch}".encode())  # one header: each takes 3 % of a delivery's time
        reports = [
            self.producer.send(
                self.settings.prefix + message.topic.value,
                key=message.key.encode(),
                value=self.value_of(message),
                headers=[*((name, value.encode()) for name, value in headers_of(message).items()), stamp],
                timestamp_ms=int(message.time.timestamp() * 1000),
            )
            for message in messages
        ]
        self.producer.flush()
        for report in reports:
            report.get(timeout=self.settings.delivery_timeout_ms / 1000)

    def value_of(self, message: Message) -> bytes | None:
        """The value as it goes to the topic: framed for the schema registry, if there is one."""
        registry = self.settings.registry
        return (
            message.value if registry is None else registry.frame(message, self.settings.prefix + message.topic.value)
        )

    def fits(self, message: Message) -> bool:
        """Whether a topic takes a message of this size, compressed as it will be."""
        value = message.value or b""
        if len(value) < self.settings.max_message_bytes // 2:
            return True  # headers are never that long: URLs and ids
        headers = sum(len(name) + len(text.encode()) for name, text in headers_of(message).items())
        room = self.settings.max_message_bytes - OVERHEAD_BYTES - headers - len(message.key.encode())
        return len(value) <= room or len(compress(value, self.settings.compression)) <= room

    def find_events(self, messages: Sequence[Message]) -> frozenset[str]:
        """Which of these messages are on the topics. Raises LaneLost when retention has deleted what would tell."""
        topics = KafkaTopics(self.settings)
        found: set[str] = set()
        lost: list[str] = []
        for topic in {message.topic for message in messages}:
            ours = [message for message in messages if message.topic is topic]
            wanted = {message.id for message in ours}
            read = topics.read(topic, since=min(message.time for message in ours))
            found |= {event for received in read if (event := received.headers.get("ce_id", "")) in wanted}
            unseen = [message.time for message in ours if message.id not in found]
            if unseen and topic not in COMPACTED and topics.is_cut_before(topic, min(unseen)):
                lost.append(f"{len(unseen)} messages to {topic.value} wait since {min(unseen):%Y-%m-%d %H:%M}")
        if lost:
            raise LaneLost(
                f"lane {self.number}: {', '.join(lost)}, and the topics do not reach back that far: whether they were "
                "sent cannot be told; `newswire deliver --recover` sends them",
                found=frozenset(found),
            )
        return frozenset(found)

    def close(self) -> None:
        """Give the lane back. Idempotent."""
        self.producer.close(timeout=5)


class KafkaTopics:
    """The topics on a broker."""

    def __init__(self, settings: KafkaSettings) -> None:
        self.settings = settings

    def open_lane(self, lane: int) -> KafkaLane:
        """Take the lane, fencing any other holder of it."""
        return KafkaLane(self.settings, lane)

    def read(
        self,
        topic: Topic,
        *,
        since: datetime | None = None,
        follow: bool = False,
        after: Mapping[int, int] | None = None,
    ) -> Iterator[ReceivedMessage]:
        """Committed messages of a topic; ends at the present end unless `follow`."""
        name = self.settings.prefix + topic.value
        with translate_errors(name):
            consumer = self.consumer()
            try:
                ends = assign(consumer, name, since=since)
                go_on_after(consumer, after or {}, name)
                while follow or any(consumer.position(part) < end for part, end in ends.items()):
                    for records in consumer.poll(timeout_ms=POLL_MS).values():
                        yield from (received(record) for record in records)
            finally:
                consumer.close()

    def is_cut_before(self, topic: Topic, moment: datetime) -> bool:
        """Whether retention has deleted messages of the topic that are younger than this moment, or may have."""
        with translate_errors("topics"):
            consumer = self.consumer()
            try:
                name = self.settings.prefix + topic.value
                parts = [TopicPartition(name, number) for number in consumer.partitions_for_topic(name) or ()]
                starts = consumer.beginning_offsets(parts)
                at = consumer.offsets_for_times({part: int(moment.timestamp() * 1000) for part in parts})
                return any(starts[part] > 0 and (at[part] is None or at[part].offset <= starts[part]) for part in parts)
            finally:
                consumer.close()

    def consumer(self) -> Any:
        """A consumer that sees committed messages only and belongs to no group."""
        return KafkaConsumer(
            **self.settings.connection(patience_ms=READ_TIMEOUT_MS),
            group_id=None,
            enable_auto_commit=False,
            isolation_level="read_committed",
            auto_offset_reset="earliest",
        )

    def close(self) -> None:
        """Close the connections to the schema registry; none to the broker is held between calls."""
        if self.settings.registry is not None:
            self.settings.registry.close()


def compress(value: bytes, codec: str | None) -> bytes:
    """The value as the client will compress it, nearly; in its batch it never gets larger than alone."""
    match codec:
        case "zstd":
            return zstandard.compress(value)
        case "lz4":
            return bytes(lz4.frame.compress(value))
        case "gzip":
            return gzip.compress(value, compresslevel=6)
        case _:
            return value


def assign(consumer: Any, name: str, *, since: datetime | None) -> Mapping[TopicPartition, int]:
    """Give the consumer every partition of a topic from `since` on; their present ends. Raises DeliveryError."""
    numbers = consumer.partitions_for_topic(name)
    if not numbers:
        raise DeliveryError(f"there is no topic {name}: newswire topics create")
    parts = [TopicPartition(name, number) for number in sorted(numbers)]
    consumer.assign(parts)
    ends: Mapping[TopicPartition, int] = consumer.end_offsets(parts)
    if since is None:
        consumer.seek_to_beginning(*parts)
        return ends
    at = consumer.offsets_for_times({part: int(since.timestamp() * 1000) for part in parts})
    for part in parts:
        consumer.seek(part, at[part].offset if at[part] is not None else ends[part])
    return ends


def go_on_after(consumer: Any, after: Mapping[int, int], name: str) -> None:
    """Have the consumer go on behind these offsets. Raises DeliveryError when retention has deleted what comes next."""
    parts = [part for part in consumer.assignment() if part.partition in after]
    starts = consumer.beginning_offsets(parts) if parts else {}
    for part in parts:
        wanted = after[part.partition] + 1
        if wanted < starts[part]:
            raise DeliveryError(
                f"{name}: messages {wanted} to {starts[part] - 1} of partition {part.partition} are gone"
            )
        consumer.seek(part, wanted)


def received(record: Any) -> ReceivedMessage:
    """A consumer's record as our value."""
    return ReceivedMessage(
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        key=record.key.decode("utf-8", "replace"),
        headers={name: value.decode("utf-8", "replace") for name, value in record.headers},
        value=strip_frame(record.value),
        timestamp=datetime.fromtimestamp(record.timestamp / 1000, UTC),
    )


@contextmanager
def translate_errors(what: str) -> Iterator[None]:
    """Turn the client's errors into ours."""
    try:
        yield
    except FENCED as error:
        raise LaneFenced(f"{what}: another process took it over") from error
    except kafka_errors.KafkaError as error:
        raise DeliveryError(f"{what}: {error}") from error  # the client begins its sentence with the kind
