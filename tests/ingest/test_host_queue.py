"""Turns: a slow host delays no other host, and concurrency is bounded."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest

from connectors.http.fetcher import SafeFetcher
from pipeline.domain.errors import RunDeadlineExceeded
from pipeline.domain.model import FetchKind, Request
from pipeline.ingest.context import HostQueue, host_of
from tests.newsroom.server import Newsroom


async def test_requests_waiting_for_their_host_hold_no_slot() -> None:
    host_queue = HostQueue(slots=1, per_host=1)
    async with host_queue.slot("http://slow.test/1"):
        waiting = asyncio.create_task(stand(host_queue, "http://slow.test/2"))
        await asyncio.wait_for(work(host_queue, "http://quick.test/1"), 30)
        assert not waiting.done()
    await waiting


async def test_slots_limit_the_concurrent_requests() -> None:
    host_queue = HostQueue(slots=3, per_host=5)
    at_work: list[int] = [0]

    async def count(n: int) -> None:
        async with host_queue.slot(f"http://host{n % 7}.test/{n}") as slot:
            await slot.take()
            at_work.append(at_work[-1] + 1)
            await asyncio.sleep(0)
            at_work.append(at_work[-1] - 1)

    await asyncio.gather(*(count(n) for n in range(40)))
    assert max(at_work) == 3
    assert all(abs(after - before) == 1 for before, after in pairwise(at_work))
    assert host_queue.queues == {}


async def test_taking_a_slot_twice_acquires_it_once() -> None:
    host_queue = HostQueue(slots=1, per_host=1)
    async with host_queue.slot("http://a.test/") as slot:
        await slot.take()
        await slot.take()
        slot.give_back()
        slot.give_back()
    await asyncio.wait_for(work(host_queue, "http://a.test/"), 30)
    assert host_queue.free._value == 1


async def test_no_slot_is_taken_past_the_deadline() -> None:
    host_queue = HostQueue(slots=1, per_host=1, is_late=lambda: True)
    with pytest.raises(RunDeadlineExceeded, match=r"http://a\.test/"):
        await work(host_queue, "http://a.test/")
    assert host_queue.free._value == 1


async def test_host_with_long_spacing_delays_no_other_host() -> None:
    with Newsroom(0) as newsroom:
        host_queue = HostQueue(slots=2, per_host=5)
        async with SafeFetcher(
            user_agent="newswire-test/1",
            newsroom=newsroom.address,
            default_spacing_s=0,
            spacing_for=lambda host: 40.0 if host == "www.antenne-info.test" else None,
        ) as fetcher:

            async def ask(url: str) -> int:
                async with host_queue.slot(url) as slot:
                    return (await fetcher.fetch(Request(url, FetchKind.FEED), slot)).status

            slow = [asyncio.create_task(ask("http://www.antenne-info.test/titres.rss")) for _ in range(6)]
            await asyncio.wait(slow, return_when=asyncio.FIRST_COMPLETED)
            quick = await asyncio.wait_for(ask("http://www.harbour-gazette.test/feed"), 30)
            assert quick in (200, 404)
            assert sum(task.done() for task in slow) < len(slow)
            for task in slow:
                task.cancel()
            await asyncio.gather(*slow, return_exceptions=True)


@pytest.mark.parametrize(
    ("url", "host"),
    [
        pytest.param("https://Www.Example.org:8443/a", "www.example.org", id="host-without-port"),
        pytest.param("http://[", "http://[", id="broken"),
        pytest.param("antenne-info", "antenne-info", id="no-url"),
    ],
)
def test_queues_are_per_host(url: str, host: str) -> None:
    assert host_of(url) == host


async def stand(host_queue: HostQueue, url: str) -> None:
    async with host_queue.slot(url):
        pass


async def work(host_queue: HostQueue, url: str) -> None:
    async with host_queue.slot(url) as slot:
        await slot.take()
