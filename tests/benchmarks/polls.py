"""Polls of unchanged feeds per second over loopback: our fetcher beside bare aiohttp and bare httpx.

    python -m tests.benchmarks.polls [--feeds 1000] [--hosts 200] [--rounds 3] [--memory 10000]

A server in a process of its own answers 304 to a conditional request and the same feed of 20 entries to a plain one.
A client asks for every feed once per round; wall and CPU time per request are printed with the ratio to the bare loops.
The bare loops do what a first version does: one client, one GET each, no address rules, caps, pacing or truncation
check. Then the same with everything a poll does: host slots, feed states and poll lines written to a SQLite file.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import multiprocessing
import resource
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from tempfile import TemporaryDirectory
from typing import Any

import aiohttp
import httpx
import psutil

from connectors.database import Database
from connectors.feed_store import FeedStore
from connectors.hosts import StoredPacer
from connectors.http import SafeFetcher
from pipeline.model import Feed, FetchKind, Outlet, Request, Validators
from pipeline.poll import poll
from pipeline.report import Report
from pipeline.rooms import Rooms
from pipeline.settings import Settings

ETAG = '"une-edition"'
ENTRY = "<item><title>Le conseil municipal vote le budget {n}</title><link>http://gazette.test/{n}.html</link></item>"
FEED = ("<rss version='2.0'><channel>" + "".join(ENTRY.format(n=n) for n in range(20)) + "</channel></rss>").encode()
AT_ONCE = 64
AGENT = "newswire-benchmark/1 (+mailto:desk@gazette.test)"


class FeedServer(asyncio.Protocol):
    """Answers whatever is asked, at once: what is measured is the client."""

    same = f"HTTP/1.1 304 Not Modified\r\nETag: {ETAG}\r\nDate: Mon, 05 Jan 2026 08:00:00 GMT\r\n\r\n".encode()
    whole = (
        f"HTTP/1.1 200 OK\r\nETag: {ETAG}\r\nContent-Type: application/rss+xml; charset=utf-8\r\n"
        f"Server: gazette\r\nCache-Control: max-age=60\r\nContent-Length: {len(FEED)}\r\n\r\n"
    ).encode() + FEED

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.transport.write(self.same if b"\r\nif-none-match:" in data.lower() else self.whole)


def serve(port_to: Connection) -> None:
    """The server's process."""

    async def main() -> None:
        server = await asyncio.get_running_loop().create_server(FeedServer, "127.0.0.1", 0, backlog=1024)
        port_to.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(main())


@dataclass(frozen=True, slots=True)
class Measured:
    """One client's cost."""

    name: str
    per_second: float
    cpu_us: float


async def measure(name: str, ask: Callable[[int], Awaitable[int]], *, feeds: int, rounds: int, status: int) -> Measured:
    """Every feed once per round, a fixed number at once; the first round only opens connections."""
    best_wall, best_cpu = float("inf"), float("inf")
    for round_number in range(rounds + 1):
        gc.collect()
        waiting = iter(range(feeds))

        async def work(waiting: object = waiting) -> None:
            for feed in waiting:  # type: ignore[attr-defined]
                assert await ask(feed) == status

        wall, cpu = time.perf_counter(), time.process_time()
        await asyncio.gather(*(work() for _ in range(AT_ONCE)))
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        if round_number:
            best_wall, best_cpu = min(best_wall, wall), min(best_cpu, cpu)
    return Measured(name, feeds / best_wall, best_cpu / feeds * 1e6)


async def ours(port: int, *, feeds: int, hosts: int, rounds: int, conditional: bool) -> Measured:
    """The safe fetcher: 200 hosts, at most 2 connections each."""
    validators = Validators(ETAG) if conditional else Validators()
    requests = [Request(f"http://host{n % hosts}.test/feed/{n}", FetchKind.FEED, validators) for n in range(feeds)]
    async with SafeFetcher(
        user_agent=AGENT,
        newsroom=f"127.0.0.1:{port}",
        default_spacing_s=0,
    ) as fetcher:

        async def ask(n: int) -> int:
            return (await fetcher.fetch(requests[n])).status

        return await measure("newswire", ask, feeds=feeds, rounds=rounds, status=304 if conditional else 200)


async def bare_aiohttp(port: int, *, feeds: int, rounds: int, conditional: bool) -> Measured:
    """aiohttp as its documentation begins."""
    headers = {"If-None-Match": ETAG} if conditional else {}
    async with aiohttp.ClientSession() as session:

        async def ask(n: int) -> int:
            async with session.get(f"http://127.0.0.1:{port}/feed/{n}", headers=headers) as reply:
                await reply.read()
                return reply.status

        return await measure("bare aiohttp", ask, feeds=feeds, rounds=rounds, status=304 if conditional else 200)


async def bare_httpx(port: int, *, feeds: int, rounds: int, conditional: bool) -> Measured:
    """httpx as its documentation begins."""
    headers = {"If-None-Match": ETAG} if conditional else {}
    async with httpx.AsyncClient() as client:

        async def ask(n: int) -> int:
            return (await client.get(f"http://127.0.0.1:{port}/feed/{n}", headers=headers)).status_code

        return await measure("bare httpx", ask, feeds=feeds, rounds=rounds, status=304 if conditional else 200)


