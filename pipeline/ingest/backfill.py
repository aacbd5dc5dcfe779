"""The walk into the past: pages that sitemaps or WARC files name become pending entries, and go the way of all entries.

    sitemap or WARC ─▶ entries of the span ─▶ [entries, ONE transaction] ─▶ collect each, as pipeline/ingest/poll.py
    does

They are pending under a feed of their own (`<outlet>/~past`, `<outlet>/~warc`) that no live run polls or carries
over, so that live news never waits behind old news. Every step may be repeated: what the outlet has shown is known.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from pipeline.domain.model import Entry, FeedState, Outlet, PendingEntry, Request, Response
from pipeline.domain.ports import Fetcher, Slot
from pipeline.domain.settings import Settings
from pipeline.feeds.entries import FeedContext, normalize_entries
from pipeline.feeds.raw import RawEntry
from pipeline.ingest.collect import collect
from pipeline.ingest.context import RunContext
from pipeline.ingest.poll import count
from pipeline.ingest.transactions import PollDecision, PollRecord, PollResult
from pipeline.reporting.report import Report
from pipeline.scheduling.feed_state import PollKind, PollOutcome
from pipeline.text.dates import zone_of

BATCH = 200  # entries between two looks at the deadline, and most that a crash lets begin again
OUTCOME = "backfilled"  # the poll's outcome in reports
NOT_HERE = 404


@dataclass(frozen=True, slots=True)
class Share:
    """What one task fills: an outlet's sitemaps over a span of days (ISO), or the outlets' pages of a WARC file."""

    outlets: tuple[str, ...]
    since: str
    until: str
    sitemaps: tuple[str, ...] = ()  # where to begin; none: what the outlet's robots.txt names
    warc: str = ""

    @property
    def name(self) -> str:
        """What the operator reads in the grid."""
        return f"{self.warc.rpartition('/')[2] or ', '.join(self.outlets)} {self.since}..{self.until}"

    def to_json(self) -> dict[str, Any]:
        """JSON-ready, for XCom and the store."""
        return {
            "outlets": list(self.outlets),
            "since": self.since,
            "until": self.until,
            "sitemaps": list(self.sitemaps),
            "warc": self.warc,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """What `to_json` made."""
        return cls(
            outlets=tuple(value["outlets"]),
            since=value["since"],
            until=value["until"],
            sitemaps=tuple(value["sitemaps"]),
            warc=value["warc"],
        )


def throttled_settings(settings: Settings) -> Settings:
    """The settings of a backfill: one request at a time to a host, one process that extracts, little at once.

    A live request then waits for at most one request of ours to its host.
    """
    http = {"host_connections": 1, "concurrency": min(4, settings.http.concurrency)}
    return settings.updated(http=http, extraction={"processes": 1})


def backfill_feed(outlet: Outlet, name: str) -> FeedState:
    """The feed under which an outlet's old entries wait: `~past` or `~warc`. It has no place in the catalogue."""
    return FeedState(feed_id=f"{outlet.id}/~{name}", outlet_id=outlet.id, url=outlet.homepage)


def entries_of(raw: Sequence[RawEntry], outlet: Outlet, *, source: str, context: RunContext) -> tuple[Entry, ...]:
    """What a source lists, as entries with the identity that the outlet's feeds give them."""
    feed = FeedContext(
        url=source,
        zone=zone_of(outlet.timezone),
        now=context.clock(),
        article_number=outlet.policy.article_number,
        language=outlet.language,
    )
    return normalize_entries(raw, feed).entries


async def fill(feed: FeedState, entries: Sequence[Entry], context: RunContext, report: Report) -> None:
    """Record these entries, and bring all that wait under the feed to their end. Raises StoreError."""
    outcome = PollOutcome(kind=PollKind.PARSED)
    polled = PollResult(at=context.clock(), outcome=outcome, line=PollRecord(outcome=OUTCOME), entries=tuple(entries))
    sighted = await context.in_store(context.feeds.record_poll, feed, polled, lambda _shown: PollDecision(feed))
    count(feed, polled, sighted, report)
    await finish(feed, context, report, begun=sighted.pending)


async def finish(feed: FeedState, context: RunContext, report: Report, *, begun: Sequence[PendingEntry] = ()) -> None:
    """Bring what was begun, and what an earlier walk left, to their end or put them off."""
    ids = {entry.id for entry in begun}
    waiting = await context.in_store(context.articles.due_entries, [feed.feed_id], now=context.clock(), limit=5 * BATCH)
    carried = [entry for entry in waiting if entry.id not in ids]
    report.saw(feed.outlet_id, len(carried))
    async with asyncio.TaskGroup() as tasks:
        for entry in (*begun, *carried):
            tasks.create_task(collect(entry, context, report))


@dataclass(frozen=True, slots=True)
class PrefetchedPages:
    """A Fetcher whose pages are at hand. What an earlier walk left and is not among them is fetched as usual."""

    pages: Mapping[str, Response]
    left: frozenset[str]
    fetcher: Fetcher

    async def fetch(self, request: Request, slot: Slot | None = None) -> Response:
        """The page at hand, else 404: a twin of a page that the file does not hold is not asked for."""
        if slot is not None:
            await slot.take()
        page = self.pages.get(request.url)
        if page is not None:
            return page
        if request.url in self.left:
            return await self.fetcher.fetch(request, slot)
        now = next(iter(self.pages.values())).fetched_at
        return Response(url=request.url, final_url=request.url, status=NOT_HERE, headers={}, body=b"", fetched_at=now)
