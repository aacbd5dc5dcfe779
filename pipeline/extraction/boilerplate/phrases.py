"""Boilerplate phrases: the kind of a line between an article's paragraphs that is not part of it.

The phrases are in `phrases.toml`; how they are matched is here. Applies to short paragraphs only, because an article
may write about newsletters. What follows from a kind is left to pipeline/extraction/content.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache

from ahocorasick_rs import AhoCorasick

from pipeline.text.normalize import key_of, read_table, unfolded

__all__ = ["LISTS", "PATTERNS", "PhraseList", "PhrasePatterns", "phrase_kind"]

MAX_CHARS = 420  # the longest newsletter pitch seen in one paragraph had 380
MAX_HOLDING_CHARS = 300  # in 41,671 texts the longest line recognised by words in its middle had 258
_STEM = 8  # letters that every listed beginning has: what it is looked up by
_OPENING = 6 * _STEM  # characters that contain a stem
_TABLE = read_table(__name__)
_NAMED = {name: unfolded(_TABLE[name]) for name in ("networks", "mailed")}


@dataclass(frozen=True, slots=True, kw_only=True)
class PhrasePatterns:
    """Patterns of one kind of line; `phrases.toml` says what each field means."""

    kind: str
    starts: tuple[str, ...] = ()
    wholes: tuple[str, ...] = ()
    holds: tuple[str, ...] = ()
    shouts: tuple[str, ...] = ()
    signs: tuple[str, ...] = ()
    examples: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PhraseList:
    """Whole lines of one kind in some languages; a line that ends in `…` is a beginning."""

    kind: str
    language: str
    lines: tuple[str, ...]


def _filled(pattern: str) -> str:
    for name, named in _NAMED.items():
        pattern = pattern.replace(f"<{name}>", named)
    return unfolded(pattern)


PATTERNS = tuple(
    PhrasePatterns(kind=group.pop("kind"), **{name: tuple(map(_filled, values)) for name, values in group.items()})
    for group in _TABLE["patterns"]
)
LISTS = tuple(
    PhraseList(group["kind"], group["language"], tuple(group["lines"].strip().splitlines()))
    for group in _TABLE["lines"]
)
_Rules = list[tuple[str, Callable[[str], re.Match[str] | None], tuple[str, ...]]]  # kind, test, signs


def _either(patterns: Iterable[str]) -> str:
    return "|".join(f"(?:{pattern})" for pattern in patterns)


def _beginning(rule: PhrasePatterns) -> str:
    starts = [f"(?:{_either(rule.starts)})"] if rule.starts else []
    return "|".join([*starts, rf"(?:{_either(rule.wholes)})\W*$"] if rule.wholes else starts)


def _first(rules: _Rules, text: str) -> str | None:
    """The kind of the first rule that holds for a text; one with signs only for a text with one of them."""
    for kind, test, signs in rules:
        if (not signs or any(map(text.__contains__, signs))) and test(text):
            return kind
    return None


def _by_key(lists: Sequence[PhraseList]) -> tuple[dict[str, str], dict[str, list[tuple[str, str]]]]:
    """Kinds by the keys of whole lines, and beginnings with their kinds by stem."""
    lines = [(key_of(line), group.kind, line.endswith("…")) for group in lists for line in group.lines]
    beginnings: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
    for key, kind, is_beginning in lines:
        if is_beginning:
            beginnings[key[:_STEM]].append((key, kind))
    return {key: kind for key, kind, is_beginning in lines if not is_beginning}, beginnings


class _Matcher:
    """All patterns and lists, compiled so that a paragraph without boilerplate costs one look at its beginning."""

    def __init__(self, patterns: Sequence[PhrasePatterns], lists: Sequence[PhraseList]) -> None:
        self.kind = lru_cache(maxsize=4_000)(self._kind)
        self._wholes, self._beginnings = _by_key(lists)
        self._longest = 3 * max(map(len, self._wholes), default=0)  # characters of a line, signs included
        begun = [(rule, pattern) for rule in patterns if (pattern := _beginning(rule))]
        self._begun: _Rules = [(r.kind, re.compile(rf"\W*(?:{pattern})").match, r.signs) for r, pattern in begun]
        # All beginnings at once, and all signs: few paragraphs have any, and only those are matched rule by rule.
        self._any_begun = re.compile(rf"\W*(?:{'|'.join(pattern for rule, pattern in begun if not rule.signs)})")
        signs = [sign for rule, _ in begun for sign in rule.signs]
        self._signs = len(signs)
        # One look at a text for all of them: one by one takes nine times as long.
        self._hints = AhoCorasick([*signs, *_TABLE["triggers"]])
        self._held: _Rules = [
            (rule.kind, re.compile(rf"\b(?:{_either(rule.holds)})").search, ()) for rule in patterns if rule.holds
        ]
        self._shouted: _Rules = [
            (rule.kind, re.compile(rf"\W*(?:{_either(rule.shouts)})\b").match, ()) for rule in patterns if rule.shouts
        ]

    def _kind(self, text: str) -> str | None:
        if len(text) > MAX_CHARS:
            return None
        lower = text.replace("’", "'").replace("\xa0", " ").replace("\u202f", " ").lower()
        hints: list[int] = []
        if len(lower) <= MAX_HOLDING_CHARS:
            hints = [number for number, _, _ in self._hints.find_matches_as_indexes(lower, overlapping=True)]
        may_begin = min(hints, default=self._signs) < self._signs or self._any_begun.match(lower) is not None
        return (
            self._listed(text)
            or (may_begin and _first(self._begun, lower))
            or _first(self._shouted, text)
            or (max(hints, default=-1) >= self._signs and _first(self._held, lower))
            or None
        )

    def _listed(self, text: str) -> str | None:
        is_short = len(text) <= self._longest
        # Few paragraphs begin like a line, and the key of all of one takes five times as long.
        if not is_short and key_of(text[:_OPENING])[:_STEM] not in self._beginnings:
            return None
        key = key_of(text)
        if is_short and key in self._wholes:
            return self._wholes[key]
        return next((kind for start, kind in self._beginnings.get(key[:_STEM], ()) if key.startswith(start)), None)


@lru_cache(maxsize=4)
def _matcher(left_out: frozenset[str]) -> _Matcher:
    patterns = [rule for rule in PATTERNS if f"phrases {rule.kind}" not in left_out]
    return _Matcher(patterns, [group for group in LISTS if f"lines {group.kind} {group.language}" not in left_out])


def phrase_kind(text: str) -> str | None:
    """The kind of boilerplate that a paragraph is, None for text."""
    return _matcher(OFF.get()).kind(text)


OFF = ContextVar("OFF", default=frozenset[str]())  # names of the rules that are switched off


def is_on(name: str) -> bool:
    """Whether a rule applies."""
    return name not in OFF.get()
