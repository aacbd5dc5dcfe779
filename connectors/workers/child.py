"""The child process of an extraction worker: calls in, answers out, over one pipe, under limits of the system.

Started by connectors/workers/pool.py; holds no state but caches, so that it may be killed at any call.
"""

from __future__ import annotations

import contextlib
import logging
import os
import pickle
import resource
import signal
from collections.abc import Callable
from multiprocessing.connection import Connection

__all__ = ["READY", "main"]

READY = b"ready"
WARM_UP = "The first page of a worker loads models and compiles patterns, so a page of our own is extracted first. " * 4


def main(descriptor: int, memory_mb: int) -> None:
    """Serve until the pipe closes; a parent that was killed closes it at any moment."""
    with contextlib.suppress(EOFError, ConnectionError):
        _serve(descriptor, memory_mb)


def _serve(descriptor: int, memory_mb: int) -> None:
    _limit_memory(memory_mb)
    _silence()
    from pipeline.extraction.extract import PageInput, extract
    from pipeline.feeds.parse import read_feed

    calls: dict[str, Callable[..., object]] = {"extract": extract, "read_feed": read_feed}
    pipe = Connection(descriptor)
    # Before the time limit of the first page starts.
    html = f"<html><body><h1>Warm</h1><p>{WARM_UP}</p></body></html>"
    extract(PageInput(url="http://warm.invalid/up/1", html=html), None)
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
