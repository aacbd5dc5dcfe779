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
_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}
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


def read_json_ld(blocks: tuple[str, ...]) -> LinkedArticle:
    """The values of the most article-like node in the page's blocks."""
    nodes = list(_nodes(blocks))
    types = frozenset(name for node in nodes for name in _types(node))
    articles = [
        node
        for node in nodes
        if not _ARTICLE_TYPES.keys().isdisjoint(_types(node))
        and (node.get("headline") or node.get("name") or node.get("articleBody"))
    ]
    if not articles:
        return LinkedArticle(types=types)
    known = {str(node.get("@id")): node for node in nodes if node.get("@id")}
    return _article(min(articles, key=_article_rank), types, known)


def _article_rank(node: Mapping[str, Any]) -> tuple[bool, int]:
    is_bare = not (node.get("datePublished") or node.get("articleBody"))
    return is_bare, min(_ARTICLE_TYPES[name] for name in _types(node) if name in _ARTICLE_TYPES)


def _article(node: Mapping[str, Any], types: frozenset[str], known: Mapping[str, Mapping[str, Any]]) -> LinkedArticle:
    names = [*filter(_ARTICLE_TYPES.__contains__, _types(node))]
    is_free, keywords = node.get("isAccessibleForFree"), node.get("keywords")
    words = keywords if isinstance(keywords, list) else _text(keywords).split(",")
    return LinkedArticle(
        types=types,
        type="liveblogposting" if "liveblogposting" in names else names[0],
        headline=_text(node.get("headline"), node.get("name")),
        description=_text(node.get("description")),
        body=entities.unescape("\n".join(part for part in _listed(node.get("articleBody")) if isinstance(part, str))),
        published=_text(node.get("datePublished"), node.get("dateCreated")),
        modified=_text(node.get("dateModified")),
        authors=tuple(_names(node.get("author") or node.get("creator"), known)),
        language=_text(_first(node.get("inLanguage"), "name")),
        section=_text(node.get("articleSection")),
        keywords=tuple(text for word in words[:60] if 0 < len(text := _text(_first(word, "name"))) < 80),
        image=_text(_first(node.get("image"), "url"), node.get("thumbnailUrl")),
        url=_text(node.get("url"), _first(node.get("mainEntityOfPage"), "@id")),
        publisher=_text(_first(_known(node.get("publisher"), known), "name")),
        is_free=_BOOLEANS.get(str(is_free).strip().lower().removeprefix("http://schema.org/"))
        if isinstance(is_free, bool | str)
        else None,
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
                stack.extend(map(value.get, ("mainEntity", "mainEntityOfPage", "hasPart", "@graph")))


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
    names = (name for name in _listed(node.get("@type")) if isinstance(name, str))
    return [name.rpartition("/")[2].rpartition(":")[2].lower() for name in names]


def _listed(value: object) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _text(*values: object) -> str:
    """The first of these values, or of a value's parts, that has text: on one line, empty without any."""
    for value in values:
        part = next((part for part in _listed(value) if isinstance(part, str) and part.strip()), "")
        if isinstance(value, int | float) and not isinstance(value, bool):
            part = str(value)
        if text := " ".join(entities.unescape(part).split()):
            return text
    return ""


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
    for author in _listed(value)[:30]:
        if isinstance(author, str):
            yield Name(_text(author))
        found = _known(author, known)
        if isinstance(found, dict):
            is_organisation = bool(_ORGANISATION_TYPES & set(_types(found)))
            for name in _listed(found.get("name")):
                if text := _text(_first(name, "@value")):
                    yield Name(text, is_organisation)
