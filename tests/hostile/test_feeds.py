"""The hostile suite, feed side: each body fetched over a real socket and parsed in a process with limits."""

from __future__ import annotations

import multiprocessing
import resource
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest

from connectors.http.fetcher import SafeFetcher
from pipeline.domain.errors import NotAFeed
from pipeline.domain.model import FetchKind, Request
from pipeline.feeds.parse import parse_feed
from tests.hostile.cases import whole
from tests.hostile.feed_cases import FEED_CASES, FeedCase, Understood
from tests.hostile.server import Call, HostileServer

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
# A body at the fetcher's cap may take this much; ordinary feeds take hundredths.
CPU_BOUND_S = 10.0
MEMORY_BOUND_MB = 900


@pytest.fixture(scope="module")
def worker() -> Iterator[ProcessPoolExecutor]:
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn, initializer=limit_memory) as pool:
        yield pool


def limit_memory() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))


def understand(body: bytes, url: str, content_type: str) -> Understood:
    """In the worker's process: the parsed feed, and the time and memory it took."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")  # the peak is counted from here (proc(5))
    started = time.process_time()
    try:
        feed = parse_feed(body, url=url, content_type=content_type, zone="Europe/Paris", now=NOON)
    except NotAFeed as error:
        return Understood(error.looks_like, alternates=error.alternates, cpu_s=time.process_time() - started)
    return Understood(
        entries=len(feed.entries),
        truncated=feed.truncated,
        clipped=feed.clipped,
        text="\n".join(
            text for e in feed.entries[:20] for text in (e.title, e.link or "", e.summary[:2000], *e.authors)
        ),
        links=tuple(entry.link for entry in feed.entries[:20]),
        cpu_s=time.process_time() - started,
        peak_mb=peak_mb(),
    )


def peak_mb() -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return float(next(line.split()[1] for line in lines if line.startswith("VmHWM"))) / 1e3


@pytest.mark.parametrize("case", FEED_CASES, ids=lambda case: case.name)
async def test_hostile_feed_has_the_expected_result(case: FeedCase, worker: ProcessPoolExecutor) -> None:
    body = case.make()

    async def serve(call: Call) -> None:
        await call.send(whole(body, f"Content-Type: {case.content_type}"))

    url = f"http://{case.name}.hostile.test/feed.xml"
    async with (
        HostileServer({"good": serve}) as server,
        SafeFetcher(user_agent="newswire-test/1", newsroom=f"127.0.0.1:{server.port}") as fetcher,
    ):
        response = await fetcher.fetch(Request(url, FetchKind.FEED))
    assert response.body == body
    content_type = response.header("content-type") or ""
    understood = worker.submit(understand, response.body, response.final_url, content_type).result()
    fault = case.fault(understood)
    assert fault is None, fault
    # The tracer of coverage adds half to the CPU time.
    assert understood.cpu_s < CPU_BOUND_S * (2 if "coverage" in sys.modules else 1)
    assert understood.peak_mb < MEMORY_BOUND_MB
