"""docker-compose.yml, read as Compose reads it: for tests that hold it to its word, or run its topology natively.

Knows of Compose's interpolation what the file uses: `${NAME:-default}`, `${NAME:?message}` and `$$`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
VARIABLE = re.compile(r"\$\$|\$\{(?P<name>[A-Z_]+)(?::(?P<how>[-?])(?P<rest>[^}]*))?\}")


class Unset(Exception):
    """A variable that the file insists on has no value; the message is the file's."""


def read_compose(variables: Mapping[str, str]) -> dict[str, Any]:
    """The file with its variables filled in. Raises Unset."""
    filled = fill(yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8")), variables)
    assert isinstance(filled, dict)
    return filled


def fill(value: Any, variables: Mapping[str, str]) -> Any:
    """The value with every variable in it replaced, at any depth."""
    if isinstance(value, dict):
        return {key: fill(each, variables) for key, each in value.items()}
    if isinstance(value, list):
        return [fill(each, variables) for each in value]
    return VARIABLE.sub(lambda match: one(match, variables), value) if isinstance(value, str) else value


def one(match: re.Match[str], variables: Mapping[str, str]) -> str:
    """What one variable stands for."""
    if match[0] == "$$":
        return "$"
    given = variables.get(match["name"], "")
    if given or match["how"] is None:
        return given
    if match["how"] == "?":
        raise Unset(f"{match['name']}: {match['rest']}")
    return str(match["rest"])
