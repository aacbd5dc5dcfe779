"""Searches of a page's tree: by XPath with typed results, by hints in the markup first, by CSS selector.

CSS selectors are those of the catalogue's rules: tags, `.class`, `#id`, `[attr]`, `[attr="v"]` (also `^=`, `*=`),
descendant, child, commas. Tested by tests/extraction/dom/test_blocks.py and tests/extraction/test_extract.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import cast

from lxml import etree, html

from pipeline.domain.errors import CatalogueError

__all__ = ["Search", "find_by_css", "find_elements", "find_texts", "only_child", "remove_elements", "text_of"]

_SIMPLE = re.compile(
    r"""(?P<tag>[a-zA-Z][\w-]*|\*)?
        (?P<rest>(?:\#[\w-]+|\.[\w-]+|\[\s*[\w:-]+\s*(?:[\^*]?=\s*(?:"[^"]*"|'[^']*'|[\w-]+)\s*)?\])*)""",
    re.VERBOSE,
)
_PART = re.compile(
    r"""\#(?P<id>[\w-]+)|\.(?P<cls>[\w-]+)|\[\s*(?P<attr>[\w:-]+)\s*(?:(?P<op>[\^*]?=)\s*(?P<value>"[^"]*"|'[^']*'|[\w-]+)\s*)?\]""",
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Search:
    """Kinds of elements to find, each as a hint that the markup holds if there are any, and as an XPath test.

    Searching the markup for a hint takes a tenth of the time of searching its elements, and a third of that for a
    plain string. A pattern must begin with plain letters: others are slow.
    """

    kinds: tuple[tuple[re.Pattern[str] | str, str], ...]

    def find(self, root: html.HtmlElement, markup: str) -> list[html.HtmlElement]:
        """The elements in the page's order, `root` being the tree of this markup."""
        tests = tuple(
            test for hint, test in self.kinds if (hint in markup if isinstance(hint, str) else hint.search(markup))
        )
        return find_elements(_any_of(tests), root) if tests else []


@lru_cache(maxsize=100)
def _any_of(tests: tuple[str, ...]) -> etree.XPath:
    return etree.XPath(f"//*[{' or '.join(tests)}]")


def find_elements(path: etree.XPath, root: html.HtmlElement) -> list[html.HtmlElement]:
    """The elements that an XPath for elements finds."""
    return cast("list[html.HtmlElement]", path(root))


def find_texts(path: etree.XPath, root: html.HtmlElement) -> list[etree._ElementUnicodeResult]:
    """The strings that an XPath for strings finds; each knows its element."""
    return cast("list[etree._ElementUnicodeResult]", path(root))


def only_child(element: html.HtmlElement) -> html.HtmlElement | None:
    """An element's only child; None where it has text or other elements too."""
    child = element[0] if len(element) == 1 else None
    return child if child is not None and not f"{element.text or ''}{child.tail or ''}".strip() else None


def text_of(element: html.HtmlElement) -> str:
    """All text under an element, blanks unchanged."""
    return "".join(cast("Iterator[str]", element.itertext()))


def find_by_css(root: html.HtmlElement, selector: str | None) -> list[html.HtmlElement]:
    """The elements that a CSS selector finds, none without one. Raises CatalogueError for one that is not supported."""
    return find_elements(_to_xpath(selector), root) if selector else []


def remove_elements(root: html.HtmlElement, selectors: Iterable[str]) -> None:
    """Removes the elements that the selectors match; the text behind an element stays."""
    for selector in selectors:
        for element in find_by_css(root, selector):
            if element.getparent() is not None:
                element.drop_tree()


@lru_cache(maxsize=1_000)
def _to_xpath(selector: str) -> etree.XPath:
    return etree.XPath(" | ".join(_path(part.strip(), selector) for part in selector.split(",")))


def _path(text: str, selector: str) -> str:
    path, axis = "", "./descendant-or-self::"
    for word in re.sub(r"\s*>\s*", " > ", text).split():
        if word == ">":
            axis = "/child::" if path else ".//child::"
            continue
        simple = _SIMPLE.fullmatch(word)
        if simple is None:
            raise CatalogueError(f"selector {selector!r}: {word!r} is not supported")
        path += axis + (simple["tag"] or "*").lower() + "".join(map(_test, _PART.finditer(simple["rest"])))
        axis = "/descendant::"
    if not path:
        raise CatalogueError(f"empty selector in {selector!r}")
    return path


def _test(part: re.Match[str]) -> str:
    if part["id"]:
        return f"[@id='{part['id']}']"
    if part["cls"]:
        return f"[contains(concat(' ', normalize-space(@class), ' '), ' {part['cls']} ')]"
    tests = {None: "@{}", "=": "@{}={}", "^=": "starts-with(@{}, {})", "*=": "contains(@{}, {})"}
    value = (part["value"] or "").strip("\"'")
    quoted = f"'{value}'" if "'" not in value else f'"{value}"'
    return f"[{tests[part['op']].format(part['attr'], quoted)}]"
