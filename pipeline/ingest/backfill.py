"""Backfill: pages listed in sitemaps or held in WARC files become pending entries, collected as all others.

    sitemap or WARC ─▶ entries of the span ─▶ [entries, ONE transaction] ─▶ collect each, as pipeline/ingest/poll.py

They are pending under a feed of their own, `<outlet>/~past` or `<outlet>/~warc`. No live run polls it or carries its
entries over, so that live news never waits for old news. Every step may be repeated: known entries are recognised.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Self

from pipeline.domain.model import Entry, FeedState, Outlet, PendingEntry, Request, Response
from pipeline.domain.ports import Fetcher, Slot
from pipeline.domain.settings import Settings
from pipeline.feeds.entries import FeedContext, normalize_entries
from pipeline.feeds.raw import RawEntry
from pipeline.ingest.collect import collect
from pipeline.ingest.context import RunContext
from pipeline.ingest.poll import count
from pipeline.ingest.ports import PollDecision, PollRecord, PollResult
from pipeline.reporting.report import Report
from pipeline.scheduling.feed_state import PollKind, PollOutcome
from pipeline.text.dates import zone_of

BATCH = 200  # entries between two checks of the deadline, and the most that a crash makes us repeat
OUTCOME = "backfilled"  # the poll's outcome in reports
NOT_FOUND = 404


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """The part of a backfill that one task does: an outlet's sitemaps, or the outlets' pages of a WARC file."""

    outlets: tuple[str, ...]
    since: str  # ISO dates
    until: str
    sitemaps: tuple[str, ...] = ()  # where to start; without any, the sitemaps in the outlet's robots.txt
    warc: str = ""

    @property
    def name(self) -> str:
        """The task's name in the grid."""
        return f"{self.warc.rpartition('/')[2] or ', '.join(self.outlets)} {self.since}..{self.until}"

    def to_json(self) -> dict[str, Any]:
        """JSON-ready, for XCom and the store."""
        return asdict(self) | {"outlets": list(self.outlets), "sitemaps": list(self.sitemaps)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        same = {name: value[name] for name in ("since", "until", "warc")}
        return cls(outlets=tuple(value["outlets"]), sitemaps=tuple(value["sitemaps"]), **same)


def throttled_settings(settings: Settings) -> Settings:
    """The settings of a backfill: one request at a time to a host, one extraction process, few concurrent requests.

    A live request then waits for at most one request of a backfill to its host.
    """
    http = {"host_connections": 1, "concurrency": min(4, settings.http.concurrency)}
    return settings.updated(http=http, extraction={"processes": 1})


def backfill_feed(outlet: Outlet, name: str) -> FeedState:
    """The feed of an outlet's old entries, `~past` or `~warc`, which is not in the catalogue."""
    return FeedState(feed_id=f"{outlet.id}/~{name}", outlet_id=outlet.id, url=outlet.homepage)


def entries_of(raw: Sequence[RawEntry], outlet: Outlet, *, source: str, now: datetime) -> tuple[Entry, ...]:
    """The entries that a source lists, with the same identity as in the outlet's feeds."""
    feed = FeedContext(
        url=source,
        zone=zone_of(outlet.timezone),
        now=now,
        article_number=outlet.policy.article_number,
        language=outlet.language,
    )
    return normalize_entries(raw, feed).entries


async def fill(feed: FeedState, entries: Sequence[Entry], context: RunContext, report: Report) -> None:
    """Record these entries, and settle or defer all that are pending under the feed. Raises StoreError."""
    polled = PollResult(
        at=context.clock(),
        outcome=PollOutcome(kind=PollKind.PARSED),
        record=PollRecord(outcome=OUTCOME),
        entries=tuple(entries),
    )
    counts = await context.in_store(context.polls.record_poll, feed, polled, lambda _counts: PollDecision(feed))
    count(feed, polled, counts, report)
    await finish(feed, context, report, begun=counts.pending)


async def finish(feed: FeedState, context: RunContext, report: Report, *, begun: Sequence[PendingEntry] = ()) -> None:
    """Settle or defer these entries, and those that an earlier run left pending."""
    ids = {entry.id for entry in begun}
    waiting = await context.in_store(context.entries.due_entries, [feed.feed_id], now=context.clock(), limit=5 * BATCH)
    carried = [entry for entry in waiting if entry.id not in ids]
    report.count_entries(feed.outlet_id, len(carried))
    async with asyncio.TaskGroup() as tasks:
        for entry in (*begun, *carried):
            tasks.create_task(collect(entry, context, report))


@dataclass(frozen=True, slots=True)
class PrefetchedPages:
    """A Fetcher of pages from a WARC file; fetches those that an earlier run left and the file does not hold."""

    pages: Mapping[str, Response]
    left: frozenset[str]
    fetcher: Fetcher

    async def fetch(self, request: Request, slot: Slot | None = None) -> Response:
        """The page from the file, else 404: the twin of a page is not fetched when the file does not hold it."""
        if slot is not None:
            await slot.take()
        page = self.pages.get(request.url)
        if page is not None:
            return page
        if request.url in self.left:
            return await self.fetcher.fetch(request, slot)
        now = next(iter(self.pages.values())).fetched_at
        return Response(url=request.url, final_url=request.url, status=NOT_FOUND, headers={}, body=b"", fetched_at=now)
