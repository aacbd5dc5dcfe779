"""RSS and Atom reader (RSS 0.9x to 2.0, RDF, Atom 0.3 and 1.0, CDF): feedparser's result as `RawFeed`.

When the whole feed cannot be parsed, each entry is parsed alone, so that a bad entry is skipped and counted.

Tested by tests/feeds/test_parse.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from pipeline.feeds.feedparser_adapter import MAX_LOOSE_CHARS, Reading, read_within
from pipeline.feeds.raw import MAX_ENTRIES, RawDate, RawEntry, RawFeed, RawText
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
    faults = ["too broken to be read as a whole: read entry by entry"]
    entries: list[RawEntry] = []
    room = MAX_LOOSE_CHARS // 2  # the strict reader ran on each as well
    for number, chunk in enumerate(chunks, start=1):
        alone = read_within(_wrapped(chunk, head), url, loose_chars=room)
        if alone is None:
            faults.append(f"entry {number} is broken: read roughly")
            entries.append(read_roughly(chunk))
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


def _wrapped(chunk: str, head: str) -> str:
    """An entry inside its feed's root element, which declares the namespaces."""
    root = _START_TAG.match(head)
    return f"{root.group()}{chunk}</{root.group(1)}>" if root else chunk


def _raw_feed(reading: Reading, text: str) -> RawFeed:
    """The feed's own fields, without its entries."""
    feed = reading.feed
    links = [link for link in dict.get(feed, "links", ()) if isinstance(link, dict)]
    return RawFeed(
        kind=reading.version,
        title=_string(dict.get(feed, "title")),
        language=_string(dict.get(feed, "language")) or None,
        homepage=_string(dict.get(feed, "link")) or None,
        ttl_s=_minutes(_string(dict.get(feed, "ttl"))),
        update_period_s=_period(
            _string(dict.get(feed, "sy_updateperiod")), _string(dict.get(feed, "sy_updatefrequency"))
        ),
        skip_hours=_skip_hours(text),
        skip_days=_skip_days(text),
        self_url=next(iter(_rel(links, "self")), None),
        next_url=next(iter(_rel(links, "next")), None),
        hubs=tuple(_rel(links, "hub")),
    )


def _raw_entry(entry: Any) -> RawEntry:
    content = [part for part in dict.get(entry, "content", ()) if isinstance(part, dict)]
    summary = _text(entry, "summary")
    body = max((_detail(part) for part in content), key=lambda text: len(text.value), default=None)
    return RawEntry(
        title=_text(entry, "title"),
        link=_link(entry),
        guid=_string(dict.get(entry, "id")) or None,
        summary=None if body and summary and body.value == summary.value else summary,
        content=body,
        published=_date(entry, "published") or _date(entry, "created"),
        modified=_date(entry, "updated"),
        authors=tuple(_authors(entry)),
        categories=tuple(
            term
            for tag in dict.get(entry, "tags", ())
            if (term := _string(tag.get("label")) or _string(tag.get("term")))
        ),
        language=_language(entry),
        image=_image(entry),
    )


def _link(entry: Any) -> str | None:
    """The alternate link: feedparser's, else the first with that relation."""
    link = _string(dict.get(entry, "link"))
    if link and (link != dict.get(entry, "id") or _ADDRESS.match(link)):  # a bare `688858` is a guid and no link
        return link
    links = [found for found in dict.get(entry, "links", ()) if isinstance(found, dict)]
    return next((href for href in _rel(links, "alternate") if href), None)


def _rel(links: Iterable[Any], rel: str) -> list[str]:
    return [_string(link.get("href")) for link in links if link.get("rel") == rel and link.get("href")]


def _text(entry: Any, key: str) -> RawText | None:
    value = _string(dict.get(entry, key))
    if not value:
        return None
    detail = dict.get(entry, f"{key}_detail")
    return _detail(detail) if isinstance(detail, dict) and detail.get("value") == value else RawText(value)


def _detail(part: Any) -> RawText:
    kind = str(part.get("type") or "")
    html = True if "html" in kind or kind.endswith("xml") else None
    return RawText(_string(part.get("value")), html)


def _date(entry: Any, key: str) -> RawDate | None:
    text = dict.get(entry, key)
    if not isinstance(text, str) or not text.strip():
        return None
    return RawDate(text.strip()[:128], _utc(dict.get(entry, f"{key}_parsed")))


