"""A schema registry: schemas under the topics' names, values in its wire format, refusals that cost no message."""

from __future__ import annotations

import json
import struct
import sys
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer
from jsonschema import Draft202012Validator

import schemas
from connectors.kafka.schema_registry import (
    COMPATIBILITY,
    RegistryRefused,
    SchemaRegistry,
    json_schema,
    strip_frame,
)
from connectors.store import outbox
from pipeline.app.runs import Newswire
from pipeline.domain.errors import DeliveryError
from pipeline.domain.model import Topic
from pipeline.domain.settings import Settings
from schemas import reader
from tests.app.test_export import message
from tests.registry_server import RegistryServer
from tests.stack.kafka import Broker
from tests.stack.registry import Registry
from tests.values import NOW, make_message

SUBJECT = "news.articles-value"


@pytest.fixture
def server() -> Iterator[RegistryServer]:
    with RegistryServer() as running:
        yield running


@pytest.fixture
def registry(server: RegistryServer) -> Iterator[SchemaRegistry]:
    with connect(server.url) as registry:
        yield registry


def connect(url: str, **login: Any) -> closing[SchemaRegistry]:
    return closing(SchemaRegistry(url=url, **login))


def test_a_value_is_framed_with_the_id_of_its_schema(registry: SchemaRegistry, server: RegistryServer) -> None:
    framed = registry.frame(make_message(), "news.articles")
    assert framed is not None
    magic, number = struct.unpack(">bI", framed[:5])
    assert (magic, framed[5:], strip_frame(framed)) == (0, make_message().value, make_message().value)
    assert json.loads(server.schemas[number - 1]) == schemas.load("article.v1")


def test_a_tombstone_stays_one(registry: SchemaRegistry) -> None:
    assert registry.frame(replace(make_message(), value=None), "news.articles.latest") is None


def test_an_id_is_asked_for_once(registry: SchemaRegistry, server: RegistryServer) -> None:
    for number in range(50):
        registry.frame(make_message(number), "news.articles")
    assert server.requests == [
        f"POST /subjects/{SUBJECT}",
        f"GET /config/{SUBJECT}",
        f"PUT /config/{SUBJECT}",
        f"POST /subjects/{SUBJECT}/versions",
    ]
    assert server.configs == {SUBJECT: COMPATIBILITY}
    with connect(server.url) as another:
        another.frame(make_message(), "news.articles")
    assert server.requests[4:] == [f"POST /subjects/{SUBJECT}"]  # another process finds it there


def test_a_compatibility_that_an_operator_set_stays(registry: SchemaRegistry, server: RegistryServer) -> None:
    server.configs[SUBJECT] = "NONE"
    registry.frame(make_message(), "news.articles")
    assert server.configs == {SUBJECT: "NONE"}


def test_an_incompatible_schema_is_refused_and_says_so(registry: SchemaRegistry, server: RegistryServer) -> None:
    server.configs[SUBJECT] = COMPATIBILITY
    other = json.dumps({"type": "object", "properties": {"id": {"type": "integer"}}})
    server.register(SUBJECT, other)
    with pytest.raises(RegistryRefused, match=r"409 .*incompatible"):
        registry.frame(make_message(), "news.articles")


def test_a_login_is_given_and_a_wrong_one_is_refused() -> None:
    with RegistryServer(login=("desk", "pass:word")) as server:
        with connect(server.url, username="desk", password="pass:word") as good:
            assert good.frame(make_message(), "news.articles")
        with connect(server.url, username="desk", password="guess") as bad, pytest.raises(RegistryRefused, match="401"):
            bad.frame(make_message(), "news.articles")


def test_an_unreachable_registry_is_retriable() -> None:
    with (
        connect("http://127.0.0.1:9", timeout_s=1) as gone,
        pytest.raises(DeliveryError, match=r"127\.0\.0\.1:9") as away,
    ):
        gone.frame(make_message(), "news.articles")
    assert away.value.retriable


def test_the_error_names_the_missing_extra(registry: SchemaRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "confluent_kafka.schema_registry", None)
    with pytest.raises(RegistryRefused, match=r"newswire\[registry\]"):
        registry.frame(make_message(), "news.articles")
    with pytest.raises(RegistryRefused, match=r"newswire\[registry\]"):
        registry.check()


def test_the_check_reaches_the_registry(registry: SchemaRegistry, server: RegistryServer) -> None:
    registry.check()
    assert server.requests == ["GET /subjects"]


@pytest.fixture
def settings(broker: Broker, tmp_path: Path) -> Settings:
    name = f"r{uuid.uuid4().hex[:8]}"
    return Settings(home=tmp_path / "home").updated(
        deployment=name,
        kafka={"bootstrap": broker.bootstrap},
        topics={"prefix": f"{name}.", "partitions": 1},
        delivery={"lanes": 1},
    )


