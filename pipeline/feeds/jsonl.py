"""JSON Lines output of `newswire feeds parse`: one line for a parsed feed.

Tested by tests/feeds/test_parse.py.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from pipeline.domain.errors import NotAFeed
from pipeline.domain.model import Entry
from pipeline.feeds.parse import ParsedFeed, parse_feed


def feed_line(
    name: str, body: bytes, *, now: datetime, url: str = "", content_type: str | None = None, zone: str = "UTC"
) -> str:
    """One line of JSON for the feed in a file; a file that is no feed has `error` and no entries.

    `url`: where the feed came from. Without it relative links are left out.
    """
    shown: dict[str, Any] = {"file": name}
    try:
        shown |= parsed_as_json(parse_feed(body, url=url, content_type=content_type, zone=zone, now=now))
    except NotAFeed as error:
        shown |= {"error": f"not a feed but {error.looks_like}", "alternates": list(error.alternates), "entries": []}
    return json.dumps(shown, ensure_ascii=False)


def parsed_as_json(parsed: ParsedFeed) -> dict[str, Any]:
    """The feed as JSON values; entries omit empty fields."""
    return {
        "title": parsed.title,
        "kind": parsed.kind,
        "language": parsed.language,
        "homepage": parsed.homepage,
        "truncated": parsed.truncated,
        "clipped": parsed.clipped,
        "faults": list(parsed.faults),
        "entries": [
            *(_entry_as_json(entry) for entry in parsed.entries),
            *(_entry_as_json(entry) | {"repeats_identity": True} for entry in parsed.repeats),
        ],
    }


def _entry_as_json(entry: Entry) -> dict[str, Any]:
    fields = {
        "id": entry.guid or entry.identity,
        "identity": entry.identity,
        "link": entry.link,
        "title": entry.title,
        "published": _iso(entry.published),
        "modified": _iso(entry.modified),
        "date_text": entry.date_text,
        "date_in_future": entry.date_in_future,
        "authors": list(entry.authors),
        "categories": list(entry.categories),
        "language": entry.language,
        "image": entry.image,
        "summary": entry.summary,
        "text": entry.content or entry.summary,
    }
    return {name: value for name, value in fields.items() if value or name in ("title", "link", "text")}


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
