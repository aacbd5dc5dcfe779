"""RSS and Atom reader (RSS 0.9x to 2.0, RDF, Atom 0.3 and 1.0, CDF): feedparser's result as `RawFeed`.

When the whole feed cannot be parsed, each entry is parsed alone, so that a bad entry is skipped and counted.

Tested by tests/feeds/test_parse.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from pipeline.feeds.feedparser_adapter import MAX_LOOSE_CHARS, Reading, read_within
from pipeline.feeds.raw import MAX_ENTRIES, RawDate, RawEntry, RawFeed, RawText, raw_date, raw_text
from pipeline.feeds.sanitize import Markup, entry_chunks, prepare

_MAX_AUTHOR_CHARS = 256
_MAX_FAULTS = 20
_MAX_HEAD_CHARS = 200_000
_START_TAG = re.compile(r"<([\w:.-]{1,60})[^<>]{0,4000}>")
_ADDRESS = re.compile(r"https?:|//?\w|www\.", re.IGNORECASE)
_MAX_FIELD_CHARS = 4_000
_ROUGH_TAG = re.compile(
    r"<(title|link|guid|id|loc|pubDate|published|issued|dc:date|updated|modified|lastmod)\b([^<>]{0,500})>",
    re.IGNORECASE,
)
_HREF = re.compile(r"\bhref\s*=\s*[\"']([^\"'<>]{1,2048})", re.IGNORECASE)
_MAX_TAGS = 100
_PERIODS_S = {"hourly": 3_600, "always": 3_600, "daily": 86_400, "dayly": 86_400, "weekly": 604_800}
_PERIODS_S |= {"monthly": 2_592_000, "yearly": 31_536_000, "minutely": 60}
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def read_xml(text: str, url: str) -> RawFeed:
    """Parse an XML feed; `kind` is empty when the text is none."""
    markup = prepare(text)
    whole = read_within(markup.text, url)
    if whole is None or (whole.clipped and not whole.entries):
        return _read_one_by_one(markup, url)
    broken = (f"not well-formed XML: {whole.fault}",) if whole.fault else ()
    entries = tuple(_raw_entry(entry) for entry in whole.entries)
    if whole.fault and _named(entries) < len(entry_chunks(markup.text)):  # a broken entry may have absorbed others
        alone = _read_one_by_one(markup, url)
        if _named(alone.entries) > _named(entries):
            return alone
    return replace(
        _raw_feed(whole, markup.text),
        entries=entries,
        faults=(*markup.faults, *broken),
        clipped=markup.clipped or whole.clipped,
    )


def _named(entries: Iterable[RawEntry]) -> int:
    return sum(entry.title is not None or entry.link is not None for entry in entries)


def _read_one_by_one(markup: Markup, url: str) -> RawFeed:
    """Parses each entry alone: strictly, then loosely within a budget of characters, then by its tags."""
    chunks = entry_chunks(markup.text)[:MAX_ENTRIES]
    head = markup.text[: markup.text.find(chunks[0])] if chunks else markup.text
    root = _START_TAG.match(head)  # declares the namespaces
    before, after = (root.group(), f"</{root.group(1)}>") if root else ("", "")
    faults = ["too broken to be read as a whole: read entry by entry"]
    entries: list[RawEntry] = []
    room = MAX_LOOSE_CHARS // 2  # the strict reader ran on each as well
    for number, chunk in enumerate(chunks, start=1):
        alone = read_within(f"{before}{chunk}{after}", url, loose_chars=room)
        if alone is None:
            faults.append(f"entry {number} is broken: read roughly")
            entries.append(_read_roughly(chunk))
            continue
        room -= len(chunk) if alone.fault else 0
        entries += [_raw_entry(entry) for entry in alone.entries]
    about = read_within(head[:_MAX_HEAD_CHARS], url)
    feed = _raw_feed(about, head[:_MAX_HEAD_CHARS]) if about else RawFeed(kind="")
    return replace(
        feed,
        kind=feed.kind or ("rss" if entries else ""),
        entries=tuple(entries[:MAX_ENTRIES]),
        faults=(*markup.faults, *faults[:_MAX_FAULTS]),
        clipped=markup.clipped,
    )


def _raw_feed(reading: Reading, text: str) -> RawFeed:
    """The feed's own fields, without its entries. RSS 2.0 skipHours are in GMT; some feeds write 24 for 0."""
    feed = reading.feed
    hours = _skipped(text, "skipHours", r"<hour>\s*(\d{1,2})\s*</hour>")
    days = [name.lower() for name in _skipped(text, "skipDays", r"<day>\s*([A-Za-z]{6,9})\s*</day>")]
    ttl = re.match(r"\d{1,7}", _string(feed, "ttl"))
    return RawFeed(
        kind=reading.version,
        title=_string(feed, "title"),
        language=_string(feed, "language") or None,
        homepage=_string(feed, "link") or None,
        ttl_s=int(ttl.group()) * 60 or None if ttl else None,
        update_period_s=_period(_string(feed, "sy_updateperiod"), _string(feed, "sy_updatefrequency")),
        skip_hours=frozenset(int(hour) % 24 for hour in hours),
        skip_days=frozenset(_DAYS.index(day) for day in days if day in _DAYS),
    )


def _skipped(text: str, element: str, pattern: str) -> list[str]:
    """The hours or days in which a feed need not be polled."""
    start = text.find(f"<{element}>")
    block = text[start : start + 2_000].partition(f"</{element}>")[0] if start >= 0 else ""
    return re.findall(pattern, block)


