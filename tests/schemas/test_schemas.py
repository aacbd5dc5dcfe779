"""The schemas: every field described with an example that holds, messages and readers of the past unbroken."""

from __future__ import annotations

import copy
import json
import re
import subprocess
import sys
import types
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

import pytest
from jsonschema import Draft202012Validator, ValidationError

import schemas
from pipeline.delivery.messages import EventType
from pipeline.domain.model import Topic
from schemas import reader
from tests.schemas.compatibility import differences

FOLDER = Path(__file__).parents[2] / "schemas"  # the checkout: a wheel has no README
EXAMPLES = sorted((FOLDER / "examples").glob("*.json"))
HISTORY = sorted((FOLDER / "history").glob("*.json"))
by_example = pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)


def fields(schema: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every field of a schema, at any depth."""
    for name, field in schema.get("properties", {}).items():
        yield f"{path}{name}", field
        yield from fields(field, f"{path}{name}.")
    others = schema.get("additionalProperties")
    if isinstance(others, Mapping):
        yield f"{path}*", others


def example(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", schemas.NAMES)
def test_a_schema_is_one(name: str) -> None:
    Draft202012Validator.check_schema(schemas.load(name))


@pytest.mark.parametrize("name", schemas.NAMES)
def test_every_field_is_described_and_its_examples_hold(name: str) -> None:
    for path, field in fields(schemas.load(name)):
        assert len(field.get("description", "")) > 4, path
        assert field["examples"], path
        for value in field["examples"]:
            Draft202012Validator(field).validate(value)


# What came after the copies in history/ were frozen: it may be missing, all else is always there.
ADDED = {"text_location"}


@pytest.mark.parametrize("name", schemas.NAMES)
def test_every_object_is_open_for_additions(name: str) -> None:
    schema = schemas.load(name)
    for path, field in [("", schema), *fields(schema)]:
        if "properties" in field:
            assert field["additionalProperties"] is True, path
            assert set(field["properties"]) - set(field["required"]) <= ADDED, path


def test_an_unknown_schema_names_those_there_are() -> None:
    with pytest.raises(KeyError, match=r"article\.v1"):
        schemas.load("article.v9")


@pytest.mark.parametrize("text", ["2026-11-23", "2026-11-23T06:00:00", "2026-11-23T07:00:00+01:00", "soon"])
def test_a_time_is_utc_or_it_is_refused(text: str) -> None:
    value = example(FOLDER / "examples" / "article-published.json")["value"]
    with pytest.raises(ValidationError):
        schemas.validator("article.v1").validate(value | {"fetched": text})


# ---------------------------------------------------------------- messages of the past


@by_example
def test_a_message_of_the_past_still_validates(path: Path) -> None:
    message = example(path)
    if message["value"] is not None:
        schemas.validator(message["headers"]["ce_dataschema"]).validate(message["value"])


@by_example
def test_past_messages_have_described_fields_only(path: Path) -> None:
    message = example(path)
    if message["value"] is not None:
        schema = schemas.load(message["headers"]["ce_dataschema"])
        Draft202012Validator(closed(schema)).validate(message["value"])


def closed(schema: Any) -> Any:
    """The schema with every object closed."""
    if isinstance(schema, dict):
        changed = {name: closed(part) for name, part in schema.items()}
        return changed | ({"additionalProperties": False} if changed.get("additionalProperties") is True else {})
    return [closed(part) for part in schema] if isinstance(schema, list) else schema


def test_there_is_a_message_of_every_kind_and_topic() -> None:
    messages = [example(path) for path in EXAMPLES]
    assert {message["headers"]["ce_type"] for message in messages} == {kind.value for kind in EventType}
    told = {message["topic"].removeprefix("news.") for message in messages}
    assert told == {topic.value for topic in Topic}
    assert any(message["value"] is None for message in messages)


# ---------------------------------------------------------------- changes of a schema


@pytest.mark.parametrize("path", HISTORY, ids=lambda path: path.stem)
def test_a_schema_breaks_neither_messages_nor_readers_of_what_was_released(path: Path) -> None:
    broken = differences(example(path), schemas.load(path.stem))
    assert broken == (), "make a new version beside it, or, if this version was never released, freeze it anew"


def test_every_schema_has_its_frozen_copy() -> None:
    assert {path.stem for path in HISTORY} == set(schemas.NAMES)


OLD = {
    "type": "object",
    "additionalProperties": True,
    "required": ["id", "kind"],
    "properties": {
        "id": {"type": "string", "pattern": "^a"},
        "kind": {"type": ["string", "null"], "enum": ["x", "y", None]},
        "parts": {"type": "array", "items": {"type": "string"}},
        "outlet": {"type": "object", "additionalProperties": False, "properties": {"id": {"type": "string"}}},
    },
}
Change = Callable[[dict[str, Any]], object]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        pytest.param(lambda s: s["properties"].pop("kind"), "kind is gone", id="a field removed"),
        pytest.param(lambda s: s["properties"]["id"].update(type=["string", "null"]), "type", id="a type widened"),
        pytest.param(lambda s: s["properties"]["kind"].update(type="string"), "type", id="a type narrowed"),
        pytest.param(lambda s: s["required"].remove("id"), "readers rely on id", id="a field made optional"),
        pytest.param(lambda s: s["required"].append("parts"), "old messages", id="a field made required"),
        pytest.param(lambda s: s["properties"]["kind"]["enum"].append("z"), "enum", id="a word more"),
        pytest.param(lambda s: s["properties"]["kind"]["enum"].remove("x"), "enum", id="a word less"),
        pytest.param(lambda s: s["properties"]["id"].update(pattern="^b"), "pattern", id="another pattern"),
        pytest.param(lambda s: s["properties"]["parts"]["items"].update(type="integer"), "each", id="other elements"),
        pytest.param(lambda s: s.update(additionalProperties=False), "additional", id="an object closed"),
        pytest.param(
            lambda s: s["properties"]["outlet"]["properties"].update(name={"type": "string"}),
            "allows no others",
            id="a field more in a closed object",
        ),
    ],
)
def test_breaking_changes_are_named(change: Change, told: str) -> None:
    new = copy.deepcopy(OLD)
    change(new)
    assert any(told in sentence for sentence in differences(OLD, new))


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda s: s["properties"].update(more={"type": "string"}), id="a field more"),
        pytest.param(lambda s: s["properties"]["id"].update(description="clearer", examples=["a1"]), id="words"),
        pytest.param(lambda s: None, id="none"),
    ],
)
def test_compatible_changes_are_allowed(change: Change) -> None:
    new = copy.deepcopy(OLD)
    change(new)
    assert differences(OLD, new) == ()


# ---------------------------------------------------------------- the typed reader

JSON_TYPES = {"string": str, "integer": int, "number": float, "boolean": bool, "null": type(None)}


def assert_typed(hint: Any, schema: Mapping[str, Any], path: str) -> None:
    """The reader's type of a field says what the schema says."""
    told = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    options = list(get_args(hint)) if get_origin(hint) is types.UnionType else [hint]
    assert len(options) == len(told), path
    assert (type(None) in options) == ("null" in told), path
    (option,) = [each for each in options if each is not type(None)]
    (kind,) = [each for each in told if each != "null"]
    if kind == "array":
        assert get_origin(option) is list, path
        assert_typed(get_args(option)[0], schema["items"], f"{path}[]")
    elif kind == "object" and "properties" in schema:
        assert_fields(option, schema, f"{path}.")
    elif kind == "object":
        assert option == dict[str, str], path
    else:
        assert option is JSON_TYPES[kind], path


def assert_fields(typed: type, schema: Mapping[str, Any], path: str = "") -> None:
    hints = get_type_hints(typed)
    assert list(hints) == list(schema["properties"]), path
    for name, field in schema["properties"].items():
        assert_typed(hints[name], field, path + name)


@pytest.mark.parametrize("name", reader.VALUES)
def test_the_reader_has_the_schemas_fields_and_types(name: str) -> None:
    assert_fields(reader.VALUES[name], schemas.load(name))


def test_the_reader_reads_plain_and_framed_values_headers_and_tombstones() -> None:
    message = example(FOLDER / "examples" / "article-published.json")
    plain = json.dumps(message["value"]).encode()
    article = reader.read_article(plain)
    assert article == reader.read_article(b"\x00\x00\x00\x00\x07" + plain) == message["value"]
    assert article is not None
    assert reader.moment(article["first_seen"]).tzinfo is not None
    assert reader.read_article(None) is None
    headers = [(name, text.encode()) for name, text in message["headers"].items()]
    assert reader.read_headers(headers)["type"] == EventType.PUBLISHED.value
    with pytest.raises(ValueError, match="JSON object"):
        reader.read_value(b"[]")


def test_the_reader_works_alone(tmp_path: Path) -> None:
    """Copied out of the project, in a Python without any package."""
    (tmp_path / "reader.py").write_bytes((FOLDER / "reader.py").read_bytes())
    read = "import reader; print(reader.read_article(b'{\"id\": \"a1\"}')['id'])"
    command = [sys.executable, "-I", "-S", "-c", f"import sys; sys.path.insert(0, {str(tmp_path)!r}); {read}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.stderr) == ("a1", "")


# ---------------------------------------------------------------- the published mapping

ROW = re.compile(r"^\| `([^`]+)` \| (.+?) \| (.+?) \|", re.MULTILINE)
PATH = re.compile(r"`([^`]+)`")


def mapping() -> list[tuple[str, list[str], list[str]]]:
    """The table of schemas/README.md: our field, its places in ninjs, its places in schema.org."""
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    return [(field, PATH.findall(ninjs), PATH.findall(linked)) for field, ninjs, linked in ROW.findall(text)]


MAPPED = mapping()


def test_mapping_covers_every_article_field() -> None:
    told = {field.partition(".")[0].removesuffix("[]") for field, _, _ in MAPPED}
    assert told == set(schemas.load("article.v1")["properties"])


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every scalar of an export with its path, list places as []."""
    if isinstance(value, dict):
        for name, part in value.items():
            yield from leaves(part, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for part in value:
            yield from leaves(part, f"{path}[]")
    else:
        yield path, value


FULL = {
    **example(FOLDER / "examples" / "article-published.json")["value"],
    "title": "T!itle", "lead": "L!ead", "text": "T!ext", "word_count": 4711, "revision": 17, "id": "i!d",
    "authors": ["a!uthor"], "author_organisations": ["o!rganisation"], "agency_credits": ["c!redit"],
    "language": "x-l", "section": "s!ection", "keywords": ["k!eyword"], "image": "i!mage", "rights": "r!ights",
    "url": "u!rl", "canonical_url": "c!anonical", "link": "l!ink", "guid": "g!uid", "aliases": ["a!lias"],
    "first_seen": "2001-01-01T00:00:00Z", "fetched": "2002-01-01T00:00:00Z", "state": "live", "copy_of": "c!opy",
    "published": {"time": "2003-01-01T00:00:00Z"}, "modified": {"time": "2004-01-01T00:00:00Z"},
    "outlet": {"id": "o!id", "name": "o!name", "homepage": "o!home", "country": "FR"}, "is_accessible_for_free": False,
    "tdm": {"reserved": True, "policy": "p!olicy"}, "is_live_blog": True,
}  # fmt: skip
# Exported values that differ from the field: the field decides whether and which.
SAID = {
    ("state", "pubStatus"): "usable", ("tdm.reserved", "usageTerms"): "Text and data mining is reserved",
    ("is_live_blog", "genres[].name"): "live blog", ("is_live_blog", "@type"): "LiveBlogPosting",
}  # fmt: skip


def field_value(field: str) -> Any:
    value: Any = FULL
    for name in field.removesuffix("[]").split("."):
        value = value[name]
    return value[0] if field.endswith("[]") else value


@pytest.mark.parametrize("form", ["ninjs", "json-ld"])
def test_the_mapping_says_where_the_exports_put_each_field(form: str) -> None:
    from pipeline.delivery.export_formats import FORMS

    found = list(leaves(json.loads(FORMS[form](FULL))))
    constant = {"standard.name", "standard.version", "standard.schema", "type", "@context"}
    told = set()
    for field, ninjs, linked in MAPPED:
        for place in ninjs if form == "ninjs" else linked:
            wanted = SAID.get((field, place), field_value(field))
            assert any(path == place and str(wanted) in str(value) for path, value in found), (field, place)
            told.add(place)
    fixed = re.compile(r"(\.|^)(role|rel|contentType|@type|type)$|^associations\[\](\.renditions\[\])?\.name$")
    unsaid = {path for path, _ in found if path not in told | constant and not fixed.search(path)}
    assert unsaid == set()
