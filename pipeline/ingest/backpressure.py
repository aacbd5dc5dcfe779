"""Backpressure: whether the outbox has room for what more polls would bring, asked while a run goes on.

A broker that is away or slow must not fill the store: above the bound no feed is polled any more, what was polled comes
to its verdict all the same, and the feeds that were put off are due at the next run.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

ASK_EVERY_S = 1.0  # counting what waits takes milliseconds, a poll less than one


class Backpressure:
    """The outbox beside its bound, as of the last second."""

    def __init__(self, waiting: Callable[[], Awaitable[int]], bound: int, *, seconds: Callable[[], float]) -> None:
        """`waiting` counts the messages that are not delivered, `seconds` is a monotonic clock."""
        self.waiting = waiting
        self.bound = bound
        self.seconds = seconds
        self.asked_at = float("-inf")
        self.is_full = False

    async def has_room(self) -> bool:
        """Whether less than the bound waits. Raises StoreError."""
        now = self.seconds()
        if now - self.asked_at >= ASK_EVERY_S:
            self.asked_at = now
            self.is_full = await self.waiting() >= self.bound
        return not self.is_full
