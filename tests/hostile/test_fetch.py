"""The hostile suite, fetch side: every case has the expected outcome, uses bounded memory, and delays no other."""

from __future__ import annotations

import asyncio
import multiprocessing
from collections.abc import AsyncIterator
from multiprocessing.connection import Connection
from pathlib import Path

import psutil
import pytest
import pytest_asyncio

from connectors.http.fetcher import FetchLimits, SafeFetcher
from pipeline.domain.errors import FetchError
from pipeline.domain.model import FetchKind, Request, Response
from tests.hostile.cases import CASES, SERVED, Case, brotli_bomb, gzip_bomb, zstd_bomb
from tests.hostile.server import HostileServer

# For the cases that hang: they end by the clock. All others end by what the server does, however slow the machine is.
SHORT = {kind: FetchLimits(total_s=0.6, idle_s=0.4, connect_s=0.4) for kind in FetchKind}
PATIENT = {kind: FetchLimits(total_s=300, idle_s=300, connect_s=300) for kind in FetchKind}
GOOD_FEEDS = 40

# What all cases together may add to a process that fetches them side by side. The largest single cost is an inflated
# body at its cap (15 MB, twice while it is joined); dozens of cases come near it at the same moment.
MEMORY_BOUND_MB = 250


def a_fetcher(port: int, limits: dict[FetchKind, FetchLimits]) -> SafeFetcher:
    return SafeFetcher(
        user_agent="newswire-test/1 (+mailto:desk@gazette.test)",
        limits=limits,
        newsroom=f"127.0.0.1:{port}",
        default_spacing_s=0,
        max_connections=1000,
    )


@pytest_asyncio.fixture
async def server() -> AsyncIterator[HostileServer]:
    for bomb in (gzip_bomb, brotli_bomb, zstd_bomb):
        bomb()  # made once, before the clock of any fetch runs
    async with HostileServer(SERVED) as running:
        yield running


async def outcome(fetcher: SafeFetcher, case: Case) -> Response | FetchError:
    try:
        return await fetcher.fetch(Request(case.address, case.kind, case.validators))
    except FetchError as error:
        return error


def test_the_suite_has_no_two_cases_of_one_name() -> None:
    assert len({case.name for case in CASES}) == len(CASES) >= 80


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_hostile_server_has_the_expected_outcome(server: HostileServer, case: Case) -> None:
    async with a_fetcher(server.port, SHORT if case.hangs else PATIENT) as fetcher:
        fault = case.ends.fault(await outcome(fetcher, case))
    assert fault is None, fault


async def test_hostile_feeds_neither_lose_nor_delay_good_ones(server: HostileServer) -> None:
    async with a_fetcher(server.port, PATIENT) as fetcher:
        hostile = {case.name: asyncio.create_task(outcome(fetcher, case)) for case in CASES}
        good = [
            fetcher.fetch(Request(f"http://good{n}.hostile.test/feed.xml", FetchKind.FEED)) for n in range(GOOD_FEEDS)
        ]
        answers = await asyncio.gather(*good)
        hanging = {case.name for case in CASES if case.hangs and not hostile[case.name].done()}
        for task in hostile.values():
            task.cancel()
        await asyncio.gather(*hostile.values(), return_exceptions=True)
    assert [answer.status for answer in answers] == [200] * GOOD_FEEDS
    assert hanging == {case.name for case in CASES if case.hangs}


async def test_all_hostile_cases_side_by_side_end_as_each_alone(server: HostileServer) -> None:
    cases = [case for case in CASES if not case.hangs]
    async with a_fetcher(server.port, PATIENT) as fetcher:
        outcomes = await asyncio.gather(*(outcome(fetcher, case) for case in cases))
    faults = {case.name: case.ends.fault(end) for case, end in zip(cases, outcomes, strict=True)}
    assert {name: fault for name, fault in faults.items() if fault} == {}


async def test_memory_stays_bounded_while_all_hostile_cases_are_fetched(server: HostileServer) -> None:
    ours, theirs = multiprocessing.get_context("spawn").Pipe()
    child = multiprocessing.get_context("spawn").Process(target=fetch_all, args=(server.port, theirs))
    child.start()
    try:
        grown_mb = await asyncio.to_thread(ours.recv)
    finally:
        await asyncio.to_thread(child.join)
    assert grown_mb < MEMORY_BOUND_MB


def peak_mb() -> float:
    """The most memory this process ever had resident. Not ru_maxrss, which a child inherits from its parent."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return float(next(line.split()[1] for line in lines if line.startswith("VmHWM"))) / 1e3


def fetch_all(port: int, report_to: Connection) -> None:
    """In a process of its own: fetch every case side by side, and report by how much the process grew at its peak."""

    async def run() -> None:
        async with a_fetcher(port, {kind: FetchLimits(total_s=3) for kind in FetchKind}) as fetcher:
            before = psutil.Process().memory_info().rss / 1e6
            await asyncio.gather(*(outcome(fetcher, case) for case in CASES))
            report_to.send(peak_mb() - before)

    asyncio.run(run())
