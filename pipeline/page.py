"""Pages: bytes become one tree, decoded once, cut down to what can be read in bounded time, parsed once.

Promises that the tree holds no script but the JSON-LD blocks, which are handed over as text, and that a page over a
limit is named as such. What the page says is left to metadata and blocks.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lxml import etree, html

from pipeline.model import Rejection
from pipeline.trees import count_of
from pipeline.wrapper import Gap

__all__ = ["ParsedPage", "check_page", "decode_page", "parse_page"]

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
_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]+")
_CONTROL_SIGNS = tuple(chr(code) for code in (*range(9), 0x0B, 0x0C, *range(0x0E, 0x20), 0x7F, 0xFFFE, 0xFFFF))
# In any mix of cases at the price of one: a pattern that ignores case from its first letter on is twice as slow.
_UNSHOWN = re.compile(r"<([sSnNtTiI](?i:cript|tyle|vg|oscript|emplate|frame))\b")
_END_OF = {
    name: re.compile(rf"</[{name[0]}{name[0].upper()}](?i:{name[1:]})\b")
    for name in ("script", "style", "svg", "noscript", "template", "iframe")
}
_NAV_TAG = re.compile(r"<(/?)nav\b")
_HEADLINE_OR_META = re.compile(r"<(?:[hH]1|[mM](?i:eta)|[lL](?i:ink)|[tT](?i:itle))\b")
_NEVER_EMPTY = frozenset({"script", "style"})
_JSON_TYPE = "application/ld+json"
_MOST_SPOKEN_CHARS = 2_000
_LONG_TAG = 20_000
_TAG_RUN = re.compile(rf"<[a-zA-Z][^>]{{{_LONG_TAG},}}")
_ALL = etree.XPath("count(//*)")


@dataclass(frozen=True, slots=True)
class ParsedPage:
    """The tree of a page without scripts, the markup it was made from, and its JSON-LD blocks as text."""

    root: html.HtmlElement
    markup: str
    json_ld: tuple[str, ...]
    asks_for_javascript: bool = False
    is_cut: bool = False  # a gap was left out


def decode_page(body: bytes, content_type: str | None) -> str:
    """The page as text: BOM, then HTTP's charset, then the page's own, then UTF-8 unless it cannot be, then cp1252."""
    for bom, name in _BOMS:
        if body.startswith(bom):
            return _clean(body.decode(name, errors="replace").lstrip("\ufeff"))
    for name in _declared(body, content_type):
        if (text := _decode(body, name)) is not None:
            return _clean(text)
    text = body.decode("utf-8", errors="replace")
    return _clean(text if _is_readable(text) else body.decode("cp1252", errors="replace"))


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


def parse_page(text: str, *, gaps: Sequence[Gap] = ()) -> ParsedPage | Rejection:
    """The page's tree, without what stands in these gaps, or the limit that it breaks."""
    markup, json_ld, noscript = _without_scripts(text)
    whole_chars = len(markup)
    for gap in gaps:
        markup = _without_gap(markup, gap)
    is_cut = len(markup) < whole_chars
    if not markup or markup.isspace():
        return Rejection("empty", "nothing but scripts")
    if len(markup) > MAX_MARKUP_CHARS:
        return Rejection("page_too_large", f"{len(markup)} characters of markup")
    if _has_overfull_tag(markup):
        return Rejection("page_too_large", f"a tag of more than {MAX_ATTRIBUTES} attributes")
    markup = _without_menus(markup)
    root = _parse(markup)
    if isinstance(root, Rejection):
        return root
    # A page cannot have more elements than it has tags, of three signs at least, and the few that are implied.
    many = MAX_ELEMENTS // 2
    if len(markup) > 3 * many and markup.count("<") > many and (count := count_of(_ALL, root)) > MAX_ELEMENTS:
        return Rejection("page_too_large", f"{count} elements")
    if "<main" in markup:
        _free_main(root)
    asks = "javascript" in noscript.lower()
    return ParsedPage(root, markup, tuple(json_ld), asks, is_cut)


def _without_gap(markup: str, gap: Gap) -> str:
    """The markup without a gap; all of it where its signs do not stand there just once, in their order."""
    start = _find_once(markup, gap.sign, 0)
    stop = _find_once(markup, gap.stop, start) if gap.stop and start >= 0 else len(markup)
    if start < 0 or stop < 0:
        return markup
    begin = markup.find(">", start) + 1 if gap.is_inside else markup.rfind("<", 0, start)
    return markup[:begin] + (markup[markup.rfind("<", 0, stop) :] if gap.stop else "")


def _find_once(markup: str, sign: str, start: int) -> int:
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


def _has_overfull_tag(markup: str) -> bool:
    """Whether a tag has more attributes than the parser takes in its stride; only on pages with a run without `>`."""
    half = _LONG_TAG // 2
    if all(markup.find(">", at, at + half) >= 0 for at in range(0, len(markup) - half + 1, half)):
        return False
    return any(tag[0].count("=") > MAX_ATTRIBUTES for tag in _TAG_RUN.finditer(markup))