def begin(newswire: Newswire) -> None:
    """Topics, and two events of an article in the outbox."""
    newswire.database.upgrade()
    newswire.create_topics()
    events = (message(1), message(1, topic=Topic.LATEST))
    with newswire.database.writing() as connection:
        outbox.append(connection, events, lanes=1, now=NOW)


def test_another_client_reads_the_topic_by_the_registrys_schema(settings: Settings, server: RegistryServer) -> None:
    with Newswire(settings.updated(schema_registry={"url": server.url})) as newswire:
        begin(newswire)
        assert newswire.deliver() == {"articles": 1, "articles.latest": 1}
        assert newswire.verify_delivery() == ()
        (ours,) = newswire.topics.read(Topic.ARTICLES)
        assert json.loads(ours.value or b"")["id"] == "a1"  # `tail` and `export` see plain JSON
    framed = read_raw(settings, "articles")
    with urllib.request.urlopen(f"{server.url}/schemas/ids/{struct.unpack('>I', framed[1:5])[0]}") as answer:
        schema = json.loads(json.load(answer)["schema"])
    Draft202012Validator(schema).validate(json.loads(framed[5:]))
    assert reader.read_article(framed) == json.loads(framed[5:])
    subjects = {f"{settings.topics.prefix}{topic}-value" for topic in ("articles", "articles.latest")}
    assert set(server.subjects) == subjects


def test_real_registry_registers_our_schemas(settings: Settings, real_registry: Registry) -> None:
    with Newswire(settings.updated(schema_registry={"url": real_registry.url})) as newswire:
        begin(newswire)
        assert newswire.deliver() == {"articles": 1, "articles.latest": 1}
        assert newswire.verify_delivery() == ()
    framed = read_raw(settings, "articles")
    told = asked(f"{real_registry.url}/schemas/ids/{struct.unpack('>I', framed[1:5])[0]}")
    assert told["schemaType"] == "JSON"
    Draft202012Validator(json.loads(told["schema"])).validate(json.loads(framed[5:]))
    subject = f"{settings.topics.prefix}articles-value"
    assert asked(f"{real_registry.url}/config/{subject}") == {"compatibilityLevel": COMPATIBILITY}
    assert asked(f"{real_registry.url}/subjects/{subject}/versions") == [1]
    # Another process finds the schema and registers no second one.
    with connect(real_registry.url) as another:
        again = another.frame(make_message(), f"{settings.topics.prefix}articles")
    assert again is not None
    assert again[:5] == framed[:5]
    assert asked(f"{real_registry.url}/subjects/{subject}/versions") == [1]


def test_real_registry_without_compatibility_takes_the_next_version(
    real_registry: Registry,
) -> None:
    """The way out with Apicurio 2.6, which cannot compare schemas of JSON Schema 2020-12 and answers 500."""
    topic = f"t{uuid.uuid4().hex[:8]}.articles"
    before = {"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object"}
    subject = f"{topic}-value"
    with connect(real_registry.url) as registry:
        first = registry.client.register_schema(subject, json_schema(before))
        registry.client.set_compatibility(subject, "FORWARD_TRANSITIVE")
        with pytest.raises(DeliveryError, match="500"):
            registry.frame(make_message(), topic)
        registry.client.set_compatibility(subject, "NONE")
        framed = registry.frame(make_message(), topic)
        assert framed is not None
        assert struct.unpack(">I", framed[1:5])[0] != first
    assert asked(f"{real_registry.url}/subjects/{subject}/versions") == [1, 2]


def asked(url: str) -> Any:
    """What the registry answers."""
    with urllib.request.urlopen(url) as answer:
        return json.load(answer)


def read_raw(settings: Settings, topic: str) -> bytes:
    """The one value of a topic, by confluent-kafka."""
    consumer = Consumer(
        {
            "bootstrap.servers": settings.kafka.bootstrap,
            "group.id": uuid.uuid4().hex,
            "auto.offset.reset": "earliest",
            "isolation.level": "read_committed",
        }
    )
    consumer.subscribe([settings.topics.prefix + topic])
    received = consumer.poll(timeout=60)
    consumer.close()
    assert received is not None
    assert received.error() is None
    value: bytes = received.value()
    return value


def test_refusal_of_the_registry_loses_no_message(settings: Settings, server: RegistryServer) -> None:
    subject = f"{settings.topics.prefix}articles-value"
    server.configs[subject] = COMPATIBILITY
    server.register(subject, json.dumps({"type": "object", "properties": {"id": {"type": "integer"}}}))
    with Newswire(settings.updated(schema_registry={"url": server.url})) as newswire:
        begin(newswire)
        with pytest.raises(RegistryRefused):
            newswire.deliver()
        assert newswire.outbox.undelivered() == 2
        server.subjects[subject].clear()  # the operator mends it
        assert sum(newswire.deliver().values()) == 2
        assert newswire.verify_delivery() == ()
