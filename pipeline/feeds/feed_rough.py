"""An entry too broken, or too large and broken, for a parser: its title, link, guid and dates by their tags alone."""

from __future__ import annotations

import re

from pipeline.feeds.raw import RawDate, RawEntry, RawText

_MAX_FIELD_CHARS = 4_000
_TAG = re.compile(
    r"<(title|link|guid|id|loc|pubDate|published|issued|dc:date|updated|modified|lastmod)\b([^<>]{0,500})>",
    re.IGNORECASE,
)
_HREF = re.compile(r"\bhref\s*=\s*[\"']([^\"'<>]{1,2048})", re.IGNORECASE)
_MAX_TAGS = 100


def read_roughly(chunk: str) -> RawEntry:
    """What can be told of an entry's markup without parsing it: the first of each field."""
    fields: dict[str, str] = {}
    for _, found in zip(range(_MAX_TAGS), _TAG.finditer(chunk), strict=False):
        href = _HREF.search(found.group(2))
        value = href.group(1) if href else _value(chunk, found)
        if value:
            fields.setdefault(found.group(1).lower(), value)
    return RawEntry(
        title=_text(fields.get("title")),
        link=fields.get("link") or fields.get("loc"),
        guid=fields.get("guid") or fields.get("id"),
        published=_date(fields, "pubdate", "published", "issued", "dc:date"),
        modified=_date(fields, "updated", "modified", "lastmod"),
    )


def _value(chunk: str, found: re.Match[str]) -> str:
    """The text up to the field's end tag, if that is near."""
    end = chunk.find(f"</{found.group(1)}", found.end(), found.end() + _MAX_FIELD_CHARS)
    text = chunk[found.end() : end].strip() if end > 0 else ""
    return text[9:-3].strip() if text.startswith("<![CDATA[") and text.endswith("]]>") else text


def _text(value: str | None) -> RawText | None:
    return RawText(value) if value else None


def _date(fields: dict[str, str], *names: str) -> RawDate | None:
    text = next((fields[name] for name in names if name in fields), None)
    return RawDate(text[:128]) if text else None
