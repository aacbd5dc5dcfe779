"""Lines: furniture that reads the same on page after page, word for word; the words are in `phrase_lines.toml`."""

from __future__ import annotations

import tomllib
from collections import defaultdict
from importlib.resources import files
from typing import Any

from pipeline.letters import key_of

__all__ = ["line_rule"]

_STEM = 8  # letters that every beginning has: what it is looked up by


def _read() -> tuple[dict[str, str], dict[str, tuple[tuple[str, str], ...]]]:
    """Kinds by whole lines, and beginnings with their kinds by stem."""
    table: dict[str, Any] = tomllib.loads(files("pipeline").joinpath("phrase_lines.toml").read_text("utf-8"))
    wholes: dict[str, str] = {}
    beginnings: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for group in table["lines"]:
        for line in group["lines"].strip().splitlines():
            key = key_of(line)
            if line.endswith("…"):
                beginnings[key[:_STEM]].append((key, group["kind"]))
            else:
                wholes[key] = group["kind"]
    return wholes, {stem: tuple(found) for stem, found in beginnings.items()}


_WHOLES, _BEGINNINGS = _read()


def line_rule(text: str) -> str | None:
    """The kind of furniture that a line is, None for any other."""
    key = key_of(text)
    if (name := _WHOLES.get(key)) is not None:
        return name
    found = _BEGINNINGS.get(key[:_STEM])
    return None if found is None else next((name for beginning, name in found if key.startswith(beginning)), None)