async def whole_polls(port: int, *, feeds: int, hosts: int, rounds: int, conditional: bool) -> Measured:
    """`pipeline.poll.poll` with its store and its pacer, each feed's state as the poll before left it."""
    with TemporaryDirectory() as folder, ThreadPoolExecutor(1) as store_thread:
        database = Database(f"sqlite:///{folder}/newswire.db")
        database.upgrade()
        store = FeedStore(database, lanes=8)
        outlets = made_outlets(feeds=feeds, hosts=hosts)
        store.ensure([feed for outlet in outlets.values() for feed in outlet.feeds], interval_s=300)
        async with SafeFetcher(
            user_agent=AGENT, newsroom=f"127.0.0.1:{port}", pacer=StoredPacer(database), default_spacing_s=0.01
        ) as fetcher:
            rooms = poll_rooms(fetcher, store, outlets, store_thread)
            report = Report()
            ids = [feed.id for outlet in outlets.values() for feed in outlet.feeds]

            async def ask(n: int) -> int:
                (state,) = store.states([ids[n]])
                await poll(state if conditional else replace(state, validators=Validators()), rooms, report)
                return 200

            return await measure("whole polls", ask, feeds=feeds, rounds=rounds, status=200)


def made_outlets(*, feeds: int, hosts: int) -> dict[str, Outlet]:
    """Outlets with a host each, and the feeds shared out among them."""
    return {
        f"o{n}": Outlet(
            id=f"o{n}",
            name=f"Gazette {n}",
            homepage=f"http://host{n}.test/",
            country="FR",
            language="fr",
            timezone="Europe/Paris",
            feeds=tuple(Feed(f"o{n}/{k}", f"o{n}", f"http://host{n}.test/feed/{k}") for k in range(n, feeds, hosts)),
        )
        for n in range(hosts)
    }


def poll_rooms(
    fetcher: SafeFetcher, store: FeedStore, outlets: dict[str, Outlet], store_thread: ThreadPoolExecutor
) -> Rooms:
    """The rooms that a poll enters; those of pages stay empty."""
    empty: Any = None
    return Rooms(
        settings=Settings(),
        outlets=outlets,
        fetcher=fetcher,
        feeds=store,
        articles=empty,
        archive=empty,
        extractor=empty,
        teaching=empty,
        store_thread=store_thread,
        slots=asyncio.Semaphore(AT_ONCE),
        clock=lambda: datetime.now(UTC),
        seconds=time.monotonic,
        draw=lambda: 0.5,
    )


async def memory(port: int, *, feeds: int) -> None:
    """Resident memory while ever more feeds are polled, each on a host of its own."""
    process = psutil.Process()
    async with SafeFetcher(
        user_agent=AGENT,
        newsroom=f"127.0.0.1:{port}",
        default_spacing_s=0,
    ) as fetcher:
        for quarter in range(4):
            waiting = iter(range(quarter * feeds // 4, (quarter + 1) * feeds // 4))

            async def work(waiting: object = waiting) -> None:
                for n in waiting:  # type: ignore[attr-defined]
                    await fetcher.fetch(Request(f"http://m{n}.test/feed", FetchKind.FEED))

            await asyncio.gather(*(work() for _ in range(AT_ONCE)))
            gc.collect()
            print(
                f"  {(quarter + 1) * feeds // 4:>7} feeds polled   {process.memory_info().rss / 1e6:6.0f} MB resident"
            )


async def main(options: argparse.Namespace, port: int) -> None:
    for conditional in (True, False):
        answer = "304 to a conditional GET" if conditional else f"200, the same {len(FEED) / 1000:.0f} kB"
        print(f"\nunchanged feeds, {answer}: {options.feeds} feeds on {options.hosts} hosts, {AT_ONCE} at once")
        mine = await ours(
            port, feeds=options.feeds, hosts=options.hosts, rounds=options.rounds, conditional=conditional
        )
        bare = [
            await one(port, feeds=options.feeds, rounds=options.rounds, conditional=conditional)
            for one in (bare_aiohttp, bare_httpx)
        ]
        whole = await whole_polls(
            port, feeds=options.feeds, hosts=options.hosts, rounds=options.rounds, conditional=conditional
        )
        for row in (mine, *bare, whole):
            ratio = f"newswire costs {mine.cpu_us / row.cpu_us:.2f} x its CPU" if row in bare else ""
            print(f"  {row.name:<13} {row.per_second:7.0f} polls/s   {row.cpu_us:6.0f} µs CPU per poll   {ratio}")
    if options.memory:
        print(f"\nmemory, every feed on a host of its own, up to {options.memory} hosts")
        await memory(port, feeds=options.memory)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--feeds", type=int, default=1000)
    parser.add_argument("--hosts", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--memory", type=int, default=10_000)
    chosen = parser.parse_args()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 65_536), hard))
    here, there = multiprocessing.get_context("spawn").Pipe()
    server = multiprocessing.get_context("spawn").Process(target=serve, args=(there,), daemon=True)
    server.start()
    try:
        asyncio.run(main(chosen, here.recv()))
    finally:
        server.terminate()
        server.join()
