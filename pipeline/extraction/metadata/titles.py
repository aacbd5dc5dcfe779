"""Titles: the headline among what a page offers, without the outlet's name behind it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import unescape

from pipeline.domain.model import SourcedValue
from pipeline.text.normalize import clean_text, key_of

__all__ = ["choose_title", "same_words"]

_SEPARATORS = re.compile(r"\s+(?:[|–—\-•·:»«›‹/]|::|&#124;)\s+|\s*[|｜]\s*")
_AT_END = re.compile(rf"(?:{_SEPARATORS.pattern})$")
_WORDS = re.compile(r"\w+")
_MAX_TITLE_CHARS = 500
_SAME_WORDS, _LEAST_SHARE = 0.5, 0.25
_MAX_LABEL_CHARS, _MAX_KICKER_CHARS = 15, 25
_MOST_SITE_WORDS = 12


def choose_title(
    *, linked: str, social: str, headlines: Sequence[str], page: str, feed: str, site: str, host: str = ""
) -> SourcedValue:
    """The headline: what the page tells machines twice in the same words, else an h1 that another source confirms, else
    what it tells machines once, else its title. Words that agree are given as the h1 sets them.
    """
    linked, social, page, feed = (_clean(text) for text in (linked, social, page, feed))
    outlet = _outlet_keys(site, host)
    printed = [text for text in (_clean(h1) for h1 in headlines) if text and key_of(text) not in outlet]
    told = _named(((linked, "json-ld"), (social, "opengraph"), (page, "title"), (feed, "feed")), site, host)
    machines = [key_of(without_site(text, site, host)) for text, source in told if source in {"json-ld", "opengraph"}]
    agreed = machines[0] if len(machines) == 2 and machines[0] == machines[1] else ""
    texts = [text for text, _ in told]
    for h1 in printed:
        if key_of(h1) == agreed or (not agreed and _is_confirmed(h1, texts, printed)):
            return SourcedValue(_unglued(h1, texts), "h1")
    if told:
        text, source = told[0]
        return SourcedValue(without_site(text, site or next(iter(printed), ""), host), source)
    return SourcedValue(printed[0], "h1") if printed else SourcedValue("", "")


def _is_confirmed(h1: str, told: Sequence[str], printed: Sequence[str]) -> bool:
    """Whether another source says the same. The part of a title that names the section or the outlet confirms nothing:
    `Report: cancer rates higher | CTV Ottawa` is no word for an h1 `CTV News Ottawa`.
    """
    for text in told:
        if same_words(h1, text) < _SAME_WORDS:
            continue
        parts = [part for part in _SEPARATORS.split(text) if part]
        if 2 * len(_words(h1)) >= len(_words(text)):
            return True
        if len(parts) < 2:
            if _LEAST_SHARE * len(_words(text)) <= len(_words(h1)):
                return True
            continue  # the outlet's name in a sentence of ten words is not the headline's
        if key_of(h1) == key_of(parts[0]) and len(parts[0].split()) > 1:
            return True
        others = {key_of(other) for other in (*told, *printed) if other not in {text, h1}}
        named = next((part for part in parts if key_of(part) in others), max(parts, key=lambda part: len(part.split())))
        if same_words(h1, named) >= _SAME_WORDS:
            return True
    return False


def _named(told: Sequence[tuple[str, str]], site: str, host: str) -> list[tuple[str, str]]:
    """What names the article: not the outlet, as pages do that have one title for all, unless nothing else is told."""
    outlet = _outlet_keys(site, host)
    found = [(text, source) for text, source in told if text]
    return [(text, source) for text, source in found if key_of(text) not in outlet] or found


def _outlet_keys(site: str, host: str) -> set[str]:
    return {key_of(site), key_of(host.removeprefix("www.").partition(".")[0])}


def _unglued(h1: str, told: Sequence[str]) -> str:
    """The headline with the blanks that another source has, where a kicker ends without one, and without a label.

    A label stands beside the headline in its element, and no other source has it: `Abonnés` behind it, a kicker in
    capitals before it.
    """
    for text in told:
        label = h1.removesuffix(text).removesuffix(f"{text}.") if len(text) > _MAX_LABEL_CHARS else h1
        if label != h1 and label.isupper() and label.endswith(" ") and len(label) <= _MAX_KICKER_CHARS:
            return h1[len(label) :]
    for text in (*told, *(_SEPARATORS.split(text)[0] for text in told)):
        label = h1.removeprefix(f"{text} ")
        if label != h1 and label.isalpha() and label[0].isupper() and len(label) <= _MAX_LABEL_CHARS < len(text):
            return text
    return next((text for text in told if key_of(text) == key_of(h1) and len(text.split()) > len(h1.split())), h1)


def same_words(one: str, other: str) -> float:
    """How many words of the shorter one the other has too, from 0 to 1."""
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
    site_key = key_of(site)
    host_key = key_of(host.removeprefix("www.").partition(".")[0])
    cuts = list(_SEPARATORS.finditer(title))
    tail, head = parts[-1], parts[0]
    if _is_site(tail, site_key, host_key, parts) or (key_of(tail) == host_key and len(parts[0].split()) > 2):
        return title[: cuts[-1].start()].strip()
    if (site_key and key_of(head) == site_key) or (len(host_key) > 3 and host_key in _runs(head) and len(head) < 40):
        return title[cuts[0].end() :].strip()
    return title


def _is_site(part: str, site_key: str, host_key: str, parts: Sequence[str]) -> bool:
    """Whether a part of a title names the outlet: in whole words, since `l'observer` is not from L'Obs."""
    key = key_of(part)
    runs = _runs(part)
    if len(host_key) > 3 and len(part) < 40 and (host_key in runs or key.startswith(host_key)):
        return True
    if site_key and (site_key in runs or (len(key) > 4 and key in site_key)):
        return True
    return len(part.split()) <= 4 and len(" ".join(parts[:-1]).split()) >= 4 and not site_key


def _runs(text: str) -> set[str]:
    """The words of a text that stand side by side, drawn together as hosts have them: `lemonde` of `Le Monde.fr`."""
    words = _WORDS.findall(text.casefold())[:_MOST_SITE_WORDS]
    return {"".join(words[i:j]) for i in range(len(words)) for j in range(i + 1, len(words) + 1)}


def _clean(text: str) -> str:
    return clean_text(unescape(text))[:_MAX_TITLE_CHARS].strip("|·•–— ")
