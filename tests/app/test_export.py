"""Export files: consistent, growing, each article once, from the embedded log (on both databases) and from Kafka."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text

from connectors.archive.warc_archive import TextStore
from connectors.store import outbox
from connectors.store.database import Database
from connectors.store.outbox import EmbeddedTopics, safe_end
from pipeline.app import export as app_export
from pipeline.app.export import ExportChoice
from pipeline.app.runs import Newswire
from pipeline.delivery.dead_letters import claim_check
from pipeline.delivery.export_formats import MessageFilter
from pipeline.delivery.messages import EventType, article_message, article_value, to_json, tombstone
from pipeline.domain.errors import DeliveryError, SettingsError
from pipeline.domain.model import Message, Topic
from pipeline.domain.settings import Settings
from tests.delivery.test_messages import NEW, publication
from tests.stack.kafka import Broker
from tests.values import NOW

ALL = ExportChoice(topic=Topic.ARTICLES, form="jsonl", wanted=MessageFilter())


def message(number: int, *, topic: Topic = Topic.ARTICLES, revision: int = 1) -> Message:
    """An article's event."""
    decision = replace(NEW, article_id=f"a{number}", cluster_id=f"a{number}", revision=revision)
    published = publication(decision)
    return article_message(published, topic, EventType.PUBLISHED, to_json(article_value(published)))


def append(newswire: Newswire, *messages: Message) -> None:
    with newswire.database.writing() as connection:
        outbox.append(connection, messages, lanes=newswire.settings.delivery.lanes, now=NOW)
    newswire.deliver()


@pytest.fixture(params=["sqlite", "postgres", "kafka"])
def newswire(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Newswire]:
    settings = Settings(home=tmp_path / "home")
    if request.param == "postgres":
        settings = settings.updated(database_url=str(request.getfixturevalue("postgres_url")))
    if request.param == "kafka":
        broker: Broker = request.getfixturevalue("broker")
        name = f"x{uuid.uuid4().hex[:8]}"
        settings = settings.updated(
            deployment=name, kafka={"bootstrap": broker.bootstrap}, topics={"prefix": f"{name}."}
        )
        settings = settings.updated(topics={"partitions": 2}, delivery={"lanes": 2})
    with Newswire(settings) as opened:
        opened.database.upgrade()
        if settings.kafka.bootstrap:
            opened.create_topics()
        yield opened


def ids(path: Path) -> list[str]:
    return sorted(json.loads(line)["id"] for line in path.read_text("utf-8").splitlines())


def export(newswire: Newswire, output: Path, choice: ExportChoice = ALL, *, resume: bool = True) -> None:
    list(app_export.write(newswire, choice, output, resume=resume))


def test_a_growing_file_takes_up_what_came_since(newswire: Newswire, tmp_path: Path) -> None:
    output = tmp_path / "articles.jsonl"
    append(newswire, message(1), message(2))
    export(newswire, output)
    export(newswire, output)
    append(newswire, message(3))
    export(newswire, output)
    assert ids(output) == ["a1", "a2", "a3"]


def test_what_a_killed_export_wrote_is_not_there_twice(newswire: Newswire, tmp_path: Path) -> None:
    output = tmp_path / "articles.jsonl"
    append(newswire, message(1))
    export(newswire, output)
    append(newswire, message(2))
    with output.open("a", encoding="utf-8") as file:
        file.write('{"id": "a2", "half a li')  # killed after it wrote, before it noted so
    export(newswire, output)
    assert ids(output) == ["a1", "a2"]


def test_the_last_state_of_every_article_has_no_former_and_no_withdrawn_one(newswire: Newswire, tmp_path: Path) -> None:
    latest = replace(ALL, topic=Topic.LATEST)
    gone = tombstone(publication(NEW), "a1")
    append(newswire, message(1, topic=Topic.LATEST), message(2, topic=Topic.LATEST))
    append(newswire, message(2, topic=Topic.LATEST, revision=2), gone)
    export(newswire, tmp_path / "latest.jsonl", latest, resume=False)
    (line,) = (tmp_path / "latest.jsonl").read_text("utf-8").splitlines()
    assert (json.loads(line)["id"], json.loads(line)["revision"]) == ("a2", 2)
    with pytest.raises(SettingsError, match="a state, not a log"):
        export(newswire, tmp_path / "latest.jsonl", latest)


@pytest.fixture
def embedded(tmp_path: Path) -> Iterator[Newswire]:
    with Newswire(Settings(home=tmp_path / "home")) as opened:
        opened.database.upgrade()
        yield opened


