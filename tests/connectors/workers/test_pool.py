"""Extraction workers: a bad page stops no other, and rows keep their order."""

from __future__ import annotations

import asyncio
import gzip
import os
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from connectors.workers.pool import ExtractionWorkers, InlineWorkers, extract_many
from pipeline.domain.errors import ExtractionFailed
from pipeline.extraction.extract import PageInput
from pipeline.extraction.jsonl import ExtractRow
from tests.newsroom.catalogue import OUTLETS
from tests.newsroom.pages.page import Page
from tests.newsroom.site import look_of

SENTENCE = "The harbour was quiet that morning, and nobody had seen the boat leave before the tide. "
ARTICLE = f"<html><body><h1>The quiet harbour</h1>{f'<p>{SENTENCE * 3}</p>' * 4}</body></html>"


def page(html: str = ARTICLE) -> PageInput:
    return PageInput(url="http://www.example.test/news/the-quiet-harbour", html=html)


@pytest.fixture(scope="module")
def workers() -> Iterator[ExtractionWorkers]:
    with ExtractionWorkers(1, timeout_s=120, memory_mb=400) as started:
        yield started


async def test_a_worker_extracts_as_this_process_would(workers: ExtractionWorkers) -> None:
    assert await workers.extract(page(), None) == await InlineWorkers().extract(page(), None)


async def test_pages_are_extracted_concurrently(workers: ExtractionWorkers) -> None:
    extractions = await asyncio.gather(*(workers.extract(page(), None) for _ in range(5)))
    assert all(extraction.article is not None for extraction in extractions)


async def test_a_page_that_takes_too_much_memory_fails_alone(workers: ExtractionWorkers) -> None:
    with pytest.raises(ExtractionFailed):
        await workers.extract(page(ARTICLE + " " * 300_000_000), None)
    assert (await workers.extract(page(), None)).article is not None


async def test_a_page_that_takes_too_long_fails_alone() -> None:
    with ExtractionWorkers(1, timeout_s=0.0001, memory_mb=400) as hurried:
        for _ in range(2):
            with pytest.raises(ExtractionFailed, match="no answer within"):
                await hurried.extract(page(ARTICLE * 2_000), None)  # a second of work


def running_workers() -> list[psutil.Process]:
    """The extraction workers among this process's children; servers of other tests may be there too, alive or dead."""
    children = [child for child in psutil.Process().children() if child.status() != psutil.STATUS_ZOMBIE]
    return [child for child in children if "connectors.workers.child" in " ".join(child.cmdline())]


async def test_a_worker_that_dies_is_replaced(workers: ExtractionWorkers) -> None:
    await workers.extract(page(), None)
    for child in running_workers():
        child.kill()
        child.wait()
    assert (await workers.extract(page(), None)).article is not None


def test_nothing_is_left_running_afterwards() -> None:
    before = len(running_workers())
    with ExtractionWorkers(2, timeout_s=60, memory_mb=400) as started:
        assert len(running_workers()) == before  # none before there is a page: most runs bring none
        for _ in range(2):
            started.extract_now(page(), None)
        mine = running_workers()
        assert len(mine) >= 2
    gone, alive = psutil.wait_procs(mine[-2:], timeout=10)
    assert len(gone) == 2
    assert not alive


def test_workers_start_in_a_forked_process() -> None:
    """As in a task of Airflow, which forks its processes without multiprocessing."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            with ExtractionWorkers(1, timeout_s=60, memory_mb=400) as forked:
                status = 0 if forked.extract_now(page(), None).article is not None else 2
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.fixture
def rows(tmp_path: Path) -> list[ExtractRow]:
    """Pages of two outlets in turn, and a file that is not there."""
    written = []
    for outlet in OUTLETS[:2]:
        for number, article in enumerate(outlet.articles[:8]):
            version = article.versions[0]
            path = tmp_path / f"{outlet.id}-{number}.html.gz"
            path.write_bytes(gzip.compress(look_of(outlet).render(Page(outlet, article, version, RELATED)).encode()))
            written.append(ExtractRow(f"{outlet.id}/{number}", outlet.url(article), str(path)))
    return [*written[::2], ExtractRow("gone", "http://www.example.test/x", str(tmp_path / "none.html")), *written[1::2]]


RELATED = (("Un titre voisin", "/a/1"), ("Un autre titre", "/a/2"), ("Encore un titre", "/a/3"))


@pytest.mark.parametrize("learn", [True, False], ids=["learning", "not learning"])
def test_rows_keep_their_order(rows: list[ExtractRow], *, learn: bool) -> None:
    results = list(extract_many(rows, learn=learn, processes=2))
    assert [result.row for result in results] == rows
    assert [result.row.id for result in results if result.extraction is None] == ["gone"]
    ways = {r.extraction.article.extractor.split()[1] for r in results if r.extraction and r.extraction.article}
    assert ("wrapper" in ways) is learn
