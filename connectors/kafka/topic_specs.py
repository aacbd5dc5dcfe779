"""Topic specs: names, partitions, retention and compaction. The broker's topics: connectors/kafka/admin.py."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from pipeline.domain.model import Topic

# Holds no messages: the consumer groups of the lanes keep their batch numbers for its one partition.
LANES_TOPIC = "lanes"

# Of a batch after compression. Kafka's default, set explicitly; a larger message is never sent (KafkaLane.fits).
MAX_MESSAGE_BYTES = 1_048_588
LIMITS = {"max.message.bytes": str(MAX_MESSAGE_BYTES)}


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
        """Kafka's cleanup policy."""
        return "compact" if self.retention is None else "delete"

    @property
    def configs(self) -> Mapping[str, str]:
        """Kafka's settings of the topic."""
        if self.retention is None:
            return {"cleanup.policy": "compact", **LIMITS}
        retention_ms = int(self.retention.total_seconds() * 1000)
        return {"cleanup.policy": "delete", "retention.ms": str(retention_ms), **LIMITS}


WEEK = timedelta(days=7)
PURPOSES: tuple[tuple[str, timedelta | None, str], ...] = (
    (Topic.ARTICLES, WEEK, "every event of every article: published, updated, withdrawn"),
    (Topic.LATEST, None, "the last state of every article; a tombstone when it was withdrawn"),
    (Topic.COPIES, WEEK, "articles that carry another one's text, with copy_of and similarity"),
    (Topic.FEEDS, None, "the status of every feed"),
    (Topic.DEAD_LETTERS, timedelta(days=30), "failed entries with cause, stage and attempts, and their resolution"),
)


def desired_topics(prefix: str, *, partitions: int, replication: int) -> tuple[TopicSpec, ...]:
    """The topics that consumers see, and the lanes' own."""
    lanes = (LANES_TOPIC, None, "internal: holds the lanes' batch numbers, no messages")
    return tuple(
        TopicSpec(
            name=prefix + name,
            partitions=1 if name == LANES_TOPIC else partitions,
            replication=replication,
            retention=retention,
            sentence=sentence,
        )
        for name, retention, sentence in (*PURPOSES, lanes)
    )
