"""Runs of a deployment: which feeds, entries and articles are due, and one ingest run over them.

pipeline/app/deployment.py opens the deployment. `open_run` is the only place that builds a run context from connectors.
Ingest, follow, backfill, replay and revisit use it.
Tested by tests/ingest/test_backpressure.py, tests/ingest/test_revisit.py, tests/app/test_kill.py and tests/cli/.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, TypedDict, Unpack

from pipeline.app.deployment import Deployment
from pipeline.delivery.deliver import Deliverer
from pipeline.delivery.messages import Visit
from pipeline.domain.errors import NewswireError
from pipeline.domain.model import Feed, FeedState, FeedStatus, PendingEntry
from pipeline.reporting.logs import log_wrapper
from pipeline.reporting.report import Report
from pipeline.scheduling.shards import Shard, cut_shards

if TYPE_CHECKING:
    from pipeline.ingest.context import RunContext

# Requests of one host that wait for its rate limit in the fetcher, besides those that it sends.
WAITING_PER_HOST = 3
WATCH_EVERY_S = 1.0
MIN_FREE_BYTES = 100_000_000  # the raw pages of 2,000 articles, and what the store writes meanwhile


class RunOptions(TypedDict, total=False):
    """What every run may be given."""

    deadline_s: float | None  # nothing new begins after so many seconds
    deliver_too: bool  # meanwhile, which is the default
    run_id: str  # the default: the run's kind and the time
    watch: Callable[[Report], None] | None  # called about once a second with the report so far


class Newswire(Deployment):
    """A deployment with its runs. Use as a context manager."""

    def due(self, feeds: Sequence[Feed], *, force: bool = False) -> tuple[FeedState, ...]:
        """The feeds that are due, the longest due first; paused and gone ones only when forced."""
        return self.due_of(self.feed_states(feeds), force=force)

    def due_of(self, states: Iterable[FeedState], *, force: bool = False) -> tuple[FeedState, ...]:
        """Those of these feeds that are due, the longest due first."""
        at = self.clock()
        due = [state for state in states if force or is_due(state, at)]
        return tuple(sorted(due, key=lambda state: (state.schedule.next_poll_at or at, state.feed_id)))

    def next_due_of(self, states: Sequence[FeedState]) -> datetime | None:
        """When the next of the feeds that are not due yet becomes due."""
        at = self.clock()
        after = (s.schedule.next_poll_at for s in states if not is_off(s))
        later = [next_at for next_at in after if next_at and next_at > at]
        return min(later, default=None)

    def due_entries(self, feed_ids: Sequence[str]) -> tuple[PendingEntry, ...]:
        """Pending entries of these feeds that are due, of outlets in the catalogue."""
        due = self.articles.due_entries(feed_ids, now=self.clock())
        return tuple(entry for entry in due if entry.outlet_id in self.outlets_by_id)

    def due_visits(self, feed_ids: Sequence[str], *, force: bool = False) -> tuple[Visit, ...]:
        """The articles to revisit in this run, within its budget; when forced, also those not due yet."""
        from pipeline.ingest.settle import within_budget

        budget, at = self.settings.revisits, None if force else self.clock()
        found = self.visits.due(feed_ids, now=at, most_per_outlet=budget.per_run)
        known = [visit for visit in found if visit.entry.outlet_id in self.outlets_by_id]
        return within_budget(known, most=budget.per_run, most_per_host=budget.per_host)

    def feeds_with_work(self, feed_ids: Sequence[str]) -> set[str]:
        """Those of these feeds with due entries or due revisits."""
        at = self.clock()
        waiting = self.articles.feeds_with_due_entries(feed_ids, now=at)
        return {*waiting, *(set(feed_ids) & set(self.visits.feeds_with_due_visits(now=at)))}

    def plan_shards(self, *, outlets: Sequence[str] = (), shards: int = 4, force: bool = False) -> tuple[Shard, ...]:
        """The due feeds, and those with due entries or revisits, dealt to at most so many shards."""
        feeds = self.choose(list(outlets))
        due = self.due(feeds, force=force)
        known = {state.feed_id for state in due}
        waiting = self.feeds_with_work([feed.id for feed in feeds]) - known
        return cut_shards((*due, *self.feeds.states(sorted(waiting))), shards=shards)

    def ingest(self, feed_ids: Sequence[str], *, force: bool = False, **options: Unpack[RunOptions]) -> Report:
        """Poll these feeds if they are due, settle their entries, revisit articles, deliver meanwhile.

        A message that could not be delivered makes the report red (`problems`), and waits in the outbox.
        """
        from pipeline.ingest.poll import ingest
        from pipeline.ingest.revisit import revisit

        async def work(context: RunContext, report: Report) -> None:
            at = self.clock()
            due = [state for state in self.feeds.states(feed_ids) if force or is_due(state, at)]
            await ingest(due, self.due_entries(feed_ids), context, report)
            await revisit(self.due_visits(feed_ids), context, self.visits, report)

        return self.run(work, "poll", **options)

    def run(
        self,
        work: Callable[[RunContext, Report], Awaitable[None]],
        name: str,
        *,
        deadline_s: float | None = None,
        deliver_too: bool = True,
        run_id: str = "",
        watch: Callable[[Report], None] | None = None,
    ) -> Report:
        """One run of this work, unless disk or outbox are full; its report is stored and returned."""
        began, report = time.monotonic(), Report()
        deliverer = self.deliverer() if deliver_too else None

        async def run() -> None:
            async with open_run(self, deliverer, on_fault=report.faults.append, deadline_s=deadline_s) as context:
                if self.has_room(report):
                    watcher = asyncio.create_task(watch_report(watch, report))
                    try:
                        with unwrap_exception_group():
                            await work(context, report)
                        await context.wrappers.finish()
                    finally:
                        watcher.cancel()

        try:
            asyncio.run(run())
        finally:
            if deliverer is not None:
                report.delivered = deliverer.sent
                report.undelivered = self.outbox.undelivered()
        report.seconds = time.monotonic() - began
        self.runs.keep(run_id or self.run_name(name), report, now=self.clock())
        return report

    def has_room(self, report: Report) -> bool:
        """Whether new entries can be stored: the archive's disk has space and the outbox is below its bound."""
        free = self.archive.free_bytes()
        if free < MIN_FREE_BYTES:
            report.faults.append(f"{free / 1e6:.0f} MB are left for raw pages: nothing was polled")
            return False
        waiting = self.outbox.undelivered()
        if waiting < self.settings.delivery.outbox_bound:
            return True
        report.faults.append(f"{waiting} messages wait in the outbox (NEWSWIRE_OUTBOX_BOUND): nothing was polled")
        return False


