"""JSON Feed 1 and 1.1 (jsonfeed.org). Fields of the wrong type count as absent; a bad entry costs itself."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from pipeline.feeds.raw import MAX_ENTRIES, RawDate, RawEntry, RawFeed, RawText


def read_json(text: str) -> RawFeed | None:
    """The feed in a JSON text; None when it is none."""
    try:
        feed = json.loads(text, strict=False)
    except (ValueError, RecursionError):
        return None
    if not isinstance(feed, dict) or not (_is_json_feed(feed)):
        return None
    printed = _listed(feed.get("items"))
    entries = [entry for entry in printed if isinstance(entry, dict)]
    lost = len(printed) - len(entries)
    return RawFeed(
        kind="json11" if "1.1" in _string(feed.get("version")) else "json1",
        entries=tuple(_entry(entry) for entry in entries[:MAX_ENTRIES]),
        title=_string(feed.get("title")),
        language=_string(feed.get("language")) or None,
        homepage=_string(feed.get("home_page_url")) or None,
        self_url=_string(feed.get("feed_url")) or None,
        next_url=_string(feed.get("next_url")) or None,
        hubs=tuple(_string(hub.get("url")) for hub in _listed(feed.get("hubs")) if isinstance(hub, dict)),
        faults=(f"{lost} entries are no objects",) if lost else (),
        clipped=len(entries) > MAX_ENTRIES,
    )


def _is_json_feed(feed: dict[str, Any]) -> bool:
    return "jsonfeed" in _string(feed.get("version")) or isinstance(feed.get("items"), list)


def _entry(entry: dict[str, Any]) -> RawEntry:
    html, plain = _string(entry.get("content_html")), _string(entry.get("content_text"))
    summary, title = _string(entry.get("summary")), _string(entry.get("title"))
    return RawEntry(
        title=RawText(title, html=False) if title else None,
        link=_string(entry.get("url")) or _string(entry.get("external_url")) or None,
        guid=_string(entry.get("id")) or None,
        summary=RawText(summary, html=False) if summary else None,
        content=RawText(html, html=True) if html else RawText(plain, html=False) if plain else None,
        published=_date(entry.get("date_published")),
        modified=_date(entry.get("date_modified")),
        authors=tuple(_authors(entry)),
        categories=tuple(_string(tag) for tag in _listed(entry.get("tags")) if _string(tag)),
        language=_string(entry.get("language")) or None,
        image=_string(entry.get("image")) or _string(entry.get("banner_image")) or None,
    )


def _authors(entry: dict[str, Any]) -> Iterable[str]:
    authors = [*_listed(entry.get("authors")), entry.get("author")]
    names = (_string(author.get("name")) if isinstance(author, dict) else _string(author) for author in authors)
    return dict.fromkeys(name for name in names if name)


def _date(value: object) -> RawDate | None:
    text = _string(value)
    return RawDate(text[:128]) if text else None


def _listed(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _string(value: object) -> str:
    if isinstance(value, bool):
        return ""
    return value.strip() if isinstance(value, str) else str(value) if isinstance(value, int) else ""
