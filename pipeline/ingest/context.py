"""Run context: the ports, settings, clock, deadline, host queues and backpressure of one run.

`pipeline/app/runs.py` builds it with connectors, tests with fakes. A function that needs one or two things of it takes
those things instead. Tested by tests/ingest/test_backpressure.py and tests/ingest/test_host_queue.py.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import Executor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from logging import INFO, WARNING
from typing import ParamSpec, TypeVar
from urllib.parse import urlsplit

from pipeline.domain.errors import RunDeadlineExceeded
from pipeline.domain.model import Outlet
from pipeline.domain.ports import Archive, Fetcher, StoreCall
from pipeline.domain.settings import Settings
from pipeline.extraction.wrapper.wrapper import WrapperSession
from pipeline.ingest.groups import GroupedStore
from pipeline.ingest.ports import EntryStore, Extractor, PollStore, SettlementStore
from pipeline.reporting.logs import emit
from pipeline.scheduling.feed_state import FeedPolicy

P = ParamSpec("P")
R = TypeVar("R")

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
