"""Group calls: items that come together are one call, and a poisoned one fails alone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from pipeline.domain.errors import StoreError
from pipeline.ingest.context import MAX_ITEMS, GroupCall, GroupedStore


class Doubler:
    """A call that doubles numbers, and refuses a group with a negative one."""

    def __init__(self) -> None:
        self.groups: list[list[int]] = []

    def __call__(self, items: Sequence[int]) -> list[int]:
        self.groups.append(list(items))
        if min(items) < 0:
            raise StoreError("a poisoned item")
        return [2 * item for item in items]


async def in_thread(call: Callable[..., Any], *args: Any) -> Any:
    return await asyncio.to_thread(call, *args)


@pytest.fixture
def doubler() -> Doubler:
    return Doubler()


async def test_items_that_come_together_are_one_call(doubler: Doubler) -> None:
    call = GroupCall(call=doubler, in_store=in_thread)
    assert await asyncio.gather(*map(call, range(10))) == [2 * n for n in range(10)]
    assert doubler.groups == [list(range(10))]
    assert await call(20) == 40  # a later one starts a new group


async def test_a_group_has_a_limit(doubler: Doubler) -> None:
    call = GroupCall(call=doubler, in_store=in_thread)
    await asyncio.gather(*map(call, range(MAX_ITEMS + 1)))
    assert [len(group) for group in doubler.groups] == [MAX_ITEMS, 1]


async def test_a_group_is_what_waits_when_the_store_begins_it(doubler: Doubler) -> None:
    started, go_on = asyncio.Event(), asyncio.Event()

    async def slow_first(call: Callable[..., Any], *args: Any) -> Any:
        if not started.is_set():
            started.set()
            await go_on.wait()
        return call(*args)

    call = GroupCall(call=doubler, in_store=slow_first)
    first = asyncio.create_task(call(1))
    await started.wait()
    others = [asyncio.create_task(call(number)) for number in (2, 3, 4)]
    await asyncio.sleep(0)
    go_on.set()
    assert await first == 2
    assert await asyncio.gather(*others) == [4, 6, 8]
    assert doubler.groups == [[1, 2, 3, 4]]


async def test_a_poisoned_item_among_sixty_three_others_fails_alone(doubler: Doubler) -> None:
    call = GroupCall(call=doubler, in_store=in_thread)
    items = [*range(40), -1, *range(40, 63)]
    results = await asyncio.gather(*map(call, items), return_exceptions=True)
    assert [item for item, result in zip(items, results, strict=True) if isinstance(result, StoreError)] == [-1]
    assert [result for result in results if not isinstance(result, StoreError)] == [2 * n for n in range(63)]


async def test_a_cancelled_caller_stops_no_other(doubler: Doubler) -> None:
    call = GroupCall(call=doubler, in_store=in_thread)
    gone, stays = asyncio.create_task(call(1)), asyncio.create_task(call(2))
    await asyncio.sleep(0)
    gone.cancel()
    assert await stays == 4
    with pytest.raises(asyncio.CancelledError):
        await gone


class Recorder:
    """An archive and a store that note the order of their calls."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def sync(self) -> None:
        self.calls.append("sync")

    def append_all(self, records: Sequence[Any]) -> list[str]:
        self.calls.append("append")
        return [str(record) for record in records]

    def settle_all(self, settlements: Sequence[Any]) -> list[Any]:
        self.calls.append("settle")
        return list(settlements)

    def look_up_all(self, asked: Sequence[Any]) -> list[Any]:
        return list(asked)


async def test_the_archive_is_on_the_disk_before_the_commit_that_refers_to_it() -> None:
    recorder: Any = Recorder()
    grouped: Any = GroupedStore(recorder, recorder, in_thread, is_busy=lambda: False)

    async def settle(number: int) -> None:
        await grouped.archive(number)
        await grouped.settle(number)

    await asyncio.gather(*map(settle, range(5)))
    assert recorder.calls == ["append", "sync", "settle"]
