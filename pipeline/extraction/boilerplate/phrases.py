"""Phrases: which rule a line falls under by its words, if any.

A rule holds for short paragraphs only: an article may speak of newsletters.
"""

from __future__ import annotations

import re
from functools import lru_cache

from ahocorasick_rs import AhoCorasick

from pipeline.extraction.boilerplate.phrase_list import line_rule
from pipeline.extraction.boilerplate.phrase_patterns import PHRASES, TRIGGERS, PhraseRule

__all__ = ["is_paywall_line", "phrase_rule"]

MAX_CHARS = 420  # the longest newsletter pitch seen in one paragraph had 380
MAX_HOLDING_CHARS = 300  # of 41,671 texts the longest that is told by words in its midst or by a sign had 258


def _alternatives(patterns: tuple[str, ...]) -> str:
    return "|".join(f"(?:{pattern})" for pattern in patterns)


_HEAD = r"\W*(?:"  # of every pattern that is matched with a line's beginning


def _anchored(rule: PhraseRule) -> re.Pattern[str] | None:
    parts = []
    if rule.starts:
        parts.append(f"(?:{_alternatives(rule.starts)})")
    if rule.wholes:
        parts.append(rf"(?:{_alternatives(rule.wholes)})\W*$")
    return re.compile(_HEAD + "|".join(parts) + ")") if parts else None


_ANCHORED = tuple((rule.name, pattern, rule.signs) for rule in PHRASES if (pattern := _anchored(rule)))
# All beginnings at once, and all signs: few paragraphs have any, and only those are put to one rule after another.
_BEGINNING = re.compile(
    _HEAD + "|".join(pattern.pattern[len(_HEAD) : -1] for _, pattern, signs in _ANCHORED if not signs) + ")"
)
_SIGNS = tuple(sign for _, _, signs in _ANCHORED for sign in signs)
_HINTS = AhoCorasick((*_SIGNS, *TRIGGERS))  # all in one look at a text: one after another they take nine times as long
_HELD = tuple((rule.name, re.compile(rf"\b(?:{_alternatives(rule.holds)})")) for rule in PHRASES if rule.holds)
_SHOUTED = tuple((rule.name, re.compile(rf"\W*(?:{_alternatives(rule.shouts)})\b")) for rule in PHRASES if rule.shouts)


@lru_cache(maxsize=4_000)
def phrase_rule(text: str) -> str | None:
    """The name of the rule that a paragraph falls under; None for text."""
    if len(text) > MAX_CHARS:
        return None
    if (name := line_rule(text)) is not None:
        return name
    lower = text.replace("’", "'").replace("\xa0", " ").replace("\u202f", " ").lower()
    is_brief = len(lower) <= MAX_HOLDING_CHARS
    hints = [number for number, _, _ in _HINTS.find_matches_as_indexes(lower, overlapping=True)] if is_brief else []
    if _BEGINNING.match(lower) or (hints and min(hints) < len(_SIGNS)):
        for name, pattern, signs in _ANCHORED:
            if (not signs or any(map(lower.__contains__, signs))) and pattern.match(lower):
                return name
    for name, pattern in _SHOUTED:
        if pattern.match(text):
            return name
    if not hints or max(hints) < len(_SIGNS):
        return None
    return next((name for name, pattern in _HELD if pattern.search(lower)), None)


def is_paywall_line(text: str) -> bool:
    """Whether a paragraph tells that the rest is for subscribers."""
    return phrase_rule(text) == "paywall"
