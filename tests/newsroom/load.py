"""Load for the whole job: outlets with real page markup and made-up text, served from loopback by one process.

    python -m tests.newsroom.load [--outlets 20] [--feeds 5] [--entries 40] [--copies 0.1] [--port 0]

Each outlet takes the markup of one labelled page of ../shared/corpora, else of a page of the newsroom.
Headline, description and every long line get made-up words, new for every article; a tenth of the articles are copies.
Hosts are oN.test. GET /-/catalogue is the catalogue. The address is printed when the server listens.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from html import escape

from aiohttp import web
from lxml import html

from pipeline.identity.urls import registrable_domain
from tests.evaluation.extraction_pages import CORPORA, NEWS, read_pages
from tests.newsroom.catalogue import OUTLETS
from tests.newsroom.pages.page import Page
from tests.newsroom.site import look_of

CONSONANTS, VOWELS = ("b", "c", "d", "f", "g", "l", "m", "n", "p", "r", "s", "t", "br", "fl"), "aeiou"
LONG_LINE = 60  # characters: shorter lines are menus and labels, which every page of an outlet repeats
MIN_TEXTS = 5  # of a page that can carry an article
SPREAD_MINUTES = 300  # over which the articles' dates are spread
SLOT = re.compile(r"@@(\w+)@@")


def made_words(seed: str, length: int) -> str:
    """Made-up words of about so many characters, the same for the same seed."""
    chance = random.Random(seed)
    syllables = [consonant + vowel for consonant in CONSONANTS for vowel in VOWELS]
    words = ("".join(chance.choices(syllables, k=chance.choice((1, 2, 2, 3)))) for _ in range(max(3, length // 6)))
    return " ".join(words)[: max(20, length)].capitalize().rstrip() + "."


class Template:
    """The markup of a page, cut where text goes."""

    def __init__(self, page: bytes) -> None:
        tree = html.document_fromstring(page)
        for element in list(tree.iter("script", "link")):
            is_other_form = element.get("rel") in ("amphtml", "shortlink")
            if element.get("type") == "application/ld+json" or is_other_form:
                parent = element.getparent()
                if parent is not None:
                    parent.remove(element)
        self.sizes: dict[str, int] = {}
        self.headlines = 0
        for element in list(tree.iter("p", "h1", "h2", "h3", "li", "blockquote", "div", "span", "td")):
            self.take_text(element)
        self.fill_head(tree)
        self.parts = SLOT.split(html.tostring(tree, encoding="unicode", doctype="<!DOCTYPE html>"))

    def take_text(self, element: html.HtmlElement) -> None:
        """Put a slot in place of a headline or a long line."""
        text = element.text_content().strip()
        own = (element.text or "").strip() if element.tag in ("div", "span", "td", "li") else text
        if element.tag != "h1" and len(own) <= LONG_LINE:
            return
        for child in list(element):
            element.remove(child)
        name = "TITLE" if element.tag == "h1" else f"SLOT{len(self.sizes)}"
        self.headlines += element.tag == "h1"
        element.text = f"@@{name}@@"
        if name != "TITLE":
            self.sizes[name] = len(text)

    def fill_head(self, tree: html.HtmlElement) -> None:
        """Put slots in place of what the head says of the article."""
        for title in tree.iter("title"):
            title.text = "@@TITLE@@"
        for link in (link for link in tree.iter("link") if link.get("rel") == "canonical"):
            link.set("href", "@@URL@@")
        for meta in tree.iter("meta"):
            name = (meta.get("property") or meta.get("name") or "").lower()
            said = {"title": "TITLE", "description": "LEAD", "og:url": "URL", "ed_time": "DATE"}
            slot = next((slot for part, slot in said.items() if name.endswith(part)), None)
            if slot:
                meta.set("content", f"@@{slot}@@")
            if meta.get("charset"):
                meta.set("charset", "utf-8")

    @property
    def is_usable(self) -> bool:
        """Whether it has a headline and enough text."""
        return self.headlines > 0 and len(self.sizes) >= MIN_TEXTS

    def page(self, url: str, seed: str, at: datetime) -> bytes:
        """The page of one article."""
        title = made_words(f"{seed} title", 70)[:-1]
        said = {"TITLE": title, "LEAD": made_words(f"{seed} lead", 160), "URL": escape(url), "DATE": at.isoformat()}
        parts = (
            part if number % 2 == 0 else said.get(part) or made_words(f"{seed} {part}", self.sizes[part])
            for number, part in enumerate(self.parts)
        )
        return "".join(parts).encode()


def read_templates(count: int) -> Iterator[Template]:
    """Templates of so many outlets, each of its own site."""
    found, sites = 0, set[str]()
    for page in markup():
        if found == count:
            return
        site, template = page[0], Template(page[1])
        if site not in sites and template.is_usable:
            sites.add(site)
            found += 1
            yield template


def markup() -> Iterator[tuple[str, bytes]]:
    """Pages with their sites: the labelled ones, else those of the sample newsroom."""
    if CORPORA.exists():
        for page in read_pages(NEWS):
            yield registrable_domain(page.url), page.html()
    for number in range(1_000):
        outlet = OUTLETS[number % len(OUTLETS)]
        article = outlet.articles[number // len(OUTLETS) % len(outlet.articles)]
        rendered = look_of(outlet).render(Page(outlet, article, article.versions[0], ()))
        yield f"newsroom {number}", rendered.encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What is served."""

    templates: tuple[Template, ...]
    feeds: int
    entries: int
    copies: float
    began: datetime

    def catalogue(self) -> str:
        """The outlets as a catalogue."""
        return "\n".join(
            f'[[outlet]]\nid = "o{o}"\nname = "Outlet {o}"\nhomepage = "https://o{o}.test/"\ncountry = "FR"\n'
            f'language = "en"\ntimezone = "Europe/Paris"\n'
            + "".join(
                f'[[outlet.feed]]\nname = "f{f}"\nurl = "http://o{o}.test/rss/{f}.xml"\n' for f in range(self.feeds)
            )
            for o in range(len(self.templates))
        )

    def feed(self, host: str, number: int) -> str:
        """A feed of the outlet at this host."""
        numbers = range(number * self.entries, (number + 1) * self.entries)
        items = "".join(
            f"<item><title>Article {n}</title><link>http://{host}/news/{n}-x.html</link>"
            f"<guid>http://{host}/news/{n}-x.html</guid><pubDate>{format_datetime(self.date(n))}</pubDate>"
            f"<description>{made_words(f'{host} {n}', 120)}</description></item>"
            for n in numbers
        )
        return (
            f'<?xml version="1.0" encoding="utf-8"?><rss version="2.0"><channel><title>{host} {number}</title>'
            f"<link>http://{host}/</link><description>made</description>{items}</channel></rss>"
        )

    def article(self, host: str, number: int) -> bytes:
        """A page of the outlet at this host; some have the text of the first outlet's article of this number."""
        outlet = int(host.removeprefix("o").partition(".")[0])
        seed = f"{host} {number}"
        if outlet and random.Random(f"copy {seed}").random() < self.copies:
            seed = f"o0.test {number}"
        return self.templates[outlet].page(f"http://{host}/news/{number}-x.html", seed, self.date(number))

    def date(self, number: int) -> datetime:
        """When an article was published."""
        return self.began - timedelta(minutes=number % SPREAD_MINUTES)

    async def answer(self, request: web.Request) -> web.Response:
        """Answer one request."""
        host, path = request.host.partition(":")[0], request.path
        if path == "/-/catalogue":
            return web.Response(text=self.catalogue())
        if path == "/robots.txt":
            return web.Response(text="User-agent: *\nDisallow: /private\n")
        if feed := re.fullmatch(r"/rss/(\d+)\.xml", path):
            return web.Response(text=self.feed(host, int(feed[1])), content_type="application/rss+xml")
        if page := re.fullmatch(r"/news/(\d+)-x\.html", path):
            return web.Response(body=self.article(host, int(page[1])), content_type="text/html", charset="utf-8")
        return web.Response(status=404)


