"""Letters: a text as it is published, in NFC and without what nobody sees, and as it is compared: letters alone."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

__all__ = ["clean_text", "key_of"]

_INVISIBLE = re.compile("[\u00ad\u200b\u200c\u200d\u2060\ufeff\u200e\u200f\u202a-\u202e\u2066-\u2069\ufffc]+")
_BLANKS = ("\n", "\t", "\r", "\f", "\v", "\u2028", "\u2029", "\x85")
_ASCII_SIGNS = bytes(code for code in range(128) if not chr(code).isalnum())
_LOWER = bytes(ord(chr(code).lower()) if code < 128 else code for code in range(256))
_USUAL_SIGNS = ("’", "‘", "“", "”", "„", "«", "»", "–", "—", "…", "\xa0", "\u202f")
_PLAIN_KEY = {code: chr(code).lower() if chr(code).isalnum() else None for code in range(128)}


def clean_text(text: str) -> str:
    """NFC, no invisible signs, runs of blanks as one; typographic spaces stay."""
    if text.isascii():
        return " ".join(text.split())
    if text.isprintable() and "\ufffc" not in text:  # which blanks but the plain one and invisible signs are not
        text = " ".join(text.split())
    else:
        text = _one_blank(text)
        if _INVISIBLE.search(text):
            text = _one_blank(_INVISIBLE.sub("", text))
    text = text.strip("\xa0\u202f\u3000 ")  # an ideographic space sets a paragraph in, as a style sheet should
    return text if unicodedata.is_normalized("NFC", text) else unicodedata.normalize("NFC", text)


def _one_blank(text: str) -> str:
    """Runs of ordinary blanks as one; by hand, since a pattern takes five times as long on most texts."""
    for blank in _BLANKS:
        if blank in text:
            text = text.replace(blank, " ")
    while "  " in text:
        text = text.replace("  ", " ")
    return text.strip(" ")


@lru_cache(maxsize=4_000)
def key_of(text: str) -> str:
    """The letters and digits of a text, to compare by."""
    if text.isascii():
        return text.translate(_PLAIN_KEY)
    # Bytes lose what ASCII has of signs in a tenth of the time that a look at each letter takes, and few are left.
    letters = text.encode(errors="surrogatepass").translate(_LOWER, _ASCII_SIGNS).decode(errors="surrogatepass")
    if not letters.isalnum():
        for sign in _USUAL_SIGNS:
            letters = letters.replace(sign, "")
        if not letters.isalnum():
            letters = "".join(filter(str.isalnum, letters))
    return letters.casefold()
