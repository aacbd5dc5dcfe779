"""What the walk needs of the world, gathered in one value: the ports of this run, its clock and its deadline.

`pipeline/app/runs.py` furnishes it with connectors, tests with fakes. The store is synchronous; `in_store` runs a call
in the store's own thread, so that a slow commit never holds up the requests under way.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import datetime
from typing import ParamSpec, TypeVar

from pipeline.domain.model import Outlet
from pipeline.domain.ports import Archive, Fetcher
from pipeline.domain.settings import Settings
from pipeline.extraction.wrapper.session import WrapperSession
from pipeline.ingest.host_queue import HostQueue
from pipeline.ingest.ports import ArticleBook, Extractor, PollStore
from pipeline.scheduling.poll_interval import FeedPolicy

P = ParamSpec("P")
R = TypeVar("R")


async def always() -> bool:
    """There is room."""
    return True


@dataclass(frozen=True, slots=True)
class RunContext:
    """The furnished context of one run."""

    settings: Settings
    outlets: dict[str, Outlet]  # by id; with a rule for article numbers once one is learnt
    fetcher: Fetcher
    feeds: PollStore
    articles: ArticleBook
    archive: Archive
    extractor: Extractor
    teaching: WrapperSession
    store_thread: Executor
    host_queue: HostQueue
    clock: Callable[[], datetime]
    seconds: Callable[[], float]  # a monotonic clock, for durations
    wake_delivery: Callable[[], None] = lambda: None
    has_room: Callable[[], Awaitable[bool]] = always  # in the outbox, for what more polls bring
    draw: Callable[[], float] = random.random

    async def in_store(self, call: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run a store call in the store's thread."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self.store_thread, lambda: call(*args, **kwargs))

    def is_late(self) -> bool:
        """Whether the run's deadline has passed: what has begun is finished, nothing new is begun."""
        return self.host_queue.is_late()

    def feed_policy(self, outlet_id: str) -> FeedPolicy:
        """How often the outlet's feeds may be polled: the settings' bounds, or the catalogue's for this outlet."""
        policy = self.outlets[outlet_id].policy
        return FeedPolicy(
            min_interval_s=policy.min_interval_s or self.settings.polling.min_interval_s,
            max_interval_s=policy.max_interval_s or self.settings.polling.max_interval_s,
        )
