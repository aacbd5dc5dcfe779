"""JSON Feed reader, versions 1 and 1.1 (jsonfeed.org).

A field of the wrong type counts as absent. A bad entry is skipped and counted.

Tested by tests/feeds/test_parse.py.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from pipeline.feeds.raw import MAX_ENTRIES, RawEntry, RawFeed, raw_date, raw_text


def read_json(text: str) -> RawFeed | None:
    """Parse a JSON Feed; None when the text is no JSON Feed."""
    try:
        feed = json.loads(text, strict=False)
    except (ValueError, RecursionError):
        return None
    if not isinstance(feed, dict) or not (
        "jsonfeed" in str(feed.get("version")) or isinstance(feed.get("items"), list)
    ):
        return None
    entries = _objects(feed, "items")
    lost = len(_list(feed, "items")) - len(entries)
    return RawFeed(
        kind="json11" if "1.1" in (_string(feed, "version") or "") else "json1",
        entries=tuple(_entry(entry) for entry in entries[:MAX_ENTRIES]),
        title=_string(feed, "title") or "",
        language=_string(feed, "language"),
        homepage=_string(feed, "home_page_url"),
        faults=(f"{lost} entries are no objects",) if lost else (),
        clipped=len(entries) > MAX_ENTRIES,
    )


def _entry(entry: dict[str, Any]) -> RawEntry:
    authors = [*_list(entry, "authors"), entry.get("author")]
    names = (author.get("name") if isinstance(author, dict) else author for author in authors)
    return RawEntry(
        title=raw_text(_string(entry, "title"), html=False),
        link=_string(entry, "url") or _string(entry, "external_url"),
        guid=_string(entry, "id"),
        summary=raw_text(_string(entry, "summary"), html=False),
        content=raw_text(_string(entry, "content_html"), html=True)
        or raw_text(_string(entry, "content_text"), html=False),
        published=raw_date(_string(entry, "date_published")),
        modified=raw_date(_string(entry, "date_modified")),
        authors=tuple(dict.fromkeys(_strings(names))),
        categories=tuple(_strings(_list(entry, "tags"))),
        language=_string(entry, "language"),
        image=_string(entry, "image") or _string(entry, "banner_image"),
    )


def _list(fields: dict[str, Any], name: str) -> list[Any]:
    value = fields.get(name)
    return value if isinstance(value, list) else []


def _objects(fields: dict[str, Any], name: str) -> list[dict[str, Any]]:
    return [value for value in _list(fields, name) if isinstance(value, dict)]


def _string(fields: dict[str, Any], name: str) -> str | None:
    return next(iter(_strings([fields.get(name)])), None)


def _strings(values: Iterable[object]) -> list[str]:
    """The values that are texts or numbers, without empty ones."""
    printed = (str(value) for value in values if isinstance(value, str | int) and not isinstance(value, bool))
    return [text for value in printed if (text := value.strip())]
