"""`newswire replay`: set up a replay from archive and store, and resume one that was killed.

Tested by tests/ingest/test_replay.py.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from connectors.archive.checkpoint import CheckpointFile
from connectors.store.replays import ReplayStore
from pipeline.app.archive import day_of
from pipeline.app.run import open_run
from pipeline.app.runs import Newswire
from pipeline.domain.errors import SettingsError
from pipeline.extraction.values import EXTRACTOR
from pipeline.ingest.replay import Replay, ReplayChoice, ReplayedArticle, ReplayReport

BATCH = 64  # articles at a time, and the most that a kill makes us repeat


def choice_of(newswire: Newswire, outlets: Sequence[str], *, since: str | None, until: str | None) -> ReplayChoice:
    """An operator's choice, from the command line or the DAG's form. Raises SettingsError."""
    return ReplayChoice(tuple(outlets), day_of(newswire, since, "since"), day_of(newswire, until, "until"))


def replay(
    newswire: Newswire,
    choice: ReplayChoice,
    *,
    dry_run: bool,
    restart: bool = False,
    deadline_s: float | None = None,
    show: Callable[[ReplayedArticle], None] = lambda _replayed: None,
    watch: Callable[[ReplayReport], None] = lambda _report: None,
) -> ReplayReport:
    """Replay the chosen articles; calls `show` for each article and `watch` after each batch.

    The same choice resumes a replay that was killed or reached its deadline.
    """
    choice = known_outlets(newswire, choice)
    store = ReplayStore(newswire.database, lanes=newswire.settings.delivery.lanes)
    checkpoint = CheckpointFile(newswire.settings.home / "replays", "replay", choice, dry_run, EXTRACTOR)
    if restart:
        checkpoint.forget()
    kept = checkpoint.load()
    report = ReplayReport.from_json(kept) if kept else ReplayReport()
    report.total = store.count(choice)
    began = time.monotonic() - report.seconds

    def keep(report: ReplayReport) -> None:
        report.seconds = time.monotonic() - began
        checkpoint.keep(report.to_json())
        watch(report)

    async def run() -> None:
        deliverer = None if dry_run else newswire.deliverer()
        batches = store.batches(choice, after=report.cursor, size=BATCH)
        faults = report.faults.append
        async with open_run(newswire, deliverer, on_fault=faults, deadline_s=deadline_s, is_offline=True) as context:
            await Replay(context, store, dry_run).run(batches, report, show=show, keep=keep)

    asyncio.run(run())
    if not dry_run:
        report.undelivered = newswire.outbox.undelivered()
    report.seconds = time.monotonic() - began
    if report.is_done:
        checkpoint.forget()
    return report


def known_outlets(newswire: Newswire, choice: ReplayChoice) -> ReplayChoice:
    """The choice, with all outlets when it names none. Raises SettingsError for outlets not in the catalogue."""
    unknown = sorted(set(choice.outlets) - set(newswire.outlets_by_id))
    if unknown:
        raise SettingsError(*(f"{outlet} is no outlet of the catalogue" for outlet in unknown))
    return choice if choice.outlets else replace(choice, outlets=tuple(sorted(newswire.outlets_by_id)))
