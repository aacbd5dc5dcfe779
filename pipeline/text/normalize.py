"""Unicode normalisation: text as it is published (NFC, no invisible characters), and its comparison key.

Tested by tests/text/test_tokens.py.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_INVISIBLE = re.compile("[\u00ad\u200b\u200c\u200d\u2060\ufeff\u200e\u200f\u202a-\u202e\u2066-\u2069\ufffc]+")
_BLANKS = ("\n", "\t", "\r", "\f", "\v", "\u2028", "\u2029", "\x85")
_ASCII_PUNCTUATION = bytes(code for code in range(128) if not chr(code).isalnum())
_LOWER = bytes(ord(chr(code).lower()) if code < 128 else code for code in range(256))
_FREQUENT_PUNCTUATION = ("’", "‘", "“", "”", "„", "«", "»", "–", "—", "…", "\xa0", "\u202f")
_PLAIN_KEY = {code: chr(code).lower() if chr(code).isalnum() else None for code in range(128)}


def clean_text(text: str) -> str:
    """NFC without invisible characters, runs of blanks as one; typographic spaces stay."""
    if text.isascii():
        return " ".join(text.split())
    if text.isprintable() and "\ufffc" not in text:  # so it has no invisible character and no blank but the space
        text = " ".join(text.split())
    else:
        text = _one_blank(text)
        if _INVISIBLE.search(text):
            text = _one_blank(_INVISIBLE.sub("", text))
    text = text.strip("\xa0\u202f\u3000 ")  # an ideographic space indents a paragraph
    return text if unicodedata.is_normalized("NFC", text) else unicodedata.normalize("NFC", text)


def _one_blank(text: str) -> str:
    """Runs of ordinary blanks as one, by `replace`: a pattern takes five times as long on most texts."""
    for blank in _BLANKS:
        if blank in text:
            text = text.replace(blank, " ")
    while "  " in text:
        text = text.replace("  ", " ")
    return text.strip(" ")


@lru_cache(maxsize=4_000)
def key_of(text: str) -> str:
    """The comparison key of a text: its letters and digits, case folded."""
    if text.isascii():
        return text.translate(_PLAIN_KEY)
    # Strip ASCII punctuation on bytes (about 10x faster); only few other characters need the slow pass.
    letters = text.encode(errors="surrogatepass").translate(_LOWER, _ASCII_PUNCTUATION).decode(errors="surrogatepass")
    if not letters.isalnum():
        for sign in _FREQUENT_PUNCTUATION:
            letters = letters.replace(sign, "")
        if not letters.isalnum():
            letters = "".join(filter(str.isalnum, letters))
    return letters.casefold()
