"""HTML fragments to plain text in linear time: no tags, references resolved, blank lines between paragraphs.

For titles and summaries of feeds, where an HTML parser is too slow and has quadratic cases.
Tested by tests/text/test_tokens.py.
"""

from __future__ import annotations

import html
import re
import unicodedata

_TAG = re.compile(r"</?[A-Za-z][^<>]*>|<![A-Za-z\[][^<>]*>|<\?[^<>]*>")
_PARAGRAPH = re.compile(r"</?(?:p|div|section|article|blockquote|ul|ol|table|tr|h[1-6]|figure|hr|pre)\b[^<>]*>", re.I)
_LINE = re.compile(r"<(?:br|li|dt|dd)\b[^<>]*>", re.IGNORECASE)
_UNSEEN = (("<!--", "-->"), ("<script", "</script>"), ("<style", "</style>"), ("<noscript", "</noscript>"))
_MARKUP = re.compile(
    r"</?[A-Za-z][A-Za-z0-9]*(?:\s[^<>]*)?/?>|&(?:#\d{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});"
)
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")
_BLANKS = re.compile(r"[ \t\r\f\v\xa0\u2000-\u200a\u202f\u3000]+")
_BREAKS = re.compile(r"\n\s*\n\s*")


def looks_like_markup(text: str) -> bool:
    """Whether a text of undeclared type holds a tag or a character reference."""
    return _MARKUP.search(text) is not None


def plain_text(text: str) -> str:
    """The text of an HTML fragment, with one blank line between paragraphs."""
    for start, end in _UNSEEN:
        text = _without(text, start, end)
    text = _LINE.sub("\n", _PARAGRAPH.sub("\n\n", text.replace("\n", " ")))
    return clean_text(html.unescape(_TAG.sub("", text)))


def one_line(text: str) -> str:
    """The text on one line, for titles."""
    return " ".join(clean_text(text).split())


def clean_text(text: str) -> str:
    """NFC without control characters; blanks as one space, at most one blank line between paragraphs."""
    normal = unicodedata.normalize("NFC", _FORBIDDEN.sub("", text.replace("\r\n", "\n")))
    lines = (_BLANKS.sub(" ", line).strip() for line in normal.split("\n"))
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
