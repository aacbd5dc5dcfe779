"""Entry normalisation: printed strings become plain text, absolute URLs, aware dates and an identity.

Promises one entry per identity; a bad entry is skipped and counted. Leaves reading the formats to their readers.

Tested by tests/feeds/test_parse.py.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo

from pipeline.domain.model import Entry
from pipeline.feeds.raw import MAX_TEXT_CHARS, RawDate, RawEntry, RawText
from pipeline.identity.urls import article_number, canonicalise, repair
from pipeline.text.dates import EARLIEST, read_date
from pipeline.text.normalize import clean_fragment, looks_like_markup, one_line, plain_text

_FUTURE = timedelta(hours=24)  # beyond any zone's mistake (NetNewsWire draws the same line)
_HOME = re.compile(r"https://[^/?#]+/?")
_MAX_GUID_CHARS = 2_048
_MAX_TITLE_CHARS = 2_000
_MAX_NAMES = 64
_MAX_NAME_CHARS = 256
# Counters in summaries ("12 commentaires", "1 234 vues") change with every poll.
_COUNTER = re.compile(
    r"\(?\b\d[\d\s.,\u202f\xa0]{0,9}\s?(?:k\s)?(?:commentaires?|r\u00e9actions?|vues|lectures|partages|comments?|views|shares|likes)\b\)?",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class FeedContext:
    """What all entries of one poll share."""

    url: str
    zone: tzinfo
    now: datetime
    article_number: str | None = None
    language: str | None = None
    home: str = ""  # the canonical URL of the feed's home page


@dataclass(frozen=True, slots=True)
class NormalizedEntries:
    """A feed's entries, one per identity, in its order; `repeats` are further entries of the same identity."""

    entries: tuple[Entry, ...]
    repeats: tuple[Entry, ...]
    faults: tuple[str, ...]


def normalize_entries(raw: Sequence[RawEntry], context: FeedContext) -> NormalizedEntries:
    """Normalise all entries of a feed; one that fails becomes a fault, the others stay."""
    entries: list[Entry] = []
    faults: list[str] = []
    for number, printed in enumerate(raw, start=1):
        try:
            entries.append(_entry(printed, context))
        except (ValueError, OverflowError, RecursionError) as error:
            faults.append(f"entry {number} lost: {error}")
    entries = _with_own_links(entries)
    guids = Counter(entry.guid for entry in entries)
    first: dict[str, Entry] = {}
    repeats: list[Entry] = []
    for unidentified in entries:
        entry = replace(unidentified, identity=_identity(unidentified, context, guids))
        kept = first.setdefault(entry.identity, entry)
        if kept is not entry:
            first[entry.identity], older = (entry, kept) if _latest(entry) > _latest(kept) else (kept, entry)
            repeats.append(older)
    return NormalizedEntries(tuple(first.values()), tuple(repeats), tuple(faults))


def _with_own_links(entries: list[Entry]) -> list[Entry]:
    """Entries of several titles that share one link get their permalinks (a guid that is a URL), where each has one."""
    titles = Counter(link for link, _title in {(entry.link, entry.title) for entry in entries})
    permalinks = [_permalink(entry.guid) if titles[entry.link] > 1 else None for entry in entries]
    owned = Counter(permalinks)
    return [
        replace(entry, link=own) if own and entry.link and owned[own] == 1 else entry
        for entry, own in zip(entries, permalinks, strict=True)
    ]


def _latest(entry: Entry) -> datetime:
    return entry.modified or entry.published or datetime(1, 1, 1, tzinfo=UTC)


def _entry(raw: RawEntry, context: FeedContext) -> Entry:
    """One entry, still without its identity."""
    guid = one_line(raw.guid or "")[:_MAX_GUID_CHARS] or None
    links = (repair(raw.link, context.url), _permalink(guid))
    published, modified = _date(raw.published, context), _date(raw.modified, context)
    title, summary, content = one_line(_text(raw.title))[:_MAX_TITLE_CHARS], _text(raw.summary), _text(raw.content)
    printed_date = raw.published or raw.modified
    lasting_words = " ".join(_COUNTER.sub("", summary or content[:10_000]).split())
    return Entry(
        identity="",
        digest=_hash(title, lasting_words, modified.astimezone(UTC).isoformat() if modified else ""),
        title=title,
        link=next((url for url in links if url and not _HOME.fullmatch(canonicalise(url))), None),
        guid=guid,
        summary=summary,
        content=content,
        published=published,
        modified=modified,
        date_text=one_line(printed_date.text) or None if printed_date else None,
        date_in_future=max(filter(None, (published, modified)), default=context.now) > context.now + _FUTURE,
        authors=_names(raw.authors),
        categories=_names(raw.categories),
        language=_language(raw.language or context.language),
        image=repair(raw.image, context.url),
    )


def _permalink(guid: str | None) -> str | None:
    """The URL that a guid is; None for any other guid, and for a home page."""
    url = repair(guid, None) if guid and guid.lower().startswith(("http://", "https://")) else None
    return url if url and not _HOME.fullmatch(canonicalise(url)) else None


def _text(raw: RawText | None) -> str:
    if raw is None:
        return ""
    value = raw.value[:MAX_TEXT_CHARS]
    is_html = looks_like_markup(value) if raw.html is None else raw.html
    return plain_text(value) if is_html else clean_fragment(value)


def _date(raw: RawDate | None, context: FeedContext) -> datetime | None:
    own = read_date(raw.text, context.zone) if raw else None
    if own is not None:
        return own.value
    guess = raw.guess if raw else None
    return guess if guess and EARLIEST <= guess <= context.now + timedelta(days=3660) else None


def _names(values: Sequence[str]) -> tuple[str, ...]:
    printed = (plain_text(value) if looks_like_markup(value) else value for value in values[:_MAX_NAMES])
    return tuple(dict.fromkeys(name for text in printed if (name := one_line(text)[:_MAX_NAME_CHARS])))


def _language(code: str | None) -> str | None:
    """The language tag (BCP 47) in its usual case: `fr`, `fr-FR`."""
    found = re.match(r"([A-Za-z]{2,3})(?:[-_]([A-Za-z]{2})\b)?", code or "")
    if found is None:
        return None
    return found.group(1).lower() + (f"-{found.group(2).upper()}" if found.group(2) else "")


def _identity(entry: Entry, context: FeedContext, guids: Counter[str | None]) -> str:
    """The article number, else the canonical link, else the guid, else a hash.

    A link to the home page identifies no entry, nor does a guid that several entries of the feed carry.
    """
    for url in filter(None, (entry.link, entry.guid)):
        if number := article_number(url, context.article_number):
            return f"number:{number}"
    key = canonicalise(entry.link) if entry.link else ""
    if key and key != context.home and not _HOME.fullmatch(key):
        return key
    if entry.guid and guids[entry.guid] == 1:
        return f"guid:{entry.guid if len(entry.guid) <= 512 else _hash(entry.guid)}"
    return f"hash:{_hash(entry.guid or '', entry.title, entry.summary)}"


def _hash(*parts: str) -> str:
    return hashlib.sha256("\x1f".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:32]