def is_due(state: FeedState, at: datetime) -> bool:
    return not is_off(state) and (state.schedule.next_poll_at is None or state.schedule.next_poll_at <= at)


def is_off(state: FeedState) -> bool:
    """Whether a feed is never due: paused by an operator, or gone."""
    return state.schedule.paused or state.health.status is FeedStatus.GONE


@asynccontextmanager
async def open_run(
    deployment: Deployment,
    deliverer: Deliverer | None,
    *,
    on_fault: Callable[[str], None],
    deadline_s: float | None = None,
    is_offline: bool = False,
) -> AsyncIterator[RunContext]:
    """The context of a run that delivers meanwhile, if there is a deliverer, and at its end.

    Messages that could not be delivered are a fault, and wait in the outbox for the next run. Past the deadline nothing
    new begins. An offline run fetches nothing and learns no wrappers.
    """
    # 0.1 CPU seconds, which commands and plans without a run save
    from pipeline.extraction.wrapper.wrapper import WrapperSession
    from pipeline.ingest.context import Backpressure, GroupedStore, HostQueue, RunContext, StoreThread
    from pipeline.ingest.replay import OfflineFetcher

    settings = deployment.settings
    if deliverer is not None:
        deliverer.start()
    try:
        async with AsyncExitStack() as stack:
            fetcher = OfflineFetcher() if is_offline else await stack.enter_async_context(deployment.fetcher())
            # One thread on SQLite, which has one writer; a few on PostgreSQL, which has many.
            threads = ThreadPoolExecutor(1 if deployment.database.is_sqlite else 4, "store")
            extractor = stack.enter_context(deployment.workers())
            in_store = StoreThread(stack.enter_context(threads))
            backpressure = Backpressure(
                lambda: in_store(deployment.outbox.undelivered), settings.delivery.outbox_bound, seconds=time.monotonic
            )
            wrappers = WrapperSession(
                store=deployment.articles,
                in_store=in_store,
                clock=deployment.clock,
                is_frozen=is_offline,
                on_learnt=lambda outlet, wrapper, pages: log_wrapper(outlet, version=wrapper.version, pages=pages),
            )
            ends = time.monotonic() + deadline_s if deadline_s else float("inf")
            host_queue = HostQueue(
                slots=settings.http.concurrency,
                per_host=settings.http.host_connections + WAITING_PER_HOST,
                is_late=lambda: time.monotonic() >= ends,
            )
            yield RunContext(
                settings=settings,
                outlets=deployment.outlets_by_id,
                fetcher=fetcher,
                polls=deployment.feeds,
                entries=deployment.articles,
                articles=deployment.articles,
                archive=deployment.archive,
                grouped=GroupedStore(deployment.articles, deployment.archive, in_store, is_busy=host_queue.is_busy),
                extractor=extractor,
                wrappers=wrappers,
                in_store=in_store,
                host_queue=host_queue,
                clock=deployment.clock,
                seconds=time.monotonic,
                wake_delivery=deliverer.wake if deliverer else lambda: None,
                has_room=backpressure.has_room,
            )
    finally:
        if deliverer is not None:
            try:
                await asyncio.to_thread(deliverer.stop)
            except NewswireError as error:
                on_fault(f"not delivered: {error}")


async def watch_report(watch: Callable[[Report], None] | None, report: Report) -> None:
    """Call the watcher, if there is one, about once a second with the report so far."""
    while watch:
        await asyncio.sleep(WATCH_EVERY_S)
        watch(report)


@contextmanager
def unwrap_exception_group() -> Iterator[None]:
    """Raise an error of ours by itself, not in the exception group that concurrent tasks make of it."""
    try:
        yield
    except BaseExceptionGroup as group:
        ours = group.subgroup(NewswireError)
        if ours is None or group.split(NewswireError)[1] is not None:
            raise
        error: BaseException = ours
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        raise error from group
