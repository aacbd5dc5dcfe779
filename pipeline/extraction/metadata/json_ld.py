"""JSON-LD: the article's values in a page's structured data, parsed by `json` alone.

Broken, hostile or unrelated blocks are ignored in linear time. Which source wins is left to
pipeline/extraction/metadata/resolve.py. Tested by tests/extraction/metadata/test_dates.py.
"""

from __future__ import annotations

import html as entities
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["LinkedArticle", "read_json_ld"]

MAX_BLOCK_CHARS = 2_000_000
MAX_NODES = 2_000  # a live blog with 500 updates has about 1,500

_ARTICLE_TYPES = {  # by rank: the lowest in a page is its article
    name: rank
    for rank, names in enumerate(
        (
            "newsarticle liveblogposting reportagenewsarticle opinionnewsarticle analysisnewsarticle",
            "backgroundnewsarticle reviewnewsarticle asknewsarticle satiricalarticle report article",
            "blogposting scholarlyarticle techarticle review socialmediaposting advertisercontentarticle",
        )
    )
    for name in names.split()
}
_ORGANISATION_TYPES = {"organization", "newsmediaorganization", "corporation", "newsagency"}
_BOOLEANS = {
    "true": True, "1": True, "http://schema.org/true": True, "false": False, "0": False,
    "http://schema.org/false": False,
}  # fmt: skip
_COMMENT = re.compile(r"^\s*(?://\s*)?(?:<!\[CDATA\[|<!--)|(?://\s*)?(?:\]\]>|-->)\s*;?\s*$")
_TRAILING_COMMA = re.compile(r",(\s*[}\]])")
_DECODER = json.JSONDecoder(strict=False)  # created once: json.loads creates one per call unless strict
_REPAIRS: tuple[Callable[[str], str], ...] = (
    lambda text: text,
    lambda text: _COMMENT.sub("", text),
    lambda text: _TRAILING_COMMA.sub(r"\1", _COMMENT.sub("", text)).rstrip(";"),
)


@dataclass(frozen=True, slots=True)
class Name:
    """An author as named, and whether the page calls it an organisation."""

    text: str
    is_organisation: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkedArticle:
    """The article in the page's JSON-LD. `types` are all types on the page, in lower case."""

    types: frozenset[str] = frozenset()
    type: str = ""
    headline: str = ""
    description: str = ""
    body: str = ""
    word_count: int | None = None
    published: str = ""
    modified: str = ""
    authors: tuple[Name, ...] = ()
    language: str = ""
    section: str = ""
    keywords: tuple[str, ...] = ()
    image: str = ""
    url: str = ""
    publisher: str = ""
    is_free: bool | None = None

    @property
    def is_live_blog(self) -> bool:
        """Whether the page is a live blog."""
        return self.type == "liveblogposting"


def read_json_ld(blocks: tuple[str, ...]) -> LinkedArticle:
    """The values of the most article-like node in the page's blocks."""
    nodes = list(_nodes(blocks))
    types = frozenset(name for node in nodes for name in _types(node))
    best = min(filter(_is_article, nodes), key=_article_rank, default=None)
    if best is None:
        return LinkedArticle(types=types)
    return _article(best, types, {str(node.get("@id")): node for node in nodes if node.get("@id")})


def _is_article(node: Mapping[str, Any]) -> bool:
    is_article = not _ARTICLE_TYPES.keys().isdisjoint(_types(node))
    return is_article and bool(node.get("headline") or node.get("name") or node.get("articleBody"))


def _article_rank(node: Mapping[str, Any]) -> tuple[bool, int]:
    is_bare = not (node.get("datePublished") or node.get("articleBody"))
    return is_bare, min(_ARTICLE_TYPES[name] for name in _types(node) if name in _ARTICLE_TYPES)


