"""Reads tables of words and patterns: TOML files beside the modules. Tested by tests/text/test_tokens.py."""

from __future__ import annotations

import tomllib
from importlib.resources import files
from typing import Any


def read_table(module: str) -> dict[str, Any]:
    """The parsed table of a module, given by its `__name__`: the TOML file of the same name."""
    package, _, name = module.rpartition(".")
    return tomllib.loads(files(package).joinpath(f"{name}.toml").read_text("utf-8"))


def unfolded(pattern: str) -> str:
    """A pattern in one line: in the tables a long one goes over several, whose outer blanks do not count."""
    return "".join(map(str.strip, pattern.split("\n"))) if "\n" in pattern else pattern