async def serve(load: Load, port: int) -> None:
    """Serve until the process is ended."""
    application = web.Application()
    application.router.add_get("/{path:.*}", load.answer)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port)
    await site.start()
    size_kb = sum(len("".join(template.parts)) for template in load.templates) / len(load.templates) / 1_000
    print(f"{len(load.templates)} outlets, mean markup {size_kb:.0f} kB", file=sys.stderr)
    print(f"load on 127.0.0.1:{runner.addresses[0][1]}", flush=True)
    await asyncio.Event().wait()


def main() -> None:
    """Serve the load."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.newsroom.load", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--outlets", type=int, default=20)
    parser.add_argument("--feeds", type=int, default=5, help="of each outlet")
    parser.add_argument("--entries", type=int, default=40, help="of each feed")
    parser.add_argument("--copies", type=float, default=0.1, help="share of articles that copy another outlet's text")
    parser.add_argument("--port", type=int, default=0, help="0: a free one")
    choice = parser.parse_args()
    load = Load(
        templates=tuple(read_templates(choice.outlets)),
        feeds=choice.feeds,
        entries=choice.entries,
        copies=choice.copies,
        began=datetime.now(UTC).replace(microsecond=0),
    )
    asyncio.run(serve(load, choice.port))


if __name__ == "__main__":
    main()
