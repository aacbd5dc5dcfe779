"""Kafka producer: lanes that publish exactly once, by transactions.

Implements `pipeline.domain.ports.Topics`. A lane is a transactional producer `newswire.<deployment>.lane.<k>`. Its
committed batch number is an offset: the one that the consumer group of the same name has for partition 0 of the `lanes`
topic. So Kafka commits messages and number atomically. Guarantee: exactly once to `read_committed` consumers, in order
of key; a second holder of a lane fences the first. Topics are created by connectors/kafka/consumer.py, on request.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from functools import partial

import lz4.frame
import zstandard
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka import errors as kafka_errors
from kafka.structs import OffsetAndMetadata

from connectors.kafka.config import LANES_TOPIC, TRANSACTION_TIMEOUT_FACTOR, KafkaSettings
from connectors.kafka.consumer import FENCED, KafkaReader, translate_errors
from pipeline.delivery.messages import headers_of
from pipeline.domain.errors import DeliveryError, LaneFenced, LaneLost
from pipeline.domain.fault_injection import crash_point
from pipeline.domain.model import Message, Topic

# Bytes of one partition's batch before compression: a few of them make a transaction, each below a topic's limit.
BATCH_BYTES = 512_000
# The client's own limit, before compression. A topic's limit holds after compression: `KafkaLane.fits`.
REQUEST_BYTES = 64_000_000
# Of a message's size on the topic: its batch's header, its headers' names and lengths.
OVERHEAD_BYTES = 512
# Nearly as the client will compress; within its batch a value never gets larger than alone.
COMPRESSORS: Mapping[str | None, Callable[[bytes], bytes]] = {
    "zstd": zstandard.compress,
    "lz4": lz4.frame.compress,
    "gzip": partial(gzip.compress, compresslevel=6),
    None: bytes,
}
COMPACTED = (Topic.LATEST, Topic.FEEDS)


class KafkaTopics(KafkaReader):
    """The topics on a broker: reading, and lanes for writing."""

    def open_lane(self, lane: int) -> KafkaLane:
        """Take the lane, fencing any other holder of it."""
        return KafkaLane(self.settings, lane)

    def close(self) -> None:
        """Close the connections to the schema registry; none to the broker is held between calls."""
        if self.settings.registry is not None:
            self.settings.registry.close()


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
                transaction_timeout_ms=TRANSACTION_TIMEOUT_FACTOR * settings.delivery_timeout_ms,
                delivery_timeout_ms=settings.delivery_timeout_ms,
                max_block_ms=settings.delivery_timeout_ms,
                allow_auto_create_topics=False,
            )
            self.producer.init_transactions()

    def committed_batch(self) -> int | None:
        """The lane's offset for the marker partition: its last batch number; None when there is none, or it expired."""
        with translate_errors(f"lane {self.number}"):
            # read_committed waits for a transaction that is being committed at this moment (KIP-447).
            options = {"group_id": self.group, "enable_auto_commit": False, "isolation_level": "read_committed"}
            with closing(KafkaConsumer(**self.settings.connection(), **options)) as consumer:
                number: int | None = consumer.committed(self.marker)
                return number

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
        registry, reports = self.settings.registry, []
        for message in messages:
            topic = self.settings.prefix + message.topic.value
            report = self.producer.send(
                topic,
                key=message.key.encode(),
                value=registry.frame(message, topic) if registry else message.value,
                headers=[*((name, value.encode()) for name, value in headers_of(message).items()), stamp],
                timestamp_ms=int(message.time.timestamp() * 1000),
            )
            reports.append(report)
        self.producer.flush()
        for report in reports:
            report.get(timeout=self.settings.delivery_timeout_ms / 1000)

    def fits(self, message: Message) -> bool:
        """Whether a topic takes a message of this size, compressed as it will be."""
        value = message.value or b""
        if len(value) < self.settings.max_message_bytes // 2:
            return True  # headers are never that long: URLs and ids
        headers = sum(len(name) + len(text.encode()) for name, text in headers_of(message).items())
        available = self.settings.max_message_bytes - OVERHEAD_BYTES - headers - len(message.key.encode())
        return len(value) <= available or len(COMPRESSORS[self.settings.compression](value)) <= available

    def find_events(self, messages: Sequence[Message]) -> frozenset[str]:
        """Which of these messages are on the topics. Raises LaneLost when retention may have deleted some."""
        reader = KafkaReader(self.settings)
        found: set[str] = set()
        lost: list[str] = []
        for topic in {message.topic for message in messages}:
            sent_at = {message.id: message.time for message in messages if message.topic is topic}
            read = reader.read(topic, since=min(sent_at.values()))
            found |= {event for received in read if (event := received.headers.get("ce_id", "")) in sent_at}
            missing = [sent_at[event] for event in sent_at.keys() - found]
            if missing and topic not in COMPACTED and reader.is_cut_before(topic, min(missing)):
                lost.append(f"{len(missing)} messages to {topic.value} wait since {min(missing):%Y-%m-%d %H:%M}")
        if lost:
            raise LaneLost(
                f"lane {self.number}: {', '.join(lost)}. The topics do not reach back that far, so it is unknown "
                "whether they were sent; `newswire deliver --recover` sends them",
                found=frozenset(found),
            )
        return frozenset(found)

    def close(self) -> None:
        """Release the lane. Idempotent."""
        self.producer.close(timeout=5)
