"""Schemas: complete, valid, and every example in them holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from jsonschema import Draft202012Validator

import schemas


def fields(schema: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, field in schema.get("properties", {}).items():
        yield f"{path}{name}", field
        yield from fields(field, f"{path}{name}.")


@pytest.mark.parametrize("name", schemas.NAMES)
def test_a_schema_is_one(name: str) -> None:
    Draft202012Validator.check_schema(schemas.load(name))


@pytest.mark.parametrize("name", schemas.NAMES)
def test_every_field_is_described_and_its_examples_hold(name: str) -> None:
    for path, field in fields(schemas.load(name)):
        assert len(field.get("description", "")) > 4, path
        for example in field["examples"]:
            Draft202012Validator(field).validate(example)


def test_an_unknown_schema_names_those_there_are() -> None:
    with pytest.raises(KeyError, match=r"article\.v1"):
        schemas.load("article.v9")
