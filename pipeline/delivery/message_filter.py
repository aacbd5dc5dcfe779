"""Message filter of readers: by outlet, language, section and words.

Tested by tests/delivery/test_export_formats.py.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from pipeline.domain.model import ReceivedMessage


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageFilter:
    """A field that is None matches everything. Tombstones match only an empty filter."""

    outlet: str | None = None
    language: str | None = None  # BCP 47 basic filtering (RFC 4647 section 3.3.1): fr matches fr-CA too
    section: str | None = None
    text: str | None = None  # all of these words, in headline or text

    @property
    def is_all(self) -> bool:
        """Whether every message matches."""
        return not (self.outlet or self.language or self.section or self.text)

    def has(self, received: ReceivedMessage) -> bool:
        """Whether a message matches."""
        if self.is_all:
            return True
        return received.value is not None and self.has_value(json.loads(received.value))

    def has_value(self, value: dict[str, Any]) -> bool:
        """Whether a message's value matches."""
        outlet = (value.get("outlet") or {}).get("id")
        section = str(value.get("section") or "").casefold()
        language = f"{value.get('language') or ''}-".lower()
        text = f"{value.get('title') or ''} {value.get('text') or ''}".casefold()
        return all(
            (
                not self.outlet or outlet == self.outlet,
                not self.language or language.startswith(f"{self.language.lower()}-"),
                not self.section or section == self.section.casefold(),
                not self.text or all(word in text for word in self.text.casefold().split()),
            )
        )
