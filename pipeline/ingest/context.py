"""Run context: the ports, settings, clock, deadline and backpressure of one run.

`pipeline/app/runs.py` builds it with connectors, tests with fakes. A function that needs one or two things of it takes
those things instead. Tested by tests/ingest/test_backpressure.py.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import datetime
from logging import INFO, WARNING
from typing import ParamSpec, TypeVar

from pipeline.domain.model import Outlet
from pipeline.domain.ports import Archive, Fetcher, StoreCall
from pipeline.domain.settings import Settings
from pipeline.extraction.wrapper.wrapper import WrapperSession
from pipeline.ingest.host_queue import HostQueue
from pipeline.ingest.ports import EntryStore, Extractor, PollStore, SettlementStore
from pipeline.reporting.logs import emit
from pipeline.scheduling.feed_state import FeedPolicy

P = ParamSpec("P")
R = TypeVar("R")


async def always() -> bool:
    """No backpressure."""
    return True


@dataclass(frozen=True, slots=True)
class StoreThread:
    """Runs store calls in threads of their own, so that a slow commit never delays requests. Implements `StoreCall`."""

    executor: Executor

    async def __call__(self, call: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run a store call in the store's threads."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self.executor, lambda: call(*args, **kwargs))


CHECK_EVERY_S = 1.0  # counting the outbox takes milliseconds, a poll less than one


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
    extractor: Extractor
    wrappers: WrapperSession
    in_store: StoreCall
    host_queue: HostQueue
    clock: Callable[[], datetime]
    seconds: Callable[[], float]  # a monotonic clock, for durations
    wake_delivery: Callable[[], None] = lambda: None
    has_room: Callable[[], Awaitable[bool]] = always  # whether the outbox is below its bound
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
