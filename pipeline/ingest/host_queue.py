"""Per-host queues and a global concurrency limit for one run.

A slow or rate-limited host delays its own requests only: they wait in its queue without a slot. A slot is acquired when
a request is sent, and held until its response is dealt with. So the slots bound the memory in use. Rate limits per
host, over all processes, are left to the fetcher.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from pipeline.domain.errors import RunDeadlineExceeded


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
    """Per-host queues and concurrency slots of one run."""

    slots: int
    per_host: int  # requests of one host that the fetcher has at a time: they wait there for at most a minute
    is_late: Callable[[], bool] = lambda: False
    queues: dict[str, asyncio.Semaphore] = field(default_factory=dict)
    users: Counter[str] = field(default_factory=Counter)  # of the queues: one is deleted with its last user
    free: asyncio.Semaphore = field(init=False)

    def __post_init__(self) -> None:
        self.free = asyncio.Semaphore(self.slots)

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
