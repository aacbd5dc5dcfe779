"""Sanitizer for the XML of a feed: removes junk, DOCTYPE and illegal references, and bounds sizes.

Promises work that is linear in the text. Leaves reading it to `rss_atom` and `sitemaps`.

Tested by tests/feeds/test_parse.py.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from html.entities import html5
from itertools import accumulate, pairwise

from pipeline.feeds.raw import MAX_ENTRIES, MAX_TEXT_CHARS
from pipeline.text.dates import read_date

MAX_MARKUP_CHARS = 6_000_000  # of what is parsed: feedparser reads some 3 to 5 MB/s
_MAX_ENTRY_CHARS = 4 * MAX_TEXT_CHARS
MAX_DATED = 20_000  # beyond it, reading every entry's date to find the newest costs more than it is worth
_NO_DATE = datetime(1, 1, 1, tzinfo=UTC)
_SNIFF_CHARS = 65_536  # PHP warnings before the feed can be long

_ROOT = re.compile(
    r"<(?:[A-Za-z][\w.-]*:)?(rss|feed|rdf|channel|item|entry|urlset|sitemapindex|newsitems)(?=[\s>/])", re.IGNORECASE
)
_HTML = re.compile(r"<(?:!doctype\s+html|html|head|body|script|meta|div)\b", re.IGNORECASE)
_ROOT_OR_SKIPPED = re.compile(rf"{_HTML.pattern}|<!--|<!DOCTYPE\b|{_ROOT.pattern}", re.IGNORECASE)
_PROLOG = re.compile(r"<\?xml\b")
_DOCTYPE_PIECE = re.compile(r"[\[\]>]|\"[^\"]*\"|'[^']*'|<!--")

_CDATA = "<![CDATA["
_UNPARSED = re.compile(r"<!\[CDATA\[|<!--")
# An ampersand with the reference that it begins, if any: XML knows only five names.
_UNSAFE_REFERENCE = re.compile(
    r"&(?!(?:lt|gt|amp|quot|apos);)(?:#(\d{1,8}|[xX][0-9A-Fa-f]{1,7});|([A-Za-z][A-Za-z0-9]{1,31});)?"
)

_ITEM = re.compile(r"<(?:[A-Za-z][\w.-]*:)?(?:item|entry|url)(?=[\s>])", re.IGNORECASE)
_ITEM_END = re.compile(r"</(?:[A-Za-z][\w.-]*:)?(?:item|entry|url)\s*>", re.IGNORECASE)
_PREFIXED = re.compile(r"</?([A-Za-z][\w.-]*):[A-Za-z]")
_DECLARED = re.compile(r"xmlns:([A-Za-z][\w.-]*)\s*=")
_RSS_NAMESPACE = re.compile(r"(<rss\b[^>]{0,2000}?)\sxmlns\s*=\s*(?:\"[^\"]*\"|'[^']*')", re.IGNORECASE)
_DATE_ELEMENT = re.compile(
    r"<(?:pubDate|[\w.-]+:date|updated|published|modified|issued)\b[^>]{0,200}>(?:<!\[CDATA\[)?([^<\]]{4,60})",
    re.IGNORECASE,
)
_LONG_TEXT = re.compile(rf"(>[^<>]{{{MAX_TEXT_CHARS}}})[^<>]+")  # begun by `>`: each run is tried once
_RSS = "http://backend.userland.com/rss"
_ROOT_NAMESPACES = {"feed": "http://www.w3.org/2005/Atom", "entry": "http://www.w3.org/2005/Atom"}
_NAMESPACES = {
    "atom": "http://www.w3.org/2005/Atom",
    "content": "http://purl.org/rss/1.0/modules/content/",
    "dc": "http://purl.org/dc/elements/1.1/",
    "dcterms": "http://purl.org/dc/terms/",
    "itunes": "http://www.itunes.com/DTDs/PodCast-1.0.dtd",
    "media": "http://search.yahoo.com/mrss/",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "rss": _RSS,
    "sy": "http://purl.org/rss/1.0/modules/syndication/",
}
_CLOSED = re.compile(
    r"</(?:[A-Za-z][\w.-]*:)?(?:rss|feed|rdf|channel|urlset|sitemapindex|newsitems)\s*>", re.IGNORECASE
)


def root_name(text: str) -> str | None:
    """The root element's name in lower case (rss, feed, rdf, urlset …); None when the text is no XML feed."""
    root = _find_root(text[:_SNIFF_CHARS], is_html_refused=True)
    return root.group(1).lower() if root else None


