"""Delivery: each message once, in order of key, whatever happened before; on the embedded log and on a broker."""

from __future__ import annotations

import gc
import itertools
import json
import random
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from kafka import KafkaAdminClient, TopicPartition
from sqlalchemy import update

from connectors.archive.warc_archive import TextStore
from connectors.kafka.config import KafkaSettings, TopicSpec, desired_topics
from connectors.kafka.consumer import KafkaAdmin
from connectors.kafka.producer import KafkaTopics
from connectors.store.database import Database
from connectors.store.outbox import EmbeddedTopics, StoredOutbox, append
from connectors.store.schema import lanes, outbox
from pipeline.delivery.dead_letters import claim_check
from pipeline.delivery.deliver import (
    OVERTAKE_AFTER,
    Audit,
    BatchLimits,
    Deliverer,
    LaneDelivery,
    keep_numbers,
    with_predecessors,
)
from pipeline.domain.errors import DeliveryError, LaneFenced, LaneLost
from pipeline.domain.model import Message, OutboxRow, Topic
from pipeline.domain.ports import Topics
from tests.values import NOW, make_message

LANES = 3
PARTITIONS = 2
LIMITS = BatchLimits(max_rows=7, max_bytes=10_000)
deployments = itertools.count(1)

# kafka-python 3.0.12 leaves sockets open when it finds no broker or is fenced: collected here, where it is expected.
pytestmark = pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning", "ignore:unclosed:ResourceWarning"
)


@pytest.fixture(autouse=True)
def collect_left_sockets() -> Iterator[None]:
    yield
    gc.collect()


@pytest.fixture
def database(store_url: str) -> Iterator[Database]:
    opened = Database(store_url)
    opened.upgrade()
    yield opened
    opened.close()


@pytest.fixture
def topics(request: pytest.FixtureRequest, database: Database) -> Topics:
    """The same test on the embedded log in SQLite, and on a real broker beside PostgreSQL, with topics of its own."""
    if database.is_sqlite:
        return EmbeddedTopics(database, prefix="news.")
    return make_kafka(request.getfixturevalue("broker").bootstrap)


def make_kafka(bootstrap: str) -> KafkaTopics:
    name = f"t{next(deployments)}"
    settings = KafkaSettings(bootstrap=bootstrap, deployment=name, prefix=f"{name}.", delivery_timeout_ms=10_000)
    kafka = KafkaTopics(settings)
    make_topics(kafka)
    return kafka


@pytest.fixture
def kafka(broker: object) -> KafkaTopics:
    return make_kafka(broker.bootstrap)  # type: ignore[attr-defined]


def drain(topics: Topics, store: StoredOutbox) -> Counter[str]:
    return Deliverer(topics, store, LIMITS, clock=lambda: NOW).stop()


def take(kafka: KafkaTopics, store: StoredOutbox, number: int) -> LaneDelivery:
    """A lane held by a process that will stall."""
    held = LaneDelivery(
        lane=kafka.open_lane(number),
        outbox=store,
        number=number,
        limits=LIMITS,
        clock=lambda: NOW,
        tally=lambda rows: None,
    )
    held.recover_lane()
    return held


def fill(database: Database, count: int, *, keys: int = 5, start: int = 0) -> list[Message]:
    messages = [make_message(number, key=f"k{number % keys}") for number in range(start, start + count)]
    with database.writing() as connection:
        append(connection, messages, lanes=LANES, now=NOW)
    return messages


def read_ids(topics: Topics) -> Counter[str]:
    return Counter(received.headers["ce_id"] for received in topics.read(Topic.ARTICLES))


def assert_exactly_once_and_in_order(topics: Topics, messages: list[Message]) -> None:
    received = list(topics.read(Topic.ARTICLES))
    assert Counter(r.headers["ce_id"] for r in received) == Counter(message.id for message in messages)
    for key in {message.key for message in messages}:
        got = [r.headers["ce_id"] for r in received if r.key == key]
        assert got == [message.id for message in messages if message.key == key]


