"""Backpressure from the outbox: while a run goes on, whether the outbox is below its bound.

A broker that is away or slow must not fill the store. Above the bound no feed is polled. Already polled entries are
still processed; skipped feeds become due again in the next run.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from logging import INFO, WARNING

from pipeline.reporting.logs import emit

CHECK_EVERY_S = 1.0  # counting the outbox takes milliseconds, a poll less than one


class Backpressure:
    """Whether the outbox is full, as of the last second."""

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
