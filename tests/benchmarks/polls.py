"""Polls of unchanged feeds per second over loopback: our fetcher beside bare aiohttp and bare httpx.

    python -m tests.benchmarks.polls [--feeds 1000] [--hosts 200] [--rounds 3] [--memory 10000]
                                     [--store sqlite|postgres]

A server in a process of its own answers 304 to a conditional request and the same feed of 20 entries to a plain one.
A client asks for every feed once per round; wall and CPU time per request are printed with the ratio to the bare loops.
The bare loops do what a first version does: one client, one GET each, no address rules, caps, pacing or truncation
check. Then the same with everything a poll does: host slots, feed states and poll lines written to a database, in one
process, as a shard does it.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import multiprocessing
import resource
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import aiohttp
import httpx
import psutil
from sqlalchemy import update

from connectors.http.fetcher import SafeFetcher
from connectors.store import schema
from connectors.store.database import Database
from connectors.store.feeds import FeedStore
from connectors.store.host_slots import StoredPacer
from pipeline.domain.model import Feed, FetchKind, Outlet, Request, Validators
from pipeline.domain.settings import Settings
from pipeline.feeds.parse import body_digest
from pipeline.ingest.context import HostQueue, RunContext, StoreThread
from pipeline.ingest.poll import ingest
from pipeline.reporting.report import Report
from tests.stack.postgres import start_postgres

ETAG = '"une-edition"'
ENTRY = "<item><title>Le conseil municipal vote le budget {n}</title><link>http://gazette.test/{n}.html</link></item>"
FEED = ("<rss version='2.0'><channel>" + "".join(ENTRY.format(n=n) for n in range(20)) + "</channel></rss>").encode()
AT_ONCE = 64
SPACING_S = 0.05  # short, so that not the spacing is measured; long enough to be shared by a host's feeds
LONG_AGO = datetime.now(UTC) - timedelta(hours=2)
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


async def whole_polls(store_url: str, port: int, *, feeds: int, hosts: int, rounds: int, conditional: bool) -> Measured:
    """Runs of `pipeline.ingest.poll.ingest`, as a shard makes them: states read, hosts paced, polls written."""
    database, pacer = Database(store_url), StoredPacer(store_url)
    database.upgrade()
    store = FeedStore(database, lanes=8)
    outlets = made_outlets(feeds=feeds, hosts=hosts)
    ids = [feed.id for outlet in outlets.values() for feed in outlet.feeds]
    store.ensure([feed for outlet in outlets.values() for feed in outlet.feeds], interval_s=300)
    best_wall, best_cpu = float("inf"), float("inf")
    with ThreadPoolExecutor(1 if database.is_sqlite else 4) as store_thread:
        for round_number in range(rounds + 1):
            know_feeds(database, conditional=conditional)
            gc.collect()
            wall, cpu, report = time.perf_counter(), time.process_time(), Report()
            async with SafeFetcher(
                user_agent=AGENT, newsroom=f"127.0.0.1:{port}", pacer=pacer, default_spacing_s=SPACING_S
            ) as fetcher:
                await ingest(store.states(ids), (), poll_rooms(fetcher, store, outlets, store_thread), report)
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
            said = Counter(word for tally in report.outlets.values() for word in tally.polls.elements())
            assert said == {"not_modified" if conditional else "same_body": feeds}, said
            if round_number:
                best_wall, best_cpu = min(best_wall, wall), min(best_cpu, cpu)
    pacer.close()
    database.close()
    return Measured("whole polls", feeds / best_wall, best_cpu / feeds * 1e6)


def know_feeds(database: Database, *, conditional: bool) -> None:
    """Let every feed be as a poll long ago left it: with its validator, or with the body's hash alone."""
    known = {"etag": ETAG, "body_hash": None} if conditional else {"etag": None, "body_hash": body_digest(FEED)}
    with database.writing() as connection:
        connection.execute(
            update(schema.feeds).values(last_poll_at=LONG_AGO, last_success_at=LONG_AGO, last_full_at=LONG_AGO, **known)
        )


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
            feeds=tuple(
                Feed(id=f"o{n}/{k}", outlet_id=f"o{n}", url=f"http://host{n}.test/feed/{k}")
                for k in range(n, feeds, hosts)
            ),
        )
        for n in range(hosts)
    }