def looks_like(text: str) -> str:
    """What a body is that is no feed, as one word."""
    head = text[:_SNIFF_CHARS].lstrip()
    if not head:
        return "empty"
    if head.startswith("%PDF"):
        return "pdf"
    if head[0] in "{[":
        return "json"
    if _HTML.search(head):
        return "html"
    return "xml" if head.startswith("<") else "text"


def is_cut_short(text: str) -> bool:
    """Whether the end of the feed is missing."""
    return _CLOSED.search(text, max(0, len(text) - 4_096)) is None


@dataclass(frozen=True, slots=True)
class Markup:
    """A feed's XML, ready to parse. `clipped`: entries beyond a limit were removed."""

    text: str
    clipped: bool = False
    faults: tuple[str, ...] = ()


def prepare(text: str) -> Markup:
    """The feed from its root element on, as XML that a parser accepts; junk and the XML declaration are removed."""
    root = _find_root(text)
    bare = text[root.start() :] if root else text
    chosen, clipped = _newest_chunks(bare)
    fault = f"more than {MAX_ENTRIES} entries, or too many characters: the newest are kept, long texts cut"
    mended = _RSS_NAMESPACE.sub(r"\1", _with_declared_prefixes(_with_safe_references(chosen)), count=1)
    return Markup(mended, clipped=clipped, faults=(fault,) if len(chosen) < len(bare) else ())


def entry_chunks(text: str) -> list[str]:
    """Each entry's own markup, up to its end tag where it has one."""
    starts = [match.start() for match in _ITEM.finditer(text)]
    return [text[start : _end_of_entry(text, start, end)] for start, end in pairwise([*starts, len(text)])]


def _end_of_entry(text: str, start: int, latest: int) -> int:
    end = _ITEM_END.search(text, start, latest)
    return end.end() if end else latest


def _find_root(text: str, *, is_html_refused: bool = False) -> re.Match[str] | None:
    """The root's start tag, outside the comments and the DOCTYPE before it.

    A page that contains one (`<feed>` in a script) is no feed; a feed after an HTML error message is one.
    """
    at = 0
    while found := _ROOT_OR_SKIPPED.search(text, at):
        at = found.end()
        if found.group(1):
            return _ROOT.match(text, found.start())
        if found.group() == "<!--":
            at = _end_of_comment(text, at)
        elif not _HTML.match(text, found.start()):
            at = _end_of_doctype(text, at)
        elif is_html_refused and not _PROLOG.search(text, at):
            return None
    return None


def _end_of_comment(text: str, at: int) -> int:
    """The end of the comment; its start when no end is near, so that thousands of open comments cost little."""
    return max(at, text.find("-->", at, at + _SNIFF_CHARS) + 3)


def _end_of_doctype(text: str, at: int) -> int:
    """Where a DOCTYPE ends. It is skipped: entities are never expanded or fetched (billion laughs, XXE)."""
    begun, depth = at, 0
    while piece := _DOCTYPE_PIECE.search(text, at):
        at = piece.end()
        depth += {"[": 1, "]": -1}.get(piece.group(), 0)
        if piece.group() == "<!--":
            at = _end_of_comment(text, at)
        if piece.group() == ">" and depth <= 0:
            return at
    return begun


def _with_safe_references(text: str) -> str:
    """Drops character references that XML forbids, replaces HTML's names, escapes bare ampersands.

    CDATA sections stay as they are; comments are removed.
    """
    pieces: list[str] = []
    at = 0
    while found := _UNPARSED.search(text, at):
        pieces.append(_UNSAFE_REFERENCE.sub(_safe_reference, text[at : found.start()]))
        close = "]]>" if found.group() == _CDATA else "-->"
        end = text.find(close, found.end())
        at = len(text) if end < 0 else end + 3
        if close == "]]>":
            pieces.append(text[found.start() : at])
    return "".join([*pieces, _UNSAFE_REFERENCE.sub(_safe_reference, text[at:])])


