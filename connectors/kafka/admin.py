"""Kafka admin client: creates missing topics on request, and compares the broker's topics with their specs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType, NewTopic

from connectors.kafka.config import READ_TIMEOUT_MS, KafkaSettings
from connectors.kafka.consumer import translate_errors
from connectors.kafka.topic_specs import TopicSpec


class KafkaAdmin:
    """Compares and creates topics."""

    def __init__(self, settings: KafkaSettings) -> None:
        self.settings = settings

    def create_missing(self, specs: tuple[TopicSpec, ...]) -> tuple[str, ...]:
        """Create the missing topics; their names. Raises DeliveryError."""
        with self.client() as admin:
            existing = set(admin.list_topics())
            missing = [spec for spec in specs if spec.name not in existing]
            if missing:
                admin.create_topics([new_topic(spec) for spec in missing], wait_for_metadata=True)
            return tuple(spec.name for spec in missing)

    def differences(self, specs: tuple[TopicSpec, ...]) -> tuple[str, ...]:
        """A sentence for each difference between the broker's topics and their specs. Raises DeliveryError."""
        with self.client() as admin:
            topics = {topic["name"]: topic for topic in admin.describe_topics([spec.name for spec in specs])}
            return tuple(fault for spec in specs for fault in compare(admin, spec, topics.get(spec.name)))

    @contextmanager
    def client(self) -> Iterator[Any]:
        """An admin client. Raises DeliveryError."""
        with translate_errors("topics"):
            admin = KafkaAdminClient(**self.settings.connection(timeout_ms=READ_TIMEOUT_MS))
            try:
                yield admin
            finally:
                admin.close()


def compare(admin: Any, spec: TopicSpec, topic: Mapping[str, Any] | None) -> Iterator[str]:
    """How one topic of the broker differs from its spec."""
    if topic is None or topic.get("error_code"):
        yield f"{spec.name} is missing: newswire topics create"
        return
    partitions = len(topic["partitions"])
    if partitions != spec.partitions:
        yield f"{spec.name} has {partitions} partitions, not {spec.partitions}"
    resource = ConfigResource(ConfigResourceType.TOPIC, spec.name)
    configs = topic_configs(admin.describe_configs([resource], config_filter="all"), spec.name)
    for name, value in spec.configs.items():
        if configs.get(name) != value:
            yield f"{spec.name}: {name} is {configs.get(name)}, not {value}"


def topic_configs(described: Any, name: str) -> Mapping[str, str]:
    """The settings of one topic out of the client's answer."""
    topic = described["topic"][name] if "topic" in described else described[name]
    return {key: value["value"] if isinstance(value, dict) else value for key, value in topic.items()}


def new_topic(spec: TopicSpec) -> NewTopic:
    """The spec as the client takes it."""
    return NewTopic(spec.name, spec.partitions, spec.replication, topic_configs=dict(spec.configs))
