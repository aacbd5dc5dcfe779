"""RSS 0.9x to 2.0, RDF, Atom 0.3 and 1.0, CDF: read by feedparser, whose costs are bounded here.

Promises that one bad entry costs itself: when the whole cannot be read, each entry is read alone. feedparser is not
asked through `parse()`, which opens files and URLs, has no limits and searches long authors in quadratic time.
"""

from __future__ import annotations

import io
import re
import time
import warnings
import xml.sax
import xml.sax.handler
import xml.sax.xmlreader
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from feedparser.api import LooseFeedParser, StrictFeedParser

from pipeline.feed_markup import Markup, entry_chunks, prepare
from pipeline.feed_raw import MAX_ENTRIES, RawDate, RawEntry, RawFeed, RawText
from pipeline.urls import repair

MAX_LOOSE_CHARS = 2_000_000  # the SGML reader for broken XML needs 0.7 s a megabyte
MAX_START_TAGS = 120_000  # 2,000 entries of 60 elements; feedparser needs some 15 µs each
_MAX_AUTHOR_CHARS = 256  # its e-mail search is quadratic: 32 KB took 3.7 s (feedparser issue 562)
_MAX_CATEGORIES = 64  # each is compared with all before it
_MAX_DATE_CHARS = 128
_DATES = frozenset({"published", "updated", "created", "expired"})
_MAX_FAULTS = 20
_ADDRESS = re.compile(r"https?:|//?\w|www\.", re.IGNORECASE)


class _Enough(Exception):
    """A limit of work was reached."""


class _Bounded:
    """What both of feedparser's readers get from us: limits on work, and no way for one base to blank other links."""

    start_tags = 0
    popped = ""

    def unknown_starttag(self, tag: str, attrs: list[tuple[str, str]]) -> Any:
        self.start_tags += 1
        if self.start_tags > MAX_START_TAGS:
            raise _Enough
        if tag.rpartition(":")[2] in ("item", "entry") and len(self.entries) >= MAX_ENTRIES:  # type: ignore[attr-defined]
            raise _Enough
        return super().unknown_starttag(tag, [pair for pair in attrs if not _is_bad_base(pair)])  # type: ignore[misc]

    def pop(self, element: str, strip_whitespace: int = 1) -> Any:
        self.popped = element
        output = super().pop(element, strip_whitespace)  # type: ignore[misc]
        return output[:_MAX_DATE_CHARS] if element in _DATES and isinstance(output, str) else output

    def resolve_uri(self, uri: str) -> str:
        """By the `xml:base` in force; a guid stays as printed, and what cannot be mended too."""
        base: str = self.baseuri  # type: ignore[attr-defined]
        return uri if self.popped == "id" else repair(uri, base) or uri

    def _sync_author_detail(self, key: str = "author") -> None:
        context = self._get_context()  # type: ignore[attr-defined]
        value = dict.get(context, key)
        if isinstance(value, str) and len(value) > _MAX_AUTHOR_CHARS:
            context[key] = value[:_MAX_AUTHOR_CHARS]
        super()._sync_author_detail(key)  # type: ignore[misc]

    def _add_tag(self, term: Any, scheme: Any, label: Any) -> None:
        if len(self._get_context().setdefault("tags", [])) < _MAX_CATEGORIES:  # type: ignore[attr-defined]
            super()._add_tag(term, scheme, label)  # type: ignore[misc]


class _Strict(_Bounded, StrictFeedParser):  # type: ignore[misc]
    """feedparser's reader of well-formed XML."""


class _Loose(_Bounded, LooseFeedParser):  # type: ignore[misc]
    """feedparser's reader of the rest."""


def read_xml(text: str, url: str) -> RawFeed:
    """The feed in an XML text; `kind` is empty when it is none."""
    markup = prepare(text)
    try:
        parser, faults, clipped = _parsed(markup.text, url)
        return _raw_feed(parser, markup, faults=faults, clipped=clipped)
    except Exception as error:  # noqa: BLE001 - one entry's border: feedparser raises anything on odd input
        return _read_one_by_one(markup, url, error)


def _read_one_by_one(markup: Markup, url: str, cause: Exception) -> RawFeed:
    chunks = entry_chunks(markup.text)
    faults = [f"read entry by entry: {type(cause).__name__}: {cause}"]
    entries: list[RawEntry] = []
    for number, chunk in enumerate(chunks[:MAX_ENTRIES], start=1):
        try:
            parser, _, _ = _parsed(_wrapped(chunk, markup.text), url)
            entries += [_raw_entry(entry) for entry in parser.entries]
        except Exception as error:  # noqa: BLE001 - one entry's border
            faults.append(f"entry {number} lost: {type(error).__name__}: {error}")
    head = markup.text[: markup.text.find(chunks[0])] if chunks else ""
    feed = _head_only(head, url)
    return RawFeed(
        kind=feed.kind or "rss",
        entries=tuple(entries),
        title=feed.title,
        language=feed.language,
        homepage=feed.homepage,
        faults=(*markup.faults, *faults[:_MAX_FAULTS]),
        clipped=markup.clipped,
    )