def _safe_reference(found: re.Match[str]) -> str:
    number, name = found.groups()
    if number is None:
        character = html5.get(f"{name};")
        return f"&amp;{found.group()[1:]}" if character is None else escape(character, quote=False)
    code = int(number[1:], 16) if number[0] in "xX" else int(number)
    if 0x80 <= code <= 0x9F:  # cp1252 written as if it were Unicode, as HTML reads it
        return bytes([code]).decode("cp1252", "ignore")
    if code in (0x9, 0xA, 0xD) or 0x20 <= code <= 0xD7FF or 0xE000 <= code <= 0xFFFD or 0x10000 <= code <= 0x10FFFF:
        return found.group()
    return ""


def _with_declared_prefixes(text: str) -> str:
    """Declares undeclared prefixes: a parser would stop at `<dc:date>` and ignore `<rss:item>`."""
    declared = {*_DECLARED.findall(text), "xml", "xmlns"}
    undeclared = sorted(set(_PREFIXED.findall(text)) - declared)
    root = _ROOT.match(text)
    if not undeclared or root is None:
        return text
    own = root.group().partition(":")[0].lstrip("<")
    known = {**_NAMESPACES, own: _ROOT_NAMESPACES.get(root.group(1).lower(), _RSS)}
    added = "".join(f' xmlns:{prefix}="{known.get(prefix, f"urn:undeclared:{prefix}")}"' for prefix in undeclared[:100])
    return text[: root.end()] + added + text[root.end() :]


def _newest_chunks(text: str) -> tuple[str, bool]:
    """The whole text, or head, newest entries and tail when it is too long; and whether entries were removed."""
    starts = [match.start() for match in _ITEM.finditer(text)]
    is_huge = len(text) > MAX_MARKUP_CHARS
    if not starts:
        return text[:MAX_MARKUP_CHARS], is_huge
    end = _end_of_entry(text, starts[-1], len(text))
    chunks = [text[a:b] for a, b in pairwise([*starts, end])]
    if len(chunks) <= MAX_ENTRIES and not is_huge and max(map(len, chunks)) <= MAX_TEXT_CHARS:
        return text, False
    kept = _fitting([_clipped(chunk)[: _MAX_ENTRY_CHARS if is_huge else None] for chunk in chunks])
    head, tail = text[: min(starts[0], MAX_TEXT_CHARS)], text[end : end + MAX_TEXT_CHARS]
    return f"{head}{''.join(kept)}{tail}", is_huge or len(kept) < len(chunks)


def _fitting(chunks: list[str]) -> list[str]:
    """The newest entries within the limits: by their dates, or by which end of the feed is newer."""
    if MAX_ENTRIES < len(chunks) <= MAX_DATED:
        chunks = sorted(chunks, key=_date_in, reverse=True)
    elif len(chunks) > 1 and _date_in(chunks[-1]) > _date_in(chunks[0]):
        chunks = chunks[::-1]
    ends = accumulate(map(len, chunks[:MAX_ENTRIES]))
    return chunks[: max(1, sum(end <= MAX_MARKUP_CHARS for end in ends))]


def _clipped(chunk: str) -> str:
    """One entry with each text cut to the length that is kept anyway."""
    if len(chunk) <= MAX_TEXT_CHARS:
        return chunk
    pieces: list[str] = []
    at = 0
    while (begin := chunk.find(_CDATA, at)) >= 0:
        end = chunk.find("]]>", begin)
        end = len(chunk) if end < 0 else end
        pieces += (_LONG_TEXT.sub(r"\1", chunk[at:begin]), chunk[begin : min(end, begin + MAX_TEXT_CHARS)], "]]>")
        at = end + 3
    return "".join([*pieces, _LONG_TEXT.sub(r"\1", chunk[at:])])


def _date_in(chunk: str) -> datetime:
    found = _DATE_ELEMENT.search(chunk)
    moment = read_date(found.group(1).strip(), UTC) if found else None
    return moment.value if moment else _NO_DATE
