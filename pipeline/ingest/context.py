"""Run context: the ports, settings, clock, deadline, host queues, backpressure and group calls of one run.

`pipeline/app/runs.py` builds it with connectors, tests with fakes. A function that needs one or two things of it takes
those things instead.

Group calls: store calls that several entries make at about the same time become one transaction, and one fsync. A group
is whatever waits when the store's thread begins it. So a busy run has large groups, and a lone article waits for
`GATHER_S`. When a group fails, its items are tried one by one: a poisoned item fails alone.
Tested by tests/ingest/test_backpressure.py, tests/ingest/test_host_queue.py and tests/ingest/test_groups.py.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter, deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from concurrent.futures import Executor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from logging import INFO, WARNING
from typing import Generic, ParamSpec, TypeVar
from urllib.parse import urlsplit

from pipeline.domain.errors import RunDeadlineExceeded
from pipeline.domain.model import ArchiveRecord, Outlet
from pipeline.domain.ports import Archive, Fetcher, StoreCall
from pipeline.domain.settings import Settings
from pipeline.extraction.wrapper.wrapper import WrapperSession
from pipeline.ingest.ports import (
    EntryStore,
    Extractor,
    KnownQuery,
    LookupResult,
    PollStore,
    Settlement,
    SettlementStore,
    WriteResult,
)
from pipeline.reporting.logs import emit
from pipeline.scheduling.feed_state import FeedPolicy

P = ParamSpec("P")
R = TypeVar("R")
Item = TypeVar("Item")
Result = TypeVar("Result")
GATHER_S = 0.003  # that the first of a group waits for others; a commit takes 2 to 20 ms
BUSY_GATHER_S = 0.05  # the same while many entries are under way: fewer transactions matter more than 50 ms
MAX_ITEMS = 64  # per transaction: others wait for its lock
MANY = 8  # feeds and entries under way: from then on larger transactions matter more than the wait for them
CHECK_EVERY_S = 1.0  # counting the outbox takes milliseconds, a poll less than one


@dataclass(frozen=True, slots=True)
class StoreThread:
    """Runs store calls in threads of their own, so that a slow commit never delays requests. Implements `StoreCall`."""

    executor: Executor

    async def __call__(self, call: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self.executor, lambda: call(*args, **kwargs))


@dataclass(slots=True, kw_only=True)
class Slot:
    """One slot of the run's concurrency limit. Implements `pipeline.domain.ports.Slot`."""

    url: str
    slots: asyncio.Semaphore
    is_late: Callable[[], bool]
    is_taken: bool = False

    async def take(self) -> None:
        """Acquire a slot. Raises `RunDeadlineExceeded` when the run's deadline has passed by then."""
        if not self.is_taken:
            await self.slots.acquire()
            self.is_taken = True
        if self.is_late():
            raise RunDeadlineExceeded(self.url)

    def give_back(self) -> None:
        """Release the slot, if one is held."""
        if self.is_taken:
            self.is_taken = False
            self.slots.release()


@dataclass(slots=True, kw_only=True)
class HostQueue:
    """Per-host queues and concurrency slots of one run.

    A slow or rate-limited host delays its own requests only: they wait in its queue without a slot. A slot is acquired
    when a request is sent, and held until its response is dealt with. So the slots bound the memory in use. Rate limits
    per host, over all processes, are left to the fetcher.
    """

    slots: int
    per_host: int  # requests of one host that the fetcher has at a time: they wait there for at most a minute
    is_late: Callable[[], bool] = lambda: False
    queues: dict[str, asyncio.Semaphore] = field(default_factory=dict)
    users: Counter[str] = field(default_factory=Counter)  # of the queues: one is deleted with its last user
    free: asyncio.Semaphore = field(init=False)

    def __post_init__(self) -> None:
        self.free = asyncio.Semaphore(self.slots)

    def is_busy(self) -> bool:
        """Whether many feeds and entries are under way."""
        return self.users.total() > MANY

    @asynccontextmanager
    async def slot(self, url: str) -> AsyncIterator[Slot]:
        """Wait in the queue of the URL's host; yields a slot that is not acquired yet, and releases it."""
        slot, host = Slot(url=url, slots=self.free, is_late=self.is_late), host_of(url)
        queue = self.queues.setdefault(host, asyncio.Semaphore(self.per_host))
        self.users[host] += 1
        try:
            async with queue:
                yield slot
        finally:
            slot.give_back()
            self.users[host] -= 1
            if not self.users[host]:
                del self.queues[host], self.users[host]


def host_of(url: str) -> str:
    """The host of a URL; the URL itself when it has none."""
    try:
        return urlsplit(url).hostname or url
    except ValueError:  # "http://[": the fetcher reports what is wrong with it
        return url


