"""Pages: bytes become one tree, cut down to what can be read in bounded time, parsed once.

A page is bytes in UTF-8 until it is a tree: most come so, and in a text to find anything takes three times as long.
Promises that the tree holds no script but the JSON-LD blocks, which are handed over as text, and that a page over a
limit is named as such. What the page says is left to metadata and blocks.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ahocorasick_rs import BytesAhoCorasick
from lxml import etree, html

from pipeline.domain.model import Rejection
from pipeline.extraction.dom.xpath import count_of
from pipeline.extraction.values import SkipRegion

__all__ = ["ParsedPage", "check_page", "page_in_utf8", "parse_page"]

MAX_MARKUP_CHARS = (
    3_000_000  # after scripts are gone: beyond, every tree algorithm is slow; real news pages stay under 1
)
MAX_ELEMENTS = 20_000  # trafilatura is quadratic in siblings: 20,000 spans take it over 20 s
MAX_ATTRIBUTES = 5_000  # on one tag: libxml2 compares each with each, 10,000 take it half a second
_MOST_BAD_BYTES = 0.001  # more replaced characters than one in a thousand: it is no UTF-8

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_HTTP_CHARSET = re.compile(r"charset\s*=\s*[\"']?\s*([\w.:-]+)", re.IGNORECASE)
_META_CHARSET = re.compile(rb"<meta[^>]{0,300}?charset\s*=\s*[\"']?\s*([\w.:-]+)", re.IGNORECASE)
_XML_ENCODING = re.compile(rb"^\s*<\?xml[^>]{0,100}encoding\s*=\s*[\"']([\w.:-]+)", re.IGNORECASE)
# What the web calls latin-1 or ascii is windows-1252 (WHATWG Encoding); gb2312 is written with gbk's signs.
_WEB_NAMES = {
    "iso-8859-1": "cp1252",
    "iso8859-1": "cp1252",
    "latin1": "cp1252",
    "latin-1": "cp1252",
    "us-ascii": "cp1252",
    "ascii": "cp1252",
    "windows-1252": "cp1252",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "ks_c_5601-1987": "cp949",
    "euc-kr": "cp949",
    "shift_jis": "cp932",
    "shift-jis": "cp932",
    "iso-8859-9": "cp1254",
    "windows-31j": "cp932",
    "x-sjis": "cp932",
}
# Whatever is said to be one of these and is valid UTF-8 is that: prose in single bytes never is by chance.
_MAYBE_UTF8 = frozenset({"utf-8", "utf8", "cp1252"})
_REFUSED_CHARSETS = frozenset({"utf-7", "utf7"})  # nothing on the web is UTF-7 but attacks

_MAGIC = (
    (b"%PDF-", "pdf"),
    (b"\x89PNG", "image"),
    (b"\xff\xd8\xff", "image"),
    (b"GIF8", "image"),
    (b"RIFF", "image"),
    (b"PK\x03\x04", "not_html"),
    (b"\x1f\x8b", "not_html"),
    (b"ID3", "not_html"),
    (b"\x00\x00\x00", "not_html"),
)
_HTML_TYPES = (
    "text/html",
    "application/xhtml+xml",
    "text/plain",
    "application/octet-stream",
    "text/xml",
    "application/xml",
)
_FEED_HEAD = re.compile(
    rb"^\s*(?:<\?xml[^>]*>\s*)?(?:<!--.{0,500}?-->\s*)*<(rss|feed|rdf:RDF|urlset|sitemapindex)\b", re.DOTALL
)
_CONTROL_SIGNS = bytes((*range(9), 0x0B, 0x0C, *range(0x0E, 0x20), 0x7F))
_NO_SIGNS = ("\ufffe".encode(), "\uffff".encode())
_UNSHOWN = ("script", "style", "svg", "noscript", "template", "iframe")
# The tags of those in every way that pages write them; all at once, which takes a third of the time of a pattern.
_SPELT = {way: name for name in _UNSHOWN for way in (name, name.upper(), name.capitalize())} | {
    "noScript": "noscript",
    "NoScript": "noscript",
    "iFrame": "iframe",
    "IFrame": "iframe",
}
_TAGS = tuple((sign, way, name) for way, name in _SPELT.items() for sign in ("<", "</"))
_TAG_SIGNS = BytesAhoCorasick([f"{sign}{way}".encode() for sign, way, _ in _TAGS])
_ODD_TAG = re.compile(rb"</?(?i:%s)\b" % "|".join(_UNSHOWN).encode())  # in any mix of cases
_NAV_TAG = re.compile(rb"<(/?)nav\b")
_HEADLINE_OR_META = re.compile(rb"<(?:[hH]1|[mM](?i:eta)|[lL](?i:ink)|[tT](?i:itle))\b")
_NEVER_EMPTY = frozenset({"script", "style"})
_JSON_TYPE = b"application/ld+json"
_MOST_SPOKEN_CHARS = 2_000
_LONG_TAG = 20_000
_TAG_RUN = re.compile(rb"<[a-zA-Z][^>]{%d,}" % _LONG_TAG)
_ALL = etree.XPath("count(//*)")


@dataclass(frozen=True, slots=True)
class ParsedPage:
    """The tree of a page without scripts, the markup it was made from, and its JSON-LD blocks as text."""

    root: html.HtmlElement
    markup: str
    json_ld: tuple[str, ...]
    requires_javascript: bool = False
    is_cut: bool = False  # a gap was left out


def page_in_utf8(body: bytes, content_type: str | None) -> bytes:
    """The page in UTF-8, without signs that no parser takes, read by its BOM, then HTTP's charset, then the page's own,
    then as UTF-8 unless it cannot be, then as cp1252.
    """
    for bom, name in _BOMS:
        if body.startswith(bom):
            return _clean(body.decode(name, errors="replace").lstrip("\ufeff").encode(errors="ignore"))
    for name in (*_declared(body, content_type), "utf-8"):
        if (page := _read_as(name, body)) is not None:
            return _clean(page)
    return _clean(body.decode("cp1252", errors="replace").encode())


def check_page(body: bytes, content_type: str | None) -> Rejection | None:
    """Why this body can hold no article by its type alone; None when it may."""
    head = body[:1024].lstrip()
    if not head:
        return Rejection("empty", "no bytes")
    magic = next(((sign, reason) for sign, reason in _MAGIC if head.startswith(sign)), None)
    if magic is not None:
        return Rejection(magic[1], f"begins with {magic[0][:4]!r}")
    if _FEED_HEAD.match(head):
        return Rejection("not_html", "a feed or sitemap")
    return _check_type((content_type or "text/html").partition(";")[0].strip().lower(), body)


def _check_type(kind: str, body: bytes) -> Rejection | None:
    if kind == "application/pdf":
        return Rejection("pdf", kind)
    if kind.startswith("image/"):
        return Rejection("image", kind)
    if kind not in _HTML_TYPES and b"<html" not in body[:4096].lower():
        return Rejection("not_html", kind)
    return None


def parse_page(page: bytes | str, *, gaps: Sequence[SkipRegion] = ()) -> ParsedPage | Rejection:
    """The page's tree, without what stands in these gaps, or the limit that it breaks. Bytes are UTF-8."""
    markup, json_ld, noscript = _without_scripts(page.encode(errors="replace") if isinstance(page, str) else page)
    whole_size = len(markup)
    for gap in gaps:
        markup = _without_gap(markup, gap)
    is_cut = len(markup) < whole_size
    if not markup or markup.isspace():
        return Rejection("empty", "nothing but scripts")
    if len(markup) > MAX_MARKUP_CHARS and (chars := len(_text(markup))) > MAX_MARKUP_CHARS:
        return Rejection("page_too_large", f"{chars} characters of markup")
    if _has_overfull_tag(markup):
        return Rejection("page_too_large", f"a tag of more than {MAX_ATTRIBUTES} attributes")
    markup = _without_menus(markup)
    root = _parse(markup)
    if isinstance(root, Rejection):
        return root
    # A page cannot have more elements than it has tags, of three signs at least, and the few that are implied.
    many = MAX_ELEMENTS // 2
    if len(markup) > 3 * many and markup.count(b"<") > many and (count := count_of(_ALL, root)) > MAX_ELEMENTS:
        return Rejection("page_too_large", f"{count} elements")
    if b"<main" in markup:
        _free_main(root)
    asks = "javascript" in noscript.lower()
    return ParsedPage(root, _text(markup), tuple(json_ld), asks, is_cut)


