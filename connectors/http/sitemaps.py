"""An outlet's sitemaps, walked: from robots.txt or a given index down to the files that may list pages of a span.

Promises each file at most once, by every rule of the fetcher, in the order in which they are listed; that a file which
cannot be had costs itself and is told (`faults`). What a sitemap says is pipeline/feeds/sitemaps.py's.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field

from pipeline.domain.errors import FetchError, NotAFeed
from pipeline.domain.model import FetchKind, Outlet, Request
from pipeline.domain.ports import Fetcher
from pipeline.feeds.sitemaps import SitemapFile, Span, may_hold, read_sitemap_file, sitemaps_named
from pipeline.text.dates import zone_of

# Where sitemaps lie when robots.txt names none (the protocol's example, and what news outlets use).
USUAL = ("sitemap_index.xml", "sitemap.xml", "sitemap_news.xml", "news-sitemap.xml")
MOST_FILES = 5_000  # of one walk: thirteen years of days


@dataclass(slots=True)
class SitemapCrawl:
    """A walk over one outlet's sitemaps. `is_done` tells which files an earlier walk has finished."""

    fetcher: Fetcher
    outlet: Outlet
    span: Span
    is_done: Callable[[str], bool] = lambda _url: False
    faults: list[str] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)

    async def files(self, given: Sequence[str] = ()) -> AsyncIterator[tuple[str, SitemapFile]]:
        """Every list of pages that may hold some of the span, with its URL; indexes are followed on the way."""
        waiting = list(given) or await self.starts()
        while waiting and len(self.seen) < MOST_FILES:
            url = waiting.pop(0)
            if url in self.seen or self.is_done(url):
                continue
            self.seen.add(url)
            file = await self.read(url)
            if file is None:
                continue
            self.faults.extend(file.faults)
            waiting = [child.url for child in file.children if may_hold(child, self.span)] + waiting
            if file.pages:
                yield url, file
        if waiting:
            self.faults.append(f"{self.outlet.id}: more than {MOST_FILES} sitemaps, {len(waiting)} are not read")

    async def starts(self) -> list[str]:
        """Where to begin: what robots.txt names, else the first of the usual places that is there."""
        origin = self.outlet.homepage.rstrip("/")
        robots = await self.ask(f"{origin}/robots.txt")
        named = sitemaps_named(robots.decode("utf-8", "replace") if robots else "", origin=origin)
        if named:
            return list(named)
        for name in USUAL:
            if await self.ask(f"{origin}/{name}") is not None:
                return [f"{origin}/{name}"]
        self.faults.append(f"{self.outlet.id}: robots.txt names no sitemap, and none lies where they usually do")
        return []

    async def ask(self, url: str) -> bytes | None:
        """What lies there; None when nothing does."""
        try:
            response = await self.fetcher.fetch(Request(url, FetchKind.FEED))
        except FetchError:
            return None
        return response.body if response.status == 200 else None

    async def read(self, url: str) -> SitemapFile | None:
        """A sitemap; None, and a fault, when it cannot be had or is none."""
        try:
            response = await self.fetcher.fetch(Request(url, FetchKind.FEED))
            if response.status != 200:
                self.faults.append(f"{url}: HTTP {response.status}")
                return None
            kind = response.header("content-type")
            return read_sitemap_file(response.body, url=url, content_type=kind, zone=zone_of(self.outlet.timezone))
        except (FetchError, NotAFeed) as error:
            self.faults.append(str(error))
            return None