def _utc(parsed: Any) -> datetime | None:
    if not parsed:
        return None
    try:
        year, month, day, hour, minute, second = parsed[:6]
        return datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def _authors(entry: Any) -> Iterable[str]:
    names = [_string(author.get("name")) for author in dict.get(entry, "authors", ()) if isinstance(author, dict)]
    one = dict.get(entry, "author_detail")
    if not any(names):
        names = [_string(one.get("name")) if isinstance(one, dict) else "", _string(dict.get(entry, "author"))]
        names = [next((name for name in names if name), "")]
    names += [_string(other.get("name")) for other in dict.get(entry, "contributors", ()) if isinstance(other, dict)]
    return dict.fromkeys(name[:_MAX_AUTHOR_CHARS] for name in names if name)


def _language(entry: Any) -> str | None:
    for key in ("content", "title_detail", "summary_detail"):
        part = dict.get(entry, key)
        part = part[0] if isinstance(part, list) and part else part
        language = _string(part.get("language")) if isinstance(part, dict) else ""
        if language:
            return language
    return _string(dict.get(entry, "language")) or None


def _image(entry: Any) -> str | None:
    enclosed = [link for link in dict.get(entry, "links", ()) if link.get("rel") == "enclosure"]
    pictures = [part for part in (*dict.get(entry, "media_content", ()), *enclosed) if _is_picture(part)]
    cover = dict.get(entry, "image")
    candidates = [*pictures, *dict.get(entry, "media_thumbnail", ()), *([cover] if isinstance(cover, dict) else [])]
    return next((url for part in candidates if (url := _string(part.get("url") or part.get("href")))), None)


def _is_picture(part: Any) -> bool:
    return part.get("medium") == "image" or _string(part.get("type")).startswith("image")


def _string(value: Any) -> str:
    return value.strip() if isinstance(value, str) else ""


def _minutes(text: str) -> int | None:
    found = re.match(r"\d{1,7}", text)
    return int(found.group()) * 60 if found and int(found.group()) > 0 else None


_PERIODS_S = {"hourly": 3_600, "always": 3_600, "daily": 86_400, "dayly": 86_400, "weekly": 604_800}
_PERIODS_S |= {"monthly": 2_592_000, "yearly": 31_536_000, "minutely": 60}


def _period(period: str, frequency: str) -> int | None:
    """The update period of the RSS 1.0 syndication module, in seconds."""
    whole = _PERIODS_S.get(period.lower())
    if whole is None:
        return None
    times = int(frequency) if frequency.isascii() and frequency.isdigit() and len(frequency) < 6 else 1
    return whole // max(1, times)


def _skip_hours(text: str) -> frozenset[int]:
    """RSS 2.0 skipHours: hours in GMT in which the feed need not be polled; some feeds write 24 for 0."""
    return frozenset(int(hour) % 24 for hour in re.findall(r"<hour>\s*(\d{1,2})\s*</hour>", _block(text, "skipHours")))


_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def _skip_days(text: str) -> frozenset[int]:
    names = re.findall(r"<day>\s*([A-Za-z]{6,9})\s*</day>", _block(text, "skipDays"))
    return frozenset(_DAYS.index(name.lower()) for name in names if name.lower() in _DAYS)


def _block(text: str, name: str) -> str:
    start = text.find(f"<{name}>")
    return text[start : start + 2_000].partition(f"</{name}>")[0] if start >= 0 else ""


def read_roughly(chunk: str) -> RawEntry:
    """Reads title, link, guid and dates by their tags, for an entry that no parser accepts: the first of each field."""
    fields: dict[str, str] = {}
    for _, found in zip(range(_MAX_TAGS), _ROUGH_TAG.finditer(chunk), strict=False):
        href = _HREF.search(found.group(2))
        value = href.group(1) if href else _rough_value(chunk, found)
        if value:
            fields.setdefault(found.group(1).lower(), value)
    return RawEntry(
        title=_rough_text(fields.get("title")),
        link=fields.get("link") or fields.get("loc"),
        guid=fields.get("guid") or fields.get("id"),
        published=_rough_date(fields, "pubdate", "published", "issued", "dc:date"),
        modified=_rough_date(fields, "updated", "modified", "lastmod"),
    )


def _rough_value(chunk: str, found: re.Match[str]) -> str:
    """The text up to the field's end tag, if that is near."""
    end = chunk.find(f"</{found.group(1)}", found.end(), found.end() + _MAX_FIELD_CHARS)
    text = chunk[found.end() : end].strip() if end > 0 else ""
    return text[9:-3].strip() if text.startswith("<![CDATA[") and text.endswith("]]>") else text


def _rough_text(value: str | None) -> RawText | None:
    return RawText(value) if value else None


def _rough_date(fields: dict[str, str], *names: str) -> RawDate | None:
    text = next((fields[name] for name in names if name in fields), None)
    return RawDate(text[:128]) if text else None
