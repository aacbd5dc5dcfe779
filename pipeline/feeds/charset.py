"""Charset detection and decoding of feeds: BOM, then UTF-8, HTTP header, XML declaration, cp1252.

Promises a `str` for any bytes, without lone surrogates or NULs. Leaves parsing to the readers.

Tested by tests/feeds/test_parse.py and tests/feeds/test_fuzz.py.
"""

from __future__ import annotations

import codecs
import re
from contextlib import suppress

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
    **dict.fromkeys(("iso-8859-1", "latin-1", "latin1", "us-ascii", "ascii"), "cp1252"),
    **dict.fromkeys(("gb2312", "gbk"), "gb18030"),
    **dict.fromkeys(("x-sjis", "shift_jis"), "cp932"),
    **dict.fromkeys(("euc-kr", "ks_c_5601-1987"), "cp949"),
    "iso-8859-9": "cp1254",
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
            return body[len(bom) :].decode(encoding, "replace")
    for start, encoding in _WIDE_STARTS:
        if start.match(body):
            return body.decode(encoding, "replace")
    # No other charset passes as UTF-8 by chance, but ISO-2022, which is ASCII with escape sequences.
    first = [] if b"\x1b" in body[:4096] else ["utf-8"]
    for encoding in (*first, *_declared(body, content_type)):
        with suppress(ValueError, LookupError):  # LookupError: unknown to Python, or no text encoding
            return body.decode(encoding)
    return body.decode("utf-8", "surrogateescape").translate(_STRAYS)


def _declared(body: bytes, content_type: str | None) -> list[str]:
    """The charsets named by HTTP and the XML declaration."""
    http = _HTTP_CHARSET.findall((content_type or "")[:500])[:1]
    xml = [label.decode("ascii") for label in _XML_ENCODING.findall(body[:1024])[:1]]
    return [_ALIASES.get(label.lower(), label) for label in http + xml if not _REFUSED.fullmatch(label)]
