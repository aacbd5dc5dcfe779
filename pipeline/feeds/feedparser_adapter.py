"""Adapter of feedparser: its strict and its loose reader, with limits on their work.

`feedparser.parse()` is not called: it opens files and URLs, has no limits, searches long authors in quadratic time and
gives up a feed for one bad character. Promises bounded work and never to raise.

Tested by tests/feeds/test_parse.py.
"""

from __future__ import annotations

import io
import xml.sax
import xml.sax.handler
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit
from xml.sax.xmlreader import AttributesNSImpl, InputSource

from feedparser.api import LooseFeedParser, StrictFeedParser

from pipeline.feeds.raw import MAX_ENTRIES
from pipeline.identity.urls import repair

MAX_LOOSE_CHARS = 800_000  # the SGML reader for broken XML needs up to 2 s a megabyte
_MAX_START_TAGS = 60_000  # 2,000 entries of 30 elements; feedparser needs some 20 µs each
_MAX_ATTRIBUTES = 100  # of one element; looking them all up is quadratic (100,000: three minutes)
_MAX_AUTHOR_CHARS = 256  # its e-mail search is quadratic: 32 KB took 3.7 s (feedparser issue 562)
_MAX_CATEGORIES = 64  # each is compared with all before it
_MAX_DATE_CHARS = 128
_DATES = frozenset({"published", "updated", "created", "expired"})


@dataclass(frozen=True, slots=True)
class Reading:
    """feedparser's own dictionaries for a text. `fault`: why the loose reader was needed."""

    feed: Any
    entries: list[Any]
    version: str
    fault: str | None = None
    clipped: bool = False


def read_within(text: str, url: str, *, loose_chars: int = MAX_LOOSE_CHARS) -> Reading | None:
    """Read a text strictly, else loosely if it has at most `loose_chars`; None when neither reader can."""
    fault = None
    for reader in (_Strict(url, None, "utf-8"), _Loose(url, None, "utf-8", {})):
        if fault is not None and len(text) > loose_chars:
            break
        is_clipped = False
        try:
            reader.feed(text)
        except _Enough:
            is_clipped = True
        except Exception as error:  # noqa: BLE001 - feedparser raises anything on odd input; the caller reads roughly
            fault = str(error)
            continue
        return Reading(reader.feeddata, reader.entries[:MAX_ENTRIES], reader.version or "", fault, is_clipped)
    return None


class _Enough(Exception):
    """Raised when a limit of work is reached."""


class _Bounded:
    """Limits for both readers. Also ignores an unreadable `xml:base`, which would remove the links after it."""

    sanitize_html = False
    resolve_relative_uris = False
    max_start_tags = _MAX_START_TAGS
    start_tags = 0
    is_guid = False

    def unknown_starttag(self, tag: str, attrs: list[tuple[str, str]]) -> Any:
        self.start_tags += 1
        if self.start_tags > self.max_start_tags:
            raise _Enough
        if tag.rpartition(":")[2] in ("item", "entry") and len(self.entries) >= MAX_ENTRIES:  # type: ignore[attr-defined]
            raise _Enough
        return super().unknown_starttag(tag, [pair for pair in attrs if not _is_bad_base(pair)])  # type: ignore[misc]

    def pop(self, element: str, strip_whitespace: int = 1) -> Any:
        self.is_guid = element == "id"
        output = super().pop(element, strip_whitespace)  # type: ignore[misc]
        self.is_guid = False
        return output[:_MAX_DATE_CHARS] if element in _DATES and isinstance(output, str) else output

    def resolve_uri(self, uri: str) -> str:
        """Resolves against the current `xml:base`. A guid, or a URL beyond repair, stays as printed."""
        base: str = self.baseuri  # type: ignore[attr-defined]
        return uri if self.is_guid else repair(uri, base) or uri

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

    def feed(self, text: str) -> None:
        """Parse a text, as `_Loose` does."""
        sax = xml.sax.make_parser()  # noqa: S317 - expat; no DOCTYPE reaches it and external entities are off
        sax.setFeature(xml.sax.handler.feature_namespaces, True)
        sax.setFeature(xml.sax.handler.feature_external_ges, False)
        sax.setContentHandler(self)
        sax.setErrorHandler(self)
        source = InputSource()
        source.setByteStream(io.BytesIO(text.encode("utf-8")))
        sax.parse(source)

    def startElementNS(self, name: Any, qname: Any, attrs: Any) -> None:  # noqa: N802 - SAX's name
        if len(attrs) > _MAX_ATTRIBUTES:
            attrs = AttributesNSImpl({}, {})
        super().startElementNS(name, qname, attrs)


class _Loose(_Bounded, LooseFeedParser):  # type: ignore[misc]
    """feedparser's reader of XML that is not well-formed."""

    max_start_tags = _MAX_START_TAGS // 2  # it is slower


def _is_bad_base(pair: tuple[str, str]) -> bool:
    """Whether an attribute is an `xml:base` with which feedparser would lose the links of all later entries."""
    name, value = pair
    if name.lower() not in ("xml:base", "base"):
        return False
    try:
        return urlsplit(value).scheme.lower() not in ("http", "https", "")
    except ValueError:
        return True