def _article(node: Mapping[str, Any], types: frozenset[str], known: Mapping[str, Mapping[str, Any]]) -> LinkedArticle:
    names = [name for name in _types(node) if name in _ARTICLE_TYPES]
    return LinkedArticle(
        types=types,
        type="liveblogposting" if "liveblogposting" in names else names[0],
        headline=_text(node.get("headline")) or _text(node.get("name")),
        description=_text(node.get("description")),
        body=_long_text(node.get("articleBody")),
        word_count=_count(node.get("wordCount")),
        published=_text(node.get("datePublished")) or _text(node.get("dateCreated")),
        modified=_text(node.get("dateModified")),
        authors=tuple(_names(node.get("author") or node.get("creator"), known)),
        language=_text(_first(node.get("inLanguage"), "name")),
        section=_text(node.get("articleSection")),
        keywords=tuple(_keywords(node.get("keywords"))),
        image=_text(_first(node.get("image"), "url")) or _text(node.get("thumbnailUrl")),
        url=_text(node.get("url")) or _text(_first(node.get("mainEntityOfPage"), "@id")),
        publisher=_text(_first(_known(node.get("publisher"), known), "name")),
        is_free=_is_free(node),
    )


def _nodes(blocks: tuple[str, ...]) -> Iterator[Mapping[str, Any]]:
    left = MAX_NODES
    for block in blocks:
        stack = [_load(block)]
        while stack and left > 0:
            value = stack.pop()
            if isinstance(value, list):
                stack.extend(reversed(value[:500]))
            elif isinstance(value, dict):
                left -= 1
                if "@type" in value:
                    yield value
                stack.extend(
                    value[key]
                    for key in ("mainEntity", "mainEntityOfPage", "hasPart", "@graph")
                    if _holds(value.get(key))
                )


def _holds(value: object) -> bool:
    return isinstance(value, dict | list)


def _load(block: str) -> object:
    if len(block) > MAX_BLOCK_CHARS:
        return None
    text = block.strip()
    for fix in _REPAIRS:
        try:
            return _DECODER.decode(fix(text))
        except (ValueError, RecursionError):
            continue
    return None


def _types(node: Mapping[str, Any]) -> list[str]:
    value = node.get("@type")
    values = value if isinstance(value, list) else [value]
    return [name.rpartition("/")[2].rpartition(":")[2].lower() for name in values if isinstance(name, str)]


def _text(value: object) -> str:
    if isinstance(value, list):
        value = next((part for part in value if isinstance(part, str) and part.strip()), "")
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = str(value)
    return " ".join(entities.unescape(value).split()) if isinstance(value, str) else ""


def _long_text(value: object) -> str:
    if isinstance(value, list):
        value = "\n".join(part for part in value if isinstance(part, str))
    return entities.unescape(value) if isinstance(value, str) else ""


def _first(value: object, key: str) -> object:
    if isinstance(value, list):
        value = value[0] if value else None
    return value.get(key) if isinstance(value, dict) else value


def _known(value: object, known: Mapping[str, Mapping[str, Any]]) -> object:
    """The node that a reference by `@id` points to."""
    if isinstance(value, dict) and "name" not in value:
        return known.get(str(value.get("@id")), value)
    return value


def _names(value: object, known: Mapping[str, Mapping[str, Any]]) -> Iterator[Name]:
    for author in (value if isinstance(value, list) else [value])[:30]:
        if isinstance(author, str):
            yield Name(_text(author))
        found = _known(author, known)
        if isinstance(found, dict):
            is_organisation = bool(_ORGANISATION_TYPES & set(_types(found)))
            names = found.get("name")
            for name in names if isinstance(names, list) else [names]:
                if text := _text(_first(name, "@value")):
                    yield Name(text, is_organisation)


def _keywords(value: object) -> Iterator[str]:
    values = value if isinstance(value, list) else _text(value).split(",")
    for word in values[:60]:
        text = _text(_first(word, "name"))
        if text and len(text) < 80:
            yield text


def _count(value: object) -> int | None:
    digits = str(value) if isinstance(value, int | str) and not isinstance(value, bool) else ""
    return int(digits) if digits.isdecimal() and len(digits) < 8 else None


def _is_free(node: Mapping[str, Any]) -> bool | None:
    value = node.get("isAccessibleForFree")
    if isinstance(value, bool):
        return value
    return _BOOLEANS.get(value.strip().lower()) if isinstance(value, str) else None
