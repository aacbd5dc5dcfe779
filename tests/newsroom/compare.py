"""Compares the ledger with a topic: missing messages, unexpected ones, and texts that differ.

URLs are compared without scheme, fragment and the host's `www.`, `m.` or `amp.`; no-break spaces count as spaces. All
else must be equal to the letter.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tests.newsroom.ledger import Expected

_SPACES = str.maketrans({"\u00a0": " ", "\u202f": " "})
_SHOWN = 60  # characters of each text around the first difference


@dataclass(frozen=True, slots=True)
class Got:
    """A message as it was received. `url` is the article's canonical one, `copy_of_url` that of the article copied."""

    outlet: str
    url: str
    topic: str
    type: str
    revision: int
    title: str
    text: str
    relation: str | None = None
    copy_of_url: str | None = None


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference. `kind`: missing, unexpected, title, text, relation, copy_of, verdicts."""

    kind: str
    topic: str
    outlet: str
    url: str
    detail: str

    def __str__(self) -> str:
        """One line for a person."""
        where = f"{self.topic:<8} {self.outlet}: {self.url}" if self.url else f"{self.outlet}:"
        return f"{self.kind:<10} {where} {self.detail}"


Counts = Mapping[str, Mapping[str, int]]
Key = tuple[str, str, str, str, int]


def compare(expected: Iterable[Expected], received: Iterable[Got]) -> tuple[Difference, ...]:
    """The differences, in the ledger's order, then what is too much. Empty when all is right."""
    left: dict[Key, list[Got]] = {}
    for got in received:
        left.setdefault(_key(got), []).append(got)
    differences: list[Difference] = []
    for each in expected:
        same = left.get(_key(each))
        if same:
            differences += _differences(each, same.pop(0))
        else:
            differences.append(_missing(each))
    surplus = [got for gots in left.values() for got in gots]
    return (*differences, *(_unexpected(got) for got in surplus))


def compare_counts(expected: Counts, received: Counts) -> tuple[Difference, ...]:
    """Where the verdicts of a run (outlet → verdict → entries, as in `Ledger.counts`) differ from the ledger's."""
    differences = []
    for outlet in sorted({*expected, *received}):
        wanted, had = expected.get(outlet, {}), received.get(outlet, {})
        for verdict in sorted({*wanted, *had}):
            due, came = wanted.get(verdict, 0), had.get(verdict, 0)
            if due != came:
                differences.append(Difference("verdicts", "", outlet, "", f"{came} {verdict} instead of {due}"))
    return tuple(differences)


def plain_url(url: str) -> str:
    """A URL without what makes no other article of it."""
    rest = re.sub(r"\Ahttps?://(?:www\.|m\.|amp\.)?", "", url.partition("#")[0])
    return rest.rstrip("/")


def _key(message: Expected | Got) -> Key:
    return message.topic, message.outlet, plain_url(message.url), message.type, message.revision


def _missing(each: Expected) -> Difference:
    return Difference(
        "missing", each.topic, each.outlet, each.url, f"{each.type} revision {each.revision}: {each.title!r}"
    )


def _unexpected(got: Got) -> Difference:
    return Difference(
        "unexpected", got.topic, got.outlet, got.url, f"{got.type} revision {got.revision}: {got.title!r}"
    )


def _differences(each: Expected, got: Got) -> list[Difference]:
    """What differs between a message and the one that was due."""
    if each.type == "withdrawn":
        return []
    faults = []
    if _plain(each.title) != _plain(got.title):
        faults.append(("title", f"{got.title!r} instead of {each.title!r}"))
    if _plain(each.text) != _plain(got.text):
        faults.append(("text", first_difference(_plain(each.text), _plain(got.text))))
    if each.relation != got.relation:
        faults.append(("relation", f"{got.relation} instead of {each.relation}"))
    if each.copy_of_url and plain_url(each.copy_of_url) != plain_url(got.copy_of_url or ""):
        faults.append(("copy_of", f"{got.copy_of_url} instead of {each.copy_of_url}"))
    return [Difference(kind, each.topic, each.outlet, each.url, detail) for kind, detail in faults]


def first_difference(expected: str, got: str) -> str:
    """Where two texts part, with a few words of each."""
    at = next((n for n, (a, b) in enumerate(zip(expected, got, strict=False)) if a != b), min(len(expected), len(got)))
    start = max(0, at - 20)
    wanted, had = expected[start : at + _SHOWN], got[start : at + _SHOWN]
    return f"differs at character {at} of {len(expected)}: {had!r} instead of {wanted!r}"


def _plain(text: str) -> str:
    return text.translate(_SPACES)
