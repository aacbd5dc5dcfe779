"""The child process of an extraction worker: calls in, answers out, over one pipe, under limits of the system.

Started by connectors/workers/pool.py; holds no state but caches, so that it may be killed at any call.
"""

from __future__ import annotations

import contextlib
import logging
import os
import resource
import signal
from dataclasses import replace
from multiprocessing.connection import Connection

from connectors.workers.protocol import CALLS, ENCODER, READY, Answer, Call, ComputeFingerprint, ReadFeed
from pipeline.extraction.wrapper.wrapper import Wrapper
from pipeline.feeds.parse import NoFeed, read_feed
from pipeline.ingest.page_reading import PageReading, PageTask, file_task, read_page

__all__ = ["main", "read_and_pack"]

MAX_FAILURE_CHARS = 500
WARM_UP = "The first page of a worker loads models and compiles patterns, so a page of our own is extracted first. " * 4


def main(descriptor: int, memory_mb: int) -> None:
    """Serve until the pipe closes; a parent that was killed closes it at any moment."""
    with contextlib.suppress(EOFError, ConnectionError):
        _serve(descriptor, memory_mb)


def _serve(descriptor: int, memory_mb: int) -> None:
    _limit_memory(memory_mb)
    _silence()
    pipe = Connection(descriptor)
    # Before the time limit of the first page starts.
    # It names its language, which its words confirm: the model for others takes half a second and 80 MB.
    html = f"<html lang=en><body><h1>Warm</h1><p>{WARM_UP}</p></body></html>"
    task = file_task("http://warm.invalid/up/1", html.encode())
    read_and_pack(replace(task, is_compared=True, is_archived=True), None)
    pipe.send_bytes(READY)
    wrappers: dict[str, Wrapper] = {}
    while True:
        message = pipe.recv_bytes()
        try:
            answer = ENCODER.encode(_answer(CALLS.decode(message), wrappers))
        except MemoryError:
            pipe.send_bytes(ENCODER.encode(Answer(failure="out of memory", is_out_of_memory=True)))
            return
        except Exception as error:  # noqa: BLE001 # the border of one call: the parent raises it as ExtractionFailed
            answer = ENCODER.encode(Answer(failure=f"{type(error).__name__}: {error}"[:MAX_FAILURE_CHARS]))
        pipe.send_bytes(answer)


def _answer(call: Call, wrappers: dict[str, Wrapper]) -> Answer:
    if isinstance(call, ReadFeed):
        feed = read_feed(call.given)
        return Answer(no_feed=feed) if isinstance(feed, NoFeed) else Answer(feed=feed)
    if isinstance(call, ComputeFingerprint):
        from pipeline.dedup.fingerprint import fingerprint

        return Answer(fingerprint=fingerprint(call.title, call.text, repeated=call.repeated))
    if call.forget:
        wrappers.clear()
    if call.wrapper is not None:
        wrappers[call.task.outlet_id] = Wrapper.from_json(call.wrapper)
    return Answer(page=read_and_pack(call.task, wrappers[call.task.outlet_id] if call.has_wrapper else None))


def read_and_pack(task: PageTask, wrapper: Wrapper | None) -> PageReading:
    """Read the page; with its record for the archive when that is wanted and it holds an article."""
    reading = read_page(task, wrapper)
    if not task.is_archived or reading.extraction.article is None:
        return reading
    from connectors.archive.warc_archive import pack

    return replace(reading, record=pack(task.response))


def _limit_memory(memory_mb: int) -> None:
    """Limit what the process may allocate: a page beyond it gets MemoryError, or only this process dies."""
    limit = memory_mb * 1024 * 1024
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _silence() -> None:
    """Drop what libraries print and log, which would reach the parent's terminal; Ctrl-C is left to the parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    logging.disable(logging.CRITICAL)
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)
