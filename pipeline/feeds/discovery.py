"""Feed discovery: the feeds linked in the head of an HTML page (`<link rel=alternate type=application/rss+xml …>`).

Tested by tests/feeds/test_parse.py.
"""

from __future__ import annotations

import html as html_references
import re

from pipeline.identity.urls import repair

_MAX_HTML_CHARS = 500_000
_MAX_LINKS = 20
_LINK = re.compile(r"<link\b([^<>]{0,2000})>", re.IGNORECASE)
_BASE = re.compile(r"<base\b[^<>]{0,500}?\bhref\s*=\s*[\"']?([^\"'\s<>]{1,2048})", re.IGNORECASE)
_ATTRIBUTE = re.compile(r"([a-zA-Z-]{2,12})\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'>]+))")
_FEED_TYPE = re.compile(
    r"application/(?:rss|atom|rdf|feed)\+(?:xml|json)|application/(?:x-)?rss|text/xml|application/xml"
)


def find_alternates(html: str, url: str) -> tuple[str, ...]:
    """The absolute URLs of the feeds that a page links, in its order."""
    head = html[:_MAX_HTML_CHARS]
    declared = _BASE.search(head)
    base = (repair(declared.group(1), url) if declared else None) or url
    found = (repair(html_references.unescape(href), base) for tag in _LINK.findall(head) if (href := _feed_href(tag)))
    return tuple(dict.fromkeys(feed for feed in found if feed))[:_MAX_LINKS]


def _feed_href(tag: str) -> str | None:
    named = {name.lower(): double or single or bare for name, double, single, bare in _ATTRIBUTE.findall(tag)}
    is_feed = "alternate" in named.get("rel", "").lower().split() and _FEED_TYPE.match(named.get("type", "").lower())
    return named.get("href") if is_feed else None
