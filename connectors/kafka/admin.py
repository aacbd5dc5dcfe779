"""The broker's topics: how they differ from what they should be, and making those that are missing, on request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType, NewTopic

from connectors.kafka.config import READ_TIMEOUT_MS, KafkaSettings
from connectors.kafka.topic_specs import TopicSpec
from connectors.kafka.topics import translate_errors


class KafkaAdmin:
    """Looks at the broker's topics, and makes those that are missing when asked to."""

    def __init__(self, settings: KafkaSettings) -> None:
        self.settings = settings

    def create_missing(self, specs: tuple[TopicSpec, ...]) -> tuple[str, ...]:
        """Create the topics that are not there; their names. Raises DeliveryError."""
        with translate_errors("topics"):
            admin = KafkaAdminClient(**self.settings.connection(patience_ms=READ_TIMEOUT_MS))
            try:
                there = set(admin.list_topics())
                missing = [spec for spec in specs if spec.name not in there]
                if missing:
                    admin.create_topics([new_topic(spec) for spec in missing], wait_for_metadata=True)
                return tuple(spec.name for spec in missing)
            finally:
                admin.close()

    def differences(self, specs: tuple[TopicSpec, ...]) -> tuple[str, ...]:
        """A sentence for each difference between the broker's topics and what they should be."""
        with translate_errors("topics"):
            admin = KafkaAdminClient(**self.settings.connection(patience_ms=READ_TIMEOUT_MS))
            try:
                there = {topic["name"]: topic for topic in admin.describe_topics([spec.name for spec in specs])}
                found: list[str] = []
                for spec in specs:
                    topic = there.get(spec.name)
                    if topic is None or topic.get("error_code"):
                        found.append(f"{spec.name} is missing: newswire topics create")
                        continue
                    found.extend(self.compare(admin, spec, topic))
                return tuple(found)
            finally:
                admin.close()

    def compare(self, admin: Any, spec: TopicSpec, topic: Mapping[str, Any]) -> tuple[str, ...]:
        """How one topic differs."""
        partitions = len(topic["partitions"])
        faults = [f"{spec.name} has {partitions} partitions, not {spec.partitions}"] * (partitions != spec.partitions)
        resource = ConfigResource(ConfigResourceType.TOPIC, spec.name)
        configs = configs_of(admin.describe_configs([resource], config_filter="all"), spec.name)
        faults += [
            f"{spec.name}: {name} is {configs.get(name)}, not {value}"
            for name, value in spec.configs.items()
            if configs.get(name) != value
        ]
        return tuple(faults)


def configs_of(described: Any, name: str) -> Mapping[str, str]:
    """The settings of one topic out of the client's answer."""
    topic = described["topic"][name] if "topic" in described else described[name]
    return {key: value["value"] if isinstance(value, dict) else value for key, value in topic.items()}


def new_topic(spec: TopicSpec) -> NewTopic:
    """A topic to be made."""
    return NewTopic(spec.name, spec.partitions, spec.replication, topic_configs=dict(spec.configs))
