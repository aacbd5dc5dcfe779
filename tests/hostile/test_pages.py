"""The hostile suite, page side: each page fetched over a real socket and extracted by the workers."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass

import psutil
import pytest

from connectors.http.fetcher import SafeFetcher
from connectors.workers.pool import ExtractionWorkers
from pipeline.domain.errors import ExtractionFailed
from pipeline.domain.model import FetchKind, Request
from pipeline.ingest.page_reading import PageTask
from tests.hostile.cases import says, whole
from tests.hostile.page_cases import ARTICLE, FAILED, PAGE_CASES, REJECTED, PageCase
from tests.hostile.server import Call, HostileServer

MEMORY_MB = 1024
TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True)
class End:
    """How a page ended."""

    kind: str
    reason: str = ""
    text: str = ""


@pytest.fixture(scope="module")
def workers() -> Iterator[ExtractionWorkers]:
    with ExtractionWorkers(2, timeout_s=TIMEOUT_S, memory_mb=MEMORY_MB) as running:
        yield running


def serving(cases: tuple[PageCase, ...]) -> HostileServer:
    return HostileServer({case.name: page_of(case) for case in cases})


def page_of(case: PageCase):  # a Serve
    async def serve(call: Call) -> None:
        if call.path == "/une.html":
            await call.send(whole(case.make(), f"Content-Type: {case.content_type}"))
        else:
            await says("404 Not Found")(call)

    return serve


def a_fetcher(server: HostileServer) -> SafeFetcher:
    return SafeFetcher(user_agent="newswire-test/1", newsroom=f"127.0.0.1:{server.port}", default_spacing_s=0)


async def read(case: PageCase, fetcher: SafeFetcher, workers: ExtractionWorkers) -> End:
    """From the socket to the end, as a run does it."""
    response = await fetcher.fetch(Request(f"http://{case.name}.hostile.test/une.html", FetchKind.PAGE))
    task = PageTask(response=response, zone="Europe/Paris", is_compared=True, is_archived=True)
    try:
        extraction = (await workers.read_page(task, None)).extraction
    except ExtractionFailed as error:
        return End(FAILED, error.reason)
    if extraction.rejection is not None:
        return End(REJECTED, extraction.rejection.reason)
    assert extraction.article is not None
    return End(ARTICLE, text=extraction.article.text)


def fault(case: PageCase, end: End) -> str | None:
    """What is wrong with an end, or None."""
    if end.kind not in case.ends or (end.kind == REJECTED and case.reason not in end.reason):
        return f"expected {case.ends} {case.reason}, got {end.kind} {end.reason} {end.text[:200]!r}"
    if end.kind == ARTICLE and not case.check(end.text):
        return f"the text is not as it should be: {end.text[:300]!r}"
    return None


@pytest.mark.parametrize("case", PAGE_CASES, ids=lambda case: case.name)
async def test_a_hostile_page_ends_as_a_verdict(case: PageCase, workers: ExtractionWorkers) -> None:
    async with serving((case,)) as server, a_fetcher(server) as fetcher:
        wrong = fault(case, await read(case, fetcher, workers))
    assert wrong is None, wrong


async def test_good_pages_come_through_among_all_hostile_ones_and_this_process_stays_small(
    workers: ExtractionWorkers,
) -> None:
    good = next(case for case in PAGE_CASES if case.name == "good")
    before_mb = psutil.Process().memory_info().rss / 1e6
    async with serving(PAGE_CASES) as server, a_fetcher(server) as fetcher:
        hostile = [asyncio.create_task(read(case, fetcher, workers)) for case in PAGE_CASES]
        ends = [await read(good, fetcher, workers) for _ in range(5)]
        everyone = await asyncio.gather(*hostile, return_exceptions=True)
    assert [fault(good, end) for end in ends] == [None] * 5
    assert [end for end in everyone if isinstance(end, BaseException)] == []
    assert psutil.Process().memory_info().rss / 1e6 - before_mb < 600