class Backpressure:
    """Whether the outbox is full, as of the last second: a broker that is away or slow must not fill the store.

    Above the bound no feed is polled. Already polled entries are still processed; skipped feeds become due again in the
    next run.
    """

    def __init__(self, waiting: Callable[[], Awaitable[int]], bound: int, *, seconds: Callable[[], float]) -> None:
        """`waiting` counts the undelivered messages, `seconds` is a monotonic clock."""
        self.waiting = waiting
        self.bound = bound
        self.seconds = seconds
        self.checked_at = float("-inf")
        self.is_full = False

    async def has_room(self) -> bool:
        """Whether fewer messages than the bound wait. Raises StoreError."""
        now = self.seconds()
        if now - self.checked_at >= CHECK_EVERY_S:
            self.checked_at = now
            waiting = await self.waiting()
            was_full, self.is_full = self.is_full, waiting >= self.bound
            if self.is_full != was_full:
                event = "outbox full" if self.is_full else "outbox has room again"
                emit(WARNING if self.is_full else INFO, event, waiting=waiting, bound=self.bound)
        return not self.is_full


@dataclass(frozen=True, slots=True, kw_only=True)
class RunContext:
    """Ports, settings, clock and deadline of one run."""

    settings: Settings
    outlets: dict[str, Outlet]  # by id; an outlet's article number rule is added when it is learnt
    fetcher: Fetcher
    polls: PollStore
    entries: EntryStore
    articles: SettlementStore
    archive: Archive
    grouped: GroupedStore
    extractor: Extractor
    wrappers: WrapperSession
    in_store: StoreCall
    host_queue: HostQueue
    clock: Callable[[], datetime]
    seconds: Callable[[], float]  # a monotonic clock, for durations
    has_room: Callable[[], Awaitable[bool]]  # whether the outbox is below its bound
    wake_delivery: Callable[[], None] = lambda: None
    draw: Callable[[], float] = random.random

    def is_late(self) -> bool:
        """Whether the run's deadline has passed: work under way is finished, no new work begins."""
        return self.host_queue.is_late()

    def feed_policy(self, outlet_id: str) -> FeedPolicy:
        """The bounds of the outlet's poll interval: from the catalogue, else from the settings."""
        policy = self.outlets[outlet_id].policy
        return FeedPolicy(
            min_interval_s=policy.min_interval_s or self.settings.polling.min_interval_s,
            max_interval_s=policy.max_interval_s or self.settings.polling.max_interval_s,
        )


@dataclass(slots=True, kw_only=True)
class GroupCall(Generic[Item, Result]):
    """Calls a function once for all items that are given at about the same time; its results are in their order."""

    call: Callable[[Sequence[Item]], Sequence[Result]]
    in_store: StoreCall
    is_busy: Callable[[], bool] = lambda: False
    waiting: deque[tuple[Item, asyncio.Future[Result]]] = field(default_factory=deque)
    worker: asyncio.Task[None] | None = None

    async def __call__(self, item: Item) -> Result:
        """The item's result. Raises what the call raises for this item alone."""
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self.waiting.append((item, future))
        if self.worker is None:
            self.worker = asyncio.create_task(self.work())
        return await future

    async def work(self) -> None:
        """Make calls while items wait."""
        try:
            while self.waiting:
                await asyncio.sleep(BUSY_GATHER_S if self.is_busy() else GATHER_S)
                for future, result in await self.in_store(self.call_group):
                    if future.done():  # its caller was cancelled
                        continue
                    if isinstance(result, Exception):
                        future.set_exception(result)
                    else:
                        future.set_result(result)
        finally:
            self.worker = None
            while self.waiting:
                self.waiting.popleft()[1].cancel()  # only when the run itself is cancelled: else nothing waits here

    def call_group(self) -> list[tuple[asyncio.Future[Result], Result | Exception]]:
        """Call for what waits now. Runs in the store's thread: the loop only appends meanwhile."""
        group = [self.waiting.popleft() for _ in range(min(len(self.waiting), MAX_ITEMS))]
        results = self.results_of([item for item, _ in group])
        return [(future, result) for (_, future), result in zip(group, results, strict=True)]

    def results_of(self, items: Sequence[Item]) -> Sequence[Result | Exception]:
        """The results of one call; when it fails, of a call for each item alone."""
        try:
            return self.call(items)
        except Exception as error:  # noqa: BLE001  it is raised where the item's result is awaited
            return [error] if len(items) == 1 else [self.results_of([item])[0] for item in items]


class GroupedStore:
    """Look-ups, archive records and settlements of a run's entries, each in groups."""

    def __init__(
        self, articles: SettlementStore, archive: Archive, in_store: StoreCall, *, is_busy: Callable[[], bool]
    ) -> None:
        def settle(settlements: Sequence[Settlement]) -> Sequence[WriteResult]:
            archive.sync()  # before the commit that refers to its records
            return articles.settle_all(settlements)

        self.look_up: GroupCall[KnownQuery, LookupResult] = GroupCall(
            call=articles.look_up_all, in_store=in_store, is_busy=is_busy
        )
        self.archive: GroupCall[ArchiveRecord, str] = GroupCall(call=archive.append_all, in_store=in_store)
        self.settle: GroupCall[Settlement, WriteResult] = GroupCall(call=settle, in_store=in_store, is_busy=is_busy)