def test_each_message_is_delivered_once_and_in_order_per_key(database: Database, topics: Topics) -> None:
    messages = fill(database, 40)
    store = StoredOutbox(database)
    assert drain(topics, store) == {"articles": 40}
    assert store.undelivered() == 0
    assert_exactly_once_and_in_order(topics, messages)
    assert drain(topics, store) == {}


def test_delivery_time_is_after_the_message_time_within_the_same_second(database: Database, topics: Topics) -> None:
    with database.writing() as connection:
        append(connection, [make_message(1)], lanes=LANES, now=datetime.now(UTC))
    drain(topics, StoredOutbox(database))
    (row,) = StoredOutbox(database).rows(Topic.ARTICLES)
    assert row.delivered_at is not None
    assert row.delivered_at > row.created_at


def test_second_delivery_continues_after_the_first(database: Database, topics: Topics) -> None:
    messages = fill(database, 10)
    drain(topics, StoredOutbox(database))
    messages += fill(database, 10, start=10)
    drain(topics, StoredOutbox(database))
    assert_exactly_once_and_in_order(topics, messages)


def test_event_is_added_to_the_outbox_once(database: Database) -> None:
    fill(database, 3)
    fill(database, 3)
    assert StoredOutbox(database).undelivered() == 3


def test_committed_but_unmarked_batch_is_not_sent_again(database: Database, topics: Topics) -> None:
    messages = fill(database, 12)
    store = StoredOutbox(database)
    drain(topics, store)
    forget_marks(database)  # as if every process had died between Kafka's commit and the mark
    assert drain(topics, store) == {"articles": 12}
    assert_exactly_once_and_in_order(topics, messages)


def test_stamped_but_unsent_batch_is_sent_under_its_number(database: Database, kafka: KafkaTopics) -> None:
    messages = fill(database, 12)
    store = StoredOutbox(database)
    for lane in store.lanes_with_work():
        store.stamp(lane, batch=1, max_rows=2, max_bytes=10_000)
    drain(kafka, store)
    assert_exactly_once_and_in_order(kafka, messages)


def test_second_holder_of_a_lane_fences_the_first(database: Database, kafka: KafkaTopics) -> None:
    first = kafka.open_lane(0)
    second = kafka.open_lane(0)
    with pytest.raises(LaneFenced):
        first.publish(1, [make_message(1)])
    second.publish(1, [make_message(2)])
    assert second.committed_batch() == 1
    first.close()
    second.close()
    assert read_ids(kafka) == {make_message(2).id: 1}


def test_expired_batch_number_is_recovered_from_the_topics(database: Database, kafka: KafkaTopics) -> None:
    messages = fill(database, 12)
    store = StoredOutbox(database)
    drain(kafka, store)
    forget_marks(database)
    expire_offsets(kafka)
    drain(kafka, store)
    assert_exactly_once_and_in_order(kafka, messages)


def test_overtaken_holder_loses_no_message_when_it_resumes(database: Database, kafka: KafkaTopics) -> None:
    messages = fill(database, 6)
    store = StoredOutbox(database)
    sleepers = {number: take(kafka, store, number) for number in store.lanes_with_work()}  # … and stall
    drain(kafka, store)
    messages += fill(database, 6, start=6)
    for sleeper in sleepers.values():  # awake: their next number was given by another meanwhile
        with pytest.raises(LaneFenced):
            sleeper.drain()
        sleeper.lane.close()
    drain(kafka, store)
    assert_exactly_once_and_in_order(kafka, messages)


def test_holder_overtaken_during_recovery_repeats_no_message(database: Database, kafka: KafkaTopics) -> None:
    messages = fill(database, 6)
    store = StoredOutbox(database)
    asked = {number: store.last_batch(number) + 1 for number in store.lanes_with_work()}  # … and stalls
    drain(kafka, store)
    for number, batch in asked.items():
        with pytest.raises(LaneFenced):
            store.reconcile_events(number, batch=batch, delivered=[])
    assert_exactly_once_and_in_order(kafka, messages)


