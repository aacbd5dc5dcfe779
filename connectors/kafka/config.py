"""Kafka configuration: a deployment's settings as the client takes them, and the specs of its topics.

The broker's topics are made and compared by connectors/kafka/consumer.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from connectors.kafka.schema_registry import SchemaRegistry
from pipeline.domain.model import Topic
from pipeline.domain.settings import KafkaOptions, Settings

# A batch that is not acknowledged in time fails and is aborted; the next run sends it again under its number.
DELIVERY_TIMEOUT_MS = 30_000
# A reader that gives up has lost nothing, and a person waits for the answer.
READ_TIMEOUT_MS = 10_000
# Timeout of the broker's transaction, in delivery timeouts: longer than any delivery takes, and shorter than the
# broker's transaction.max.timeout.ms (15 min by default).
TRANSACTION_TIMEOUT_FACTOR = 2

# Holds no messages: the consumer groups of the lanes keep their batch numbers for its one partition.
LANES_TOPIC = "lanes"

# Of a batch after compression. Kafka's default, set explicitly; a larger message is never sent (KafkaLane.fits).
MAX_MESSAGE_BYTES = 1_048_588


@dataclass(frozen=True, slots=True, kw_only=True)
class KafkaSettings:
    """A broker's address, its security, and the limits of a delivery."""

    bootstrap: str
    deployment: str
    prefix: str
    compression: str | None = "zstd"
    options: KafkaOptions = field(default_factory=KafkaOptions)
    delivery_timeout_ms: int = DELIVERY_TIMEOUT_MS
    max_message_bytes: int = MAX_MESSAGE_BYTES
    registry: SchemaRegistry | None = None

    @classmethod
    def of(cls, settings: Settings) -> KafkaSettings:
        return cls(
            bootstrap=settings.kafka.bootstrap,
            deployment=settings.deployment,
            prefix=settings.topics.prefix,
            compression=None if settings.delivery.compression == "none" else settings.delivery.compression,
            options=settings.kafka,
            registry=registry_of(settings),
            delivery_timeout_ms=int(settings.delivery.timeout_s * 1000),
        )

    def connection(self, *, timeout_ms: int | None = None) -> dict[str, Any]:
        """Keyword arguments that every client takes; `timeout_ms` (at most a delivery's) is for finding a broker."""
        options = self.options
        arguments: dict[str, Any] = {
            "bootstrap_servers": self.bootstrap.split(","),
            "client_id": f"newswire-{self.deployment}",
            "security_protocol": options.security,
            "bootstrap_timeout_ms": min(timeout_ms or self.delivery_timeout_ms, self.delivery_timeout_ms),
        }
        if options.security.startswith("SASL"):
            arguments |= {
                "sasl_mechanism": options.sasl_mechanism,
                "sasl_plain_username": options.username,
                "sasl_plain_password": options.password,
            }
        files = {"ssl_cafile": options.ca_file, "ssl_certfile": options.cert_file, "ssl_keyfile": options.key_file}
        return arguments | {name: path for name, path in files.items() if path}


def registry_of(settings: Settings) -> SchemaRegistry | None:
    if not settings.schema_registry.url:
        return None
    options = settings.schema_registry
    return SchemaRegistry(url=options.url, username=options.username, password=options.password)


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicSpec:
    """The desired state of a topic. `retention` is None where compaction keeps the last message of each key."""

    name: str
    partitions: int
    replication: int
    retention: timedelta | None
    sentence: str

    @property
    def kept(self) -> str:
        """The retention as text for people."""
        return "last state of each key" if self.retention is None else f"{self.retention.days} days"

    @property
    def cleanup(self) -> str:
        return "compact" if self.retention is None else "delete"

    @property
    def configs(self) -> Mapping[str, str]:
        kept = {} if self.retention is None else {"retention.ms": str(int(self.retention.total_seconds() * 1000))}
        return {"cleanup.policy": self.cleanup, **kept, "max.message.bytes": str(MAX_MESSAGE_BYTES)}


WEEK = timedelta(days=7)
PURPOSES: tuple[tuple[str, timedelta | None, str], ...] = (
    (Topic.ARTICLES, WEEK, "every event of every article: published, updated, withdrawn"),
    (Topic.LATEST, None, "the last state of every article; a tombstone when it was withdrawn"),
    (Topic.COPIES, WEEK, "articles that carry another one's text, with copy_of and similarity"),
    (Topic.FEEDS, None, "the status of every feed"),
    (Topic.DEAD_LETTERS, timedelta(days=30), "failed entries with cause, stage and attempts, and their resolution"),
    (LANES_TOPIC, None, "internal: holds the lanes' batch numbers, no messages"),
)


def desired_topics(prefix: str, *, partitions: int, replication: int) -> tuple[TopicSpec, ...]:
    """The topics that consumers see, and the lanes' own."""
    return tuple(
        TopicSpec(
            name=prefix + name,
            partitions=1 if name == LANES_TOPIC else partitions,
            replication=replication,
            retention=retention,
            sentence=sentence,
        )
        for name, retention, sentence in PURPOSES
    )
