"""An entry as the JSON that the store keeps: times as RFC 3339, nothing lost either way."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime

from pipeline.domain.model import Entry


def entry_to_json(entry: Entry) -> str:
    """The entry as compact JSON; fields that are empty are left out."""
    kept = {name: value for name, value in asdict(entry).items() if value not in (None, "", (), False)}
    return json.dumps(kept, ensure_ascii=False, separators=(",", ":"), default=datetime.isoformat)


def entry_from_json(text: str) -> Entry:
    """What `entry_to_json` made."""
    fields = json.loads(text)
    for name in ("published", "modified"):
        if name in fields:
            fields[name] = datetime.fromisoformat(fields[name])
    for name in ("authors", "categories"):
        fields[name] = tuple(fields.get(name, ()))
    return Entry(**{"title": "", **fields})