def _text(part: bytes) -> str:
    return part.decode(errors="replace")


def _without_gap(markup: bytes, gap: SkipRegion) -> bytes:
    """The markup without a gap; all of it where its signs do not stand there just once, in their order."""
    start = _find_once(markup, gap.sign.encode(), 0)
    stop = _find_once(markup, gap.stop.encode(), start) if gap.stop and start >= 0 else len(markup)
    if start < 0 or stop < 0:
        return markup
    begin = markup.find(b">", start) + 1 if gap.is_inside else markup.rfind(b"<", 0, start)
    return markup[:begin] + (markup[markup.rfind(b"<", 0, stop) :] if gap.stop else b"")


def _find_once(markup: bytes, sign: bytes, start: int) -> int:
    """Where a sign stands, -1 where it does not, or twice."""
    at = markup.find(sign, start)
    return at if at >= 0 and markup.find(sign, at + len(sign)) < 0 else -1


def _free_main(root: html.HtmlElement) -> None:
    """Make plain elements of a menu, header or footer that `main` stands in: the page forgot to close it.

    HTML allows no `main` within them, and readers of every kind leave out what stands in a menu.
    """
    for main in root.iter("main"):
        for element in main.iterancestors("nav", "header", "footer", "aside"):
            element.tag = "div"


