"""Article text from JSON-LD `articleBody` or the feed's `content`, normalised like extracted text.

Tested by tests/extraction/content/test_select.py.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from pipeline.extraction.boilerplate.phrases import phrase_kind
from pipeline.text.html_text import looks_like_markup, plain_text
from pipeline.text.normalize import clean_text, key_of

__all__ = ["StructuredText", "paragraphs_of"]

_BREAK = re.compile(r"\n\s*\n+")


@dataclass(frozen=True, slots=True)
class StructuredText:
    """Paragraphs, lead first when the text has it or the description is one."""

    paragraphs: tuple[str, ...]
    lead: str | None


def paragraphs_of(text: str, *, title: str, description: str, shown: str = "") -> StructuredText:
    """The paragraphs without headline and boilerplate; `shown` is the description, as the page has it."""
    title_key = key_of(title)
    paragraphs = [part for part in _parts(text) if phrase_kind(part) is None and key_of(part) != title_key]
    if shown and key_of(shown) not in key_of(" ".join(paragraphs)):
        paragraphs.insert(0, shown)
    is_led = bool(paragraphs) and bool(description) and key_of(paragraphs[0]) == key_of(description)
    return StructuredText(tuple(paragraphs), paragraphs[0] if is_led else None)


def _parts(text: str) -> list[str]:
    if looks_like_markup(text):
        text = plain_text(text)
    parts = _BREAK.split(text) if _BREAK.search(text) else text.split("\n")
    return list(filter(None, map(clean_text, parts)))
