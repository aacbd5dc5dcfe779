"""`newswire backfill`: plan and run backfills from sitemaps and WARC files, with throttled settings.

A backfill is done share by share (pipeline/ingest/backfill.py); a share that was started resumes where it was, in any
later process. Tested by tests/ingest/test_backfill.py.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from itertools import islice
from pathlib import Path
from typing import Unpack

from connectors.archive.warc_reader import WarcPage, read_pages
from connectors.http.sitemaps import SitemapCrawl
from connectors.store.backfills import BackfillStore
from pipeline.app.runs import Newswire, RunOptions
from pipeline.domain.errors import CatalogueError, SettingsError, StoreError
from pipeline.domain.model import Outlet
from pipeline.feeds.raw import RawEntry
from pipeline.feeds.sitemaps import Span, in_span, undated
from pipeline.identity.urls import registrable_domain, repair
from pipeline.ingest.backfill import (
    BATCH,
    PrefetchedPages,
    Share,
    backfill_feed,
    entries_of,
    fill,
    finish,
    throttled_settings,
)
from pipeline.ingest.context import RunContext
from pipeline.reporting.report import Report

EARLIEST = "1990-01-01"  # before the first news on the web
WARC_BATCH = 100  # pages in memory at once


@dataclass(slots=True)
class BackfillResult:
    """What became of a share. `undated`: pages without a date, which were skipped."""

    report: Report = field(default_factory=Report)
    is_finished: bool = False
    undated: int = 0

    @property
    def remarks(self) -> tuple[str, ...]:
        """What an operator should know besides the report."""
        waiting = sum(tally.pending for tally in self.report.outlets.values())
        remarks = (
            (self.undated, f"{self.undated} pages are listed without a date, and were left alone"),
            (waiting, f"{waiting} entries are put off; `newswire backfill`, or the nightly run, tries them again"),
            (not self.is_finished, "not finished: the same words, or `newswire backfill` alone, go on where it was"),
        )
        return tuple(remark for applies, remark in remarks if applies)


@dataclass(frozen=True, slots=True, kw_only=True)
class SitemapPreview:
    """A sitemap in a dry run: how many of its pages are in the span, how many have no date; or a fault."""

    url: str = ""
    in_span: int = 0
    undated: int = 0
    fault: str = ""


class Backfill:
    """Backfills of a deployment. Use as a context manager."""

    def __init__(self, app: Newswire) -> None:
        self.app = app
        self.progress = BackfillStore(app.database, clock=app.clock)

    @classmethod
    def from_env(cls) -> Backfill:
        """The deployment that the environment describes, with throttled settings."""
        with Newswire.from_env() as whole:  # upgrades the store to this version, or refuses
            return cls(Newswire(throttled_settings(whole.settings)))

    def __enter__(self) -> Backfill:
        return self

    def __exit__(self, *_error: object) -> None:
        self.app.__exit__(None, None, None)

    def plan(
        self,
        *,
        outlets: Sequence[str] = (),
        since: str = "",
        until: str = "",
        sitemaps: Sequence[str] = (),
        warcs: Sequence[str] = (),
        again: bool = False,
        begin: bool = True,
    ) -> tuple[Share, ...]:
        """The shares of a backfill, one per outlet or per WARC file; without either, what earlier ones left.

        Stores the shares as started, unless `begin` is False. Raises SettingsError, CatalogueError.
        """
        chosen = self.choose(outlets)
        if not outlets and not warcs:
            return self.left_over()
        since, until = days_of(since, until, today=self.app.clock().date())
        share = Share(outlets=tuple(outlet.id for outlet in chosen), since=since, until=until)
        shares = shares_of(share, sitemaps=sitemaps, warcs=warcs)
        for share in shares if begin else ():
            self.progress.begin(share, again=again)
        return shares

    def choose(self, outlets: Sequence[str]) -> tuple[Outlet, ...]:
        """These outlets of the catalogue; without any, all that are enabled. Raises CatalogueError."""
        known = self.app.outlets_by_id
        unknown = [name for name in outlets if name not in known]
        if unknown:
            raise CatalogueError(*(f"{name} is no outlet of {self.app.settings.catalogue}" for name in unknown))
        if outlets:
            return tuple(known[name] for name in outlets)
        return tuple(outlet for outlet in known.values() if outlet.enabled)

    def left_over(self) -> tuple[Share, ...]:
        """Unfinished backfills, and outlets with old entries that are due for another attempt."""
        known = set(self.app.outlets_by_id)
        unfinished = tuple(share for share in self.progress.unfinished() if set(share.outlets) <= known)
        begun = {outlet for share in unfinished for outlet in share.outlets}
        feeds = [backfill_feed(outlet, name).feed_id for outlet in self.app.outlets for name in ("past", "warc")]
        waiting = self.app.articles.feeds_with_due_entries(feeds, now=self.app.clock())
        outlets = sorted({feed_id.partition("/")[0] for feed_id in waiting} - begun)
        return (*unfinished, *(Share(outlets=(outlet,), since=EARLIEST, until=EARLIEST) for outlet in outlets))

    def preview(self, share: Share) -> list[SitemapPreview]:
        """A dry run: the sitemaps that hold pages of the span. Raises SettingsError for a WARC file."""
        if share.warc:
            raise SettingsError("a dry run reads sitemaps; a WARC file is read to know what is in it")
        span, (outlet,) = span_of(share), self.choose(share.outlets)

        async def read_sitemaps() -> list[SitemapPreview]:
            async with self.app.fetcher() as fetcher:
                crawl = SitemapCrawl(fetcher=fetcher, outlet=outlet, span=span)
                found = [
                    SitemapPreview(url=url, in_span=len(in_span(file, span)), undated=undated(file))
                    async for url, file in crawl.files(share.sitemaps)
                ]
            return found + [SitemapPreview(fault=fault) for fault in crawl.faults]

        return asyncio.run(read_sitemaps())

    def fill(self, share: Share, **options: Unpack[RunOptions]) -> BackfillResult:
        """Do a share, or resume it, and deliver meanwhile. Past the deadline it stops."""
        result = BackfillResult()

        async def work(context: RunContext, report: Report) -> None:
            result.report = report
            await (self.fill_from_warc if share.warc else self.fill_from_sitemaps)(share, result, context)

        self.app.run(work, "backfill", **options)
        if result.is_finished:
            self.progress.end(share)
        return result

    async def fill_from_sitemaps(self, share: Share, result: BackfillResult, context: RunContext) -> None:
        """Finish what an earlier attempt left, then handle an outlet's sitemaps file by file."""
        span, (outlet,) = span_of(share), self.choose(share.outlets)
        feed = backfill_feed(outlet, "past")
        await finish(feed, context, result.report)
        if span.since < span.until:
            crawl = SitemapCrawl(
                fetcher=context.fetcher, outlet=outlet, span=span, is_done=lambda url: self.progress.is_done(share, url)
            )
            async for url, file in crawl.files(share.sitemaps):
                listed = in_span(file, span)
                result.undated += undated(file)
                for start in range(0, len(listed), BATCH):
                    entries = entries_of(listed[start : start + BATCH], outlet, source=url, now=context.clock())
                    await fill(feed, entries, context, result.report)
                    if context.is_late():
                        return
                self.progress.move(share, url, is_done=True, entries=len(listed))
            result.report.faults.extend(crawl.faults)
        result.is_finished = not result.report.faults

    async def fill_from_warc(self, share: Share, result: BackfillResult, context: RunContext) -> None:
        """Handle a WARC file from where an earlier attempt stopped; a damaged record is a fault and ends it."""
        start = self.progress.position(share, share.warc)
        outlets = {domain: outlet for outlet in self.choose(share.outlets) for domain in outlet.hosts}
        faults: list[str] = []
        pages = until_damaged(read_pages(Path(share.warc), offset=start), faults)
        while batch := list(islice(pages, WARC_BATCH)):
            await self.fill_pages(batch, outlets, span_of(share), result.report, context)
            self.progress.move(share, share.warc, position=batch[-1].next_offset)
            if context.is_late():
                return
        result.report.faults.extend(faults)
        result.is_finished = not faults

    async def fill_pages(
        self, pages: Sequence[WarcPage], outlets: dict[str, Outlet], span: Span, report: Report, context: RunContext
    ) -> None:
        """Handle the pages of our outlets in the span, outlet by outlet."""
        by_outlet: dict[str, list[WarcPage]] = {}
        for page in pages:
            outlet = outlets.get(registrable_domain(page.response.url))
            if outlet is not None and span.holds(page.response.fetched_at):
                by_outlet.setdefault(outlet.id, []).append(page)
        for outlet_id, own in by_outlet.items():
            outlet = self.app.outlets_by_id[outlet_id]
            raw = [RawEntry(link=page.response.url) for page in own]
            entries = entries_of(raw, outlet, source=outlet.homepage, now=context.clock())
            prefetched = {repair(page.response.url, outlet.homepage) or "": page.response for page in own}
            feed = backfill_feed(outlet, "warc")
            left = await context.in_store(context.entries.due_entries, [feed.feed_id], now=context.clock())
            links = frozenset(entry.entry.link for entry in left if entry.entry.link)
            fetcher = PrefetchedPages(prefetched, links, context.fetcher)
            await fill(feed, entries, replace(context, fetcher=fetcher), report)


