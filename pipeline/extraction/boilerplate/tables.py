"""Reads the boilerplate tables, TOML files in this folder. Tested by tests/extraction/boilerplate/test_phrases.py."""

from __future__ import annotations

import tomllib
from importlib.resources import files
from typing import Any

__all__ = ["read_table", "unfolded"]


def read_table(name: str) -> dict[str, Any]:
    """The parsed table of this name."""
    return tomllib.loads(files("pipeline.extraction.boilerplate").joinpath(f"{name}.toml").read_text("utf-8"))


def unfolded(pattern: str) -> str:
    """A pattern in one line: in the tables a long one goes over several, whose outer blanks do not count."""
    return "".join(map(str.strip, pattern.split("\n"))) if "\n" in pattern else pattern
