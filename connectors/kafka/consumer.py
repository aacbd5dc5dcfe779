"""Kafka consumer and admin client: committed messages as any consumer reads them; missing and differing topics.

Errors of the client are translated into `DeliveryError` and `LaneFenced`, here for the producer too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from itertools import chain
from typing import Any

from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition
from kafka import errors as kafka_errors
from kafka.admin import ConfigResource, ConfigResourceType, NewTopic

from connectors.kafka.config import READ_TIMEOUT_MS, KafkaSettings, TopicSpec
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
            ends = start_reading(consumer, name, since=since, after=after or {})
            while follow or any(consumer.position(part) < end for part, end in ends.items()):
                for record in chain.from_iterable(consumer.poll(timeout_ms=POLL_MS).values()):
                    yield ReceivedMessage(
                        topic=record.topic,
                        partition=record.partition,
                        offset=record.offset,
                        key=record.key.decode("utf-8", "replace"),
                        headers={name: value.decode("utf-8", "replace") for name, value in record.headers},
                        value=strip_frame(record.value),
                        timestamp=datetime.fromtimestamp(record.timestamp / 1000, UTC),
                    )

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
        options = self.settings.connection(timeout_ms=READ_TIMEOUT_MS) | {
            "group_id": None,
            "enable_auto_commit": False,
            "isolation_level": "read_committed",
            "auto_offset_reset": "earliest",
        }
        with translate_errors(what), closing(KafkaConsumer(**options)) as consumer:
            yield consumer


def start_reading(
    consumer: Any, name: str, *, since: datetime | None, after: Mapping[int, int]
) -> Mapping[TopicPartition, int]:
    """Assign every partition of a topic, from a time or behind an offset on; their present ends.

    Raises DeliveryError when there is no such topic, or when retention has deleted the messages behind an offset.
    """
    numbers = consumer.partitions_for_topic(name)
    if not numbers:
        raise DeliveryError(f"there is no topic {name}: newswire topics create")
    parts = [TopicPartition(name, number) for number in sorted(numbers)]
    consumer.assign(parts)
    offsets: dict[TopicPartition, int] = consumer.beginning_offsets(parts)
    ends: Mapping[TopicPartition, int] = consumer.end_offsets(parts)
    starts = dict(offsets)
    if since is not None:
        at = consumer.offsets_for_times({part: int(since.timestamp() * 1000) for part in parts})
        offsets |= {part: at[part].offset if at[part] is not None else ends[part] for part in parts}
    for part in parts:
        offset = after[part.partition] + 1 if part.partition in after else offsets[part]
        if part.partition in after and offset < starts[part]:
            gone = f"messages {offset} to {starts[part] - 1} of partition {part.partition} are gone"
            raise DeliveryError(f"{name}: {gone}")
        consumer.seek(part, offset)
    return ends


@contextmanager
def translate_errors(what: str) -> Iterator[None]:
    """Raise the client's errors as ours."""
    try:
        yield
    except FENCED as error:
        raise LaneFenced(f"{what}: another process took it over") from error
    except kafka_errors.KafkaError as error:
        raise DeliveryError(f"{what}: {error}") from error  # the client begins its sentence with the kind


class KafkaAdmin:
    def __init__(self, settings: KafkaSettings) -> None:
        self.settings = settings

    def create_missing(self, specs: tuple[TopicSpec, ...]) -> tuple[str, ...]:
        """Create the missing topics; their names. Raises DeliveryError."""
        with self.client() as admin:
            existing = set(admin.list_topics())
            missing = [
                NewTopic(spec.name, spec.partitions, spec.replication, topic_configs=dict(spec.configs))
                for spec in specs
                if spec.name not in existing
            ]
            if missing:
                admin.create_topics(missing, wait_for_metadata=True)
            return tuple(topic.name for topic in missing)

    def differences(self, specs: tuple[TopicSpec, ...]) -> tuple[str, ...]:
        """A sentence for each difference between the broker's topics and their specs. Raises DeliveryError."""
        with self.client() as admin:
            topics = {topic["name"]: topic for topic in admin.describe_topics([spec.name for spec in specs])}
            return tuple(fault for spec in specs for fault in compare(admin, spec, topics.get(spec.name)))

    @contextmanager
    def client(self) -> Iterator[Any]:
        """An admin client. Raises DeliveryError."""
        options = self.settings.connection(timeout_ms=READ_TIMEOUT_MS)
        with translate_errors("topics"), closing(KafkaAdminClient(**options)) as admin:
            yield admin


def compare(admin: Any, spec: TopicSpec, topic: Mapping[str, Any] | None) -> Iterator[str]:
    """How one topic of the broker differs from its spec."""
    if topic is None or topic.get("error_code"):
        yield f"{spec.name} is missing: newswire topics create"
        return
    partitions = len(topic["partitions"])
    if partitions != spec.partitions:
        yield f"{spec.name} has {partitions} partitions, not {spec.partitions}"
    resource = ConfigResource(ConfigResourceType.TOPIC, spec.name)
    described = admin.describe_configs([resource], config_filter="all")
    given = described["topic"][spec.name] if "topic" in described else described[spec.name]
    configs = {key: value["value"] if isinstance(value, dict) else value for key, value in given.items()}
    for name, value in spec.configs.items():
        if configs.get(name) != value:
            yield f"{spec.name}: {name} is {configs.get(name)}, not {value}"
