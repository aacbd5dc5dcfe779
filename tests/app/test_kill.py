"""A process killed at any named point and run again leaves on the broker what an undisturbed run leaves, each once.

The whole command is killed (SIGKILL, by itself, at the point), on a real broker; what is on the topics is read by an
independent client, confluent-kafka, in `read_committed`.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import uuid
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Consumer, KafkaError, TopicPartition

from pipeline.domain.fault_injection import FAULT_POINTS
from tests.newsroom import Newsroom
from tests.newsroom.catalogue import OUTLETS
from tests.stack.daemon import without_coverage
from tests.stack.kafka import Broker

TOPICS = ("articles", "articles.latest", "copies")
PARTITIONS = 2


@pytest.fixture(scope="module")
def newsroom() -> Iterator[Newsroom]:
    with Newsroom(outlets=OUTLETS[:1]) as running:
        yield running


@pytest.fixture(scope="module")
def undisturbed(broker: Broker, newsroom: Newsroom, tmp_path_factory: pytest.TempPathFactory) -> Counter[str]:
    environment = make_environment(broker, newsroom, tmp_path_factory.mktemp("undisturbed"))
    assert newswire(environment, "topics", "create") == 0
    assert newswire(environment, "poll") == 0
    return read_events(broker, environment["NEWSWIRE_TOPIC_PREFIX"])


def make_environment(broker: Broker, newsroom: Newsroom, home: Path) -> dict[str, str]:
    catalogue = home / "feeds.toml"
    catalogue.write_text(newsroom.catalogue_toml(), encoding="utf-8")
    name = f"kill-{uuid.uuid4().hex[:8]}"
    kept = {key: value for key, value in without_coverage(os.environ).items() if not key.startswith("NEWSWIRE_")}
    return kept | {
        "NEWSWIRE_HOME": str(home),
        "NEWSWIRE_CATALOGUE": str(catalogue),
        "NEWSWIRE_NEWSROOM": newsroom.address,
        "NEWSWIRE_HOST_SPACING_S": "0",
        "NEWSWIRE_EXTRACT_PROCESSES": "1",
        "NEWSWIRE_KAFKA_BOOTSTRAP": broker.bootstrap,
        "NEWSWIRE_DEPLOYMENT": name,
        "NEWSWIRE_TOPIC_PREFIX": f"{name}.",
        "NEWSWIRE_TOPIC_PARTITIONS": str(PARTITIONS),
        "NEWSWIRE_LANES": "2",
        "NEWSWIRE_BATCH_ROWS": "5",
        "NEWSWIRE_DELIVERY_TIMEOUT_S": "120",  # a broker on a machine with nothing left once took over 30 s
    }


def newswire(environment: dict[str, str], *words: str) -> int:
    """Run the command; its exit code, negative when a signal ended it. What it says is shown where a test fails."""
    command = [sys.executable, "-c", "from pipeline.cli.main import main; main()", *words]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    print(done.stdout, done.stderr)
    return done.returncode


def read_events(broker: Broker, prefix: str) -> Counter[str]:
    """Every committed event, by topic, key and revision, read to the end of every partition; each key's in order."""
    consumer = Consumer(
        {
            "bootstrap.servers": broker.bootstrap,
            "group.id": f"audit-{prefix}",
            "isolation.level": "read_committed",
            "enable.partition.eof": True,
            "auto.offset.reset": "earliest",
        }
    )
    events: Counter[str] = Counter()
    revisions: dict[tuple[str, str], int] = {}
    unread = {(prefix + topic, part) for topic in TOPICS for part in range(PARTITIONS)}
    consumer.assign([TopicPartition(topic, part, 0) for topic, part in unread])
    while unread:
        message = consumer.poll(1.0)
        if message is None:
            continue
        if message.error() is not None:
            assert message.error().code() == KafkaError._PARTITION_EOF
            unread.discard((message.topic(), message.partition()))
            continue
        value = json.loads(message.value() or b"{}")
        key, topic = (message.key() or b"").decode(), str(message.topic()).removeprefix(prefix)
        events[f"{topic} {key} {value['revision']}"] += 1
        assert revisions.get((topic, key), 0) < value["revision"]
        revisions[topic, key] = value["revision"]
    consumer.close()
    return events


@pytest.mark.parametrize("point", FAULT_POINTS)
def test_run_killed_at_a_fault_point_and_repeated_publishes_each_message_once(
    point: str, broker: Broker, newsroom: Newsroom, undisturbed: Counter[str], tmp_path: Path
) -> None:
    environment = make_environment(broker, newsroom, tmp_path)
    assert newswire(environment, "topics", "create") == 0
    assert newswire(environment | {"NEWSWIRE_CRASH_AT": point}, "poll") == -signal.SIGKILL
    assert newswire(environment, "poll") == 0
    found = read_events(broker, environment["NEWSWIRE_TOPIC_PREFIX"])
    assert set(found.values()) == {1}
    assert found == undisturbed
    assert len(found) > 10
