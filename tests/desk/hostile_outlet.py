"""A hostile outlet: scripts in its feeds, pages, links, guids, headers and errors.

Served on loopback for every host under .test, and really polled, so the desk gets its values through the pipeline.
"""

from __future__ import annotations

import html
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from xml.sax.saxutils import escape, quoteattr

from tests.values import TEXT

SCRIPT = """<script>alert(5)</script>"><img src=x onerror=alert(6)>"""
SITE = "http://www.malice.test"
CATALOGUE = f"""
[[outlet]]
id = "malice"
name = "<script>alert(7)</script>"
homepage = "{SITE}/"
country = "FR"
language = "fr"
[[outlet.feed]]
name = "une"
url = "{SITE}/une.rss"
[[outlet.feed]]
name = "away"
url = "{SITE}/away.rss"
"""


def feed() -> str:
    """A feed with an article, a missing page, and two links that are scripts."""
    items = (
        (f"{SITE}/article.html?{SCRIPT}", f"guid {SCRIPT}"),
        (f"{SITE}/away/{SCRIPT}", "guid 2"),
        ("javascript:alert(8)", "guid 3"),
        ("data:text/html,<script>alert(9)</script>", "guid 4"),
    )
    shown = "".join(
        f"<item><title>{escape(html.escape(f'Titre {n} {SCRIPT}'))}</title><link>{escape(link)}</link>"
        f'<guid isPermaLink="false">{escape(guid)}</guid><description>{escape(SCRIPT)}</description></item>'
        for n, (link, guid) in enumerate(items)
    )
    return f'<?xml version="1.0"?><rss version="2.0"><channel><title>{escape(SCRIPT)}</title>{shown}</channel></rss>'


def page() -> str:
    """An article whose headline, author, URLs and paragraphs are scripts."""
    said = html.escape(SCRIPT)
    paragraphs = "".join(f"<p>{paragraph} {said}</p>" for paragraph in TEXT.split("\n\n") * 3)
    canonical = quoteattr(f"javascript:alert(10)//{SCRIPT}")
    return (
        f'<!doctype html><html lang="fr"><head><title>{said}</title><link rel="canonical" href={canonical}>'
        f'<meta name="author" content={quoteattr(SCRIPT)}></head>'
        f"<body><article><h1>Le marché {said}</h1>{paragraphs}</article>{SCRIPT}</body></html>"
    )


ANSWERS = {
    "/une.rss": ("application/rss+xml", feed),
    "/article.html": ("text/html; charset=utf-8", page),
}


class Handler(BaseHTTPRequestHandler):
    """Serves feed and page, or fails with a script as the reason."""

    def do_GET(self) -> None:
        """Serve a feed or a page."""
        path = self.path.partition("?")[0]
        kind, body = ANSWERS.get(path, (f"text/html; charset={SCRIPT}", lambda: SCRIPT))
        if path in ANSWERS:
            self.send_response(200)
        else:
            self.send_response(404 if path == "/robots.txt" else 500, SCRIPT)
        content = body().encode()
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name for it
        """Log nothing."""


@contextmanager
def malice() -> Iterator[str]:
    """Run the outlet on loopback; yields its address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()
