"""Lines: furniture that reads the same on page after page, word for word; the words are in `phrase_lines.toml`."""

from __future__ import annotations

import tomllib
from collections import defaultdict
from importlib.resources import files
from typing import Any

from pipeline.text.normalize import key_of

__all__ = ["line_rule"]

_STEM = 8  # letters that every beginning has: what it is looked up by


def _read() -> tuple[dict[str, str], dict[str, tuple[tuple[str, str], ...]]]:
    """Kinds by whole lines, and beginnings with their kinds by stem."""
    table: dict[str, Any] = tomllib.loads(
        files("pipeline.extraction.boilerplate").joinpath("phrase_lines.toml").read_text("utf-8")
    )
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
_LONGEST = 3 * max(map(len, _WHOLES))  # characters of a line, with more signs than any has
_OPENING = 6 * _STEM  # characters that hold a stem


def line_rule(text: str) -> str | None:
    """The kind of furniture that a line is, None for any other."""
    if len(text) > _LONGEST:
        # Few paragraphs begin like a line, and all letters of one take five times as long as its first ones.
        return _by_beginning(key_of(text)) if key_of(text[:_OPENING])[:_STEM] in _BEGINNINGS else None
    key = key_of(text)
    return _WHOLES.get(key) or _by_beginning(key)


def _by_beginning(key: str) -> str | None:
    return next((kind for beginning, kind in _BEGINNINGS.get(key[:_STEM], ()) if key.startswith(beginning)), None)
