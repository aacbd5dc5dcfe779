"""Extraction workers: a bad page stops no other, and rows keep their order."""

from __future__ import annotations

import asyncio
import gzip
import os
import pickle
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import msgspec
import psutil
import pytest

from connectors.workers import pool
from connectors.workers.pool import ExtractionWorkers, InlineWorkers, extract_many
from connectors.workers.protocol import ANSWERS
from pipeline.domain.errors import ExtractionFailed
from pipeline.extraction.jsonl import ExtractRow
from pipeline.extraction.wrapper.wrapper import Wrapper, learn
from pipeline.ingest.page_reading import PageTask, file_task
from tests.newsroom.catalogue import OUTLETS
from tests.newsroom.pages.page import Page
from tests.newsroom.site import look_of

SENTENCE = "The harbour was quiet that morning, and nobody had seen the boat leave before the tide. "
ARTICLE = f"<html><body><h1>The quiet harbour</h1>{f'<p>{SENTENCE * 3}</p>' * 4}</body></html>"


def page(html: str = ARTICLE) -> PageTask:
    task = file_task("http://www.example.test/news/the-quiet-harbour", html.encode())
    return replace(task, is_compared=True)


@pytest.fixture(scope="module", autouse=True)
def traced_workers() -> Iterator[None]:
    """Workers of these tests are traced when coverage is measured; elsewhere tracing would double their time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pool, "INHERITED", pool.INHERITED | {name for name in os.environ if name.startswith("COVERAGE_")})
        yield


@pytest.fixture(scope="module")
def workers() -> Iterator[ExtractionWorkers]:
    with ExtractionWorkers(1, timeout_s=120, memory_mb=400) as started:
        yield started


async def test_a_worker_extracts_as_this_process_would(workers: ExtractionWorkers) -> None:
    assert await workers.read_page(page(), None) == await InlineWorkers().read_page(page(), None)


async def test_a_worker_returns_what_the_store_needs(workers: ExtractionWorkers) -> None:
    reading = await workers.read_page(replace(page(), is_archived=True), None)
    assert reading.marks is not None
    assert reading.record is not None
    assert ARTICLE.encode() in gzip.decompress(reading.record.member)
    article = reading.extraction.article
    assert article is not None
    whole = await workers.fingerprint(article, frozenset())
    assert whole == reading.marks.fingerprint
    assert await workers.fingerprint(article, frozenset(reading.marks.paragraphs)) != whole


async def test_a_wrapper_is_sent_when_the_worker_does_not_know_it(workers: ExtractionWorkers) -> None:
    """A learnt wrapper reads the page; without one the page is selected fully, also by the same worker."""
    observation = (await workers.read_page(page(), None)).extraction.observation
    assert observation is not None
    wrapper = learn(None, [replace(observation, page=number) for number in range(12)])
    inline = await InlineWorkers().read_page(page(), wrapper)
    assert [await workers.read_page(page(), wrapper) for _ in range(2)] == [inline, inline]
    assert (await workers.read_page(page(), None)).extraction.observation == observation
    assert await workers.read_page(page(), Wrapper.from_json(wrapper.to_json())) == inline


async def test_a_page_with_half_a_surrogate_pair_is_read(workers: ExtractionWorkers) -> None:
    linked = '<script type="application/ld+json">{"@type": "NewsArticle", "headline": "The \\ud83d harbour"}</script>'
    reading = await workers.read_page(page(linked + ARTICLE), None)
    assert reading == await InlineWorkers().read_page(page(linked + ARTICLE), None)


def test_a_worker_inherits_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEWSWIRE_KAFKA_PASSWORD", "hush")
    monkeypatch.setenv("AIRFLOW__API_AUTH__JWT_SECRET", "hush")
    with ExtractionWorkers(1, timeout_s=60, memory_mb=400) as started:
        started.read_page_now(page(), None)
        environments = [child.environ() for child in running_workers()]
    assert all("PATH" in environment for environment in environments)
    mine = [e for e in environments if "hush" not in e.values()]
    assert mine, "every worker knows the secret"
    assert not {name for name in mine[-1] if name.startswith(("NEWSWIRE_", "AIRFLOW"))}


def test_what_a_worker_sends_cannot_run_code() -> None:
    """An answer that is none of the protocol is refused: a pickle, too."""
    with pytest.raises(msgspec.MsgspecError):
        ANSWERS.decode(pickle.dumps(os.system))


async def test_pages_are_extracted_concurrently(workers: ExtractionWorkers) -> None:
    readings = await asyncio.gather(*(workers.read_page(page(), None) for _ in range(5)))
    assert all(reading.extraction.article is not None for reading in readings)


async def test_a_page_that_takes_too_much_memory_fails_alone(workers: ExtractionWorkers) -> None:
    with pytest.raises(ExtractionFailed):
        await workers.read_page(page(ARTICLE + " " * 300_000_000), None)
    assert (await workers.read_page(page(), None)).extraction.article is not None


async def test_a_page_that_takes_too_long_fails_alone() -> None:
    with ExtractionWorkers(1, timeout_s=0.0001, memory_mb=400) as hurried:
        for _ in range(2):
            with pytest.raises(ExtractionFailed, match="no answer within"):
                await hurried.read_page(page(ARTICLE * 2_000), None)  # a second of work


def running_workers() -> list[psutil.Process]:
    """The extraction workers among this process's children; servers of other tests may be there too, alive or dead."""
    children = [child for child in psutil.Process().children() if child.status() != psutil.STATUS_ZOMBIE]
    return [child for child in children if "connectors.workers.child" in " ".join(child.cmdline())]


async def test_a_worker_that_dies_is_replaced(workers: ExtractionWorkers) -> None:
    await workers.read_page(page(), None)
    for child in running_workers():
        child.kill()
        child.wait()
    assert (await workers.read_page(page(), None)).extraction.article is not None


def test_nothing_is_left_running_afterwards() -> None:
    before = len(running_workers())
    with ExtractionWorkers(2, timeout_s=60, memory_mb=400) as started:
        assert len(running_workers()) == before  # none before there is a page: most runs bring none
        started.read_page_now(page(), None)
        started.read_page_now(page(), None)
        assert len(running_workers()) == before + 1  # one that is idle takes the next page
        with ThreadPoolExecutor(2) as threads:
            list(threads.map(lambda _: started.read_page_now(page(ARTICLE * 100), None), range(4)))
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
                status = 0 if forked.read_page_now(page(), None).extraction.article is not None else 2
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