def poll_rooms(
    fetcher: SafeFetcher, store: FeedStore, outlets: dict[str, Outlet], store_thread: ThreadPoolExecutor
) -> RunContext:
    """The context that a poll enters; those of pages stay empty."""
    empty: Any = None

    async def has_room() -> bool:
        return True

    return RunContext(
        settings=Settings(),
        outlets=outlets,
        fetcher=fetcher,
        polls=store,
        entries=empty,
        articles=empty,
        archive=empty,
        grouped=empty,
        extractor=empty,
        wrappers=empty,
        in_store=StoreThread(store_thread),
        host_queue=HostQueue(slots=AT_ONCE, per_host=5),
        clock=lambda: datetime.now(UTC),
        seconds=time.monotonic,
        has_room=has_room,
        draw=lambda: 0.5,
    )


async def memory(store_url: str, port: int, *, feeds: int) -> None:
    """Resident memory of a process that polls ever more feeds, each on a host of its own, in one run and another."""
    process = psutil.Process()
    database, pacer = Database(store_url), StoredPacer(store_url)
    database.upgrade()
    store = FeedStore(database, lanes=8)
    with ThreadPoolExecutor(1 if database.is_sqlite else 4) as store_thread:
        for many in (feeds // 4, feeds // 2, feeds, feeds):
            outlets = made_outlets(feeds=many, hosts=many)
            ids = [feed.id for outlet in outlets.values() for feed in outlet.feeds]
            store.ensure([feed for outlet in outlets.values() for feed in outlet.feeds], interval_s=300)
            know_feeds(database, conditional=True)
            async with SafeFetcher(
                user_agent=AGENT, newsroom=f"127.0.0.1:{port}", pacer=pacer, default_spacing_s=SPACING_S
            ) as fetcher:
                await ingest(store.states(ids), (), poll_rooms(fetcher, store, outlets, store_thread), Report())
            gc.collect()
            peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            rss_mb = process.memory_info().rss / 1e6
            print(f"  {many:>7} feeds polled   {rss_mb:6.0f} MB, at most {peak_mb:.0f} MB so far")


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
        with stores(options.store) as url:
            whole = await whole_polls(
                url, port, feeds=options.feeds, hosts=options.hosts, rounds=options.rounds, conditional=conditional
            )
        for row in (mine, *bare, whole):
            ratio = "" if row in (mine, whole) else f"newswire costs {mine.cpu_us / row.cpu_us:.2f} x its CPU"
            print(f"  {row.name:<13} {row.per_second:7.0f} polls/s   {row.cpu_us:6.0f} µs CPU per poll   {ratio}")
        print(f"  a whole poll costs {whole.cpu_us / bare[-1].cpu_us:.2f} x the CPU of one GET with bare httpx")


@contextmanager
def stores(name: str) -> Iterator[str]:
    """A fresh store, as a URL."""
    with TemporaryDirectory(prefix="newswire-polls-", ignore_cleanup_errors=True) as folder:
        if name == "sqlite":
            yield f"sqlite:///{folder}/newswire.db"
            return
        server = start_postgres(Path(folder))
        try:
            yield server.create_database("polls")
        finally:
            server.stop()


def measure_memory(options: argparse.Namespace, port: int) -> None:
    """In a process of its own, which has done nothing else."""

    async def polls() -> None:
        with stores(options.store) as url:
            await memory(url, port, feeds=options.memory)

    print(f"\nmemory of one process, every feed on a host of its own, up to {options.memory} feeds", flush=True)
    asyncio.run(polls())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--feeds", type=int, default=1000)
    parser.add_argument("--hosts", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--memory", type=int, default=10_000, help="feeds to measure memory with; 0: do not")
    parser.add_argument("--store", choices=("sqlite", "postgres"), default="sqlite")
    chosen = parser.parse_args()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 65_536), hard))
    here, there = multiprocessing.get_context("spawn").Pipe()
    server = multiprocessing.get_context("spawn").Process(target=serve, args=(there,), daemon=True)
    server.start()
    try:
        port_of_server = here.recv()
        asyncio.run(main(chosen, port_of_server))
        if chosen.memory:
            spawn = multiprocessing.get_context("spawn")
            measuring = spawn.Process(target=measure_memory, args=(chosen, port_of_server))
            measuring.start()
            measuring.join()
    finally:
        server.terminate()
        server.join()
