"""Kinds of markup: what an element's tag, classes and id say that it holds.

The words are in `markup_kinds.toml`. What follows from a kind is decided elsewhere: an element that holds most of a
page's text is its article, whatever it is called. Tested by tests/extraction/boilerplate/test_phrases.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import StrEnum
from functools import lru_cache

from lxml import html

from pipeline.text.normalize import read_table, unfolded

__all__ = ["NON_CONTENT_KINDS", "Kind", "is_outside_article", "kind_of", "without_terms"]


class Kind(StrEnum):
    """What an element holds besides, or instead of, the article's text."""

    AD = "ad"
    BYLINE = "byline"
    CAPTION = "caption"
    CHROME = "chrome"
    COMMENTS = "comments"
    EMBED = "embed"
    LEAD = "lead"
    LIVE = "live"
    NEWSLETTER = "newsletter"
    PAYWALL = "paywall"
    QUOTE = "quote"
    RELATED = "related"
    SCRAMBLED = "scrambled"
    SHARE = "share"
    TAGS = "tags"


# Kinds that hold no part of the article's text, unless they hold much of what reads like one.
NON_CONTENT_KINDS = frozenset(Kind) - {Kind.EMBED, Kind.LEAD, Kind.LIVE, Kind.PAYWALL, Kind.QUOTE, Kind.SCRAMBLED}


_TABLE = read_table(__name__)
# By kind, words of class, id, itemprop, rel or data-testid that tell it: the first that matches.
_RULES = tuple((Kind(rule["kind"]), unfolded(rule["words"])) for rule in _TABLE["kinds"])
_BY_TAG = {tag: Kind(kind) for tag, kind in _TABLE["tags"].items()}
_names_beside = lru_cache(maxsize=5_000)(re.compile(_TABLE["beside"], re.IGNORECASE).search)
_BESIDE_TAGS = frozenset(_TABLE["beside_tags"])

# `no-tts`, `has-caption`, `with-sidebar` and `ad-free` say what an element is not, or what it has inside.
_BORDER_BEFORE = r"(?:^|(?<=[\s_.:/-]))(?<!\bno-)(?<!\bhas-)(?<!\bwith-)(?<!\bwithout-)"
_BORDER_AFTER = r"(?=$|[\s_.:/-])(?![-_](?:hidden|free|none|off|disabled)\b)"
_COMPILED = tuple(re.compile(_BORDER_BEFORE + "(?:" + words + ")" + _BORDER_AFTER) for _, words in _RULES)
_NO_RULE = len(_RULES)
_ANY = re.compile("|".join(words for _, words in _RULES))
# `article-teaser lead` teases its own article.
_SURELY_LEAD = re.compile(
    _BORDER_BEFORE + r"(?:lead|lede|chap[oô]|chapeau|standfirst|intro|dek|teaser-?(?:text|content))" + _BORDER_AFTER
)
# WordPress marks the element of a post with the names of its categories, which are others on the next page.
_POST_CLASSES = frozenset({"hentry", "type-post", "status-publish", "format-standard"})
_TERM_CLASSES = ("category-", "tag-", "author-", "topic-", "section-", "pmpro-")
_CASE_CHANGE = re.compile(r"(?<=[a-z])(?=[A-Z])")
_LONG_ENOUGH = 300  # an attribute longer than this holds generated classes; the kind comes first


@lru_cache(maxsize=50_000)
def kind_of(
    tag: str, classes: str | None, ident: str | None, itemprop: str | None, rel: str | None, name: str | None
) -> Kind | None:
    """The kind that an element's markup tells, None for plain markup. The arguments are its attributes."""
    if tag in {"body", "html", "main"} or itemprop == "articleBody":
        return None
    if rel == "author" or itemprop == "author":
        return Kind.BYLINE
    if itemprop == "description" and tag != "meta":
        return Kind.LEAD
    for words in (classes, ident, name):
        front = (words or "")[:_LONG_ENOUGH]
        # By the first rule that one of the words falls under: most are on the next outlet's pages too.
        rank = min(map(_rank_of, without_terms(front.split())), default=_NO_RULE)
        if rank != _NO_RULE:
            kind = _RULES[rank][0]
            return Kind.LEAD if kind is Kind.RELATED and _SURELY_LEAD.search(_plain(front)) else kind
    return _BY_TAG.get(tag)


def without_terms(words: Iterable[str]) -> list[str]:
    """The classes of an element, but for the names of categories and tags that WordPress marks a post with."""
    classes = list(words)
    if _POST_CLASSES.isdisjoint(classes):
        return classes
    return [word for word in classes if not word.startswith(_TERM_CLASSES)]


@lru_cache(maxsize=50_000)
def _rank_of(word: str) -> int:
    """Which rule a word falls under, the first of all; their number for none."""
    plain = _plain(word)
    if _ANY.search(plain) is None:
        return _NO_RULE
    return next((rank for rank, pattern in enumerate(_COMPILED) if pattern.search(plain)), _NO_RULE)


def _plain(words: str) -> str:
    return _CASE_CHANGE.sub("-", words).replace("_", "-").lower()


def is_outside_article(element: html.HtmlElement) -> bool:
    """Whether an element is in a footer, a sidebar, comments or another article's teaser."""
    return any(
        parent.tag in _BESIDE_TAGS
        or _names_beside((parent.get("class") or "")[:200]) is not None
        or "comment" in (parent.get("id") or "").lower()
        for parent in element.iterancestors()
        if parent.tag not in {"html", "body", "main"}
    )