def _declared(body: bytes, content_type: str | None) -> Iterator[str]:
    if content_type and (found := _HTTP_CHARSET.search(content_type)):
        yield found[1]
    head = body[:4096]
    if xml := _XML_ENCODING.search(head):
        yield xml[1].decode("ascii")
    if meta := _META_CHARSET.search(head):
        yield meta[1].decode("ascii")


def _decode(body: bytes, declared: str) -> str | None:
    """The body in a declared charset, None when that cannot be the one."""
    name = _WEB_NAMES.get(declared.lower(), declared.lower())
    if name in _REFUSED_CHARSETS:
        return None
    try:
        if name == "cp1252" and not body.isascii():
            return body.decode("utf-8")  # single-byte prose is never valid UTF-8 by chance: the declaration lies
    except UnicodeDecodeError:
        pass
    try:
        text = body.decode(name, errors="replace")
    except (LookupError, UnicodeError):
        return None
    return text if _is_readable(text) else None


def _is_readable(text: str) -> bool:
    return text.count("\ufffd") <= max(2, _MOST_BAD_BYTES * len(text))


def _clean(text: str) -> str:
    """Without signs that no parser takes; looked for one by one, which takes an eighth of the time of a set."""
    is_clean = not any(sign in text for sign in _CONTROL_SIGNS) and (text.isascii() or _is_encodable(text))
    return text if is_clean else _CONTROLS.sub("", text)


def _is_encodable(text: str) -> bool:
    """Whether a text holds no half of a surrogate pair."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _without_scripts(text: str) -> tuple[str, list[str], str]:
    """The markup without what shows no text, the JSON-LD blocks, and what is said to readers without JavaScript."""
    kept: list[str] = []
    json_ld: list[str] = []
    noscript: list[str] = []
    start = at = 0
    while (tag := _UNSHOWN.search(text, at)) is not None:
        name, at = tag[1].lower(), tag.end()
        close = text.find(">", at, at + 5_000)
        if text[close - 1] == "/" and name not in _NEVER_EMPTY:
            continue
        kept.append(text[start : tag.start()])
        end = _END_OF[name].search(text, at)
        if end is None:  # an unclosed <svg> or <iframe> hides nothing
            start = len(text) if name in _NEVER_EMPTY else at
            break
        if name == "script" and close > 0 and _JSON_TYPE in text[at:close].lower():
            json_ld.append(text[close + 1 : end.start()])
        elif name == "noscript" and end.start() - at < _MOST_SPOKEN_CHARS:
            noscript.append(text[at : end.start()])
        close = text.find(">", end.end())
        start = at = close + 1 if close >= 0 else len(text)
    kept.append(text[start:])
    return " ".join(kept), json_ld, " ".join(noscript)


# Plain elements made in C: lxml.html asks a Python function which class each one is to be, for forms' sake.
_ELEMENTS = etree.ElementDefaultClassLookup(element=html.HtmlElement)


def _without_menus(markup: str) -> str:
    """The markup without its navigation, a fifth of most pages, which no view of a page reads.

    Only what is whole and by itself: an element that the parser might end elsewhere stays.
    """
    kept: list[str] = []
    start, depth, opened = 0, 0, -1
    for tag in _NAV_TAG.finditer(markup):
        depth = max(0, depth - 1 if tag[1] else depth + 1)
        if depth == 1 and not tag[1]:
            opened = tag.start()
        elif not depth and opened >= 0:
            end = markup.find(">", tag.end()) + 1
            if end and _is_whole(markup[opened:end]):
                kept.append(markup[start:opened])
                start = end
            opened = -1
    return "".join((*kept, markup[start:])) if kept else markup


def _is_whole(element: str) -> bool:
    """Whether an element holds nothing that metadata is read from, and ends all that it begins."""
    if _HEADLINE_OR_META.search(element) or element[element.find(">") - 1] == "/":
        return False
    return element.count("<div") == element.count("</div") and element.count("<!--") == element.count("-->")


def _parse(markup: str) -> html.HtmlElement | Rejection:
    """The tree, or why there is none: libxml2 stops at 256 levels of nesting unless told to be huge, and says so."""
    parser = html.HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True, collect_ids=False)
    parser.set_element_class_lookup(_ELEMENTS)
    try:
        root = html.document_fromstring(markup.encode("utf-8", errors="replace"), parser=parser)
    except (etree.ParserError, etree.XMLSyntaxError, ValueError):
        return Rejection("empty", "no element")
    error = parser.error_log.last_error
    if error is not None and error.type == etree.ErrorTypes.ERR_RESOURCE_LIMIT:
        return Rejection("page_too_large", error.message)
    return root