def _has_overfull_tag(markup: bytes) -> bool:
    """Whether a tag has more attributes than the parser takes in its stride; only on pages with a run without `>`."""
    half = _LONG_TAG // 2
    if all(markup.find(b">", at, at + half) >= 0 for at in range(0, len(markup) - half + 1, half)):
        return False
    return any(tag[0].count(b"=") > MAX_ATTRIBUTES for tag in _TAG_RUN.finditer(markup))


def _declared(body: bytes, content_type: str | None) -> Iterator[str]:
    if content_type and (found := _HTTP_CHARSET.search(content_type)):
        yield found[1]
    head = body[:4096]
    if xml := _XML_ENCODING.search(head):
        yield xml[1].decode("ascii")
    if meta := _META_CHARSET.search(head):
        yield meta[1].decode("ascii")


def _read_as(declared: str, body: bytes) -> bytes | None:
    """The body in UTF-8, None when the charset that is declared cannot be its own."""
    name = _WEB_NAMES.get(declared.lower(), declared.lower())
    if name in _REFUSED_CHARSETS:
        return None
    if name in _MAYBE_UTF8 and _is_utf8(body):
        return body
    try:
        text = body.decode(name, errors="replace")
    except (LookupError, UnicodeError):
        return None
    return text.encode(errors="ignore") if _is_readable(text) else None


def _is_utf8(body: bytes) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True


def _is_readable(text: str) -> bool:
    return text.count("\ufffd") <= max(2, _MOST_BAD_BYTES * len(text))


def _clean(page: bytes) -> bytes:
    """Without signs that no parser takes; looked for one by one, which takes half the time of a look at each byte."""
    if b"\xef" in page:  # what both begin with, and few others
        for sign in _NO_SIGNS:
            page = page.replace(sign, b"")
    return page.translate(None, _CONTROL_SIGNS) if any(sign in page for sign in _CONTROL_SIGNS) else page


