"""Charset detection and decoding of feeds: BOM, then UTF-8, HTTP header, XML declaration, cp1252.

Promises a `str` for any bytes, without lone surrogates or NULs. Leaves parsing to the readers.

Tested by tests/feeds/test_parse.py and tests/feeds/test_fuzz.py.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16: its BOM begins with theirs
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_WIDE_STARTS = (  # `<?` or `<r` without a BOM (XML 1.0 appendix F)
    (re.compile(rb"<\x00\x00\x00[?a-zA-Z]"), "utf-32-le"),
    (re.compile(rb"\x00\x00\x00<\x00\x00\x00"), "utf-32-be"),
    (re.compile(rb"[<\s]\x00[?a-zA-Z<\s]\x00"), "utf-16-le"),
    (re.compile(rb"\x00[<\s]\x00[?a-zA-Z<\s]"), "utf-16-be"),
    (re.compile(rb"\x4c\x6f\xa7\x94"), "cp037"),  # `<?xm` in EBCDIC
)
_HTTP_CHARSET = re.compile(r"charset\s*=\s*[\"']?\s*([A-Za-z0-9_.:-]{1,40})", re.IGNORECASE)
_XML_ENCODING = re.compile(rb"<\?xml[^>]{0,200}?encoding\s*=\s*[\"']\s*([A-Za-z0-9_.:-]{1,40})")
# Labels that in practice mean their superset (WHATWG Encoding).
_ALIASES = {
    "iso-8859-1": "cp1252",
    "latin-1": "cp1252",
    "latin1": "cp1252",
    "us-ascii": "cp1252",
    "ascii": "cp1252",
    "iso-8859-9": "cp1254",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "x-sjis": "cp932",
    "shift_jis": "cp932",
    "euc-kr": "cp949",
    "ks_c_5601-1987": "cp949",
    "x-mac-roman": "mac_roman",
}
# UTF-7 is only ever an attack; a declaration read byte by byte is not in UTF-16.
_REFUSED = re.compile(r"(?:unicode-1-1-)?utf-?7|utf-?(?:16|32).*|ucs.*|iso-10646.*", re.IGNORECASE)
# Bytes that are not UTF-8, as `surrogateescape` gives them, and their characters in cp1252.
_STRAYS = {0xDC00 + byte: bytes([byte]).decode("cp1252", "replace") for byte in range(0x80, 0x100)}
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")


def decode(body: bytes, content_type: str | None = None) -> str:
    """Decode a feed; characters that XML forbids are dropped."""
    return _FORBIDDEN.sub("", _decoded(body, content_type)).lstrip("\ufeff")


def _decoded(body: bytes, content_type: str | None) -> str:
    for bom, encoding in _BOMS:
        if body.startswith(bom):
            return _lenient(body[len(bom) :], encoding)
    for start, encoding in _WIDE_STARTS:
        if start.match(body):
            return _lenient(body, encoding)
    if _is_utf8(body):  # no other charset passes as UTF-8 by chance, so a declaration cannot overrule it
        return body.decode("utf-8")
    for encoding in _declared(body, content_type):
        try:
            return body.decode(encoding)
        except (UnicodeError, LookupError):
            continue
    return body.decode("utf-8", "surrogateescape").translate(_STRAYS)


def _declared(body: bytes, content_type: str | None) -> Iterator[str]:
    """Charsets named by HTTP and the XML declaration that Python knows as text encodings."""
    http = _HTTP_CHARSET.search(content_type[:500]) if content_type else None
    xml = _XML_ENCODING.search(body[:1024])
    for label in (http.group(1) if http else None, xml.group(1).decode("ascii") if xml else None):
        if label is None or _REFUSED.fullmatch(label):
            continue
        name = _ALIASES.get(label.lower(), label)
        if _is_text_encoding(name):
            yield name


def _is_text_encoding(name: str) -> bool:
    try:
        codecs.lookup(name)
        "".encode(name)
    except (LookupError, UnicodeError, ValueError):
        return False
    return True


def _is_utf8(body: bytes) -> bool:
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return b"\x1b" not in body[:4096]  # ISO-2022 is ASCII with escape sequences


def _lenient(body: bytes, encoding: str) -> str:
    return body.decode(encoding, "replace")
