"""Page parsing: bytes to one tree, once, under limits that keep every later step linear.

Pages stay UTF-8 bytes until parsed: most arrive that way, and searching bytes is about three times faster than
searching `str`. Promises that the tree holds no script, and that JSON-LD blocks come out as text. A page over a limit
is rejected with the limit's name. Reading metadata and text is left to others.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import reduce
from typing import cast

from ahocorasick_rs import BytesAhoCorasick
from lxml import etree, html

from pipeline.domain.model import Rejection
from pipeline.extraction.values import SkipRegion

__all__ = ["ParsedPage", "check_page", "page_in_utf8", "parse_page"]

# After scripts are gone. Beyond it every tree algorithm is slow; real news pages stay under 1 million.
MAX_MARKUP_CHARS = 3_000_000
MAX_ELEMENTS = 20_000  # trafilatura is quadratic in siblings: 20,000 spans take it over 20 s
MAX_ATTRIBUTES = 5_000  # on one tag: libxml2 compares each with each, 10,000 take it half a second
_MAX_BAD_BYTES = 0.001  # with more replaced characters than one in a thousand it is no UTF-8

_BOMS = {
    "utf-8": (codecs.BOM_UTF8,),
    "utf-32": (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE),  # the first begins like the first of UTF-16
    "utf-16": (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE),
}
_HTTP_CHARSET = re.compile(r"charset\s*=\s*[\"']?\s*([\w.:-]+)", re.IGNORECASE)
_XML_ENCODING = re.compile(r"^\s*<\?xml[^>]{0,100}encoding\s*=\s*[\"']([\w.:-]+)", re.IGNORECASE | re.ASCII)
_META_CHARSET = re.compile(r"<meta[^>]{0,300}?charset\s*=\s*[\"']?\s*([\w.:-]+)", re.IGNORECASE | re.ASCII)
# Labels that in practice mean a superset (WHATWG Encoding).
_ALIASES = {
    label: encoding
    for encoding, labels in {
        "cp1252": "iso-8859-1 iso8859-1 latin1 latin-1 us-ascii ascii windows-1252",
        "gb18030": "gb2312 gbk",
        "cp949": "ks_c_5601-1987 euc-kr",
        "cp932": "shift_jis shift-jis windows-31j x-sjis",
        "cp1254": "iso-8859-9",
    }.items()
    for label in labels.split()
}
# A page declared as one of these is UTF-8 if it is valid UTF-8: prose in single bytes never is by chance.
_MAYBE_UTF8 = frozenset({"utf-8", "utf8", "cp1252"})
_REFUSED_CHARSETS = frozenset({"utf-7", "utf7"})  # on the web only attacks use UTF-7

_MAGIC = {
    "pdf": (b"%PDF-",),
    "image": (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"RIFF"),
    "not_html": (b"PK\x03\x04", b"\x1f\x8b", b"ID3", b"\x00\x00\x00"),
}
_HTML_TYPES = frozenset(
    ["text/html", "application/xhtml+xml", "text/plain", "application/octet-stream", "text/xml", "application/xml"]
)
_FEED_HEAD = re.compile(
    rb"^\s*(?:<\?xml[^>]*>\s*)?(?:<!--.{0,500}?-->\s*)*<(rss|feed|rdf:RDF|urlset|sitemapindex)\b", re.DOTALL
)
_CONTROL_CHARACTERS = bytes((*range(9), 0x0B, 0x0C, *range(0x0E, 0x20), 0x7F))
_NONCHARACTERS = ("\ufffe".encode(), "\uffff".encode())
_INVISIBLE = ("script", "style", "svg", "noscript", "template", "iframe")
# Their tags in every usual spelling, searched all at once: a pattern takes three times as long.
_SPELLINGS = {way: name for name in _INVISIBLE for way in (name, name.upper(), name.capitalize())} | {
    "noScript": "noscript", "NoScript": "noscript", "iFrame": "iframe", "IFrame": "iframe",
}  # fmt: skip
_TAGS = tuple((start, way, name) for way, name in _SPELLINGS.items() for start in ("<", "</"))
_TAG_MATCHER = BytesAhoCorasick([f"{start}{way}".encode() for start, way, _ in _TAGS])
_ODD_TAG = re.compile(rb"</?(?i:%s)\b" % "|".join(_INVISIBLE).encode())  # in any mix of cases
_NAV_TAG = re.compile(rb"<(/?)nav\b")
_HEADLINE_OR_META = re.compile(rb"<(?:[hH]1|[mM](?i:eta)|[lL](?i:ink)|[tT](?i:itle))\b")
_RAW_TEXT = frozenset({"script", "style"})
_MAX_NOSCRIPT_CHARS = 2_000
_LONG_TAG = 20_000
_TAG_RUN = re.compile(rb"<[a-zA-Z][^>]{%d,}" % _LONG_TAG)
_ALL = etree.XPath("count(//*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedPage:
    """A page's tree without scripts, the markup it was parsed from, and its JSON-LD blocks as text."""

    root: html.HtmlElement
    markup: str
    json_ld: tuple[str, ...]
    requires_javascript: bool = False
    is_cut: bool = False  # a region was skipped


