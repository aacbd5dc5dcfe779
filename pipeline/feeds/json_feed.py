"""JSON Feed reader, versions 1 and 1.1 (jsonfeed.org).

A field of the wrong type counts as absent. A bad entry is skipped and counted.

Tested by tests/feeds/test_parse.py.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from pipeline.feeds.raw import MAX_ENTRIES, RawDate, RawEntry, RawFeed, RawText


def read_json(text: str) -> RawFeed | None:
    """Parse a JSON Feed; None when the text is no JSON Feed."""
    feed = _load(text)
    if feed is None:
        return None
    version = _string(feed, "version") or ""
    printed = _list(feed, "items")
    entries = [entry for entry in printed if isinstance(entry, dict)]
    lost = len(printed) - len(entries)
    return RawFeed(
        kind="json11" if "1.1" in version else "json1",
        entries=tuple(_entry(entry) for entry in entries[:MAX_ENTRIES]),
        title=_string(feed, "title") or "",
        language=_string(feed, "language"),
        homepage=_string(feed, "home_page_url"),
        self_url=_string(feed, "feed_url"),
        next_url=_string(feed, "next_url"),
        hubs=tuple(_string(hub, "url") or "" for hub in _list(feed, "hubs") if isinstance(hub, dict)),
        faults=(f"{lost} entries are no objects",) if lost else (),
        clipped=len(entries) > MAX_ENTRIES,
    )


def _load(text: str) -> dict[str, Any] | None:
    try:
        feed = json.loads(text, strict=False)
    except (ValueError, RecursionError):
        return None
    is_feed = isinstance(feed, dict) and ("jsonfeed" in str(feed.get("version")) or isinstance(feed.get("items"), list))
    return feed if is_feed else None


def _entry(entry: dict[str, Any]) -> RawEntry:
    return RawEntry(
        title=_text(entry, "title"),
        link=_string(entry, "url") or _string(entry, "external_url"),
        guid=_string(entry, "id"),
        summary=_text(entry, "summary"),
        content=_text(entry, "content_html", html=True) or _text(entry, "content_text"),
        published=_date(entry, "date_published"),
        modified=_date(entry, "date_modified"),
        authors=tuple(_authors(entry)),
        categories=tuple(_strings(_list(entry, "tags"))),
        language=_string(entry, "language"),
        image=_string(entry, "image") or _string(entry, "banner_image"),
    )


def _authors(entry: dict[str, Any]) -> Iterable[str]:
    authors = [*_list(entry, "authors"), entry.get("author")]
    names = (author.get("name") if isinstance(author, dict) else author for author in authors)
    return dict.fromkeys(_strings(names))


def _strings(values: Iterable[object]) -> Iterator[str]:
    return (text for value in values if (text := _as_text(value)))


def _text(fields: dict[str, Any], name: str, *, html: bool = False) -> RawText | None:
    value = _string(fields, name)
    return RawText(value, html=html) if value else None


def _date(fields: dict[str, Any], name: str) -> RawDate | None:
    value = _string(fields, name)
    return RawDate(value[:128]) if value else None


def _list(fields: dict[str, Any], name: str) -> list[Any]:
    value = fields.get(name)
    return value if isinstance(value, list) else []


def _string(fields: dict[str, Any], name: str) -> str | None:
    return _as_text(fields.get(name)) or None


def _as_text(value: object) -> str:
    if isinstance(value, str):
        return value.strip()
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else ""
