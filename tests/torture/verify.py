"""What the topics must have after the torture, found without any code of ours: confluent-kafka and psycopg alone."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import psycopg
from confluent_kafka import Consumer, KafkaError, TopicPartition

TOPICS = ("articles", "articles.latest", "copies", "feeds", "dead-letters")


@dataclass(frozen=True, slots=True)
class Read:
    """A message as an independent consumer read it."""

    topic: str
    key: str
    event_id: str
    type: str
    value: Mapping[str, object] | None


def read_topics(bootstrap: str, prefix: str) -> list[Read]:
    """Every committed message of every topic, to the end of every partition; each partition's in order."""
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": f"{prefix}audit",
            "isolation.level": "read_committed",
            "enable.partition.eof": True,
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
        }
    )
    try:
        there = consumer.list_topics(timeout=60).topics
        unread = {(prefix + topic, part) for topic in TOPICS for part in there[prefix + topic].partitions}
        consumer.assign([TopicPartition(topic, part, 0) for topic, part in unread])
        found: list[Read] = []
        while unread:
            message = consumer.poll(60.0)
            assert message is not None, f"nothing more comes, and the end of {sorted(unread)} was not seen"
            error = message.error()
            if error is None:
                found.append(read_of(message, prefix))
            elif error.code() == KafkaError._PARTITION_EOF:
                unread.discard((message.topic(), message.partition()))
        return found
    finally:
        consumer.close()


def read_of(message: object, prefix: str) -> Read:
    """A consumer's message as a value."""
    headers = {name: value.decode() for name, value in message.headers() or ()}  # type: ignore[attr-defined]
    body = message.value()  # type: ignore[attr-defined]
    return Read(
        topic=message.topic().removeprefix(prefix),  # type: ignore[attr-defined]
        key=message.key().decode(),  # type: ignore[attr-defined]
        event_id=headers["ce_id"],
        type=headers["ce_type"],
        value=None if body is None else json.loads(body),
    )


def wanted_events(database: str) -> dict[tuple[str, str], list[str]]:
    """Event ids of the outbox by topic and key, in order; fails when one waits still."""
    wanted: dict[tuple[str, str], list[str]] = defaultdict(list)
    with psycopg.connect(database) as connection:
        for topic, key, event_id, delivered_at in connection.execute(
            "SELECT topic, key, event_id, delivered_at FROM outbox ORDER BY id"
        ):
            assert delivered_at is not None, f"{event_id} was never delivered"
            wanted[topic, key].append(event_id)
    return wanted


def differences(
    wanted: Mapping[tuple[str, str], Sequence[str]], read: Sequence[Read], marks: Mapping[str, str]
) -> list[str]:
    """A sentence for each fault. `marks`: the word that the last version of each article has, by URL."""
    return [*against_outbox(wanted, read), *against_newsroom(read, marks)]


def against_outbox(wanted: Mapping[tuple[str, str], Sequence[str]], read: Sequence[Read]) -> list[str]:
    """Every message once, in order of key, and nothing else."""
    counts = Counter((each.topic, each.event_id) for each in read)
    due = {(topic, event) for (topic, _), events in wanted.items() for event in events}
    faults = [f"{topic}: {event} is there {count} times" for (topic, event), count in counts.items() if count > 1]
    faults += [f"{topic}: {event} is missing" for topic, event in sorted(due - counts.keys())]
    faults += [f"{topic}: {event} is nowhere in the outbox" for topic, event in sorted(counts.keys() - due)]
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for each in read:
        found[each.topic, each.key].append(each.event_id)
    return faults + [
        f"{topic}: the events of {key} are out of order: {found[topic, key]}, not {list(events)}"
        for (topic, key), events in wanted.items()
        if Counter(found[topic, key]) == Counter(events) and found[topic, key] != list(events)
    ]


def against_newsroom(read: Sequence[Read], marks: Mapping[str, str]) -> list[str]:
    """Every article of the newsroom published once, its last words last; and no other, and no dead letter."""
    published: Counter[str] = Counter()
    last: dict[str, str] = {}
    faults = [f"dead letter {each.event_id}: {each.value}" for each in read if each.topic == "dead-letters"]
    for each in read:
        if each.topic in ("articles", "copies") and each.value is not None:
            url = str(each.value["canonical_url"])
            published[url] += each.type.endswith("published.v1")
            last[url] = str(each.value["text"])
    faults += [f"{url} was published {published[url]} times" for url in marks if published[url] != 1]
    faults += [f"{url} is no article of the newsroom" for url in published.keys() - marks.keys()]
    return faults + [
        f"{url}: the last message has not the newsroom's last words ({mark})"
        for url, mark in marks.items()
        if url in last and mark not in last[url]
    ]
