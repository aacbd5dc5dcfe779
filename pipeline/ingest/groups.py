"""Group calls: store calls that several entries make at about the same time become one transaction, and one fsync.

A caller awaits its own result and knows nothing of the others. A group is whatever waits when the store's thread begins
it. So a busy run has large groups, and a lone article waits for `GATHER_S`. When a group fails, its items are tried one
by one: a poisoned item fails alone. Tested by tests/ingest/test_groups.py.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from pipeline.domain.model import ArchiveRecord
from pipeline.domain.ports import Archive, StoreCall
from pipeline.ingest.ports import KnownQuery, LookupResult, Settlement, SettlementStore, WriteResult

Item = TypeVar("Item")
Result = TypeVar("Result")

GATHER_S = 0.003  # that the first of a group waits for others; a commit takes 2 to 20 ms
BUSY_GATHER_S = 0.05  # the same while many entries are under way: fewer transactions matter more than 50 ms
MAX_ITEMS = 64  # per transaction: others wait for its lock


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
