"""Extraction workers: processes that extract pages and parse large feeds under limits of time and memory.

Guarantee: every page has an Extraction or an `ExtractionFailed`, every feed alike. A page that kills its worker does
not stop the pool. Workers are plain child processes on a private pipe, not `multiprocessing` children. So they start
the same way from a command, a test or an Airflow task, whatever that process forked, and never import its `__main__`.
"""

from __future__ import annotations

import asyncio
import gzip
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
import zlib
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Self

import msgspec

import pipeline
from connectors.workers.protocol import ANSWERS, ENCODER, READY, Answer, Call, ComputeFingerprint, ReadFeed, ReadPage
from pipeline.dedup.fingerprint import Fingerprint, fingerprint
from pipeline.domain.errors import ExtractionFailed
from pipeline.domain.model import Article
from pipeline.extraction.jsonl import ExtractedRow, ExtractRow, outlet_of
from pipeline.extraction.values import Observation
from pipeline.extraction.wrapper.wrapper import ENOUGH_PAGES, Wrapper
from pipeline.extraction.wrapper.wrapper import learn as learn_wrapper
from pipeline.feeds.parse import FeedInput, NoFeed, ParsedFeed
from pipeline.ingest.page_reading import PageReading, PageTask, file_task

__all__ = ["ExtractionWorkers", "InlineWorkers", "extract_many"]

START_TIMEOUT_S = 60.0  # importing trafilatura takes half a second, on an overloaded machine a minute
TRAINING_PAGES = 100  # of an outlet in one run; more change a wrapper little
MAX_PAGES = 5_000  # then a worker is replaced: the caches of libraries grow without bound
MAX_WRAPPERS = 200  # that a worker keeps, about 100 kB each
MAX_ANSWER_BYTES = 256 * 1024 * 1024  # a page's limit is far below; a worker that was taken over must not fill ours
# Variables that a worker inherits.
INHERITED = frozenset(
    {"PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "LD_LIBRARY_PATH"}
    | {"PYTHONHOME", "PYTHONPATH", "PYTHONSAFEPATH"}
)
_ROOT = Path(pipeline.__path__[0]).parent
_COMMAND = (
    "import sys; sys.path.insert(0, sys.argv[1]); from connectors.workers.child import main; "
    "main(int(sys.argv[2]), int(sys.argv[3]))"
)


class InlineWorkers:
    """The same interface in this process and without limits: for tests and for trusted pages."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    async def read_page(self, task: PageTask, wrapper: Wrapper | None) -> PageReading:
        """Read the page. Raises `ExtractionFailed`, as the pool does."""
        from connectors.workers.child import read_and_pack

        try:
            return read_and_pack(task, wrapper)
        except Exception as error:
            raise ExtractionFailed(task.response.final_url, f"{type(error).__name__}: {error}") from error

    async def fingerprint(self, article: Article, repeated: frozenset[int]) -> Fingerprint:
        """Compute the fingerprint."""
        return fingerprint(article.title, article.text, repeated=repeated)

    async def read_feed(self, given: FeedInput) -> ParsedFeed | NoFeed:
        """Parse the feed."""
        from pipeline.feeds.parse import read_feed

        return read_feed(given)


class ExtractionWorkers:
    """A pool of processes, started on demand; each page may use `timeout_s` and `memory_mb` of one."""

    def __init__(self, processes: int, timeout_s: float, memory_mb: int) -> None:
        self.processes = processes
        self._timeout_s = timeout_s
        self._memory_mb = memory_mb
        self._idle: queue.LifoQueue[_Worker | None] = queue.LifoQueue()  # the one used last knows most wrappers
        self._threads = ThreadPoolExecutor(processes, thread_name_prefix="extraction")
        self._workers: set[_Worker] = set()
        self._lock = threading.Lock()
        self._closed = False

    def __enter__(self) -> Self:
        for _ in range(self.processes):
            self._idle.put(None)  # started by the first page: most runs of most shards have no page
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Kill all workers, busy or idle. Idempotent."""
        with self._lock:
            self._closed = True
            workers, self._workers = self._workers, set()
        for worker in workers:
            worker.end()
        self._threads.shutdown(wait=True, cancel_futures=True)

    async def read_page(self, task: PageTask, wrapper: Wrapper | None) -> PageReading:
        """Read the page in the next free worker. Raises `ExtractionFailed`."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self.read_page_now, task, wrapper)

    def read_page_now(self, task: PageTask, wrapper: Wrapper | None) -> PageReading:
        """The same without an event loop: from any thread, blocks until a worker is free."""
        url = task.response.final_url
        reading = self._call(url, lambda worker: worker.page_call(task, wrapper)).page
        if reading is None:
            raise ExtractionFailed(url, "the worker answered something else")
        return reading

    async def fingerprint(self, article: Article, repeated: frozenset[int]) -> Fingerprint:
        """The article's fingerprint without repeated paragraphs. Raises `ExtractionFailed`."""
        call = ComputeFingerprint(article.title, article.text, repeated)
        answer = await self._in_thread(article.url, call)
        assert answer.fingerprint is not None
        return answer.fingerprint

    async def read_feed(self, given: FeedInput) -> ParsedFeed | NoFeed:
        """Parse the feed in the next free worker. Raises `ExtractionFailed`."""
        answer = await self._in_thread(given.url, ReadFeed(given))
        feed = answer.feed or answer.no_feed
        assert feed is not None
        return feed

    async def _in_thread(self, url: str, call: Call) -> Answer:
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._call, url, lambda _worker: call)

    def _call(self, url: str, call_for: Callable[[_Worker], Call]) -> Answer:
        """A worker's answer. Raises `ExtractionFailed` with the failure, or when the call killed the worker."""
        worker = self._idle.get()
        try:
            if worker is not None and worker.is_dead:
                self._stop(worker)  # died while idle, not because of a page
                worker = None
            if worker is None:
                worker = self._start()
            answer = worker.ask(call_for(worker), timeout_s=self._timeout_s)
        except _WorkerLost as lost:
            self._stop(worker)
            worker = None
            raise ExtractionFailed(url, str(lost)) from lost
        finally:
            if worker is not None and worker.pages >= MAX_PAGES:
                self._stop(worker)
                worker = None
            self._idle.put(worker)
        if answer.failure:
            raise ExtractionFailed(url, answer.failure)
        return answer

    def _start(self) -> _Worker:
        with self._lock:
            if self._closed:
                raise _WorkerLost("the workers are closed")
            worker = _Worker(self._memory_mb)
            self._workers.add(worker)
        return worker

    def _stop(self, worker: _Worker | None) -> None:
        if worker is not None:
            worker.end()
            with self._lock:
                self._workers.discard(worker)


