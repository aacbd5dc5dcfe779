"""What servers do to feeds, by name, and the pages that are no articles.

Each quirk stands on a host of its own (`<quirk>.bizarreries.test/feed.xml`), so that what one server does to a client
(429, 500) costs no other.
"""

from __future__ import annotations

import re
from dataclasses import replace

from tests.newsroom.outlets import Feed
from tests.newsroom.pages.walls import WRONG_PAGES
from tests.newsroom.replies import Answer, Reply

Site = dict[tuple[str, str], Answer]

DOMAIN = "bizarreries.test"
SHOWN_BEFORE_THE_END = 2  # whole entries of the truncated feed
GONE_FROM_ACT = 3  # when the feed `gone-later` answers 410

# `truncated`: the server's own file ends in the middle of an entry, and HTTP is content. `cut`: the connection ends
# before the bytes that Content-Length promised.

# Quirks whose feed shows its entries all the same.
HEALTHY = (
    "build-date",
    "counter",
    "etag",
    "moved-301",
    "moved-302",
    "slow",
    "truncated",
    "charset",
    "gzip",
    "gone-later",
)
# Quirks whose feed never shows an entry.
SICK = ("cut", "html", "not-found", "gone", "too-many", "broken", "empty")
QUIRKS = HEALTHY + SICK

HTML_PAGE = b"""<!DOCTYPE html><html><head><title>Maintenance</title>
<link rel="alternate" type="application/rss+xml" href="/rss/autre.xml"></head>
<body><h1>Nos flux ont d&eacute;m&eacute;nag&eacute;</h1>
<p>Retrouvez la liste des flux sur la page d'accueil.</p></body></html>"""

FEED_TYPE = "application/rss+xml; charset=utf-8"


def quirk_answers(feed: Feed, host: str, good: Reply, *, act: int, slow_s: float) -> Site:
    """The URLs of a quirk's host. `good` is the feed as an orderly server would give it."""
    here = (host, feed.path)
    elsewhere = (host, "/rss/nouveau.xml")
    bare = Reply(body=good.body, content_type=good.content_type)
    match feed.quirk:
        case "build-date":
            return {here: lambda hit: replace(bare, body=_rebuilt(good.body, hit))}
        case "counter":
            return {here: lambda hit: replace(bare, body=_recounted(good.body, hit))}
        case "etag":
            return {here: lambda hit: replace(bare, etag=f'W/"hit-{hit}"')}
        case "moved-301" | "moved-302":
            status = int(feed.quirk[-3:])
            return {here: Reply(status, headers={"Location": f"http://{host}{elsewhere[1]}"}), elsewhere: good}
        case "slow":
            return {here: replace(good, slow_s=slow_s)}
        case "truncated":
            end = _end_of_entry(good.body, SHOWN_BEFORE_THE_END) + len(b"\n<it")
            return {here: replace(bare, body=good.body[:end])}
        case "cut":
            half = len(good.body) // 2
            return {here: replace(bare, body=good.body[:half], cut_bytes=len(good.body) - half)}
        case "charset":
            return {here: replace(good, body=_undeclared(good.body), content_type="text/xml")}
        case "gzip":
            return {here: replace(good, headers={"Content-Encoding": "gzip"})}
        case "gone-later":
            return {here: good if act < GONE_FROM_ACT else Reply(410, b"Ce flux n'existe plus.", "text/plain")}
        case _:
            return {here: SICK_REPLIES[feed.quirk]}


SICK_REPLIES = {
    "html": Reply(body=HTML_PAGE),
    "not-found": Reply(404, b"<html><body><h1>404</h1></body></html>"),
    "gone": Reply(410, b"<html><body><h1>410</h1></body></html>"),
    "too-many": Reply(429, b"Too many requests", "text/plain", headers={"Retry-After": "600"}),
    "broken": Reply(500, b"Internal Server Error", "text/plain"),
    "empty": Reply(body=b"", content_type=FEED_TYPE),
}


def _rebuilt(body: bytes, hit: int) -> bytes:
    """The body with another lastBuildDate at every hit."""
    start, end = body.index(b"<lastBuildDate>") + 15, body.index(b"</lastBuildDate>")
    return body[:start] + f"Mon, 02 Mar 2026 10:{hit // 60 % 60:02}:{hit % 60:02} +0000".encode() + body[end:]


def _recounted(body: bytes, hit: int) -> bytes:
    """The body with other comment counters at every hit."""
    return re.sub(rb"<slash:comments>\d+", b"<slash:comments>%d" % (10 + hit), body)


def _end_of_entry(body: bytes, number: int) -> int:
    """Where the entry of this number ends."""
    end = 0
    for _ in range(number):
        end = body.index(b"</item>", end) + len(b"</item>")
    return end


def _undeclared(body: bytes) -> bytes:
    """windows-1252 bytes, and not a word about it."""
    text = body.decode("utf-8").replace(' encoding="UTF-8"', "")
    return text.encode("cp1252", "xmlcharrefreplace")


def wrong_pages() -> Site:
    """The pages behind the feed `wrong-pages`: none of them is an article."""
    return {(wrong.host, wrong.path): wrong.reply for wrong in WRONG_PAGES}