def test_event_deleted_by_compaction_is_not_sent_after_its_successor() -> None:
    first, second, other = make_message(1), make_message(2), make_message(3, key="b")
    assert with_predecessors([first, second, other], {second.id}) == {first.id, second.id}


def test_store_restored_from_an_older_copy_repeats_no_message(database: Database, kafka: KafkaTopics) -> None:
    messages = fill(database, 12)
    store = StoredOutbox(database)
    drain(kafka, store)
    with database.writing() as connection:  # the copy was taken before anything was delivered
        connection.execute(update(outbox).values(batch=None, delivered_at=None))
        connection.execute(lanes.delete())
    messages += fill(database, 6, start=12)
    drain(kafka, store)
    assert_exactly_once_and_in_order(kafka, messages)


def test_rows_of_removed_lanes_are_delivered_before_later_rows(database: Database, kafka: KafkaTopics) -> None:
    messages = [make_message(number, key=f"k{number % 5}") for number in range(20)]
    with database.writing() as connection:
        append(connection, messages[:10], lanes=16, now=NOW)
    with database.writing() as connection:
        append(connection, messages[10:], lanes=2, now=NOW)
    drain(kafka, StoredOutbox(database))
    assert_exactly_once_and_in_order(kafka, messages)


def test_recreated_topic_gets_undelivered_messages_only(database: Database, kafka: KafkaTopics) -> None:
    fill(database, 6)
    store = StoredOutbox(database)
    drain(kafka, store)
    delete_topics(kafka)
    make_topics(kafka)
    messages = fill(database, 6, start=6)
    drain(kafka, store)
    assert_exactly_once_and_in_order(kafka, messages)


def test_batch_number_lost_with_the_messages_raises_lane_lost(database: Database, kafka: KafkaTopics) -> None:
    fill(database, 12)
    store = StoredOutbox(database)
    drain(kafka, store)
    forget_marks(database)
    expire_offsets(kafka)
    delete_messages(kafka)
    with pytest.raises(LaneLost, match="unknown whether they were sent; `newswire deliver --recover`"):
        drain(kafka, store)


def test_recover_sends_possibly_delivered_messages_again(database: Database, kafka: KafkaTopics) -> None:
    messages = fill(database, 12)
    store = StoredOutbox(database)
    drain(kafka, store)
    forget_marks(database)
    expire_offsets(kafka)
    delete_messages(kafka)
    messages += fill(database, 6, start=12)
    assert Deliverer(kafka, store, LIMITS, clock=lambda: NOW, recover=True).stop() == {"articles": 18}
    assert_exactly_once_and_in_order(kafka, messages)
    assert drain(kafka, store) == {}


def test_batch_numbers_of_idle_lanes_are_committed_again(database: Database, kafka: KafkaTopics) -> None:
    messages = fill(database, 12)
    store = StoredOutbox(database)
    drain(kafka, store)
    assert keep_numbers(kafka, store) == LANES
    messages += fill(database, 6, start=12)
    drain(kafka, store)
    assert_exactly_once_and_in_order(kafka, messages)


def test_unreachable_broker_raises_an_error_and_loses_no_message(database: Database) -> None:
    fill(database, 3)
    nobody = KafkaTopics(
        KafkaSettings(bootstrap="127.0.0.1:1", deployment="t", prefix="news.", delivery_timeout_ms=2_000)
    )
    with pytest.raises(DeliveryError, match=r"^lane \d: KafkaTimeoutError: Unable to bootstrap"):
        drain(nobody, StoredOutbox(database))
    assert StoredOutbox(database).undelivered() == 3