def test_a_growing_folder_has_a_file_for_each_portion(embedded: Newswire, tmp_path: Path) -> None:
    from pyarrow import parquet

    choice, folder = replace(ALL, form="parquet"), tmp_path / "days"
    for number in (1, 2):
        append(embedded, message(number))
        export(embedded, folder, choice)
    assert sorted(path.name for path in folder.iterdir()) == ["2026-11-23.000000.parquet", "2026-11-23.000001.parquet"]
    assert sorted(parquet.read_table(folder).column("id").to_pylist()) == ["a1", "a2"]


def test_a_file_that_this_export_did_not_begin_is_left_alone(embedded: Newswire, tmp_path: Path) -> None:
    output = tmp_path / "mine.jsonl"
    output.write_text("mine\n", encoding="utf-8")
    with pytest.raises(SettingsError, match="this export did not begin it"):
        export(embedded, output)
    assert output.read_text("utf-8") == "mine\n"


def test_a_reader_that_follows_gets_what_comes_while_it_waits(embedded: Newswire) -> None:
    append(embedded, message(1))
    waits = iter([lambda: append(embedded, message(2)), lambda: append(embedded, message(3))])
    topics = EmbeddedTopics(embedded.database, prefix="news.", sleep=lambda _seconds: next(waits)())
    following = topics.read(Topic.ARTICLES, follow=True)
    assert [next(following).key for _ in range(3)] == ["a1", "a2", "a3"]


def test_a_text_too_large_for_its_topic_is_brought_back(embedded: Newswire, tmp_path: Path) -> None:
    texts = TextStore(embedded.settings.archive_folder)
    kept, gone = (claim_check(message(number), texts.keep) for number in (1, 2))
    append(embedded, kept, gone)
    (embedded.settings.archive_folder / json.loads(gone.value or b"")["text_location"]).unlink()
    export(embedded, tmp_path / "articles.jsonl")
    found = [json.loads(line) for line in (tmp_path / "articles.jsonl").read_text("utf-8").splitlines()]
    assert [value["text"] for value in found] == [json.loads(message(1).value or b"")["text"], ""]


def test_feeds_are_no_articles(embedded: Newswire, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="has no articles"):
        export(embedded, tmp_path / "x", replace(ALL, topic=Topic.FEEDS, form="ninjs"), resume=False)


def test_places_on_the_embedded_log_are_never_given_again(embedded: Newswire, tmp_path: Path) -> None:
    output = tmp_path / "articles.jsonl"
    append(embedded, message(1), message(2))
    export(embedded, output)
    with embedded.database.writing() as connection:
        connection.execute(text("DELETE FROM outbox"))
    append(embedded, message(3))
    export(embedded, output)
    assert ids(output) == ["a1", "a2", "a3"]


def test_a_reader_never_passes_by_what_is_not_committed_yet(postgres_url: str) -> None:
    """On PostgreSQL a higher id may be committed before a lower one; the end that is safe to read to knows it."""
    database = Database(postgres_url)
    database.upgrade()
    ends: list[int] = []
    reader = threading.Thread(target=lambda: ends.append(safe_end(database)))
    with database.writing() as slow:
        outbox.append(slow, (message(1),), lanes=4, now=NOW)
        with database.writing() as fast:
            outbox.append(fast, (message(2),), lanes=4, now=NOW)
        reader.start()
        reader.join(timeout=0.3)
        assert ends == []  # it waits for the process that still appends
    reader.join()
    assert ends == [2]
    database.close()


def test_what_retention_took_before_it_was_exported_is_told(broker: Broker, tmp_path: Path) -> None:
    from kafka import KafkaAdminClient, TopicPartition

    name = f"x{uuid.uuid4().hex[:8]}"
    settings = Settings(home=tmp_path / "home").updated(
        kafka={"bootstrap": broker.bootstrap}, topics={"prefix": f"{name}."}
    )
    with Newswire(settings.updated(deployment=name, topics={"partitions": 1}, delivery={"lanes": 1})) as newswire:
        newswire.database.upgrade()
        newswire.create_topics()
        append(newswire, message(1))
        export(newswire, tmp_path / "articles.jsonl")
        append(newswire, *(message(number) for number in range(2, 9)))
        admin = KafkaAdminClient(bootstrap_servers=broker.bootstrap)
        admin.delete_records({TopicPartition(f"{name}.articles", 0): 5})
        admin.close()
        with pytest.raises(DeliveryError, match="are gone"):
            export(newswire, tmp_path / "articles.jsonl")
