"""Authors of a page: people and organisations apart, from the first source that names any.

Agencies, desks and the outlet itself are always organisations. The words around names are in `authors.toml`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice

from lxml import html

from pipeline.extraction.boilerplate.markup_kinds import is_outside_article
from pipeline.extraction.dom.blocks import Block
from pipeline.extraction.dom.page import ParsedPage
from pipeline.extraction.dom.xpath import Search, only_child, text_of
from pipeline.extraction.metadata.json_ld import LinkedArticle, Name
from pipeline.text.normalize import clean_text, key_of, read_table, unfolded

_LAST_RESORT = "page"  # read only when no other source named an author
_MAX_NAME_CHARS = 80
_TABLE = read_table(__name__)
_FULL_NAME = re.compile(r"(?:[^\W\d_a-zà-ÿ][\w.'’-]*\s+){1,3}[^\W\d_a-zà-ÿ][\w.'’-]+")
_PARTICLES = frozenset(_TABLE["particles"])
_MIN_WORDS, _MAX_WORDS = 2, 4  # of a full name
_MAX_SIGNED_CHARS = 50
_RIGHT = re.compile(r"text-align\s*:\s*(?:right|end)")
_ITALIC, _BOLD = frozenset({"em", "i"}), frozenset({"b", "strong"})
_SIGNATURE_REACH = 2  # lines after the text or before it
_BYLINES = Search(tuple((hint if hint.isalnum() else re.compile(hint), test) for hint, test in _TABLE["bylines"]))
# Links to an author's page, read where no other source names one.
_LINKED = Search(tuple((path, f"(self::a and contains(@href, '{path}'))") for path in _TABLE["author_paths"]))


def _any_of(key: str, form: str) -> re.Pattern[str]:
    """The alternatives of the table under this key, in place of `%s`, whatever the case."""
    return re.compile(form % "|".join(map(unfolded, _TABLE[key])), re.IGNORECASE)


_LEADING, _NOISE, _ROLES = _any_of("leading", "%s"), _any_of("noise", "%s"), _any_of("roles", r"\s*(?:%s)")
_BYLINE_CLASS = _any_of("byline_classes", r"(?:^|[\s_-])(?:%s)(?:$|[\s_-])")
_ORGANISATION = _any_of("organisations", r"^(?:%s|.*\b(?:" + unfolded(_TABLE["collective"]) + r")\b.*)$")
_SPLIT = re.compile(
    r"\s*(?:[,;|•/]|&amp;|&)\s*|\s+(?:(?:et|and|And|AND|und|y|mit|with|avec|og|och)\s+|(?:en|e) (?=[A-ZÀ-Ž]))"
)
# One name of two families: `José Volta e Pinto`.
_PORTUGUESE = re.compile(r"[^\W\d_]+(?: [^\W\d_]+)+ e [A-ZÀ-Ž][\w'’-]+")
_AGENCY = re.compile(r"\w*(?:agentur|agency|agence|agencia|agenzia)", re.IGNORECASE)
_DASHED = re.compile(r"\s+(?:[-–—|]|for|pour|für|para|per|voor)\s+")
_FOR_AN_OUTLET = re.compile(r"(\w+(?: [\w.'’-]+)+?) [Ff]or The .+")
_ADDRESS = re.compile(r"https?://|www\.|@|\.html")
_CREDENTIAL = re.compile(r"(?:[A-Z]{2,5}|Ph\.?D|M\.?D|Dr|Jr|Sr|II|III)[®™.]?")  # behind a name and a comma


@dataclass(frozen=True, slots=True)
class Authors:
    """People, organisations, and the source that names them."""

    people: tuple[str, ...] = ()
    organisations: tuple[str, ...] = ()
    source: str | None = None


def read_authors(
    page: ParsedPage,
    metas: Mapping[str, tuple[str, ...]],
    linked: LinkedArticle,
    *,
    site: str,
    host: str,
    feed: Sequence[str],
) -> Authors:
    """The authors of the first source that names a person; else of the first that names anyone."""
    fallback = Authors()
    for names, source in _sources(page, metas, linked, feed):
        if source == _LAST_RESORT and fallback.organisations:
            break  # links to authors' pages are often other articles'
        authors = _sort([name if isinstance(name, Name) else Name(name) for name in names], source, site, host)
        if authors.people:
            return authors
        if authors.organisations and not fallback.organisations:
            fallback = authors
    return fallback


def _sources(
    page: ParsedPage, metas: Mapping[str, tuple[str, ...]], linked: LinkedArticle, feed: Sequence[str]
) -> Iterator[tuple[Iterable[str | Name], str]]:
    yield linked.authors, "json-ld"
    yield from ((metas.get(meta, ()), "meta") for meta in _TABLE["metas"])
    if any("written by" in label.lower() for label in metas.get("twitter:label1", ())):
        yield metas.get("twitter:data1", ()), "meta"  # as WordPress's SEO plugin writes it
    texts = (text for e in _byline_elements(page) for text in _lines_of(e))
    yield [text for text in texts if 2 < len(text) < _MAX_NAME_CHARS], "byline"
    yield feed, "feed"
    yield from ((metas.get(meta, ()), _LAST_RESORT) for meta in _TABLE["rare_metas"])
    yield [clean_text(text_of(e)) for e in _linked(page)], _LAST_RESORT


def _read_signature(line: str) -> Authors:
    """The author in a line of the text that is nothing but a full name."""
    plain = clean_text(_LEADING.sub("", line)).strip(" ().—–-")
    words = [word for word in plain.split() if word not in _PARTICLES]
    is_full = _MIN_WORDS <= len(words) <= _MAX_WORDS and all(word[0].isupper() for word in words)
    is_person = is_full and _ORGANISATION.match(plain) is None and _is_name(plain)
    return Authors((plain,), (), "signature") if is_person else Authors()


def _linked(page: ParsedPage) -> list[html.HtmlElement]:
    return [e for e in _LINKED.find(page.root, page.markup)[:3] if not is_outside_article(e)]


def find_byline_elements(page: ParsedPage) -> list[html.HtmlElement]:
    """The elements that may name the author in the visible page."""
    return [*_byline_elements(page), *_linked(page)]


def _byline_elements(page: ParsedPage) -> list[html.HtmlElement]:
    if found := [e for e in _BYLINES.find(page.root, page.markup)[:20] if not is_outside_article(e)]:
        return found
    maybe = islice((e for e in page.root.iter("*") if (classes := e.get("class")) and _is_of_byline(classes)), 60)
    return [e for e in maybe if not is_outside_article(e)][:3]


@lru_cache(maxsize=5_000)
def _is_of_byline(classes: str) -> bool:
    return _BYLINE_CLASS.search(classes) is not None


def _lines_of(byline: html.HtmlElement) -> list[str]:
    """A byline's text; the text of each element where it is several full names with nothing between them."""
    while (child := only_child(byline)) is not None:
        byline = child  # in a box
    parts = [text for child in byline if (text := clean_text(text_of(child)))]
    between = "".join(filter(None, (byline.text, *(child.tail for child in byline))))
    if len(parts) > 1 and all(map(_FULL_NAME.fullmatch, parts)) and not between.strip():
        return parts
    return [clean_text(" ".join(str(text) for text in byline.itertext()))]