def test_message_too_large_for_the_topic_becomes_a_dead_letter(database: Database, kafka: KafkaTopics) -> None:
    noise = random.Random(7).randbytes(1_500_000).hex()  # does not compress below its 1.5 MB
    small, after = make_message(1), make_message(3)
    large = replace(make_message(2), value=json.dumps({"title": "Trop long", "text": noise}).encode())
    with database.writing() as connection:
        append(connection, [small, large, after], lanes=LANES, now=NOW)
    assert drain(kafka, StoredOutbox(database)) == {"articles": 2, "dead-letters": 1}
    assert read_ids(kafka) == {small.id: 1, after.id: 1}
    (letter,) = [json.loads(received.value or b"") for received in kafka.read(Topic.DEAD_LETTERS)]
    assert (letter["title"], letter["reason"]) == ("Trop long", "too_large")


def test_large_message_that_compresses_well_is_delivered(database: Database, kafka: KafkaTopics) -> None:
    large = replace(make_message(1), value=json.dumps({"text": "encore et encore " * 200_000}).encode())
    with database.writing() as connection:
        append(connection, [large], lanes=LANES, now=NOW)
    assert drain(kafka, StoredOutbox(database)) == {"articles": 1}
    assert [received.value for received in kafka.read(Topic.ARTICLES)] == [large.value]


def test_text_of_an_article_too_large_for_its_topic_is_stored_in_the_archive(
    database: Database, kafka: KafkaTopics, tmp_path: Path
) -> None:
    text = random.Random(7).randbytes(1_500_000).hex() + "\n\nLa fin.\n"
    large = replace(make_message(1), value=json.dumps({"title": "Trop long", "text": text}).encode())
    with database.writing() as connection:
        append(connection, [large], lanes=LANES, now=NOW)
    store, texts = StoredOutbox(database), TextStore(tmp_path)
    shrink = partial(claim_check, keep=texts.keep)
    assert Deliverer(kafka, store, LIMITS, clock=lambda: NOW, shrink=shrink).stop() == {"articles": 1}
    (received,) = kafka.read(Topic.ARTICLES)
    value = json.loads(received.value or b"")
    assert (value["title"], value["text"]) == ("Trop long", "")
    assert texts.read(value["text_location"]) == text
    audit = Audit(topic="articles", is_compacted=False)
    audit.read([received])
    assert list(audit.differences(store.rows(Topic.ARTICLES))) == []


def test_article_too_large_even_without_its_text_is_a_dead_letter(database: Database, kafka: KafkaTopics) -> None:
    noise = random.Random(7).randbytes(1_500_000).hex()
    large = replace(make_message(1), value=json.dumps({"title": noise, "text": "Court."}).encode())
    with database.writing() as connection:
        append(connection, [large], lanes=LANES, now=NOW)
    shrink = partial(claim_check, keep=lambda message, text: "texts/1.txt")
    deliverer = Deliverer(kafka, StoredOutbox(database), LIMITS, clock=lambda: NOW, shrink=shrink)
    assert deliverer.stop() == {"dead-letters": 1}


def test_messages_are_delivered_during_the_run(database: Database, topics: Topics) -> None:
    arrived = threading.Event()
    deliverer = Deliverer(topics, StoredOutbox(database), replace(LIMITS, max_age_s=0.01), clock=lambda: NOW)
    count = deliverer.count

    def count_and_tell(rows: Sequence[OutboxRow]) -> None:
        count(rows)
        arrived.set()

    deliverer.count = count_and_tell  # type: ignore[method-assign]
    deliverer.start()
    messages = fill(database, 3)
    deliverer.wake()
    assert arrived.wait(60)
    messages += fill(database, 3, start=3)
    deliverer.stop()
    assert_exactly_once_and_in_order(topics, messages)


def test_missing_topic_is_an_error_that_names_the_command(broker: object) -> None:
    empty = KafkaTopics(KafkaSettings(bootstrap=broker.bootstrap, deployment="nobody", prefix="nowhere."))  # type: ignore[attr-defined]
    with pytest.raises(DeliveryError, match="newswire topics create"):
        list(empty.read(Topic.ARTICLES))


