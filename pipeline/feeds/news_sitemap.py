"""News sitemap reader (Google News): `news:news` gives entries; a plain sitemap or an index gives only its kind.

Tested by tests/feeds/test_parse.py.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

from lxml import etree

from pipeline.feeds.raw import MAX_ENTRIES, RawDate, RawEntry, RawFeed, RawText
from pipeline.feeds.sanitize import prepare


def read_sitemap(text: str) -> RawFeed:
    """Parse a Google News sitemap."""
    markup = prepare(text)
    if "<sitemapindex" in markup.text[:65_536].lower():
        return RawFeed(kind="sitemap-index", faults=markup.faults, clipped=markup.clipped)
    entries: list[RawEntry] = []
    clipped = markup.clipped
    for fields in iterate_fields(markup.text, "{*}url"):
        if "title" not in fields and "publication_date" not in fields:
            continue
        if len(entries) == MAX_ENTRIES:
            clipped = True
            break
        entries.append(entry_of(fields))
    kind = "sitemap-news" if entries else "sitemap"
    return RawFeed(kind=kind, entries=tuple(entries), faults=markup.faults, clipped=clipped)


def iterate_fields(text: str, *tags: str) -> Iterator[dict[str, str]]:
    """The fields of each element with one of these tags, by local name, up to the first XML error."""
    source = io.BytesIO(text.encode("utf-8", "replace"))
    elements: Any = etree.iterparse(
        source, tag=tags, recover=True, huge_tree=False, resolve_entities=False, no_network=True
    )
    try:
        for _, element in elements:
            yield fields_of(element)
            element.clear()
    except etree.XMLSyntaxError:
        return


def fields_of(url: Any) -> dict[str, str]:
    """An element's fields by local name: the first text of each."""
    fields: dict[str, str] = {}
    for element in url.iter(etree.Element):
        name = etree.QName(element).localname
        parent = element.getparent()
        key = f"image_{name}" if parent is not None and etree.QName(parent).localname == "image" else name
        if element.text and element.text.strip():
            fields.setdefault(key, element.text.strip())
    return fields


def entry_of(fields: dict[str, str]) -> RawEntry:
    """The entry in the fields of a `<url>`."""
    keywords = (word.strip() for word in fields.get("keywords", "").split(","))
    return RawEntry(
        title=RawText(fields["title"]) if "title" in fields else None,
        link=fields.get("loc"),
        published=RawDate(fields["publication_date"][:128]) if "publication_date" in fields else None,
        modified=RawDate(fields["lastmod"][:128]) if "lastmod" in fields else None,
        categories=tuple(word for word in keywords if word),
        language=fields.get("language"),
        image=fields.get("image_loc"),
    )
