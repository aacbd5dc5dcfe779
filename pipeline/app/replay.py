"""Furnishes a replay: the archive, the extraction workers, the store; no fetcher. Goes on where a killed one ended."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace

from connectors.archive.checkpoint import CheckpointFile
from connectors.store.replays import ReplayStore
from connectors.workers.pool import ExtractionWorkers
from pipeline.app.archive import day_of
from pipeline.app.runs import Newswire
from pipeline.delivery.deliver import Deliverer
from pipeline.domain.errors import NewswireError, SettingsError
from pipeline.extraction.values import EXTRACTOR
from pipeline.extraction.wrapper.session import FrozenWrapperSession
from pipeline.ingest.context import RunContext
from pipeline.ingest.replay import OfflineFetcher, Replay, ReplayChoice, ReplayedArticle, ReplayReport

BATCH = 64  # articles side by side, and those that a kill has done again


def choice_of(newswire: Newswire, outlets: Sequence[str], *, since: str | None, until: str | None) -> ReplayChoice:
    """What an operator chose, on the command line or in the DAG's form. Raises SettingsError."""
    return ReplayChoice(tuple(outlets), day_of(newswire, since, "since"), day_of(newswire, until, "until"))


def replay(
    newswire: Newswire,
    choice: ReplayChoice,
    *,
    dry_run: bool,
    restart: bool = False,
    deadline_s: float | None = None,
    tell: Callable[[ReplayedArticle], None] = lambda _replayed: None,
    watch: Callable[[ReplayReport], None] = lambda _report: None,
) -> ReplayReport:
    """Replay what a choice means; `tell` is called for each article, `watch` after each batch.

    One that was killed, or that reached its deadline, goes on where it was when it is called with the same choice.
    """
    choice = known_outlets(newswire, choice)
    store = ReplayStore(newswire.database, lanes=newswire.settings.delivery.lanes)
    progress = CheckpointFile(newswire.settings.home / "replays", "replay", choice, dry_run, EXTRACTOR)
    report = begin(progress, restart=restart)
    report.total = store.count(choice)
    began = time.monotonic() - report.seconds

    def keep(report: ReplayReport) -> None:
        report.seconds = time.monotonic() - began
        progress.keep(report.to_json())
        watch(report)

    deliverer = newswire.deliverer()
    with ExitStack() as stack:
        if not dry_run:
            deliverer.start()
            stack.callback(finish, newswire, deliverer, report)
        context = furnish(newswire, stack, deliverer, deadline_s=deadline_s)
        batches = store.batches(choice, after=report.cursor, size=BATCH)
        asyncio.run(Replay(context, store, dry_run).walk(batches, report, tell=tell, keep=keep))
    report.seconds = time.monotonic() - began
    if report.is_done:
        progress.forget()
    return report


def known_outlets(newswire: Newswire, choice: ReplayChoice) -> ReplayChoice:
    """The choice, of outlets of the catalogue: their policies are needed. Raises SettingsError for any other."""
    unknown = sorted(set(choice.outlets) - set(newswire.outlets_by_id))
    if unknown:
        raise SettingsError(*(f"{outlet} is no outlet of the catalogue" for outlet in unknown))
    return choice if choice.outlets else replace(choice, outlets=tuple(sorted(newswire.outlets_by_id)))


def begin(progress: CheckpointFile, *, restart: bool) -> ReplayReport:
    """A fresh report, or the one that an earlier start left."""
    if restart:
        progress.forget()
    kept = progress.load()
    return ReplayReport.from_json(kept) if kept else ReplayReport()


def finish(newswire: Newswire, deliverer: Deliverer, report: ReplayReport) -> None:
    """Deliver what is left; what could not be delivered waits in the outbox for the next run, and is a fault."""
    try:
        deliverer.stop()
    except NewswireError as error:
        report.faults.append(f"not delivered: {error}")
    report.undelivered = newswire.outbox.undelivered()


def furnish(newswire: Newswire, stack: ExitStack, deliverer: Deliverer, *, deadline_s: float | None) -> RunContext:
    """The context of a replay; the stack closes them."""
    settings = newswire.settings
    workers = stack.enter_context(
        ExtractionWorkers(settings.extraction.processes, settings.extraction.timeout_s, settings.extraction.memory_mb)
    )
    threads = stack.enter_context(ThreadPoolExecutor(1 if newswire.database.is_sqlite else 4, "store"))
    return RunContext(
        settings=settings,
        outlets=newswire.outlets_by_id,
        fetcher=OfflineFetcher(),
        feeds=newswire.feeds,
        articles=newswire.articles,
        archive=newswire.archive,
        extractor=workers,
        teaching=FrozenWrapperSession(),
        store_thread=threads,
        host_queue=newswire.host_queue(deadline_s),
        clock=newswire.clock,
        seconds=time.monotonic,
        wake_delivery=deliverer.wake,
    )
