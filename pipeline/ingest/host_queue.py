"""Whose turn it is in a run: a queue before every host, and the run's slots at work.

Promises: a host that is slow or spaced holds up its own requests only. Those wait in its queue and hold no place;
a slot is taken when a request goes out, and kept until what it brought is dealt with, so that what is in memory is
bounded by the slots. Leaves to the fetcher how often and how many at once may come to one host, in every process.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from pipeline.domain.errors import RunDeadlineExceeded


@dataclass(slots=True)
class Slot:
    """One of the run's slots at work. Implements `pipeline.domain.ports.Slot`."""

    url: str
    slots: asyncio.Semaphore
    is_late: Callable[[], bool]
    is_taken: bool = False

    async def take(self) -> None:
        """Wait for a place. Raises `RunDeadlineExceeded` when the run's deadline has passed by then."""
        if not self.is_taken:
            await self.slots.acquire()
            self.is_taken = True
        if self.is_late():
            raise RunDeadlineExceeded(self.url)

    def give_back(self) -> None:
        """Let somebody else work; nothing happens when none was taken."""
        if self.is_taken:
            self.is_taken = False
            self.slots.release()


@dataclass(slots=True)
class Queue:
    """Those who want to go to one host: a few stand at the fetcher's door, the others behind them."""

    per_host: asyncio.Semaphore
    users: int = 0


@dataclass(slots=True)
class HostQueue:
    """The queues and slots of a run."""

    slots: int
    per_host: int  # requests that may stand at one host's door: what waits there, waits for at most a minute
    is_late: Callable[[], bool] = lambda: False
    queues: dict[str, Queue] = field(default_factory=dict)
    free: asyncio.Semaphore = field(init=False)

    def __post_init__(self) -> None:
        self.free = asyncio.Semaphore(self.slots)

    @asynccontextmanager
    async def slot(self, url: str) -> AsyncIterator[Slot]:
        """Stand in the queue of this URL's host; the place, not taken yet, when it is this one's turn to ask."""
        slot = Slot(url, self.free, self.is_late)
        async with self.queue(host_of(url)):
            try:
                yield slot
            finally:
                slot.give_back()

    @asynccontextmanager
    async def queue(self, host: str) -> AsyncIterator[None]:
        """The front of a host's queue; the queue goes with the last who stands in it."""
        queue = self.queues.get(host)
        if queue is None:
            queue = self.queues[host] = Queue(asyncio.Semaphore(self.per_host))
        queue.users += 1
        try:
            async with queue.per_host:
                yield
        finally:
            queue.users -= 1
            if queue.users == 0:
                del self.queues[host]


def host_of(url: str) -> str:
    """The host a URL leads to first; the URL itself when it names none."""
    try:
        return urlsplit(url).hostname or url
    except ValueError:  # "http://[": the fetcher says what is wrong with it
        return url
