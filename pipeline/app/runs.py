"""The one room that knows both sides: it furnishes the walk with connectors and hands it to DAGs and command line.

What is opened for it, and how, is pipeline/app/deployment.py's. Decides nothing.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, contextmanager
from datetime import datetime

from pipeline.app.deployment import Deployment
from pipeline.delivery.deliver import Deliverer
from pipeline.delivery.events import Visit
from pipeline.domain.errors import NewswireError
from pipeline.domain.model import Feed, FeedState, FeedStatus
from pipeline.extraction.wrapper.session import WrapperSession
from pipeline.ingest.backpressure import Backpressure
from pipeline.ingest.context import RunContext
from pipeline.ingest.host_queue import HostQueue
from pipeline.ingest.poll import ingest
from pipeline.ingest.revisit import Revisits
from pipeline.ingest.revisit_policy import within_budget
from pipeline.reporting.report import Report
from pipeline.scheduling.shards import Shard, cut_shards

LEAST_FREE_BYTES = 100_000_000  # the raw pages of 2,000 articles, and what the store writes meanwhile
STANDING = 3  # requests at a host's door beside those inside: the next ones to go, paced together


class Newswire(Deployment):
    """A deployment at work: its runs. Use as a context manager."""

    def due(self, feeds: Sequence[Feed], *, force: bool = False) -> tuple[FeedState, ...]:
        """The feeds whose time has come, the longest due first; paused and gone ones never, unless forced."""
        return self.due_of(self.feed_states(feeds), force=force)

    def due_of(self, states: Sequence[FeedState], *, force: bool = False) -> tuple[FeedState, ...]:
        """Those of them whose time has come, the longest due first."""
        at = self.clock()
        due = [state for state in states if force or is_due(state, at)]
        return tuple(sorted(due, key=lambda state: (state.next_poll_at or at, state.feed_id)))

    def next_due_of(self, states: Sequence[FeedState]) -> datetime | None:
        """When the next of them is due that is not yet; None when none will be."""
        at = self.clock()
        later = [s.next_poll_at for s in states if not is_off(s) and s.next_poll_at and s.next_poll_at > at]
        return min(later, default=None)

    def plan_shards(self, *, outlets: Sequence[str] = (), shards: int = 4, force: bool = False) -> tuple[Shard, ...]:
        """The due feeds, and those with entries that wait, dealt to at most so many shards."""
        feeds = self.choose(list(outlets))
        due = self.due(feeds, force=force)
        known = {state.feed_id for state in due}
        waiting = self.feeds_with_work([feed.id for feed in feeds]) - known
        return cut_shards((*due, *self.feeds.states(sorted(waiting))), shards=shards)

    def feeds_with_work(self, feed_ids: Sequence[str]) -> set[str]:
        """Those of these feeds with entries that wait, or articles that are due for another look."""
        at = self.clock()
        waiting = self.articles.feeds_with_due_entries(feed_ids, now=at)
        return {*waiting, *(set(feed_ids) & set(self.visits.feeds_with_due_visits(now=at)))}

    def ingest(
        self,
        feed_ids: Sequence[str],
        *,
        deadline_s: float | None = None,
        force: bool = False,
        deliver_too: bool = True,
        run_id: str = "",
        watch: Callable[[Report], None] | None = None,
    ) -> Report:
        """Poll these feeds if they are due, bring their entries to their verdicts, deliver meanwhile; the report.

        Past the deadline nothing new is begun. `watch` is called about once a second with the report so far. A message
        that could not be published makes the report red (`problems`), and waits in the outbox for the next run.
        """
        began = time.monotonic()
        report = Report()
        deliverer = self.deliverer()
        if deliver_too:
            deliverer.start()
        try:
            if self.has_room(report):
                asyncio.run(self.walk(feed_ids, report, deliverer, deadline_s=deadline_s, force=force, watch=watch))
        finally:
            if deliver_too:
                self.finish_delivery(deliverer, report)
        report.seconds = time.monotonic() - began
        self.runs.keep(run_id or self.run_name("poll"), report, now=self.clock())
        return report

    def poll_once(
        self,
        feeds: Sequence[Feed],
        *,
        force: bool = False,
        deliver_too: bool = True,
        watch: Callable[[Report], None] | None = None,
    ) -> Report:
        """Ingest those of these feeds that are due; again and again does pipeline/app/follow.py."""
        ids = [state.feed_id for state in self.feed_states(feeds)]
        return self.ingest(ids, force=force, deliver_too=deliver_too, watch=watch)

    def has_room(self, report: Report) -> bool:
        """Whether there is room for what polls bring, on the archive's disk and below the outbox's bound."""
        free = self.archive.free_bytes()
        if free < LEAST_FREE_BYTES:
            report.faults.append(f"{free / 1e6:.0f} MB are left for raw pages: nothing was polled")
            return False
        waiting = self.outbox.undelivered()
        if waiting < self.settings.delivery.outbox_bound:
            return True
        report.faults.append(f"{waiting} messages wait in the outbox (NEWSWIRE_OUTBOX_BOUND): nothing was polled")
        return False

    def finish_delivery(self, deliverer: Deliverer, report: Report) -> None:
        """Deliver what is left; what could not be delivered is a fault of the run."""
        try:
            deliverer.stop()
        except NewswireError as error:
            report.faults.append(f"not delivered: {error}")
        report.delivered = deliverer.sent
        report.undelivered = self.outbox.undelivered()

    async def walk(
        self,
        feed_ids: Sequence[str],
        report: Report,
        deliverer: Deliverer,
        *,
        deadline_s: float | None,
        force: bool,
        watch: Callable[[Report], None] | None,
    ) -> None:
        """Furnish the context and walk."""
        at = self.clock()
        states = self.feeds.states(feed_ids)
        due = [state for state in states if force or is_due(state, at)]
        carried = self.articles.due_entries(feed_ids, now=at)
        carried = tuple(entry for entry in carried if entry.outlet_id in self.outlets_by_id)
        async with AsyncExitStack() as stack:
            context = await self.furnish(stack, deliverer, deadline_s=deadline_s)
            watcher = asyncio.create_task(tell(watch, report)) if watch else None
            with unwrap_exception_group():
                await ingest(due, carried, context, report)
                await Revisits.of(context, self.visits, report).walk(self.due_visits(feed_ids))
            await context.teaching.finish(context)
            if watcher:
                watcher.cancel()

    def due_visits(self, feed_ids: Sequence[str], *, force: bool = False) -> tuple[Visit, ...]:
        """The articles that this run looks at again, within the budget; forced: also those whose time is to come."""
        settings, at = self.settings, None if force else self.clock()
        found = self.visits.due(feed_ids, now=at, most_per_outlet=settings.revisits.per_run)
        known = [visit for visit in found if visit.entry.outlet_id in self.outlets_by_id]
        return within_budget(known, most=settings.revisits.per_run, most_per_host=settings.revisits.per_host)

    async def furnish(self, stack: AsyncExitStack, deliverer: Deliverer, *, deadline_s: float | None) -> RunContext:
        """Open what a walk needs; the stack closes it."""
        from connectors.workers.pool import ExtractionWorkers

        settings = self.settings
        fetcher = await stack.enter_async_context(self.fetcher())
        workers = stack.enter_context(
            ExtractionWorkers(
                settings.extraction.processes, settings.extraction.timeout_s, settings.extraction.memory_mb
            )
        )
        # One thread on SQLite, which has one writer; a few on PostgreSQL, which has many.
        threads = stack.enter_context(ThreadPoolExecutor(1 if self.database.is_sqlite else 4, "store"))
        loop = asyncio.get_running_loop()
        pressure = Backpressure(
            lambda: loop.run_in_executor(threads, self.outbox.undelivered),
            settings.delivery.outbox_bound,
            seconds=time.monotonic,
        )
        return RunContext(
            settings=settings,
            outlets=self.outlets_by_id,
            fetcher=fetcher,
            feeds=self.feeds,
            articles=self.articles,
            archive=self.archive,
            extractor=workers,
            teaching=WrapperSession(),
            store_thread=threads,
            host_queue=self.host_queue(deadline_s),
            clock=self.clock,
            seconds=time.monotonic,
            wake_delivery=deliverer.wake,
            has_room=pressure.has_room,
        )

    def host_queue(self, deadline_s: float | None) -> HostQueue:
        """The queues and slots of a run that begins nothing new after so many seconds."""
        ends = time.monotonic() + deadline_s if deadline_s else float("inf")
        per_host = self.settings.http.host_connections + STANDING
        return HostQueue(self.settings.http.concurrency, per_host, is_late=lambda: time.monotonic() >= ends)


@contextmanager
def unwrap_exception_group() -> Iterator[None]:
    """Raise an error of ours as it is, not as the group of errors that tasks side by side make of it."""
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


def is_due(state: FeedState, at: datetime) -> bool:
    """Whether a feed's time has come."""
    return not is_off(state) and (state.next_poll_at is None or state.next_poll_at <= at)


def is_off(state: FeedState) -> bool:
    """Whether a feed is never due: paused by hand, or gone."""
    return state.paused or state.status is FeedStatus.GONE


async def tell(watch: Callable[[Report], None], report: Report) -> None:
    """Call the watcher about once a second, until cancelled."""
    while True:
        await asyncio.sleep(1)
        watch(report)
