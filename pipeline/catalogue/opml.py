"""OPML 2.0, in and out: the catalogue for any feed reader, and any reader's feeds for the catalogue."""

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
    """A feed of an OPML file, with the folder it lies in."""

    title: str
    url: str
    folder: str | None = None


def to_opml(outlets: Sequence[Outlet]) -> str:
    """The outlets as an OPML 2.0 file: an outline per outlet, its feeds inside."""
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
    """The feeds of an OPML file. Raises CatalogueError when it is none."""
    import listparser

    parsed = listparser.parse(text)
    if not parsed.feeds:
        raise CatalogueError(f"no feeds in this OPML file{': ' + str(parsed.bozo_exception) if parsed.bozo else ''}")
    return tuple(
        OpmlFeed(feed.title or feed.url, feed.url, feed.categories[0][0] if feed.get("categories") else None)
        for feed in parsed.feeds
    )


def merge_opml(catalogue: str, opml: str) -> str:
    """The catalogue's text with an OPML file's feeds added, but for those it has already. Raises CatalogueError."""
    outlets = parse_catalogue(catalogue, source="catalogue") if catalogue.strip() else ()
    known = {feed.url for outlet in outlets for feed in outlet.feeds}
    names = {feed.id for outlet in outlets for feed in outlet.feeds}
    for feed in from_opml(opml):
        if feed.url in known:
            continue
        outlet = slug(feed.folder or feed.title)
        name = free_name(outlet, slug(feed.title), names)
        catalogue = add_feed(catalogue, NewFeed(outlet, name, feed.url, name=feed.folder or feed.title))
        known.add(feed.url)
        names.add(f"{outlet}/{name}")
    return catalogue


def slug(text: str) -> str:
    """An id made of a name: lower case letters, digits and hyphens."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-") or "feed"


def free_name(outlet: str, name: str, taken: set[str]) -> str:
    """The name, or the name with a number where the outlet has one such already."""
    numbered = (name, *(f"{name}-{number}" for number in range(2, 1000)))
    return next(candidate for candidate in numbered if f"{outlet}/{candidate}" not in taken)
