"""Boilerplate phrases: the kind of a line between an article's paragraphs that is not part of it.

The phrases are in `phrases.toml`; how they are matched is here. Applies to short paragraphs only, because an article
may write about newsletters. What follows from a kind is left to pipeline/extraction/content.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from ahocorasick_rs import AhoCorasick

from pipeline.extraction.boilerplate import switches
from pipeline.text.normalize import key_of
from pipeline.text.tables import read_table, unfolded

__all__ = ["LISTS", "PATTERNS", "PhraseList", "PhrasePatterns", "is_paywall_line", "phrase_kind"]

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

    @property
    def name(self) -> str:
        """Its name for switches: all patterns of a kind share one."""
        return f"phrases {self.kind}"


@dataclass(frozen=True, slots=True)
class PhraseList:
    """Whole lines of one kind in some languages; a line that ends in `…` is a beginning."""

    kind: str
    language: str
    lines: tuple[str, ...]

    @property
    def name(self) -> str:
        """Its name for switches."""
        return f"lines {self.kind} {self.language}"


def _patterns_of(group: Mapping[str, list[str]]) -> PhrasePatterns:
    fields = {name: tuple(map(_filled, values)) for name, values in group.items() if name != "kind"}
    return PhrasePatterns(kind=str(group["kind"]), **fields)


def _filled(pattern: str) -> str:
    for name, named in _NAMED.items():
        pattern = pattern.replace(f"<{name}>", named)
    return unfolded(pattern)


PATTERNS = tuple(map(_patterns_of, _TABLE["patterns"]))
LISTS = tuple(
    PhraseList(group["kind"], group["language"], tuple(group["lines"].strip().splitlines()))
    for group in _TABLE["lines"]
)
_HEAD = r"\W*(?:"  # of every pattern that is matched with a line's beginning


def _either(patterns: Iterable[str]) -> str:
    return "|".join(f"(?:{pattern})" for pattern in patterns)


def _anchored(rule: PhrasePatterns) -> re.Pattern[str] | None:
    parts = [f"(?:{_either(rule.starts)})"] if rule.starts else []
    parts += [rf"(?:{_either(rule.wholes)})\W*$"] if rule.wholes else []
    return re.compile(_HEAD + "|".join(parts) + ")") if parts else None


def _by_key(lists: Sequence[PhraseList]) -> tuple[dict[str, str], dict[str, list[tuple[str, str]]]]:
    """Kinds by the keys of whole lines, and beginnings with their kinds by stem."""
    wholes: dict[str, str] = {}
    beginnings: dict[str, list[tuple[str, str]]] = {}
    for kind, line in ((group.kind, line) for group in lists for line in group.lines):
        if line.endswith("…"):
            beginnings.setdefault(key_of(line)[:_STEM], []).append((key_of(line), kind))
        else:
            wholes[key_of(line)] = kind
    return wholes, beginnings


def _compiled(form: str, groups: Iterable[tuple[str, tuple[str, ...]]]) -> list[tuple[str, re.Pattern[str]]]:
    return [(kind, re.compile(form.format(_either(patterns)))) for kind, patterns in groups if patterns]


def _first(
    rules: Sequence[tuple[str, re.Pattern[str]]], test: Callable[[re.Pattern[str]], re.Match[str] | None]
) -> str | None:
    return next((kind for kind, pattern in rules if test(pattern)), None)


class _Matcher:
    """All patterns and lists, compiled so that a paragraph without boilerplate costs one look at its beginning."""

    def __init__(self, patterns: Sequence[PhrasePatterns], lists: Sequence[PhraseList]) -> None:
        self.kind = lru_cache(maxsize=4_000)(self._kind)
        self._wholes, self._beginnings = _by_key(lists)
        self._longest = 3 * max(map(len, self._wholes), default=0)  # characters of a line, signs included
        self._anchored = [(rule.kind, pattern, rule.signs) for rule in patterns if (pattern := _anchored(rule))]
        # All beginnings at once, and all signs: few paragraphs have any, and only those are matched rule by rule.
        beginnings = (pattern.pattern[len(_HEAD) : -1] for _, pattern, signs in self._anchored if not signs)
        self._beginning = re.compile(_HEAD + "|".join(beginnings) + ")")
        signs = [sign for _, _, signs in self._anchored for sign in signs]
        self._signs = len(signs)
        # One look at a text for all of them: one by one takes nine times as long.
        self._hints = AhoCorasick([*signs, *_TABLE["triggers"]])
        self._held = _compiled(r"\b(?:{})", ((rule.kind, rule.holds) for rule in patterns))
        self._shouted = _compiled(r"\W*(?:{})\b", ((rule.kind, rule.shouts) for rule in patterns))

    def _kind(self, text: str) -> str | None:
        if len(text) > MAX_CHARS:
            return None
        lower = text.replace("’", "'").replace("\xa0", " ").replace("\u202f", " ").lower()
        hints: list[int] = []
        if len(lower) <= MAX_HOLDING_CHARS:
            hints = [number for number, _, _ in self._hints.find_matches_as_indexes(lower, overlapping=True)]
        return (
            self._listed(text)
            or self._begun_by_pattern(lower, has_sign=min(hints, default=self._signs) < self._signs)
            or _first(self._shouted, lambda pattern: pattern.match(text))
            or self._held_within(lower, has_trigger=max(hints, default=-1) >= self._signs)
        )

    def _held_within(self, lower: str, *, has_trigger: bool) -> str | None:
        return _first(self._held, lambda pattern: pattern.search(lower)) if has_trigger else None

    def _begun_by_pattern(self, lower: str, *, has_sign: bool) -> str | None:
        if not has_sign and not self._beginning.match(lower):
            return None
        for kind, pattern, signs in self._anchored:
            if (not signs or any(map(lower.__contains__, signs))) and pattern.match(lower):
                return kind
        return None

    def _listed(self, text: str) -> str | None:
        if len(text) > self._longest:
            # Few paragraphs begin like a line, and the key of all of one takes five times as long.
            return self._begun(key_of(text)) if key_of(text[:_OPENING])[:_STEM] in self._beginnings else None
        key = key_of(text)
        return self._wholes.get(key) or self._begun(key)

    def _begun(self, key: str) -> str | None:
        return next((kind for start, kind in self._beginnings.get(key[:_STEM], ()) if key.startswith(start)), None)


@lru_cache(maxsize=4)
def _matcher(off: frozenset[str]) -> _Matcher:
    return _Matcher([r for r in PATTERNS if r.name not in off], [g for g in LISTS if g.name not in off])


def phrase_kind(text: str) -> str | None:
    """The kind of boilerplate that a paragraph is, None for text."""
    return _matcher(switches.off()).kind(text)


def is_paywall_line(text: str) -> bool:
    """Whether a paragraph says that the rest is for subscribers."""
    return phrase_kind(text) == "paywall"