def shares_of(share: Share, *, sitemaps: Sequence[str], warcs: Sequence[str]) -> tuple[Share, ...]:
    """A share per WARC file; without any, per outlet. Raises SettingsError."""
    missing = [f"{warc}: there is no such file" for warc in warcs if not Path(warc).is_file()]
    if missing:
        raise SettingsError(*missing)
    if warcs:
        return tuple(replace(share, warc=str(Path(warc).absolute())) for warc in warcs)
    if sitemaps and len(share.outlets) != 1:
        raise SettingsError("sitemaps belong to one outlet: name it, and it alone")
    return tuple(replace(share, outlets=(outlet,), sitemaps=tuple(sitemaps)) for outlet in share.outlets)


def until_damaged(pages: Iterator[WarcPage], faults: list[str]) -> Iterator[WarcPage]:
    """The pages before the first damaged record, which is added to the faults."""
    try:
        yield from pages
    except StoreError as error:
        faults.append(str(error))


def days_of(since: str, until: str, *, today: date) -> tuple[str, str]:
    """A span as ISO dates, the last one excluded; today is left to the live feeds. Raises SettingsError."""
    try:
        first = datetime.fromisoformat(since or EARLIEST).date()
        last = min(datetime.fromisoformat(until).date() if until else today, today)
    except ValueError as error:
        raise SettingsError(f"a day is written 2026-03-01: {error}") from error
    if first > last:
        raise SettingsError(f"nothing lies between {first} and {last}; news of today come by the live feeds")
    return first.isoformat(), last.isoformat()


def span_of(share: Share) -> Span:
    """A share's days as moments."""
    since, until = (datetime.fromisoformat(day).replace(tzinfo=UTC) for day in (share.since, share.until))
    return Span(since, until)
