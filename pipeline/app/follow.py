"""`newswire poll --follow`: one process that polls feeds as they become due and delivers meanwhile, until told to stop.

Rooms, workers and lanes stay open, so that a new article is on its topic within seconds. Every half second the feeds
that are due begin a walk of their own: a slow outlet holds up nobody else. A store or broker that is away is waited
for; what was not settled or delivered is still there when it is back. SIGTERM and SIGINT end it cleanly: what is under
way has some seconds to end, and what is left goes on at the next poll.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace

from pipeline.app.runs import Newswire, unwrap_exception_group
from pipeline.delivery.deliver import Deliverer
from pipeline.delivery.events import Visit
from pipeline.domain.errors import NewswireError
from pipeline.domain.model import Feed, FeedState, PendingEntry
from pipeline.extraction.wrapper.session import WrapperSession
from pipeline.ingest.context import RunContext
from pipeline.ingest.poll import ingest
from pipeline.ingest.revisit import Revisits
from pipeline.reporting.report import Report

LOOK_S = 0.5  # between two looks for due feeds
REPORT_EVERY_S = 10.0  # the reports of so long are told as one
PAUSE_AFTER_ERROR_S = 3.0
GRACE_S = 10.0  # for what is under way when told to stop

Tell = Callable[[Report], None]


def follow(app: Newswire, feeds: Sequence[Feed], *, deliver_too: bool = True, tell: Tell) -> None:
    """Poll until SIGTERM or SIGINT. Raises what no waiting cures."""
    asyncio.run(Follower(app, feeds, deliver_too=deliver_too, tell=tell).run())


@dataclass(frozen=True, slots=True)
class Work:
    """What one walk takes on."""

    due: tuple[FeedState, ...] = ()
    carried: tuple[PendingEntry, ...] = ()
    visits: tuple[Visit, ...] = ()

    @property
    def feeds(self) -> frozenset[str]:
        """The feeds that it is about."""
        entries = (*self.carried, *(visit.entry for visit in self.visits))
        return frozenset(state.feed_id for state in self.due) | {entry.feed_id for entry in entries}


class Follower:
    """Polls feeds again and again; `tell` gets the report of every few seconds in which something happened."""

    def __init__(self, app: Newswire, feeds: Sequence[Feed], *, deliver_too: bool, tell: Tell) -> None:
        self.app = app
        self.feeds = feeds
        self.deliver_too = deliver_too
        self.tell = tell
        self.run_id = app.run_name("follow, begun")
        self.deliverer: Deliverer = app.deliverer()
        self.walking: dict[asyncio.Task[None], frozenset[str]] = {}  # and the feeds that each has under way
        self.ended: list[Report] = []
        self.told_at = time.monotonic()
        self.stopping = asyncio.Event()

    async def run(self) -> None:
        """Poll until told to stop."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stopping.set)
        if self.deliver_too:
            self.deliverer.start()
        try:
            async with AsyncExitStack() as stack:
                context = await self.app.furnish(stack, self.deliverer, deadline_s=None)
                await context.in_store(self.look_at_topics)
                await self.go_round(context)
        finally:
            await asyncio.to_thread(self.end_delivery)
            self.tell_all()

    def look_at_topics(self) -> None:
        """Tell how the topics differ from what they should be, before anything is delivered to them."""
        try:
            self.note(*self.app.topic_differences())
        except NewswireError as error:
            self.note(f"topics: {error}")

    async def go_round(self, context: RunContext) -> None:
        """Look for what is due, begin it, tell of what ended."""
        while not self.stopping.is_set():
            pause_s = LOOK_S
            try:
                await self.begin(context)
                self.look_after_walks()
            except NewswireError as error:
                if not error.retriable:
                    raise
                self.note(f"{type(error).__name__}: {error}")
                pause_s = PAUSE_AFTER_ERROR_S
            if time.monotonic() - self.told_at >= REPORT_EVERY_S:
                await context.in_store(self.tell_all)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.stopping.wait(), pause_s)
        await self.end_walks()

    async def begin(self, context: RunContext) -> None:
        """Begin a walk of what is due, unless it is under way already."""
        work = await context.in_store(self.what_is_due)
        if work.feeds:
            task = asyncio.create_task(self.walk(work, context))
            self.walking[task] = work.feeds

    def what_is_due(self) -> Work:
        """What is due of feeds that nobody here walks; nothing while the outbox is full. Raises StoreError."""
        report = Report()
        if not self.app.has_room(report):
            self.note(*report.faults)
            return Work()
        busy = frozenset[str]().union(*self.walking.values())
        states = self.app.feed_states(self.feeds)
        due = tuple(state for state in self.app.due_of(states) if state.feed_id not in busy)
        idle = [state.feed_id for state in states if state.feed_id not in busy]
        carried = self.app.articles.due_entries(idle, now=self.app.clock())
        known = tuple(entry for entry in carried if entry.outlet_id in self.app.outlets_by_id)
        return Work(due, known, self.app.due_visits(idle))

    async def walk(self, work: Work, context: RunContext) -> None:
        """One walk; its report counts when it is over."""
        began = time.monotonic()
        report = Report()
        context = replace(context, teaching=WrapperSession())
        with unwrap_exception_group():
            await ingest(work.due, work.carried, context, report)
            await Revisits.of(context, self.app.visits, report).walk(work.visits)
        await context.teaching.finish(context)
        report.seconds = time.monotonic() - began
        self.ended.append(report)

    def look_after_walks(self) -> None:
        """Forget the walks that are over. Raises what went wrong in one of them."""
        for task in [task for task in self.walking if task.done()]:
            del self.walking[task]
            task.result()

    async def end_walks(self) -> None:
        """Give what is under way some seconds, then stop it: its entries stay pending."""
        if self.walking:
            await asyncio.wait(self.walking, timeout=GRACE_S)
        for task in self.walking:
            task.cancel()
        await asyncio.gather(*self.walking, return_exceptions=True)

    def note(self, *faults: str) -> None:
        """Something to be told with the next report, once."""
        known = {fault for report in self.ended for fault in report.faults}
        self.ended.append(Report(faults=[fault for fault in faults if fault not in known]))

    def end_delivery(self) -> None:
        """Deliver what is left; what could not be delivered is told."""
        if not self.deliver_too:
            return
        try:
            self.deliverer.stop()
        except NewswireError as error:
            self.note(f"not delivered: {error}")

    def tell_all(self) -> None:
        """Tell and keep what happened since the last time, as one report."""
        self.told_at = time.monotonic()
        if self.deliverer.trouble:
            self.note(f"not delivered: {self.deliverer.trouble}")
        ended, self.ended = self.ended, []
        report = Report.merge(ended)
        report.delivered = self.deliverer.take_count()
        if not (report.outlets or report.faults or report.delivered):
            return
        with contextlib.suppress(NewswireError):  # the store is away: told of already
            report.undelivered = self.app.undelivered()
            self.app.runs.keep(self.run_id, report, now=self.app.clock())
        self.tell(report)
