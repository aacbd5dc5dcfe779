"""JSON Schemas (2020-12) of the messages, one per kind. Imports nothing of ours.

`article.v1` is the value on articles, articles.latest and copies; `feed_status.v1` on feeds; `dead_letter.v1` on
dead-letters. A schema only grows; a change that breaks readers makes a new version.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Any

NAMES = ("article.v1", "feed_status.v1", "dead_letter.v1")


@cache
def load(name: str) -> Mapping[str, Any]:
    """A schema by its name, with or without `.json`. Raises KeyError for an unknown name."""
    stem = name.removesuffix(".json")
    if stem not in NAMES:
        raise KeyError(f"no schema {name!r}; there are {', '.join(NAMES)}")
    schema: Mapping[str, Any] = json.loads(files(__package__).joinpath(f"{stem}.json").read_text("utf-8"))
    return schema


@cache
def validator(name: str) -> Any:
    """A validator of a schema's values (jsonschema), formats included."""
    from jsonschema import Draft202012Validator, FormatChecker

    formats = FormatChecker(["date"])
    formats.checks("date-time", raises=ValueError)(is_moment)
    return Draft202012Validator(load(name), format_checker=formats)


def is_moment(value: object) -> bool:
    """Whether a value is a UTC time in RFC 3339. Raises ValueError when it is no time."""
    if not isinstance(value, str):
        return True  # null, where the schema allows it
    return datetime.fromisoformat(value).tzinfo is not None and value.endswith("Z") and "T" in value
