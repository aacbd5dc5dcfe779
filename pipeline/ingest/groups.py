"""Group calls: store calls that several entries make at about the same time become one transaction, and one fsync.

A caller awaits its own result and knows nothing of the others. While a call runs in the store's thread, the next group
collects, so a busy run has large groups and an idle one waits `GATHER_S`. When a group fails, its items are tried one
by one: a poisoned item fails alone. Tested by tests/ingest/test_groups.py.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from pipeline.domain.model import ArchiveRecord
from pipeline.domain.ports import Archive, StoreCall
from pipeline.ingest.ports import KnownQuery, LookupResult, RepeatedQuery, Settlement, SettlementStore, WriteResult

Item = TypeVar("Item")
Result = TypeVar("Result")

GATHER_S = 0.003  # that the first of a group waits for others; a commit takes 2 to 20 ms
MAX_ITEMS = 64  # per transaction: others wait for its lock


@dataclass(slots=True, kw_only=True)
class GroupCall(Generic[Item, Result]):
    """Makes one call of a synchronous function for all items that are given at about the same time.

    `call` takes the items of a group and returns their results in the same order.
    """

    call: Callable[[Sequence[Item]], Sequence[Result]]
    in_store: StoreCall
    gather_s: float = GATHER_S
    waiting: list[tuple[Item, asyncio.Future[Result]]] = field(default_factory=list)
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
            await asyncio.sleep(self.gather_s)
            while self.waiting:
                group, self.waiting = self.waiting[:MAX_ITEMS], self.waiting[MAX_ITEMS:]
                await self.settle(group)
        finally:
            self.worker = None
            for _, future in self.waiting:
                future.cancel()  # only when the run itself is cancelled: else nothing waits here
            self.waiting = []

    async def settle(self, group: Sequence[tuple[Item, asyncio.Future[Result]]]) -> None:
        """Make the call for a group; when it fails, for each item alone."""
        try:
            results = await self.in_store(self.call, [item for item, _ in group])
        except Exception as error:  # noqa: BLE001  it is raised where the item's result is awaited
            if len(group) > 1:
                for one in group:
                    await self.settle([one])
            elif not group[0][1].done():
                group[0][1].set_exception(error)
            return
        for (_, future), result in zip(group, results, strict=True):
            if not future.done():  # its caller may be cancelled
                future.set_result(result)


class GroupedStore:
    """Look-ups, archive records and settlements of a run's entries, each in groups."""

    def __init__(self, articles: SettlementStore, archive: Archive, in_store: StoreCall) -> None:
        def settle(settlements: Sequence[Settlement]) -> Sequence[WriteResult]:
            archive.sync()  # before the commit that refers to its records
            return articles.settle_all(settlements)

        self.repeated_paragraphs: GroupCall[RepeatedQuery, frozenset[int]] = GroupCall(
            call=articles.repeated_paragraphs, in_store=in_store
        )
        self.look_up: GroupCall[KnownQuery, LookupResult] = GroupCall(call=articles.look_up_all, in_store=in_store)
        self.archive: GroupCall[ArchiveRecord, str] = GroupCall(call=archive.append_all, in_store=in_store, gather_s=0)
        self.settle: GroupCall[Settlement, WriteResult] = GroupCall(call=settle, in_store=in_store)