def page_in_utf8(body: bytes, content_type: str | None) -> bytes:
    """The page decoded and encoded as UTF-8, without characters that parsers refuse.

    Tries its BOM, HTTP's charset, the page's own, UTF-8, then cp1252.
    """
    for name, signs in _BOMS.items():
        if body.startswith(signs):
            return _clean(body.decode(name, errors="replace").lstrip("\ufeff").encode(errors="ignore"))
    head = body[:4096].decode("latin-1")
    places = ((_HTTP_CHARSET, content_type or ""), (_XML_ENCODING, head), (_META_CHARSET, head))
    declared = [found[1] for pattern, text in places if (found := pattern.search(text))]
    for name in (*declared, "utf-8"):
        if (page := _read_as(name, body)) is not None:
            return _clean(page)
    return _clean(body.decode("cp1252", errors="replace").encode())


def check_page(body: bytes, content_type: str | None) -> Rejection | None:
    """The rejection of a body that by its type can hold no article; None when it may."""
    head = body[:1024].lstrip()
    if not head:
        return Rejection("empty", "no bytes")
    magic = ((reason, sign) for reason, signs in _MAGIC.items() for sign in signs if head.startswith(sign))
    if found := next(magic, None):
        return Rejection(found[0], f"begins with {found[1][:4]!r}")
    if _FEED_HEAD.match(head):
        return Rejection("not_html", "a feed or sitemap")
    kind = (content_type or "text/html").partition(";")[0].strip().lower()
    is_other = kind not in _HTML_TYPES and b"<html" not in body[:4096].lower()
    reasons = (("pdf", kind == "application/pdf"), ("image", kind.startswith("image/")), ("not_html", is_other))
    return next((Rejection(reason, kind) for reason, applies in reasons if applies), None)


def parse_page(page: bytes | str, *, regions: Sequence[SkipRegion] = ()) -> ParsedPage | Rejection:
    """The page's tree without these regions, or the limit that the page exceeds. Bytes are UTF-8."""
    markup, json_ld, noscript = _without_scripts(page.encode(errors="replace") if isinstance(page, str) else page)
    whole_size = len(markup)
    markup = reduce(_without_region, regions, markup)
    is_cut = len(markup) < whole_size
    if (rejection := _check_markup(markup)) is not None:
        return rejection
    markup = _without_menus(markup)
    root = _parse(markup)
    if isinstance(root, Rejection):
        return root
    # A page cannot have more elements than tags of at least three bytes, and the few that are implied. XPath counts
    # them without a Python object for each.
    many = MAX_ELEMENTS // 2
    may_be_many = len(markup) > 3 * many and markup.count(b"<") > many
    if may_be_many and (count := int(cast("float", _ALL(root)))) > MAX_ELEMENTS:
        return Rejection("page_too_large", f"{count} elements")
    for main in root.iter("main") if b"<main" in markup else ():
        # HTML forbids `main` in a menu, header or footer: one around it was not closed, and is a plain element.
        for element in main.iterancestors("nav", "header", "footer", "aside"):
            element.tag = "div"
    return ParsedPage(
        root=root,
        markup=markup.decode(errors="replace"),
        json_ld=tuple(json_ld),
        requires_javascript=any("javascript" in text.lower() for text in noscript if len(text) < _MAX_NOSCRIPT_CHARS),
        is_cut=is_cut,
    )


def _check_markup(markup: bytes) -> Rejection | None:
    if not markup or markup.isspace():
        return Rejection("empty", "nothing but scripts")
    if len(markup) > MAX_MARKUP_CHARS and (chars := len(markup.decode(errors="replace"))) > MAX_MARKUP_CHARS:
        return Rejection("page_too_large", f"{chars} characters of markup")
    half = _LONG_TAG // 2  # parsing a tag of many attributes is slow; it has a long run without `>`
    is_suspect = any(markup.find(b">", at, at + half) < 0 for at in range(0, len(markup) - half + 1, half))
    if is_suspect and any(tag[0].count(b"=") > MAX_ATTRIBUTES for tag in _TAG_RUN.finditer(markup)):
        return Rejection("page_too_large", f"a tag of more than {MAX_ATTRIBUTES} attributes")
    return None