class _WorkerLost(Exception):
    """The worker died or had to be killed."""


class _Worker:
    """One process and the pipe to it."""

    def __init__(self, memory_mb: int) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            # Where Python and libraries are, and no secret of the deployment.
            kept = {name: value for name, value in os.environ.items() if name in INHERITED}
            command = [sys.executable, "-c", _COMMAND, str(_ROOT), str(theirs.fileno()), str(memory_mb)]
            self._process = subprocess.Popen(  # noqa: S603
                command, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, env=kept
            )
        self._pipe = Connection(ours.detach())
        self._is_ready = False
        self._sent: dict[str, Wrapper] = {}  # the wrapper of each outlet that the worker knows
        self.pages = 0

    @property
    def is_dead(self) -> bool:
        """Whether the process has ended."""
        return self._process.poll() is not None

    def page_call(self, task: PageTask, wrapper: Wrapper | None) -> ReadPage:
        """The call for a page, with the outlet's wrapper where the worker does not know it yet."""
        if wrapper is None:
            return ReadPage(task)
        if self._sent.get(task.outlet_id) is wrapper:
            return ReadPage(task, has_wrapper=True)
        forget = len(self._sent) >= MAX_WRAPPERS
        if forget:
            self._sent.clear()
        self._sent[task.outlet_id] = wrapper
        return ReadPage(task, has_wrapper=True, wrapper=wrapper.to_json(), forget=forget)

    def ask(self, call: Call, *, timeout_s: float) -> Answer:
        """The call's result or failure. Raises `_WorkerLost`."""
        self._await_start()
        self.pages += 1
        try:
            self._pipe.send_bytes(ENCODER.encode(call))
            if not self._pipe.poll(timeout_s):
                raise _WorkerLost(f"no answer within {timeout_s:g} s")
            answer = ANSWERS.decode(self._pipe.recv_bytes(MAX_ANSWER_BYTES))
        except (EOFError, OSError) as error:
            raise _WorkerLost(self._exit_reason()) from error
        except msgspec.MsgspecError as error:
            raise _WorkerLost(f"the worker's answer is none of the protocol: {error}") from error
        if answer.is_out_of_memory:
            raise _WorkerLost(answer.failure)
        return answer

    def end(self) -> None:
        """Kill the process and wait for its end."""
        self._process.kill()
        self._process.wait()
        self._pipe.close()

    def _await_start(self) -> None:
        if self._is_ready:
            return
        try:
            if not self._pipe.poll(START_TIMEOUT_S) or self._pipe.recv_bytes() != READY:
                raise _WorkerLost("the worker did not start in time")
        except (EOFError, OSError) as error:
            raise _WorkerLost(f"the worker did not start: {self._exit_reason()}") from error
        self._is_ready = True

    def _exit_reason(self) -> str:
        code = self._process.wait(timeout=10)
        return (
            f"the worker died of {signal.Signals(-code).name}" if code < 0 else f"the worker ended with status {code}"
        )


