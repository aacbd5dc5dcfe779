"""Which messages a reader wants: by outlet, language, section, words. Computes only; reading is the topics'."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from pipeline.domain.model import ReceivedMessage


@dataclass(frozen=True, slots=True)
class MessageFilter:
    """A filter; what is None is not asked for. A tombstone passes only when nothing is."""

    outlet: str | None = None
    language: str | None = None  # BCP 47 basic filtering (RFC 4647 section 3.3.1): fr means fr-CA too
    section: str | None = None
    text: str | None = None  # every one of these words, in headline or text

    @property
    def is_all(self) -> bool:
        """Whether every message passes."""
        return not (self.outlet or self.language or self.section or self.text)

    def has(self, received: ReceivedMessage) -> bool:
        """Whether a message passes."""
        if self.is_all:
            return True
        return received.value is not None and self.has_value(json.loads(received.value))

    def has_value(self, value: dict[str, Any]) -> bool:
        """Whether a message's value passes."""
        return (
            (not self.outlet or (value.get("outlet") or {}).get("id") == self.outlet)
            and (not self.language or is_in(self.language, str(value.get("language") or "")))
            and (not self.section or str(value.get("section") or "").casefold() == self.section.casefold())
            and (not self.text or has_words(self.text, f"{value.get('title') or ''} {value.get('text') or ''}"))
        )


def is_in(wanted: str, language: str) -> bool:
    """Whether a language tag is the wanted one, or one below it."""
    return f"{language.lower()}-".startswith(f"{wanted.lower()}-")


def has_words(wanted: str, text: str) -> bool:
    """Whether each of the wanted words stands somewhere in the text, in any case."""
    folded = text.casefold()
    return all(word in folded for word in wanted.casefold().split())
