"""CSS selector rules of the catalogue: an outlet's body, lead and elements to remove.

Supports common selectors: tags, `.class`, `#id`, `[attr]`, `[attr="v"]` (also `^=`, `*=`), descendant,
child, commas. Anything else is a `CatalogueError` when the rule is used.

Tested by tests/extraction/test_extract.py.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from lxml import etree, html

from pipeline.domain.errors import CatalogueError
from pipeline.domain.model import ExtractRules
from pipeline.extraction.dom.blocks import Block
from pipeline.extraction.dom.xpath import find_elements

__all__ = ["RuleSelection", "apply_rules", "remove_elements", "to_xpath"]

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
class RuleSelection:
    """The blocks inside a rule's body, and the block of its lead."""

    kept: frozenset[int]
    lead: int | None


def apply_rules(root: html.HtmlElement, blocks: Sequence[Block], rules: ExtractRules) -> RuleSelection:
    """The blocks that the rule selects; none when its body is not on the page."""
    bodies = set(_found(root, rules.body)) if rules.body else set()
    leads = set(_found(root, rules.lead)) if rules.lead else set()
    kept = frozenset(i for i, block in enumerate(blocks) if bodies & _line(block.node))
    lead = next((i for i, block in enumerate(blocks) if leads & _line(block.node)), None)
    return RuleSelection(kept | ({lead} if lead is not None and kept else set()), lead)


def remove_elements(root: html.HtmlElement, selectors: Sequence[str]) -> None:
    """Removes the elements that the selectors match; the text behind an element stays."""
    for selector in selectors:
        for element in _found(root, selector):
            if element.getparent() is not None:
                element.drop_tree()


@lru_cache(maxsize=1_000)
def to_xpath(selector: str) -> etree.XPath:
    """A selector as XPath. Raises CatalogueError for what is not supported."""
    return etree.XPath(" | ".join(_path(part.strip(), selector) for part in selector.split(",")))


def _found(root: html.HtmlElement, selector: str | None) -> list[html.HtmlElement]:
    return find_elements(to_xpath(selector), root) if selector else []


def _line(node: html.HtmlElement) -> set[html.HtmlElement]:
    return {node, *node.iterancestors()}


def _path(text: str, selector: str) -> str:
    path, axis = "", "descendant-or-self::"
    for word in re.sub(r"\s*>\s*", " > ", text).split():
        if word == ">":
            axis = "/child::"
            continue
        path += ("." if not path else "") + (f"/{axis}" if not path else axis) + _step(word, selector)
        axis = "/descendant::"
    if not path:
        raise CatalogueError(f"empty selector in {selector!r}")
    return path


def _step(word: str, selector: str) -> str:
    simple = _SIMPLE.fullmatch(word)
    if simple is None:
        raise CatalogueError(f"selector {selector!r}: {word!r} is not supported")
    tests = "".join(_test(part) for part in _PART.finditer(simple["rest"]))
    return (simple["tag"] or "*").lower() + tests


def _test(part: re.Match[str]) -> str:
    if part["id"]:
        return f"[@id='{part['id']}']"
    if part["cls"]:
        return f"[contains(concat(' ', normalize-space(@class), ' '), ' {part['cls']} ')]"
    if part["op"] is None:
        return f"[@{part['attr']}]"
    name, value = part["attr"], part["value"].strip("\"'")
    quoted = f"'{value}'" if "'" not in value else f'"{value}"'
    if part["op"] == "=":
        return f"[@{name}={quoted}]"
    return f"[{'starts-with' if part['op'] == '^=' else 'contains'}(@{name}, {quoted})]"