def _without_region(markup: bytes, region: SkipRegion) -> bytes:
    """The markup without a region; unchanged unless each of its signs is there once, in their order."""
    start = _find_once(markup, region.sign.encode(), 0)
    stop = _find_once(markup, region.stop.encode(), start) if region.stop and start >= 0 else len(markup)
    if start < 0 or stop < 0:
        return markup
    begin = markup.find(b">", start) + 1 if region.is_inside else markup.rfind(b"<", 0, start)
    return markup[:begin] + (markup[markup.rfind(b"<", 0, stop) :] if region.stop else b"")


def _find_once(markup: bytes, sign: bytes, start: int) -> int:
    """The position of a sign, -1 where it is missing or there twice."""
    at = markup.find(sign, start)
    return at if at >= 0 and markup.find(sign, at + len(sign)) < 0 else -1


def _read_as(declared: str, body: bytes) -> bytes | None:
    """The body in UTF-8; None when it cannot have the declared charset."""
    name = _ALIASES.get(declared.lower(), declared.lower())
    if name in _REFUSED_CHARSETS:
        return None
    if name in _MAYBE_UTF8:
        with suppress(UnicodeDecodeError):
            body.decode()
            return body
    try:
        text = body.decode(name, errors="replace")
    except (LookupError, UnicodeError):
        return None
    is_readable = text.count("\ufffd") <= max(2, _MAX_BAD_BYTES * len(text))
    return text.encode(errors="ignore") if is_readable else None


def _clean(page: bytes) -> bytes:
    """Without characters that parsers refuse; searched one by one, which takes half the time of `translate`."""
    if b"\xef" in page:  # the first byte of both, and of few others
        for character in _NONCHARACTERS:
            page = page.replace(character, b"")
    return page.translate(None, _CONTROL_CHARACTERS) if any(c in page for c in _CONTROL_CHARACTERS) else page


def _without_scripts(page: bytes) -> tuple[bytes, list[str], list[str]]:
    """The markup without invisible elements, the JSON-LD blocks, and the texts for readers without JavaScript."""
    kept: list[bytes] = []
    json_ld: list[str] = []
    noscript: list[str] = []
    start = 0
    tags = _invisible_tags(page)
    for name, is_opening, begin, at in tags:
        if begin < start or not is_opening or _is_empty_element(page, name, opened := page.find(b">", at, at + 5_000)):
            continue  # or within a comment, a string or an attribute, or closing what nothing opened
        kept.append(page[start:begin])
        end, behind = _find_closing(name, tags)
        if end < 0:
            if (respelt := _ODD_TAG.sub(lambda tag: tag[0].lower(), page)) != page:
                return _without_scripts(respelt)
            start = len(page) if name in _RAW_TEXT else at  # an unclosed <svg> or <iframe> hides nothing
            break
        if name == "script" and b"application/ld+json" in page[at : max(opened, 0)].lower():
            json_ld.append(page[opened + 1 : end].decode(errors="replace"))
        elif name == "noscript":
            noscript.append(page[at:end].decode(errors="replace"))
        start = page.find(b">", behind) + 1 or len(page)
    kept.append(page[start:])
    return b" ".join(kept), json_ld, noscript


def _is_empty_element(page: bytes, name: str, opened: int) -> bool:
    return page[opened - 1 : opened] == b"/" and name not in _RAW_TEXT


def _find_closing(name: str, tags: Iterator[tuple[str, bool, int, int]]) -> tuple[int, int]:
    """Where the next closing tag of this name begins, and where its name ends; -1 without one."""
    return next(((begin, end) for other, is_opening, begin, end in tags if other == name and not is_opening), (-1, 0))


def _invisible_tags(page: bytes) -> Iterator[tuple[str, bool, int, int]]:
    """The tags of invisible elements in their order: name, whether it opens, its begin, the end of its name."""
    for number, begin, end in _TAG_MATCHER.find_matches_as_indexes(page):
        if not page[end : end + 1].isalnum():
            start, _, name = _TAGS[number]
            yield name, start == "<", begin, end


# Create elements in C. lxml.html calls Python for every element to support forms, which we do not need.
_ELEMENTS = etree.ElementDefaultClassLookup(element=html.HtmlElement)


def _without_menus(markup: bytes) -> bytes:
    """The markup without its navigation, a fifth of most pages, which no later step reads.

    Only whole elements: one that the parser might end elsewhere stays.
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
    """Whether an element holds no metadata, and closes all that it opens."""
    if _HEADLINE_OR_META.search(element) or element[: element.find(b">")].endswith(b"/"):
        return False
    return element.count(b"<div") == element.count(b"</div") and element.count(b"<!--") == element.count(b"-->")


def _parse(markup: bytes) -> html.HtmlElement | Rejection:
    """The tree, or its rejection: libxml2 stops at 256 levels of nesting and reports it."""
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
