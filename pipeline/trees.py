"""Trees: lxml's answers as values of one type, so that nobody else has to guess what an XPath gives."""

from __future__ import annotations

from typing import cast

from lxml import etree, html

__all__ = ["count_of", "find_elements", "find_texts", "text_of"]


def find_elements(path: etree.XPath, root: html.HtmlElement) -> list[html.HtmlElement]:
    """The elements that an XPath finds; it must be one that finds elements."""
    return cast("list[html.HtmlElement]", path(root))


def find_texts(path: etree.XPath, root: html.HtmlElement) -> list[str]:
    """The strings that an XPath finds."""
    return [str(text) for text in cast("list[str]", path(root))]


def count_of(path: etree.XPath, root: html.HtmlElement) -> int:
    """The number that an XPath counts, without a Python object for each element."""
    return int(cast("float", path(root)))


def text_of(element: html.HtmlElement) -> str:
    """All text under an element, blanks as they come."""
    return "".join(str(text) for text in element.itertext())
