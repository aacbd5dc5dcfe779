"""`newswire poll --follow`: one process that polls feeds as they become due and delivers meanwhile, until stopped.

Connections, workers and lanes stay open, so that a new article is on its topic within seconds. Every half second the
due feeds start an ingest of their own: a slow outlet delays no other. An unreachable store or broker is waited for;
what was not settled or delivered is retried when it is back. SIGTERM and SIGINT stop cleanly: work under way gets some
seconds to finish, and the rest is left to the next poll. Tested by tests/delivery/test_deliver_outage.py.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from pipeline.app.runs import Newswire, open_run, unwrap_exception_group
from pipeline.delivery.messages import Visit
from pipeline.domain.errors import NewswireError
from pipeline.domain.model import Feed, FeedState, PendingEntry
from pipeline.ingest.context import RunContext
from pipeline.ingest.poll import ingest
from pipeline.ingest.revisit import revisit
from pipeline.reporting.report import Report

CHECK_EVERY_S = 0.5  # for due feeds: a new article is to be on its topic within seconds
REPORT_EVERY_S = 10.0  # reports of this time are merged into one
PAUSE_AFTER_ERROR_S = 3.0
GRACE_S = 10.0  # for work under way when stopped

Show = Callable[[Report], None]


def follow(app: Newswire, feeds: Sequence[Feed], *, deliver_too: bool = True, show: Show) -> None:
    """Poll until SIGTERM or SIGINT. Raises errors that retrying cannot fix."""
    asyncio.run(Follower(app, feeds, deliver_too=deliver_too, show=show).run())


@dataclass(frozen=True, slots=True)
class DueWork:
    """What one ingest of a follower handles."""

    due: tuple[FeedState, ...] = ()
    carried: tuple[PendingEntry, ...] = ()
    visits: tuple[Visit, ...] = ()

    @property
    def feeds(self) -> frozenset[str]:
        entries = (*self.carried, *(visit.entry for visit in self.visits))
        return frozenset(state.feed_id for state in self.due) | {entry.feed_id for entry in entries}


class Follower:
    """Polls feeds continuously; `show` gets a report of every few seconds in which something happened."""

    def __init__(self, app: Newswire, feeds: Sequence[Feed], *, deliver_too: bool, show: Show) -> None:
        self.app = app
        self.feeds = feeds
        self.show = show
        self.run_id = app.run_name("follow, begun")
        self.deliverer = app.deliverer() if deliver_too else None
        self.running: dict[asyncio.Task[None], frozenset[str]] = {}  # ingests under way, with their feeds
        self.reports: list[Report] = []  # of ended ingests, not shown yet
        self.shown_at = time.monotonic()
        self.stopping = asyncio.Event()

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stopping.set)
        try:
            async with open_run(self.app, self.deliverer, on_fault=self.add_faults) as context:
                await context.in_store(self.check_topics)
                await self.poll_continuously(context)
        finally:
            self.show_reports()

    def check_topics(self) -> None:
        """Report how the topics differ from what they should be, before the first delivery to them."""
        try:
            self.add_faults(*self.app.topic_differences())
        except NewswireError as error:
            self.add_faults(f"topics: {error}")

    async def poll_continuously(self, context: RunContext) -> None:
        """Start ingests of what is due, and show reports of those that ended."""
        while not self.stopping.is_set():
            pause_s = CHECK_EVERY_S
            try:
                work = await context.in_store(self.due_work)
                if work.feeds:
                    self.running[asyncio.create_task(self.ingest(work, context))] = work.feeds
                for task in [task for task in self.running if task.done()]:
                    del self.running[task]
                    task.result()  # raises the error of an ingest that failed
            except NewswireError as error:
                if not error.retriable:
                    raise
                self.add_faults(f"{type(error).__name__}: {error}")
                pause_s = PAUSE_AFTER_ERROR_S
            if time.monotonic() - self.shown_at >= REPORT_EVERY_S:
                await context.in_store(self.show_reports)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.stopping.wait(), pause_s)
        await self.stop_running()

    def due_work(self) -> DueWork:
        """What is due of feeds that are not under way; nothing while the outbox is full. Raises StoreError."""
        report = Report()
        if not self.app.has_room(report):
            self.add_faults(*report.faults)
            return DueWork()
        busy = frozenset[str]().union(*self.running.values())
        idle = [state for state in self.app.feed_states(self.feeds) if state.feed_id not in busy]
        ids = [state.feed_id for state in idle]
        return DueWork(self.app.due_of(idle), self.app.due_entries(ids), self.app.due_visits(ids))

    async def ingest(self, work: DueWork, context: RunContext) -> None:
        """One ingest; its report counts when it has ended."""
        began = time.monotonic()
        report = Report()
        context = replace(context, wrappers=context.wrappers.fresh())
        with unwrap_exception_group():
            await ingest(work.due, work.carried, context, report)
            await revisit(work.visits, context, self.app.visits, report)
        await context.wrappers.finish()
        report.seconds = time.monotonic() - began
        self.reports.append(report)

    async def stop_running(self) -> None:
        """Give work under way some seconds, then cancel it: its entries stay pending."""
        if self.running:
            await asyncio.wait(self.running, timeout=GRACE_S)
        for task in self.running:
            task.cancel()
        await asyncio.gather(*self.running, return_exceptions=True)

    def add_faults(self, *faults: str) -> None:
        """Add faults to the next report, each once."""
        known = {fault for report in self.reports for fault in report.faults}
        self.reports.append(Report(faults=[fault for fault in faults if fault not in known]))

    def show_reports(self) -> None:
        """Show and store what happened since the last time, as one report."""
        self.shown_at = time.monotonic()
        if self.deliverer and self.deliverer.trouble:
            self.add_faults(f"not delivered: {self.deliverer.trouble}")
        reports, self.reports = self.reports, []
        report = Report.merge(reports)
        if self.deliverer:
            report.delivered = self.deliverer.take_count()
        if not (report.outlets or report.faults or report.delivered):
            return
        with contextlib.suppress(NewswireError):  # the store is unreachable: reported already
            report.undelivered = self.app.outbox.undelivered()
            self.app.runs.keep(self.run_id, report, now=self.app.clock())
        self.show(report)
