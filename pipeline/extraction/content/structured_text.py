"""Told text: the article as JSON-LD or the feed carries it, in our text form."""

from __future__ import annotations

import re
from dataclasses import dataclass

from pipeline.extraction.boilerplate.phrases import phrase_rule
from pipeline.text.html_text import looks_like_markup, plain_text
from pipeline.text.normalize import clean_text, key_of

__all__ = ["ToldText", "paragraphs_of"]

_BREAK = re.compile(r"\n\s*\n+")


@dataclass(frozen=True, slots=True)
class ToldText:
    """Paragraphs, lead first when the text has it or the description is one."""

    paragraphs: tuple[str, ...]
    lead: str | None


def paragraphs_of(told: str, *, title: str, description: str, shown: str = "") -> ToldText:
    """The paragraphs of a told text, without headline and furniture; `shown` is the description, as the page has it."""
    if looks_like_markup(told):
        told = plain_text(told)
    parts = _BREAK.split(told) if _BREAK.search(told) else told.split("\n")
    cleaned = [text for part in parts if (text := clean_text(part)) and phrase_rule(text) is None]
    paragraphs = [text for text in cleaned if key_of(text) != key_of(title)]
    if shown and key_of(shown) not in key_of(" ".join(paragraphs)):
        paragraphs.insert(0, shown)
    lead = clean_text(description) if paragraphs and key_of(paragraphs[0]) == key_of(description) else None
    return ToldText(tuple(paragraphs), lead and paragraphs[0])
