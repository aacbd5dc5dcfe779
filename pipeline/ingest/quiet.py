"""Polls that brought nothing to collect, kept back and written many at a time.

Nearly all polls of a quiet hour are such: a transaction each would be most of what they cost. A crash before they are
written costs the same conditional requests again and loses nothing, because nothing came.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from pipeline.ingest.context import RunContext
from pipeline.ingest.ports import PollStore
from pipeline.ingest.transactions import QuietPoll

MOST = 200  # in one transaction: enough that the wait for the disk no longer counts
LONGEST_S = 5.0  # an operator who looks sees polls at most this late, while polls go on


@dataclass(slots=True)
class QuietPolls:
    """Those of one run that are not written yet."""

    feeds: PollStore
    waiting: list[QuietPoll] = field(default_factory=list)
    since_s: float = 0.0

    async def add(self, poll: QuietPoll, context: RunContext) -> None:
        """Keep one; write all when they are many or waited for long. Raises StoreError."""
        if not self.waiting:
            self.since_s = context.seconds()
        self.waiting.append(poll)
        if len(self.waiting) >= MOST or context.seconds() - self.since_s >= LONGEST_S:
            await self.write(context)

    async def write(self, context: RunContext) -> None:
        """Write those that wait. Raises StoreError."""
        batch, self.waiting = self.waiting, []
        if batch:
            await context.in_store(self.feeds.record_quiet_polls, batch)
