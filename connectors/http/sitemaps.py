"""Sitemap crawler: from robots.txt or a given index down to the sitemaps that may list pages of a span.

Promises each file at most once, in the listed order, by the fetcher's rules. A file that cannot be fetched is skipped
and reported in `faults`. Parsing is left to pipeline/feeds/sitemaps.py.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field

from pipeline.domain.errors import FetchError, NotAFeed
from pipeline.domain.model import FetchKind, Outlet, Request, Response
from pipeline.domain.ports import Fetcher
from pipeline.feeds.sitemaps import SitemapFile, Span, may_hold, read_sitemap_file, sitemaps_named
from pipeline.text.dates import zone_of

# Tried when robots.txt names none: the protocol's example, and the names that news outlets use.
USUAL_NAMES = ("sitemap_index.xml", "sitemap.xml", "sitemap_news.xml", "news-sitemap.xml")
MAX_FILES = 5_000  # of one crawl: thirteen years of days


@dataclass(slots=True, kw_only=True)
class SitemapCrawl:
    """A crawl of one outlet's sitemaps. `is_done`: whether an earlier crawl has finished a file."""

    fetcher: Fetcher
    outlet: Outlet
    span: Span
    is_done: Callable[[str], bool] = lambda _url: False
    faults: list[str] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)

    async def files(self, given: Sequence[str] = ()) -> AsyncIterator[tuple[str, SitemapFile]]:
        """Every sitemap that may list pages of the span, with its URL; indexes are followed."""
        waiting = list(given) or await self.starts()
        while waiting and len(self.seen) < MAX_FILES:
            url = waiting.pop(0)
            if url in self.seen or self.is_done(url) or (file := await self.read(url)) is None:
                continue
            self.faults.extend(file.faults)
            waiting = [child.url for child in file.children if may_hold(child, self.span)] + waiting
            if file.pages:
                yield url, file
        if waiting:
            self.faults.append(f"{self.outlet.id}: more than {MAX_FILES} sitemaps, {len(waiting)} are not read")

    async def starts(self) -> list[str]:
        """The sitemaps that robots.txt names, else the first usual name that exists."""
        origin = self.outlet.homepage.rstrip("/")
        robots, _ = await self.ask(f"{origin}/robots.txt")
        named = sitemaps_named(robots.body.decode("utf-8", "replace") if robots else "", origin=origin)
        if named:
            return list(named)
        for name in USUAL_NAMES:
            if (await self.ask(f"{origin}/{name}"))[0]:
                return [f"{origin}/{name}"]
        self.faults.append(f"{self.outlet.id}: robots.txt names no sitemap, and none lies where they usually do")
        return []

    async def ask(self, url: str) -> tuple[Response | None, str]:
        """The response with the file, or why there is none."""
        try:
            response = await self.fetcher.fetch(Request(url, FetchKind.FEED))
        except FetchError as error:
            return None, str(error)
        return (response, "") if response.status == 200 else (None, f"{url}: HTTP {response.status}")

    async def read(self, url: str) -> SitemapFile | None:
        """Fetch and parse a sitemap; None, and a fault, when that fails."""
        self.seen.add(url)
        response, fault = await self.ask(url)
        if response is None:
            self.faults.append(fault)
            return None
        kind = response.header("content-type")
        try:
            return read_sitemap_file(response.body, url=url, content_type=kind, zone=zone_of(self.outlet.timezone))
        except NotAFeed as error:
            self.faults.append(str(error))
            return None