def _period(period: str, frequency: str) -> int | None:
    """The update period of the RSS 1.0 syndication module, in seconds."""
    whole = _PERIODS_S.get(period.lower())
    times = int(frequency) if frequency.isascii() and frequency.isdigit() and len(frequency) < 6 else 1
    return None if whole is None else whole // max(1, times)


def _raw_entry(entry: Any) -> RawEntry:
    summary = _text(entry, "summary")
    parts = [_detail(part) for part in dict.get(entry, "content", ()) if isinstance(part, dict)]
    body = max(parts, key=lambda text: len(text.value), default=None)
    tags = dict.get(entry, "tags", ())
    return RawEntry(
        title=_text(entry, "title"),
        link=_link(entry),
        guid=_string(entry, "id") or None,
        summary=None if body and summary and body.value == summary.value else summary,
        content=body,
        published=_date(entry, "published") or _date(entry, "created"),
        modified=_date(entry, "updated"),
        authors=tuple(_authors(entry)),
        categories=tuple(term for tag in tags if (term := _string(tag, "label") or _string(tag, "term"))),
        language=_language(entry),
        image=_image(entry),
    )


def _link(entry: Any) -> str | None:
    """The alternate link: feedparser's, else the first with that relation."""
    link = _string(entry, "link")
    if link and (link != dict.get(entry, "id") or _ADDRESS.match(link)):  # a bare `688858` is a guid and no link
        return link
    return next((href for href in _rel(entry, "alternate") if href), None)


def _rel(fields: Any, rel: str) -> list[str]:
    """The addresses of the links with a relation."""
    links = [link for link in dict.get(fields, "links", ()) if isinstance(link, dict)]
    return [_string(link, "href") for link in links if link.get("rel") == rel and link.get("href")]


def _text(entry: Any, key: str) -> RawText | None:
    value, detail = _string(entry, key), dict.get(entry, f"{key}_detail")
    has_type = value and isinstance(detail, dict) and detail.get("value") == value
    return _detail(detail) if has_type else raw_text(value)


def _detail(part: Any) -> RawText:
    kind = str(part.get("type") or "")
    return RawText(_string(part, "value"), True if "html" in kind or kind.endswith("xml") else None)


def _date(entry: Any, key: str) -> RawDate | None:
    parsed, guess = dict.get(entry, f"{key}_parsed"), None
    if parsed:
        with suppress(ValueError, OverflowError):
            year, month, day, hour, minute, second = parsed[:6]
            guess = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    return raw_date(_string(entry, key), guess)


def _authors(entry: Any) -> Iterable[str]:
    names = [_string(author, "name") for author in dict.get(entry, "authors", ()) if isinstance(author, dict)]
    if not any(names):
        one = dict.get(entry, "author_detail")
        names = [(_string(one, "name") if isinstance(one, dict) else "") or _string(entry, "author")]
    names += [_string(other, "name") for other in dict.get(entry, "contributors", ()) if isinstance(other, dict)]
    return dict.fromkeys(name[:_MAX_AUTHOR_CHARS] for name in names if name)


def _language(entry: Any) -> str | None:
    for key in ("content", "title_detail", "summary_detail"):
        part = dict.get(entry, key)
        part = part[0] if isinstance(part, list) and part else part
        language = _string(part, "language") if isinstance(part, dict) else ""
        if language:
            return language
    return _string(entry, "language") or None


def _image(entry: Any) -> str | None:
    enclosed = [link for link in dict.get(entry, "links", ()) if link.get("rel") == "enclosure"]
    media = (*dict.get(entry, "media_content", ()), *enclosed)
    pictures = [part for part in media if part.get("medium") == "image" or _string(part, "type").startswith("image")]
    cover = dict.get(entry, "image")
    candidates = [*pictures, *dict.get(entry, "media_thumbnail", ()), *([cover] if isinstance(cover, dict) else [])]
    urls = (part.get("url") or part.get("href") for part in candidates)
    return next((url.strip() for url in urls if isinstance(url, str) and url.strip()), None)


def _string(fields: Any, key: str) -> str:
    """A field of feedparser's, which may have any type; `dict.get` evades the names that it maps to others."""
    value = dict.get(fields, key)
    return value.strip() if isinstance(value, str) else ""


def _read_roughly(chunk: str) -> RawEntry:
    """Reads title, link, guid and dates by their tags, for an entry that no parser accepts: the first of each field."""
    fields: dict[str, str] = {}
    for found in islice(_ROUGH_TAG.finditer(chunk), _MAX_TAGS):
        href = _HREF.search(found.group(2))
        end = chunk.find(f"</{found.group(1)}", found.end(), found.end() + _MAX_FIELD_CHARS)
        value = href.group(1) if href else chunk[found.end() : max(end, 0)].strip()
        if value.startswith("<![CDATA[") and value.endswith("]]>"):
            value = value[9:-3].strip()
        if value:
            fields.setdefault(found.group(1).lower(), value)

    def first(*names: str) -> str | None:
        return next((fields[name] for name in names if name in fields), None)

    return RawEntry(
        title=raw_text(first("title")),
        link=first("link", "loc"),
        guid=first("guid", "id"),
        published=raw_date(first("pubdate", "published", "issued", "dc:date")),
        modified=raw_date(first("updated", "modified", "lastmod")),
    )
