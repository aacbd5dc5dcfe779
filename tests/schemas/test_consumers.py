"""The examples for consumers: tables with the schemas' fields and types, sinks on our topics, programs that run."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import schemas
from connectors.store import outbox
from pipeline.app.runs import Newswire
from pipeline.domain.model import Topic
from pipeline.domain.settings import Settings
from tests.app.test_export import message
from tests.stack.kafka import Broker
from tests.values import NOW

FOLDER = Path(__file__).parents[2] / "schemas" / "consumers"
SCHEMA_OF = {
    Topic.ARTICLES: "article.v1",
    Topic.LATEST: "article.v1",
    Topic.COPIES: "article.v1",
    Topic.FEEDS: "feed_status.v1",
    Topic.DEAD_LETTERS: "dead_letter.v1",
}
COMPACTED = (Topic.LATEST, Topic.FEEDS)


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a SQL of streams writes our types."""

    scalars: Mapping[str, str]
    row: str
    own: tuple[str, ...]  # columns that are not of the value: key and headers
    time: str | None = None

    def type_of(self, field: Mapping[str, Any]) -> str:
        """The type of a schema's field."""
        told = field["type"] if isinstance(field["type"], list) else [field["type"]]
        kind = next(each for each in told if each != "null")
        if kind == "array":
            return f"ARRAY<{self.type_of(field['items'])}>"
        if kind == "object" and "properties" not in field:
            return f"MAP<{self.scalars['string']}, {self.scalars['string']}>"
        if kind == "object":
            return f"{self.row}<" + ", ".join(f"`{n}` {self.type_of(f)}" for n, f in field["properties"].items()) + ">"
        return self.time if self.time and field.get("format") == "date-time" else self.scalars[kind]


DIALECTS = {
    "flink.sql": Dialect(
        scalars={"string": "STRING", "integer": "INT", "number": "DOUBLE", "boolean": "BOOLEAN"},
        row="ROW",
        own=("message_key", "headers"),
        time="TIMESTAMP_LTZ(6)",
    ),
    "ksqldb.sql": Dialect(
        scalars={"string": "VARCHAR", "integer": "INT", "number": "DOUBLE", "boolean": "BOOLEAN"},
        row="STRUCT",
        own=("message_key", "ce_type"),
    ),
}
CREATE = re.compile(r"CREATE (TABLE|STREAM) \w+ \((.*?)\n\) WITH \((.*?)\);", re.DOTALL)
COLUMN = re.compile(r"^  `(\w+)` (.+?),?(?: --.*)?$", re.MULTILINE)
TOPIC = re.compile(r"(?:'topic'|KAFKA_TOPIC) = 'news\.([\w.-]+)'")


def definitions(name: str) -> Iterator[tuple[str, Topic, dict[str, str], str]]:
    """Of each definition: TABLE or STREAM, its topic, its columns, its options."""
    for kind, body, options in CREATE.findall((FOLDER / name).read_text("utf-8")):
        found = TOPIC.search(options)
        assert found, options
        yield kind, Topic(found[1]), dict(COLUMN.findall(body)), options


@pytest.mark.parametrize("name", DIALECTS)
def test_every_topic_has_a_table_with_the_schemas_fields_and_types(name: str) -> None:
    dialect, seen = DIALECTS[name], []
    for _, topic, columns, _ in definitions(name):
        fields = schemas.load(SCHEMA_OF[topic])["properties"]
        of_value = {column: kind for column, kind in columns.items() if column not in dialect.own}
        assert of_value == {field: dialect.type_of(schema) for field, schema in fields.items()}, topic
        seen.append(topic)
    assert sorted(seen) == sorted(Topic)


def test_compacted_topics_are_tables_by_key_and_the_others_logs() -> None:
    for _, topic, _, options in definitions("flink.sql"):
        assert ("'upsert-kafka'" in options) is (topic in COMPACTED), topic
        assert "'properties.isolation.level' = 'read_committed'" in options
    for kind, topic, _, _ in definitions("ksqldb.sql"):
        assert (kind == "TABLE") is (topic in COMPACTED), topic
    assert "'read_committed'" in (FOLDER / "ksqldb.sql").read_text("utf-8")


@pytest.mark.parametrize("path", sorted(FOLDER.glob("connect-*.json")), ids=lambda path: path.stem)
def test_a_sink_reads_committed_messages_of_topics_there_are(path: Path) -> None:
    config = json.loads(path.read_text("utf-8"))["config"]
    assert {name.removeprefix("news.") for name in config["topics"].split(",")} <= {topic.value for topic in Topic}
    assert config["consumer.override.isolation.level"] == "read_committed"
    assert config["value.converter.schemas.enable"] == "false"
    assert all(isinstance(value, str) for value in config.values())  # Connect takes nothing else


def test_the_index_of_elasticsearch_has_the_articles_fields() -> None:
    mappings = json.loads((FOLDER / "elasticsearch-index.json").read_text("utf-8"))["template"]["mappings"]

    def names(fields: Mapping[str, Any], path: str = "") -> Iterator[str]:
        for name, field in fields.items():
            yield path + name
            yield from names(field.get("properties", {}), f"{path}{name}.")

    assert set(names(mappings["properties"])) == set(names(schemas.load("article.v1")["properties"]))
    assert mappings["properties"]["published"]["properties"]["time"]["type"] == "date"


@pytest.fixture(scope="module")
def published(broker: Broker, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """An article on topics of its own."""
    name = f"c{uuid.uuid4().hex[:8]}"
    settings = Settings(home=tmp_path_factory.mktemp("consumers")).updated(kafka={"bootstrap": broker.bootstrap})
    settings = settings.updated(
        deployment=name, topics={"prefix": f"{name}.news.", "partitions": 1}, delivery={"lanes": 1}
    )
    with Newswire(settings) as newswire:
        newswire.database.upgrade()
        newswire.create_topics()
        with newswire.database.writing() as connection:
            events = (message(1), message(1, topic=Topic.LATEST))
            outbox.append(connection, events, lanes=1, now=NOW)
        newswire.deliver()
    return settings


def test_kafka_python_prints_the_article(published: Settings) -> None:
    command = [sys.executable, str(FOLDER / "kafka_python.py"), published.kafka.bootstrap]
    with subprocess.Popen(
        [*command, f"{published.topics.prefix}articles"], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        process.kill()
    assert first == "a1 1 fr Titre\n"


def test_kcat_prints_the_article_with_its_headers(published: Settings, tmp_path: Path) -> None:
    script = (FOLDER / "kcat.sh").read_text("utf-8").replace("-t news.", f"-t {published.topics.prefix}")
    done = subprocess.run(
        ["sh", "-c", script, "kcat.sh", published.kafka.bootstrap], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "ce_type=org.newswire.article.published.v1" in done.stdout
    values = [line for line in done.stdout.splitlines() if line.startswith("{")]
    assert [json.loads(line)["id"] for line in values] == ["a1", "a1"]