def _sort(names: Sequence[Name], source: str, site: str, host: str) -> Authors:
    people: dict[str, str] = {}
    organisations: dict[str, str] = {}
    site_key, host_key = key_of(site), key_of(host.removeprefix("www.").partition(".")[0])
    for name in names:
        for single in _single_names(name):
            text = _without_outlet(single, site_key)
            is_organisation = name.is_organisation or _is_organisation(text, site_key, host_key)
            group = organisations if is_organisation else people
            group.setdefault(key_of(text), text)
    # `SID Nachrichtenagentur` is left out beside `SID`: it is the same name with its kind.
    kinds = {
        name
        for name in organisations.values()
        for other in organisations.values()
        if name.startswith(f"{other} ") and _AGENCY.fullmatch(name[len(other) + 1 :])
    }
    named = tuple(name for name in organisations.values() if name not in kinds)
    return Authors(tuple(people.values()), named, source)


def _is_organisation(name: str, site_key: str, host_key: str) -> bool:
    key = key_of(name)
    if (site_key and site_key in key) or (len(host_key) > 3 and key == host_key):
        return True  # the outlet itself
    is_brand = name.islower() and " " not in name  # a person's name is written with capitals
    return is_brand or _ORGANISATION.match(name) is not None


def _without_outlet(text: str, site_key: str) -> str:
    """The name without the outlet's: `Ada Penn` of `The Gazette - Ada Penn` and `Ada Penn for The Gazette`."""
    for_whom = _FOR_AN_OUTLET.fullmatch(text)
    if for_whom is not None and _ORGANISATION.match(for_whom[1]) is None:
        return for_whom[1]
    parts = _DASHED.split(text)
    others = [part for part in parts if key_of(part) != site_key]
    return others[0] if len(parts) > 1 and len(others) == 1 else text


def _single_names(name: Name) -> Iterator[str]:
    text = _LEADING.sub("", clean_text(name.text)).strip(" ,;:|-–—")
    if not text or len(text) > 300 or _ADDRESS.search(text):
        return
    plain = _ROLES.sub("", text).rpartition("=")[2]  # Korean papers sign `스포츠조선=선수민 기자`
    parts = [text] if name.is_organisation else [plain] if _PORTUGUESE.fullmatch(plain) else _SPLIT.split(plain)
    for part in parts:
        single = _LEADING.sub("", part).strip(" ,;:|-–—.") if part else ""
        if _is_name(single):
            yield single


def _is_name(text: str) -> bool:
    if not 1 < len(text) <= _MAX_NAME_CHARS or _NOISE.search(text) or not any(c.isalpha() for c in text):
        return False
    return _CREDENTIAL.fullmatch(text) is None or _ORGANISATION.match(text) is not None


def find_signature(blocks: Sequence[Block], chosen: Sequence[int]) -> Authors:
    """The author who signs right after the text, else right above it, in the element that holds its paragraphs.

    After the text, a bold line is the next text's headline: there a signature is in italics or aligned right.
    """
    if not chosen:
        return Authors()
    text = [i for i in chosen if blocks[i].tag == "p"] or list(chosen)
    for end, step, tags in ((text[-1], 1, _ITALIC), (text[0], -1, _ITALIC | _BOLD)):
        for index in range(end, end + step * (_SIGNATURE_REACH + 1), step):
            if 0 <= index < len(blocks) and _may_sign(blocks[index], blocks[end], tags):
                signed = _read_signature(blocks[index].text)
                if signed.people:
                    return signed
    return Authors()


def _may_sign(line: Block, paragraph: Block, tags: frozenset[str]) -> bool:
    """Whether a line is a sibling of the paragraphs and styled differently, as a signature is and a dateline is not."""
    if line.is_heading or line.tag != paragraph.tag or line.link_chars or len(line.text) > _MAX_SIGNED_CHARS:
        return False
    if line.node.getparent() is not paragraph.node.getparent():
        return False
    child = only_child(line.node)
    return _RIGHT.search(line.node.get("style") or "") is not None or (child is not None and child.tag in tags)
