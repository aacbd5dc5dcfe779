"""The inside of an extraction worker: calls in, answers out, over one pipe, under limits that the system enforces.

Started by connectors/workers/pool.py as a process of its own; holds no state but caches, so that any call may be its
last.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import resource
from collections.abc import Callable
from multiprocessing.connection import Connection

__all__ = ["READY", "main"]

READY = b"ready"


def main(descriptor: int, memory_mb: int) -> None:
    """Serve until the pipe closes; a parent that was killed closes it at any moment."""
    with contextlib.suppress(EOFError, ConnectionError):
        _serve(descriptor, memory_mb)


def _serve(descriptor: int, memory_mb: int) -> None:
    _limit_memory(memory_mb)
    _keep_quiet()
    from pipeline.extraction.extract import PageInput, extract
    from pipeline.feeds.parse import read_feed

    calls: dict[str, Callable[..., object]] = {"extract": extract, "read_feed": read_feed}
    pipe = Connection(descriptor)
    _warm_up(extract, PageInput)
    pipe.send_bytes(READY)
    while True:
        call, arguments = pickle.loads(pipe.recv_bytes())  # noqa: S301 # from our own parent, by a private pipe
        try:
            answer: object = calls[call](*arguments)
        except MemoryError:
            answer = MemoryError("out of memory")
        except Exception as error:  # noqa: BLE001 # the border of one call: the parent raises it as ExtractionFailed
            answer = RuntimeError(f"{type(error).__name__}: {error}"[:500])
        pipe.send_bytes(pickle.dumps(answer, protocol=pickle.HIGHEST_PROTOCOL))
        if isinstance(answer, MemoryError):
            return


def _limit_memory(memory_mb: int) -> None:
    """What the process may allocate; a page that wants more gets MemoryError, or the process dies of it alone."""
    most = memory_mb * 1024 * 1024
    resource.setrlimit(resource.RLIMIT_DATA, (most, most))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _keep_quiet() -> None:
    """A library that prints must not print into what the parent's user reads; Ctrl-C is the parent's to act on."""
    import logging
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    logging.disable(logging.CRITICAL)
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)


def _warm_up(extract: object, page_input: object) -> None:
    """Load what is loaded on first use, before the first page's time runs."""
    assert callable(extract)
    assert callable(page_input)
    words = "The first page of a worker pays for models and patterns that are compiled on their first use. " * 4
    extract(
        page_input(url="http://warm.invalid/up/1", html=f"<html><body><h1>Warm</h1><p>{words}</p></body></html>"), None
    )