def _head_only(head: str, url: str) -> RawFeed:
    try:
        return _raw_feed(_parsed(head, url)[0], Markup(head), faults=(), clipped=False)
    except Exception:  # noqa: BLE001 - the feed's own border: its entries matter more than its title
        return RawFeed(kind="")


def _wrapped(chunk: str, text: str) -> str:
    root = re.match(r"<[^<>]{1,4000}>", text)
    name = re.match(r"<([\w:.-]+)", text)
    return f"{root.group()}{chunk}</{name.group(1)}>" if root and name else chunk


def _parsed(text: str, url: str) -> tuple[Any, tuple[str, ...], bool]:
    """The strict reader's view, else the loose one's; what was wrong; whether a limit cut it."""
    strict = _Strict(url, None, "utf-8")
    fault = _fed(strict, lambda: _feed_strict(strict, text))
    if fault is None or isinstance(fault, _Enough):
        return strict, (), fault is not None
    loose = _Loose(url, None, "utf-8", {})
    kept = text[:MAX_LOOSE_CHARS]
    enough = _fed(loose, lambda: loose.feed(kept))
    clipped = enough is not None or len(kept) < len(text)
    return loose, (f"not well-formed XML: {fault}",), clipped


def _fed(parser: Any, feed: Callable[[], None]) -> Exception | None:
    parser.sanitize_html = False
    parser.resolve_relative_uris = False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # feedparser's about its own key names
            feed()
    except (xml.sax.SAXException, _Enough) as error:
        return error
    except ValueError as error:
        if not isinstance(parser, _Strict):
            raise
        return error
    return None


def _feed_strict(parser: Any, text: str) -> None:
    sax = xml.sax.make_parser()  # noqa: S317 - expat, no DOCTYPE reaches it and external entities are off
    sax.setFeature(xml.sax.handler.feature_namespaces, True)
    sax.setFeature(xml.sax.handler.feature_external_ges, False)
    sax.setContentHandler(parser)
    sax.setErrorHandler(parser)
    source = xml.sax.xmlreader.InputSource()
    source.setByteStream(io.BytesIO(text.encode("utf-8")))
    sax.parse(source)


def _is_bad_base(pair: tuple[str, str]) -> bool:
    """One unreadable `xml:base` would make feedparser lose the links of all entries behind it."""
    name, value = pair
    if name.lower() not in ("xml:base", "base"):
        return False
    try:
        return urlsplit(value).scheme.lower() not in ("http", "https", "")
    except ValueError:
        return True


def _raw_feed(parser: Any, markup: Markup, *, faults: Iterable[str], clipped: bool) -> RawFeed:
    feed = parser.feeddata
    links = [link for link in dict.get(feed, "links", ()) if isinstance(link, dict)]
    return RawFeed(
        kind=parser.version or "",
        entries=tuple(_raw_entry(entry) for entry in parser.entries[:MAX_ENTRIES]),
        title=_string(dict.get(feed, "title")),
        language=_string(dict.get(feed, "language")) or None,
        homepage=_string(dict.get(feed, "link")) or None,
        ttl_s=_minutes(_string(dict.get(feed, "ttl"))),
        update_period_s=_period(
            _string(dict.get(feed, "sy_updateperiod")), _string(dict.get(feed, "sy_updatefrequency"))
        ),
        skip_hours=_skip_hours(markup.text),
        skip_days=_skip_days(markup.text),
        self_url=next(iter(_rel(links, "self")), None),
        next_url=next(iter(_rel(links, "next")), None),
        hubs=tuple(_rel(links, "hub")),
        faults=(*markup.faults, *faults),
        clipped=markup.clipped or clipped,
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
    """The alternate link: feedparser's, else the first one that names no other relation."""
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
    return RawDate(text.strip()[:_MAX_DATE_CHARS], _utc(dict.get(entry, f"{key}_parsed")))


def _utc(parsed: time.struct_time | None) -> datetime | None:
    try:
        return datetime(*parsed[:6], tzinfo=UTC) if parsed else None
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
    """RSS 1.0 syndication module: so often per period."""
    whole = _PERIODS_S.get(period.lower())
    if whole is None:
        return None
    times = int(frequency) if frequency.isascii() and frequency.isdigit() and len(frequency) < 6 else 1
    return whole // max(1, times)


def _skip_hours(text: str) -> frozenset[int]:
    """RSS 2.0: hours of the day in GMT when nobody need ask; 24 is 0 as some write it."""
    return frozenset(int(hour) % 24 for hour in re.findall(r"<hour>\s*(\d{1,2})\s*</hour>", _block(text, "skipHours")))


_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def _skip_days(text: str) -> frozenset[int]:
    names = re.findall(r"<day>\s*([A-Za-z]{6,9})\s*</day>", _block(text, "skipDays"))
    return frozenset(_DAYS.index(name.lower()) for name in names if name.lower() in _DAYS)


def _block(text: str, name: str) -> str:
    start = text.find(f"<{name}>")
    return text[start : start + 2_000].partition(f"</{name}>")[0] if start >= 0 else ""