def _without_scripts(page: bytes) -> tuple[bytes, list[str], str]:
    """The markup without what shows no text, the JSON-LD blocks, and what is said to readers without JavaScript."""
    kept: list[bytes] = []
    json_ld: list[str] = []
    noscript: list[str] = []
    start = 0
    tags = _tags_of_unshown(page)
    for name, is_opening, begin, at in tags:
        if begin < start or not is_opening:
            continue  # in a comment's, a string's or an attribute's midst, or one that nothing opened
        close = page.find(b">", at, at + 5_000)
        if page[close - 1 : close] == b"/" and name not in _NEVER_EMPTY:
            continue
        kept.append(page[start:begin])
        end, behind = next(((e, after) for other, opens, e, after in tags if other == name and not opens), (-1, 0))
        if end < 0 and (spelt := _ODD_TAG.sub(lambda tag: tag[0].lower(), page)) != page:
            return _without_scripts(spelt)
        if end < 0:  # an unclosed <svg> or <iframe> hides nothing
            start = len(page) if name in _NEVER_EMPTY else at
            break
        if name == "script" and close > 0 and _JSON_TYPE in page[at:close].lower():
            json_ld.append(_text(page[close + 1 : end]))
        elif name == "noscript" and len(spoken := _text(page[at:end])) < _MOST_SPOKEN_CHARS:
            noscript.append(spoken)
        close = page.find(b">", behind)
        start = close + 1 if close >= 0 else len(page)
    kept.append(page[start:])
    return b" ".join(kept), json_ld, " ".join(noscript)


def _tags_of_unshown(page: bytes) -> Iterator[tuple[str, bool, int, int]]:
    """The tags of what shows no text, in their order: name, whether it opens, where it begins, where its name ends."""
    for number, begin, end in _TAG_SIGNS.find_matches_as_indexes(page):
        if not page[end : end + 1].isalnum():
            sign, _, name = _TAGS[number]
            yield name, sign == "<", begin, end


# Plain elements made in C: lxml.html asks a Python function which class each one is to be, for forms' sake.
_ELEMENTS = etree.ElementDefaultClassLookup(element=html.HtmlElement)


def _without_menus(markup: bytes) -> bytes:
    """The markup without its navigation, a fifth of most pages, which no view of a page reads.

    Only what is whole and by itself: an element that the parser might end elsewhere stays.
    """
    kept: list[bytes] = []
    start, depth, opened = 0, 0, -1
    for tag in _NAV_TAG.finditer(markup):
        depth = max(0, depth - 1 if tag[1] else depth + 1)
        if depth == 1 and not tag[1]:
            opened = tag.start()
        elif not depth and opened >= 0:
            end = markup.find(b">", tag.end()) + 1
            if end and _is_whole(markup[opened:end]):
                kept.append(markup[start:opened])
                start = end
            opened = -1
    return b"".join((*kept, markup[start:])) if kept else markup


def _is_whole(element: bytes) -> bool:
    """Whether an element holds nothing that metadata is read from, and ends all that it begins."""
    if _HEADLINE_OR_META.search(element) or element[: element.find(b">")].endswith(b"/"):
        return False
    return element.count(b"<div") == element.count(b"</div") and element.count(b"<!--") == element.count(b"-->")


def _parse(markup: bytes) -> html.HtmlElement | Rejection:
    """The tree, or why there is none: libxml2 stops at 256 levels of nesting unless told to be huge, and says so."""
    parser = html.HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True, collect_ids=False)
    parser.set_element_class_lookup(_ELEMENTS)
    try:
        root = html.document_fromstring(markup, parser=parser)
    except (etree.ParserError, etree.XMLSyntaxError, ValueError):
        return Rejection("empty", "no element")
    error = parser.error_log.last_error
    if error is not None and error.type == etree.ErrorTypes.ERR_RESOURCE_LIMIT:
        return Rejection("page_too_large", error.message)
    return root
