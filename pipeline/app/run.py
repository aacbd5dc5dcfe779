"""Set up a run: fetcher, extraction workers, store threads, rate limiter, deadline, backpressure and delivery.

`open_run` is the only place that builds a run context from connectors. Ingest, follow, backfill, replay and revisit all
use it. Tested by tests/ingest/test_revisit.py and tests/app/test_kill.py.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager

from pipeline.app.deployment import Deployment
from pipeline.delivery.deliver import Deliverer
from pipeline.domain.errors import NewswireError
from pipeline.domain.ports import Fetcher
from pipeline.extraction.wrapper.session import WrapperSession
from pipeline.ingest.context import Backpressure, RunContext, StoreThread
from pipeline.ingest.host_queue import HostQueue
from pipeline.ingest.replay import OfflineFetcher
from pipeline.reporting.logs import log_wrapper
from pipeline.reporting.report import Report

# Requests of one host that wait for its rate limit in the fetcher, besides those that it sends.
WAITING_PER_HOST = 3
WATCH_EVERY_S = 1.0


@asynccontextmanager
async def open_run(
    deployment: Deployment,
    deliverer: Deliverer | None,
    *,
    on_fault: Callable[[str], None],
    deadline_s: float | None = None,
    is_offline: bool = False,
) -> AsyncIterator[RunContext]:
    """The context of a run that delivers meanwhile, if there is a deliverer, and at its end.

    Messages that could not be delivered are a fault, and wait in the outbox for the next run. Past the deadline nothing
    new begins. An offline run fetches nothing and learns no wrappers.
    """
    if deliverer is not None:
        deliverer.start()
    try:
        async with AsyncExitStack() as stack:
            yield await build_context(deployment, stack, deliverer, deadline_s=deadline_s, is_offline=is_offline)
    finally:
        if deliverer is not None:
            try:
                await asyncio.to_thread(deliverer.stop)
            except NewswireError as error:
                on_fault(f"not delivered: {error}")


async def build_context(
    deployment: Deployment,
    stack: AsyncExitStack,
    deliverer: Deliverer | None,
    *,
    deadline_s: float | None,
    is_offline: bool,
) -> RunContext:
    """Open what a run needs; the stack closes it."""
    settings = deployment.settings
    fetcher: Fetcher = OfflineFetcher() if is_offline else await stack.enter_async_context(deployment.fetcher())
    workers = stack.enter_context(deployment.workers())
    # One thread on SQLite, which has one writer; a few on PostgreSQL, which has many.
    in_store = StoreThread(stack.enter_context(ThreadPoolExecutor(1 if deployment.database.is_sqlite else 4, "store")))
    backpressure = Backpressure(
        lambda: in_store(deployment.outbox.undelivered), settings.delivery.outbox_bound, seconds=time.monotonic
    )
    ends = time.monotonic() + deadline_s if deadline_s else float("inf")
    return RunContext(
        settings=settings,
        outlets=deployment.outlets_by_id,
        fetcher=fetcher,
        polls=deployment.feeds,
        entries=deployment.articles,
        articles=deployment.articles,
        archive=deployment.archive,
        extractor=workers,
        wrappers=WrapperSession(
            store=deployment.articles,
            in_store=in_store,
            clock=deployment.clock,
            is_frozen=is_offline,
            on_learnt=lambda outlet, wrapper, pages: log_wrapper(outlet, version=wrapper.version, pages=pages),
        ),
        in_store=in_store,
        host_queue=HostQueue(
            slots=settings.http.concurrency,
            per_host=settings.http.host_connections + WAITING_PER_HOST,
            is_late=lambda: time.monotonic() >= ends,
        ),
        clock=deployment.clock,
        seconds=time.monotonic,
        wake_delivery=deliverer.wake if deliverer else lambda: None,
        has_room=backpressure.has_room,
    )


@asynccontextmanager
async def watching(watch: Callable[[Report], None] | None, report: Report) -> AsyncIterator[None]:
    """Call the watcher about once a second with the report so far."""

    async def call(watch: Callable[[Report], None]) -> None:
        while True:
            await asyncio.sleep(WATCH_EVERY_S)
            watch(report)

    task = asyncio.create_task(call(watch)) if watch else None
    try:
        yield
    finally:
        if task:
            task.cancel()


@contextmanager
def unwrap_exception_group() -> Iterator[None]:
    """Raise an error of ours by itself, not in the exception group that concurrent tasks make of it."""
    try:
        yield
    except BaseExceptionGroup as group:
        ours = group.subgroup(NewswireError)
        if ours is None or group.split(NewswireError)[1] is not None:
            raise
        error: BaseException = ours
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        raise error from group
