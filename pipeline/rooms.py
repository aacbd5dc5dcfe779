"""What the walk needs of the world, gathered in one value: the ports of this run, its clock and its deadline.

`pipeline/app.py` furnishes it with connectors, tests with fakes. The store is synchronous; `in_store` runs a call in
the store's own thread, so that a slow commit never holds up the requests under way.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field
from datetime import datetime
from typing import ParamSpec, TypeVar

from pipeline.model import Outlet
from pipeline.ports import Archive, ArticleBook, Extractor, FeedBook, Fetcher
from pipeline.settings import Settings
from pipeline.teaching import Teaching

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Rooms:
    """The furnished rooms of one run."""

    settings: Settings
    outlets: Mapping[str, Outlet]
    fetcher: Fetcher
    feeds: FeedBook
    articles: ArticleBook
    archive: Archive
    extractor: Extractor
    teaching: Teaching
    store_thread: Executor
    clock: Callable[[], datetime]
    deadline: datetime | None
    wake_delivery: Callable[[], None]
    draw: Callable[[], float] = random.random
    slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(64))

    async def in_store(self, call: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run a store call in the store's thread."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self.store_thread, lambda: call(*args, **kwargs))

    def is_late(self) -> bool:
        """Whether the run's deadline has passed: what has begun is finished, nothing new is begun."""
        return self.deadline is not None and self.clock() >= self.deadline
