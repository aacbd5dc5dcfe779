"""OPML 2.0 import and export of the catalogue.

Tested by tests/catalogue/test_catalogue.py.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from pipeline.catalogue.catalogue import NewFeed, add_feed, parse_catalogue
from pipeline.domain.errors import CatalogueError
from pipeline.domain.model import Outlet


@dataclass(frozen=True, slots=True)
class OpmlFeed:
    """A feed of an OPML file, with its folder."""

    title: str
    url: str
    folder: str | None = None


def to_opml(outlets: Sequence[Outlet]) -> str:
    """The outlets as an OPML 2.0 file: one outline for each outlet, with its feeds inside."""
    opml = Element("opml", version="2.0")
    SubElement(SubElement(opml, "head"), "title").text = "newswire"
    body = SubElement(opml, "body")
    for outlet in outlets:
        group = SubElement(body, "outline", text=outlet.name, title=outlet.name)
        for feed in outlet.feeds:
            title = f"{outlet.name} – {feed.section}" if feed.section else outlet.name
            SubElement(
                group,
                "outline",
                type="rss",
                text=title,
                title=title,
                xmlUrl=feed.url,
                htmlUrl=outlet.homepage,
                language=outlet.language,
            )
    indent(opml)
    return tostring(opml, encoding="unicode", xml_declaration=True) + "\n"


def from_opml(text: str) -> tuple[OpmlFeed, ...]:
    """The feeds of an OPML file. Raises CatalogueError when there are none."""
    import listparser

    parsed = listparser.parse(text)
    if not parsed.feeds:
        raise CatalogueError(f"no feeds in this OPML file{': ' + str(parsed.bozo_exception) if parsed.bozo else ''}")
    return tuple(
        OpmlFeed(feed.title or feed.url, feed.url, feed.categories[0][0] if feed.get("categories") else None)
        for feed in parsed.feeds
    )


def merge_opml(catalogue: str, opml: str) -> str:
    """Add the feeds of an OPML file that the catalogue does not have yet. Raises CatalogueError."""
    outlets = parse_catalogue(catalogue, source="catalogue") if catalogue.strip() else ()
    known = {feed.url for outlet in outlets for feed in outlet.feeds}
    names = {feed.id for outlet in outlets for feed in outlet.feeds}
    for feed in from_opml(opml):
        if feed.url in known:
            continue
        outlet = slug(feed.folder or feed.title)
        name = free_name(outlet, slug(feed.title), names)
        catalogue = add_feed(
            catalogue, NewFeed(outlet_id=outlet, feed=name, url=feed.url, name=feed.folder or feed.title)
        )
        known.add(feed.url)
        names.add(f"{outlet}/{name}")
    return catalogue


def slug(text: str) -> str:
    """An id made from a name: lower case letters, digits and hyphens."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-") or "feed"


def free_name(outlet: str, name: str, taken: set[str]) -> str:
    """The name, with a number appended when the outlet has that name already."""
    numbered = (name, *(f"{name}-{number}" for number in range(2, 1000)))
    return next(candidate for candidate in numbered if f"{outlet}/{candidate}" not in taken)
