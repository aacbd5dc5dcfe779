"""Kafka consumer: reads the committed messages of a topic, as any consumer of ours does.

Errors of the client are translated into `DeliveryError` and `LaneFenced`, here for the producer too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from kafka import KafkaConsumer, TopicPartition
from kafka import errors as kafka_errors

from connectors.kafka.config import READ_TIMEOUT_MS, KafkaSettings
from connectors.kafka.schema_registry import strip_frame
from pipeline.domain.errors import DeliveryError, LaneFenced
from pipeline.domain.model import ReceivedMessage, Topic

FENCED = (kafka_errors.ProducerFencedError, kafka_errors.InvalidProducerEpochError)
POLL_MS = 500  # how long one poll of the broker waits for messages


class KafkaReader:
    """Reads topics. Every call opens its own consumer, which belongs to no group."""

    def __init__(self, settings: KafkaSettings) -> None:
        self.settings = settings

    def read(
        self,
        topic: Topic,
        *,
        since: datetime | None = None,
        follow: bool = False,
        after: Mapping[int, int] | None = None,
    ) -> Iterator[ReceivedMessage]:
        """Committed messages of a topic; ends at the present end unless `follow`. Raises DeliveryError."""
        name = self.settings.prefix + topic.value
        with self.consumer(name) as consumer:
            ends = assign(consumer, name, since=since)
            seek_after(consumer, after or {}, name)
            while follow or any(consumer.position(part) < end for part, end in ends.items()):
                for records in consumer.poll(timeout_ms=POLL_MS).values():
                    yield from (received_message(record) for record in records)

    def is_cut_before(self, topic: Topic, moment: datetime) -> bool:
        """Whether retention has deleted messages of the topic that are younger than this moment, or may have."""
        name = self.settings.prefix + topic.value
        with self.consumer("topics") as consumer:
            parts = [TopicPartition(name, number) for number in consumer.partitions_for_topic(name) or ()]
            starts = consumer.beginning_offsets(parts)
            at = consumer.offsets_for_times({part: int(moment.timestamp() * 1000) for part in parts})
            return any(starts[part] > 0 and (at[part] is None or at[part].offset <= starts[part]) for part in parts)

    @contextmanager
    def consumer(self, what: str) -> Iterator[Any]:
        """A consumer that sees committed messages only and belongs to no group. Raises DeliveryError about `what`."""
        with translate_errors(what):
            consumer = KafkaConsumer(
                **self.settings.connection(timeout_ms=READ_TIMEOUT_MS),
                group_id=None,
                enable_auto_commit=False,
                isolation_level="read_committed",
                auto_offset_reset="earliest",
            )
            try:
                yield consumer
            finally:
                consumer.close()


def assign(consumer: Any, name: str, *, since: datetime | None) -> Mapping[TopicPartition, int]:
    """Assign every partition of a topic from `since` on; their present ends. Raises DeliveryError."""
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


def seek_after(consumer: Any, after: Mapping[int, int], name: str) -> None:
    """Seek behind these offsets. Raises DeliveryError when retention has deleted the next messages."""
    parts = [part for part in consumer.assignment() if part.partition in after]
    starts = consumer.beginning_offsets(parts) if parts else {}
    for part in parts:
        offset = after[part.partition] + 1
        if offset < starts[part]:
            raise DeliveryError(
                f"{name}: messages {offset} to {starts[part] - 1} of partition {part.partition} are gone"
            )
        consumer.seek(part, offset)


def received_message(record: Any) -> ReceivedMessage:
    """Convert a consumer's record."""
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
    """Raise the client's errors as ours."""
    try:
        yield
    except FENCED as error:
        raise LaneFenced(f"{what}: another process took it over") from error
    except kafka_errors.KafkaError as error:
        raise DeliveryError(f"{what}: {error}") from error  # the client begins its sentence with the kind
