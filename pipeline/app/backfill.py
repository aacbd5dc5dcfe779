"""Filling in the past: the walk of pipeline/ingest/backfill.py over sitemaps and WARC files, furnished gently.

`news_backfill` and `newswire backfill` stand on it. Plans what to fill, share by share; a share that was begun goes on
where it was, in any later process.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TypeVar

from connectors.archive.warc_reader import WarcPage, read_pages
from connectors.http.sitemaps import SitemapCrawl
from connectors.store.backfills import BackfillStore
from pipeline.app.runs import Newswire, tell
from pipeline.delivery.deliver import Deliverer
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

T = TypeVar("T")

EARLIEST = "1990-01-01"
WARC_BATCH = 100  # pages in memory at once


@dataclass(slots=True)
class BackfillResult:
    """What became of a share. `undated`: pages that nothing dates, which were left alone."""

    report: Report = field(default_factory=Report)
    is_finished: bool = False
    undated: int = 0

    @property
    def remarks(self) -> tuple[str, ...]:
        """What a person should know beside the report."""
        waiting = sum(tally.pending for tally in self.report.outlets.values())
        remarks = (
            (self.undated, f"{self.undated} pages are listed without a date, and were left alone"),
            (waiting, f"{waiting} entries are put off; `newswire backfill`, or the nightly run, tries them again"),
            (not self.is_finished, "not finished: the same words, or `newswire backfill` alone, go on where it was"),
        )
        return tuple(words for applies, words in remarks if applies)


@dataclass(frozen=True, slots=True, kw_only=True)
class SitemapPreview:
    """A sitemap of a dry run: how many of its pages are in the span, how many nothing dates; or a fault."""

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
        """The deployment that the environment describes, made throttled_settings."""
        with Newswire.from_env() as whole:  # brings the store to this version, or refuses
            return cls(Newswire(throttled_settings(whole.settings)))

    def __enter__(self) -> Backfill:
        return self

    def __exit__(self, *_error: object) -> None:
        self.app.__exit__(None, None, None)

    # ------------------------------------------------------------ plan

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
        """What to fill: a share per outlet, or per WARC file; without either, what earlier backfills left.

        What is planned is remembered as begun, unless it is only to be looked at.

        Raises SettingsError, CatalogueError.
        """
        chosen = self.choose(outlets)
        if not outlets and not warcs:
            return self.left_over()
        days = days_of(since, until, today=self.app.clock().date())
        nowhere = [f"{warc}: there is no such file" for warc in warcs if not Path(warc).is_file()]
        if nowhere:
            raise SettingsError(*nowhere)
        if warcs:
            ids = tuple(outlet.id for outlet in chosen)
            shares = tuple(Share(ids, *days, warc=str(Path(warc).absolute())) for warc in warcs)
        elif sitemaps and len(chosen) != 1:
            raise SettingsError("sitemaps belong to one outlet: name it, and it alone")
        else:
            shares = tuple(Share((outlet.id,), *days, sitemaps=tuple(sitemaps)) for outlet in chosen)
        for share in shares if begin else ():
            self.progress.begin(share, again=again)
        return shares

    def choose(self, outlets: Sequence[str]) -> tuple[Outlet, ...]:
        """These outlets of the catalogue; all that are enabled without any. Raises CatalogueError."""
        unknown = [name for name in outlets if name not in self.app.outlets_by_id]
        if unknown:
            raise CatalogueError(*(f"{name} is no outlet of {self.app.settings.catalogue}" for name in unknown))
        if outlets:
            return tuple(self.app.outlets_by_id[name] for name in outlets)
        return tuple(outlet for outlet in self.app.outlets if outlet.enabled)

    def left_over(self) -> tuple[Share, ...]:
        """Backfills that are not done, and outlets whose old entries may be tried again now."""
        unfinished = tuple(share for share in self.progress.unfinished() if set(share.outlets) <= set(self.known()))
        begun = {outlet for share in unfinished for outlet in share.outlets}
        feeds = [backfill_feed(outlet, name).feed_id for outlet in self.app.outlets for name in ("past", "warc")]
        waiting = self.app.articles.feeds_with_due_entries(feeds, now=self.app.clock())
        outlets = {feed_id.partition("/")[0] for feed_id in waiting} - begun
        return (*unfinished, *(Share((outlet,), EARLIEST, EARLIEST) for outlet in sorted(outlets)))

    def known(self) -> tuple[str, ...]:
        """The catalogue's outlets."""
        return tuple(self.app.outlets_by_id)

    # ------------------------------------------------------------ look

    def look(self, share: Share) -> Iterator[SitemapPreview]:
        """A dry run: the sitemaps that hold pages of the span. Raises SettingsError for a WARC file."""
        if share.warc:
            raise SettingsError("a dry run reads sitemaps; a WARC file is read to know what is in it")
        yield from asyncio.run(self.look_at_sitemaps(share))

    async def look_at_sitemaps(self, share: Share) -> list[SitemapPreview]:
        """Fetch the sitemaps, and nothing else."""
        span, (outlet,) = span_of(share), self.choose(share.outlets)
        async with self.app.fetcher() as fetcher:
            walk = SitemapCrawl(fetcher, outlet, span)
            found = [
                SitemapPreview(url=url, in_span=len(in_span(file, span)), undated=undated(file))
                async for url, file in walk.files(share.sitemaps)
            ]
        return found + [SitemapPreview(fault=fault) for fault in walk.faults]

    # ------------------------------------------------------------ fill

    def fill(
        self,
        share: Share,
        *,
        deadline_s: float | None = None,
        run_id: str = "",
        watch: Callable[[Report], None] | None = None,
    ) -> BackfillResult:
        """Fill a share, delivering meanwhile; goes on where an earlier attempt was. Past the deadline it stops."""
        began = time.monotonic()
        app, filled = self.app, BackfillResult()
        deliverer = app.deliverer()
        deliverer.start()
        try:
            if app.has_room(filled.report):
                asyncio.run(self.walk(share, filled, deliverer, deadline_s=deadline_s, watch=watch))
        finally:
            app.finish_delivery(deliverer, filled.report)
        filled.report.seconds = time.monotonic() - began
        app.runs.keep(run_id or app.run_name("backfill"), filled.report, now=app.clock())
        if filled.is_finished:
            self.progress.end(share)
        return filled

    async def walk(
        self,
        share: Share,
        filled: BackfillResult,
        deliverer: Deliverer,
        *,
        deadline_s: float | None,
        watch: Callable[[Report], None] | None,
    ) -> None:
        """Furnish the context and walk."""
        async with AsyncExitStack() as stack:
            context = await self.app.furnish(stack, deliverer, deadline_s=deadline_s)
            watcher = asyncio.create_task(tell(watch, filled.report)) if watch else None
            if share.warc:
                await self.walk_warc(share, filled, context)
            else:
                await self.walk_sitemaps(share, filled, context)
            await context.teaching.finish(context)
            if watcher:
                watcher.cancel()

    async def walk_sitemaps(self, share: Share, filled: BackfillResult, context: RunContext) -> None:
        """An outlet's sitemaps: first what an earlier attempt left, then file by file what is in the span."""
        span, (outlet,) = span_of(share), self.choose(share.outlets)
        feed = backfill_feed(outlet, "past")
        await finish(feed, context, filled.report)
        if span.since < span.until:
            walk = SitemapCrawl(context.fetcher, outlet, span, is_done=lambda url: self.progress.is_done(share, url))
            async for url, file in walk.files(share.sitemaps):
                listed = in_span(file, span)
                filled.undated += undated(file)
                for some in batches(listed, BATCH):
                    await fill(feed, entries_of(some, outlet, source=url, context=context), context, filled.report)
                    if context.is_late():
                        return
                self.progress.move(share, url, is_done=True, entries=len(listed))
            filled.report.faults.extend(walk.faults)
        filled.is_finished = not filled.report.faults

    async def walk_warc(self, share: Share, filled: BackfillResult, context: RunContext) -> None:
        """A WARC file, from where an earlier attempt stood; a damaged one is a fault, what came before it is kept."""
        start = self.progress.position(share, share.warc)
        outlets = {domain: outlet for outlet in self.choose(share.outlets) for domain in outlet.hosts}
        faults: list[str] = []
        for some in batches(until_damaged(read_pages(Path(share.warc), offset=start), faults), WARC_BATCH):
            await self.fill_pages(some, outlets, span_of(share), filled.report, context)
            self.progress.move(share, share.warc, position=some[-1].next_offset)
            if context.is_late():
                return
        filled.report.faults.extend(faults)
        filled.is_finished = not faults

    async def fill_pages(
        self, pages: Sequence[WarcPage], outlets: dict[str, Outlet], span: Span, report: Report, context: RunContext
    ) -> None:
        """The pages of our outlets and the span, outlet by outlet."""
        by_outlet: dict[str, list[WarcPage]] = {}
        for page in pages:
            outlet = outlets.get(registrable_domain(page.response.url))
            if outlet is not None and span.holds(page.response.fetched_at):
                by_outlet.setdefault(outlet.id, []).append(page)
        for outlet_id, some in by_outlet.items():
            outlet = self.app.outlets_by_id[outlet_id]
            raw = [RawEntry(link=page.response.url) for page in some]
            entries = entries_of(raw, outlet, source=outlet.homepage, context=context)
            at_hand = {repair(page.response.url, outlet.homepage) or "": page.response for page in some}
            feed = backfill_feed(outlet, "warc")
            left = await context.in_store(context.articles.due_entries, [feed.feed_id], now=context.clock())
            links = frozenset(entry.entry.link for entry in left if entry.entry.link)
            await fill(
                feed, entries, replace(context, fetcher=PrefetchedPages(at_hand, links, context.fetcher)), report
            )


def until_damaged(pages: Iterator[WarcPage], faults: list[str]) -> Iterator[WarcPage]:
    """The pages before the first damaged record; the damage is a fault."""
    try:
        yield from pages
    except StoreError as error:
        faults.append(str(error))


def batches(things: Iterable[T], size: int) -> Iterator[list[T]]:
    """Lists of at most `size`, in order."""
    rest = iter(things)
    while some := list(itertools.islice(rest, size)):
        yield some


def days_of(since: str, until: str, *, today: date) -> tuple[str, str]:
    """The days of a span as ISO dates: from the first on, before the last; what is of today belongs to the live feeds.

    Raises SettingsError.
    """
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
