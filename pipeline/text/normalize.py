"""Normalisation of text: as it is published (NFC, no invisible characters), its comparison key, HTML fragments as text.

Fragments are titles and summaries of feeds, where an HTML parser is too slow and has quadratic cases. They are read in
linear time: no tags, references resolved, blank lines between paragraphs. Tested by tests/text/test_tokens.py.
"""

from __future__ import annotations

import html
import re
import tomllib
import unicodedata
from functools import lru_cache
from importlib.resources import files
from typing import Any

# Joiners stay between letters and emoji of other scripts, where they change words.
_INVISIBLE = re.compile(
    "[\u00ad\u200b\u2060\ufeff\u200e\u200f\u202a-\u202e\u2066-\u2069\ufffc]+"
    r"|(?<![^\x00-\x7f\s])[\u200c\u200d]+|[\u200c\u200d]+(?![^\x00-\x7f\s])"
)
_BLANKS = ("\n", "\t", "\r", "\f", "\v", "\u2028", "\u2029", "\x85")
_ASCII_PUNCTUATION = bytes(code for code in range(128) if not chr(code).isalnum())
_LOWER = bytes(ord(chr(code).lower()) if code < 128 else code for code in range(256))
_FREQUENT_PUNCTUATION = ("’", "‘", "“", "”", "„", "«", "»", "–", "—", "…", "\xa0", "\u202f")
_PLAIN_KEY = {code: chr(code).lower() if chr(code).isalnum() else None for code in range(128)}
_TAG = re.compile(r"</?[A-Za-z][^<>]*>|<![A-Za-z\[][^<>]*>|<\?[^<>]*>")
_PARAGRAPH = re.compile(r"</?(?:p|div|section|article|blockquote|ul|ol|table|tr|h[1-6]|figure|hr|pre)\b[^<>]*>", re.I)
_LINE = re.compile(r"<(?:br|li|dt|dd)\b[^<>]*>", re.IGNORECASE)
_UNSEEN = (("<!--", "-->"), ("<script", "</script>"), ("<style", "</style>"), ("<noscript", "</noscript>"))
_MARKUP = re.compile(
    r"</?[A-Za-z][A-Za-z0-9]*(?:\s[^<>]*)?/?>|&(?:#\d{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});"
)
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")
_SPACES = re.compile(r"[ \t\r\f\v\xa0\u2000-\u200a\u202f\u3000]+")
_BREAKS = re.compile(r"\n\s*\n\s*")


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


def looks_like_markup(text: str) -> bool:
    """Whether a text of undeclared type holds a tag or a character reference."""
    return _MARKUP.search(text) is not None


def plain_text(text: str) -> str:
    """The text of an HTML fragment, with one blank line between paragraphs."""
    for start, end in _UNSEEN:
        text = _without(text, start, end)
    text = _LINE.sub("\n", _PARAGRAPH.sub("\n\n", text.replace("\n", " ")))
    return clean_fragment(html.unescape(_TAG.sub("", text)))


def one_line(text: str) -> str:
    """The text on one line, for titles."""
    return " ".join(clean_fragment(text).split())


def clean_fragment(text: str) -> str:
    """NFC without control characters; blanks as one space, at most one blank line between paragraphs."""
    normal = unicodedata.normalize("NFC", _FORBIDDEN.sub("", text.replace("\r\n", "\n")))
    lines = (_SPACES.sub(" ", line).strip() for line in normal.split("\n"))
    return _BREAKS.sub("\n\n", "\n".join(lines)).strip()


def _without(text: str, start: str, end: str) -> str:
    """The text without the parts between these marks; an unclosed part reaches to the end."""
    lower = text.lower()
    if len(lower) != len(text) or start not in lower:
        return text if start not in text else text.replace(start, "")
    pieces, at = [], 0
    while (begin := lower.find(start, at)) >= 0:
        pieces.append(text[at:begin])
        close = lower.find(end, begin)
        if close < 0:
            return "".join(pieces)
        at = close + len(end)
    return "".join([*pieces, text[at:]])


def read_table(module: str) -> dict[str, Any]:
    """The parsed table of a module, given by its `__name__`: the TOML file of the same name."""
    package, _, name = module.rpartition(".")
    return tomllib.loads(files(package).joinpath(f"{name}.toml").read_text("utf-8"))


def unfolded(pattern: str) -> str:
    """A pattern in one line: in the tables a long one goes over several, whose outer blanks do not count."""
    return "".join(map(str.strip, pattern.split("\n"))) if "\n" in pattern else pattern