def test_audit_finds_missing_and_repeated_messages(database: Database, topics: Topics) -> None:
    fill(database, 6)
    store = StoredOutbox(database)
    drain(topics, store)
    received = list(topics.read(Topic.ARTICLES))
    for messages, count in ((received, 0), (received[1:], 1), ([*received, received[0]], 1)):
        audit = Audit(topic="news.articles", is_compacted=False)
        audit.read(messages)
        assert len(list(audit.differences(store.rows(Topic.ARTICLES)))) == count


def test_delivered_messages_are_deleted_after_their_retention(database: Database, topics: Topics) -> None:
    fill(database, 4)
    store = StoredOutbox(database)
    assert store.expire(before=NOW + timedelta(days=3650)) == 0
    drain(topics, store)
    assert store.expire(before=NOW + timedelta(days=3650)) == 4


def test_topics_are_created_once_with_their_configuration(kafka: KafkaTopics) -> None:
    specs = desired_topics(kafka.settings.prefix, partitions=2, replication=1)
    admin = KafkaAdmin(kafka.settings)
    assert admin.create_missing(specs) == ()
    assert admin.differences(specs) == ()
    wider = desired_topics(kafka.settings.prefix, partitions=3, replication=1)
    assert any("has 2 partitions, not 3" in line for line in admin.differences(wider))


def test_processes_share_the_lanes_and_skip_those_held_by_others(database: Database, topics: Topics) -> None:
    messages = fill(database, 20)
    store = StoredOutbox(database)
    other = StoredOutbox(Database(database.engine.url.render_as_string()))
    with other.lease(0) as is_theirs, store.lease(0) as is_ours:
        assert (is_theirs, is_ours) == (True, False)
    first = Deliverer(topics, store, LIMITS, clock=lambda: NOW)
    second = Deliverer(topics, other, LIMITS, clock=lambda: NOW)
    with ThreadPoolExecutor(2) as both:
        sent = [future.result() for future in [both.submit(one.stop) for one in (first, second)]]
    assert sum(sent, Counter()) == {"articles": 20}
    assert_exactly_once_and_in_order(topics, messages)
    other.database.close()


def test_stalled_holder_is_overtaken(database: Database, kafka: KafkaTopics) -> None:
    messages = fill(database, 12)
    store = StoredOutbox(database)
    late = NOW + OVERTAKE_AFTER + timedelta(seconds=1)
    with store.lease(0), store.lease(1), store.lease(2):
        Deliverer(kafka, store, LIMITS, clock=lambda: late).stop()
    assert_exactly_once_and_in_order(kafka, messages)


def forget_marks(database: Database) -> None:
    with database.writing() as connection:
        connection.execute(update(outbox).values(delivered_at=None))


@contextmanager
def administration(kafka: KafkaTopics) -> Iterator[KafkaAdminClient]:
    admin = KafkaAdminClient(**kafka.settings.connection())
    yield admin
    admin.close()


def expire_offsets(kafka: KafkaTopics) -> None:
    with administration(kafka) as admin:
        admin.delete_groups([f"newswire.{kafka.settings.deployment}.lane.{lane}" for lane in range(LANES)])


def delete_messages(kafka: KafkaTopics) -> None:
    """As retention does."""
    name = kafka.settings.prefix + Topic.ARTICLES.value
    with administration(kafka) as admin:
        admin.delete_records({TopicPartition(name, part): -1 for part in range(PARTITIONS)})


def delete_topics(kafka: KafkaTopics) -> None:
    with administration(kafka) as admin:
        admin.delete_topics([spec.name for spec in wanted(kafka)])


def make_topics(kafka: KafkaTopics) -> None:
    KafkaAdmin(kafka.settings).create_missing(wanted(kafka))


def wanted(kafka: KafkaTopics) -> tuple[TopicSpec, ...]:
    return desired_topics(kafka.settings.prefix, partitions=PARTITIONS, replication=1)
