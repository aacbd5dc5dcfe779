"""Title of a page: the headline among the page's candidates, without the outlet's name.

Tested by tests/extraction/metadata/test_titles.py.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from html import unescape

from pipeline.domain.model import SourcedValue
from pipeline.text.normalize import clean_text, key_of

_SEPARATORS = re.compile(r"\s+(?:[|–—\-•·:»«›‹/]|::|&#124;)\s+|\s*[|｜]\s*")
_AT_END = re.compile(rf"(?:{_SEPARATORS.pattern})$")
_WORDS = re.compile(r"\w+")
_MAX_TITLE_CHARS = 500
_SAME_WORDS, _MIN_SHARE = 0.5, 0.25
_MAX_LABEL_CHARS, _MAX_KICKER_CHARS = 15, 25
_MAX_SITE_WORDS = 12


def choose_title(
    *, linked: str, social: str, headlines: Sequence[str], page: str, feed: str, site: str, host: str = ""
) -> SourcedValue:
    """The headline by this order: an h1 that JSON-LD and Open Graph agree on, or that another source confirms if these
    two disagree; JSON-LD, Open Graph, `<title>`, the feed's title; any h1.
    """
    linked, social, page, feed = (_clean(text) for text in (linked, social, page, feed))
    outlet = {key_of(site), key_of(host.removeprefix("www.").partition(".")[0])}
    printed = [text for text in map(_clean, headlines) if text and key_of(text) not in outlet]
    named = _named(((linked, "json-ld"), (social, "opengraph"), (page, "title"), (feed, "feed")), outlet)
    headline = _supported_headline(printed, named, site, host)
    if headline is not None:
        return SourcedValue(_unglued(headline, [text for text, _ in named]), "h1")
    if named:
        text, source = named[0]
        return SourcedValue(without_site(text, site or next(iter(printed), ""), host), source)
    return SourcedValue(printed[0], "h1") if printed else SourcedValue("", "")


def _supported_headline(printed: Sequence[str], named: Sequence[tuple[str, str]], site: str, host: str) -> str | None:
    """The first h1 that JSON-LD and Open Graph agree on or, where they do not, that another source confirms."""
    keys = [key_of(without_site(text, site, host)) for text, source in named if source in {"json-ld", "opengraph"}]
    agreed = keys[0] if len(keys) == 2 and keys[0] == keys[1] else ""
    texts = [text for text, _ in named]
    for h1 in printed:
        if key_of(h1) == agreed or (not agreed and any(_confirms(text, h1, texts, printed) for text in texts)):
            return h1
    return None


def _confirms(text: str, h1: str, texts: Sequence[str], printed: Sequence[str]) -> bool:
    """Whether another source has the words of an h1 outside the part that names the section or the outlet.

    `Report: cancer rates higher | CTV Ottawa` does not confirm an h1 `CTV News Ottawa`.
    """
    if same_words(h1, text) < _SAME_WORDS:
        return False
    if 2 * len(_words(h1)) >= len(_words(text)):
        return True
    parts = [part for part in _SEPARATORS.split(text) if part]
    if len(parts) < 2:
        return _MIN_SHARE * len(_words(text)) <= len(_words(h1))  # a few words of many may be the outlet's name
    if key_of(h1) == key_of(parts[0]) and len(parts[0].split()) > 1:
        return True
    others = {key_of(other) for other in (*texts, *printed) if other not in {text, h1}}
    named = next((part for part in parts if key_of(part) in others), max(parts, key=lambda part: len(part.split())))
    return same_words(h1, named) >= _SAME_WORDS


def _named(titles: Sequence[tuple[str, str]], outlet: Collection[str]) -> list[tuple[str, str]]:
    """The titles that name the article and not the outlet, which some pages give all their pages; else all of them."""
    found = [(text, source) for text, source in titles if text]
    return [(text, source) for text, source in found if key_of(text) not in outlet] or found


def _unglued(h1: str, texts: Sequence[str]) -> str:
    """The headline without a label that no other source has, and with the blanks that another source has.

    Labels are in the headline's element: `Abonnés` after it, a kicker in capitals before it.
    """
    for text in texts:
        label = h1.removesuffix(text).removesuffix(f"{text}.") if len(text) > _MAX_LABEL_CHARS else h1
        if label != h1 and _is_kicker(label):
            return h1[len(label) :]
    for text in (*texts, *(_SEPARATORS.split(text)[0] for text in texts)):
        if h1.startswith(f"{text} ") and len(text) > _MAX_LABEL_CHARS and _is_label(h1.removeprefix(f"{text} ")):
            return text
    return next((text for text in texts if _has_more_blanks(text, h1)), h1)


def _has_more_blanks(text: str, h1: str) -> bool:
    return key_of(text) == key_of(h1) and len(text.split()) > len(h1.split())


def _is_label(text: str) -> bool:
    return len(text) <= _MAX_LABEL_CHARS and text.isalpha() and text[0].isupper()


def _is_kicker(label: str) -> bool:
    return label.isupper() and label.endswith(" ") and len(label) <= _MAX_KICKER_CHARS


def same_words(one: str, other: str) -> float:
    """The share of the shorter text's words that the other has too, from 0 to 1."""
    a, b = _words(one), _words(other)
    return len(a & b) / min(len(a), len(b)) if a and b else 0.0


def _words(text: str) -> set[str]:
    return set(_WORDS.findall(text.casefold()))


def without_site(title: str, site: str, host: str = "") -> str:
    """The title without the outlet's name at its end or head."""
    parts = _SEPARATORS.split(title)
    if len(parts) < 2:
        return title
    name = site.strip()
    if name and title.endswith(name) and len(end := _AT_END.split(title.removesuffix(name))) > 1:
        return end[0].strip()  # in several parts too: `Consett Magazine - Local News`
    site_key, host_key = key_of(site), key_of(host.removeprefix("www.").partition(".")[0])
    cuts = list(_SEPARATORS.finditer(title))
    head, tail = parts[0], parts[-1]
    if _is_site(tail, site_key, host_key, parts) or (key_of(tail) == host_key and len(head.split()) > 2):
        return title[: cuts[-1].start()].strip()
    if (site_key and key_of(head) == site_key) or _is_host(head, host_key):
        return title[cuts[0].end() :].strip()
    return title


def _is_host(part: str, host_key: str) -> bool:
    return len(host_key) > 3 and len(part) < 40 and host_key in _runs(part)


def _is_site(part: str, site_key: str, host_key: str, parts: Sequence[str]) -> bool:
    """Whether a part of a title names the outlet: in whole words, since `l'observer` is not from L'Obs."""
    key = key_of(part)
    runs = _runs(part)
    if _is_host(part, host_key) or (len(host_key) > 3 and len(part) < 40 and key.startswith(host_key)):
        return True
    if site_key and (site_key in runs or (len(key) > 4 and key in site_key)):
        return True
    return len(part.split()) <= 4 and len(" ".join(parts[:-1]).split()) >= 4 and not site_key


def _runs(text: str) -> set[str]:
    """All runs of consecutive words, joined as in host names: `lemonde` of `Le Monde.fr`."""
    words = _WORDS.findall(text.casefold())[:_MAX_SITE_WORDS]
    return {"".join(words[i:j]) for i in range(len(words)) for j in range(i + 1, len(words) + 1)}


def _clean(text: str) -> str:
    return clean_text(unescape(text))[:_MAX_TITLE_CHARS].strip("|·•–— ")