def extract_many(
    rows: Iterable[ExtractRow], *, learn: bool, processes: int, timeout_s: float = 20.0, memory_mb: int = 1_024
) -> Iterator[ExtractedRow]:
    """The rows' extractions in their order. With `learn`, pages are read twice: to learn wrappers, then to use them."""
    listed = list(rows)
    wrappers: dict[str, Wrapper] = {}
    with ExtractionWorkers(processes, timeout_s, memory_mb) as workers, ThreadPoolExecutor(processes) as threads:
        if learn:
            wrappers = _learn_wrappers(listed, workers, threads)
        yield from _in_order(
            lambda row: _extract_row(row, wrappers.get(outlet_of(row)), workers), listed, threads, processes
        )


def _in_order(
    work: Callable[[ExtractRow], ExtractedRow], rows: Iterable[ExtractRow], threads: ThreadPoolExecutor, processes: int
) -> Iterator[ExtractedRow]:
    """Results in the order of the rows, with a bounded number in progress."""
    waiting: deque[Future[ExtractedRow]] = deque()
    for row in rows:
        waiting.append(threads.submit(work, row))
        if len(waiting) >= 4 * processes:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def _learn_wrappers(
    rows: list[ExtractRow], workers: ExtractionWorkers, threads: ThreadPoolExecutor
) -> dict[str, Wrapper]:
    """The wrappers of the outlets with enough pages."""
    counts = Counter(outlet_of(row) for row in rows)
    used: Counter[str] = Counter()
    training: list[ExtractRow] = []
    for row in rows:
        outlet = outlet_of(row)
        if counts[outlet] >= ENOUGH_PAGES and used[outlet] < TRAINING_PAGES:
            used[outlet] += 1
            training.append(row)
    observations: dict[str, list[Observation]] = {}
    for result in _in_order(lambda row: _extract_row(row, None, workers), training, threads, workers.processes):
        if result.extraction is not None and result.extraction.observation is not None:
            observations.setdefault(outlet_of(result.row), []).append(result.extraction.observation)
    return {outlet: learn_wrapper(None, seen) for outlet, seen in observations.items()}


def _extract_row(row: ExtractRow, wrapper: Wrapper | None, workers: ExtractionWorkers) -> ExtractedRow:
    if row.fault:
        return ExtractedRow(row, None, row.fault)
    try:
        body = Path(row.file).read_bytes()
        if body[:2] == b"\x1f\x8b":
            body = gzip.decompress(body)
        return ExtractedRow(row, workers.read_page_now(file_task(row.url, body), wrapper).extraction)
    except (OSError, EOFError, ValueError, zlib.error, ExtractionFailed) as error:
        return ExtractedRow(row, None, str(error))
