"""Page parsing: bytes to one tree, once, under limits that keep every later step linear.

Pages stay UTF-8 bytes until parsed: most arrive that way, and searching bytes is about three times faster than
searching `str`. Promises that the tree holds no script, and that JSON-LD blocks come out as text. A page over a limit
is rejected with the limit's name. Reading metadata and text is left to others.
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

# After scripts are gone. Beyond it every tree algorithm is slow; real news pages stay under 1 million.
MAX_MARKUP_CHARS = 3_000_000
MAX_ELEMENTS = 20_000  # trafilatura is quadratic in siblings: 20,000 spans take it over 20 s
MAX_ATTRIBUTES = 5_000  # on one tag: libxml2 compares each with each, 10,000 take it half a second
_MAX_BAD_BYTES = 0.001  # with more replaced characters than one in a thousand it is no UTF-8

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
_JSON_TYPE = b"application/ld+json"
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
    for bom, name in _BOMS:
        if body.startswith(bom):
            return _clean(body.decode(name, errors="replace").lstrip("\ufeff").encode(errors="ignore"))
    for name in (*_declared(body, content_type), "utf-8"):
        if (page := _read_as(name, body)) is not None:
            return _clean(page)
    return _clean(body.decode("cp1252", errors="replace").encode())


def check_page(body: bytes, content_type: str | None) -> Rejection | None:
    """The rejection of a body that by its type can hold no article; None when it may."""
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


def parse_page(page: bytes | str, *, regions: Sequence[SkipRegion] = ()) -> ParsedPage | Rejection:
    """The page's tree without these regions, or the limit that the page exceeds. Bytes are UTF-8."""
    markup, json_ld, noscript = _without_scripts(page.encode(errors="replace") if isinstance(page, str) else page)
    whole_size = len(markup)
    for region in regions:
        markup = _without_region(markup, region)
    is_cut = len(markup) < whole_size
    if (rejection := _check_markup(markup)) is not None:
        return rejection
    markup = _without_menus(markup)
    root = _parse(markup)
    if isinstance(root, Rejection):
        return root
    # A page cannot have more elements than tags of at least three bytes, and the few that are implied.
    many = MAX_ELEMENTS // 2
    if len(markup) > 3 * many and markup.count(b"<") > many and (count := count_of(_ALL, root)) > MAX_ELEMENTS:
        return Rejection("page_too_large", f"{count} elements")
    if b"<main" in markup:
        _free_main(root)
    return ParsedPage(
        root=root,
        markup=_text(markup),
        json_ld=tuple(json_ld),
        requires_javascript="javascript" in noscript.lower(),
        is_cut=is_cut,
    )


def _check_markup(markup: bytes) -> Rejection | None:
    if not markup or markup.isspace():
        return Rejection("empty", "nothing but scripts")
    if len(markup) > MAX_MARKUP_CHARS and (chars := len(_text(markup))) > MAX_MARKUP_CHARS:
        return Rejection("page_too_large", f"{chars} characters of markup")
    if _has_overfull_tag(markup):
        return Rejection("page_too_large", f"a tag of more than {MAX_ATTRIBUTES} attributes")
    return None


def _text(part: bytes) -> str:
    return part.decode(errors="replace")


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


def _free_main(root: html.HtmlElement) -> None:
    """Turn an unclosed menu, header or footer around `main` into a plain element; HTML forbids `main` in them."""
    for main in root.iter("main"):
        for element in main.iterancestors("nav", "header", "footer", "aside"):
            element.tag = "div"


def _has_overfull_tag(markup: bytes) -> bool:
    """Whether a tag has so many attributes that parsing it is slow; possible only with a long run without `>`."""
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
    """The body in UTF-8; None when it cannot have the declared charset."""
    name = _ALIASES.get(declared.lower(), declared.lower())
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
    return text.count("\ufffd") <= max(2, _MAX_BAD_BYTES * len(text))


def _clean(page: bytes) -> bytes:
    """Without characters that parsers refuse; searched one by one, which takes half the time of `translate`."""
    if b"\xef" in page:  # the first byte of both, and of few others
        for character in _NONCHARACTERS:
            page = page.replace(character, b"")
    return page.translate(None, _CONTROL_CHARACTERS) if any(c in page for c in _CONTROL_CHARACTERS) else page


def _without_scripts(page: bytes) -> tuple[bytes, list[str], str]:
    """The markup without invisible elements, the JSON-LD blocks, and the text for readers without JavaScript."""
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
        if name == "script" and _is_json_ld(page, at, opened):
            json_ld.append(_text(page[opened + 1 : end]))
        elif name == "noscript":
            noscript.append(_text(page[at:end]))
        start = page.find(b">", behind) + 1 or len(page)
    kept.append(page[start:])
    return b" ".join(kept), json_ld, " ".join(filter(_is_short, noscript))


def _is_empty_element(page: bytes, name: str, opened: int) -> bool:
    return page[opened - 1 : opened] == b"/" and name not in _RAW_TEXT


def _is_json_ld(page: bytes, start: int, opened: int) -> bool:
    return opened > 0 and _JSON_TYPE in page[start:opened].lower()


def _is_short(noscript: str) -> bool:
    return len(noscript) < _MAX_NOSCRIPT_CHARS


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
