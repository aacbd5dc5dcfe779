"""Walls: what a site shows in place of an article, from bot walls to error pages.

The marks are in `walls.toml`, read when first needed: a run that finds nothing new meets no wall.
Tested by tests/extraction/boilerplate/test_phrases.py and tests/connectors/http/test_fetcher.py.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from pipeline.text.normalize import read_table, unfolded


@dataclass(frozen=True, slots=True)
class Wall:
    """A kind of page that is no article; `needed` different phrases must be on the page."""

    reason: str
    triggers: tuple[str, ...]
    phrases: re.Pattern[str]
    needed: int


@cache
def _kinds() -> list[dict[str, Any]]:
    kinds: list[dict[str, Any]] = read_table(__name__)["kinds"]
    return kinds


@cache
def walls() -> tuple[Wall, ...]:
    """The kinds of walls, in the order of the search."""
    found = []
    for kind in _kinds():
        shown = [service["shown"] for service in kind.get("services", ()) if "shown" in service]
        phrases = re.compile("|".join(map(unfolded, [*kind["phrases"], *shown])), re.IGNORECASE)
        found.append(Wall(kind["reason"], (*kind["triggers"], *shown), phrases, kind.get("needed", 1)))
    return tuple(found)


def service_of(headers: Mapping[str, str], start: bytes) -> str | None:
    """The service that wrote a refusal with these headers and first bytes."""
    for service in (service for kind in _kinds() for service in kind.get("services", ())):
        marks = (header.partition(": ") for header in service.get("headers", ()))
        by_header = any(value in headers[name].lower() for name, _, value in marks if name in headers)
        if by_header or any(mark.encode() in start for mark in service["bytes"]):
            return str(service["name"])
    return None
