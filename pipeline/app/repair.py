"""What an operator has done again: dead letters redriven, articles revisited, archived pages replayed.

`newswire redrive`, `revisit`, `replay` and `archive`, and the DAGs of these names, call it.
Tested by tests/app/test_redrive.py, tests/ingest/test_revisit.py and tests/ingest/test_replay.py.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from connectors.archive.cdxj_index import warc_files
from connectors.archive.checkpoint import CheckpointFile
from connectors.store.dead_letters import DeadLetterStore
from connectors.store.replays import ReplayStore
from pipeline.app.runs import Newswire, open_run
from pipeline.delivery.dead_letters import DeadEntry, RedriveChoice, redriven_message
from pipeline.delivery.messages import Visit
from pipeline.domain.errors import SettingsError
from pipeline.extraction.values import EXTRACTOR
from pipeline.ingest.context import RunContext
from pipeline.ingest.replay import Replay, ReplayChoice, ReplayedArticle, ReplayReport
from pipeline.ingest.revisit import revisit as make_visits
from pipeline.reporting.report import Report

REDRIVE_BATCH = 500  # entries in one transaction, which other writers wait for
REPLAY_BATCH = 64  # articles at a time, and the most that a kill makes us repeat


@dataclass(frozen=True, slots=True)
class Redrive:
    """The dead letters of a choice, and how many became pending again (0 in a dry run)."""

    dead: tuple[DeadEntry, ...]
    redriven: int
    unknown: int = 0  # of outlets that are not in the catalogue any more: skipped

    def to_json(self) -> dict[str, int]:
        """Small and JSON-ready, for XCom."""
        return {"dead_letters": len(self.dead), "redriven": self.redriven, "unknown_outlet": self.unknown}


def redrive(newswire: Newswire, choice: RedriveChoice, *, dry_run: bool) -> Redrive:
    """Find the dead letters of a choice and, unless it is a dry run, make their entries pending again."""
    store = DeadLetterStore(newswire.database, lanes=newswire.settings.delivery.lanes)
    found = store.find(choice)
    dead = tuple(each for each in found if each.entry.outlet_id in newswire.outlets_by_id)
    at, done = newswire.clock(), 0
    for start in range(0, 0 if dry_run else len(dead), REDRIVE_BATCH):
        some = dead[start : start + REDRIVE_BATCH]
        letters = [redriven_message(each, newswire.outlets_by_id[each.entry.outlet_id], now=at) for each in some]
        done += store.redrive(some, letters, now=at)
    return Redrive(dead, done, len(found) - len(dead))


def plan_visits(
    newswire: Newswire, feeds: Sequence[str] = (), named: Sequence[str] = (), *, force: bool = False
) -> tuple[Visit, ...]:
    """The articles to visit, the longest due first: those due of these feeds (ids, outlet ids or globs; none: all).

    When forced, all of them. `named`: these articles instead (ids, URLs, aliases), due or not. Raises CatalogueError,
    SettingsError.
    """
    if not named:
        return newswire.due_visits([feed.id for feed in newswire.choose(feeds)], force=force)
    found = newswire.visits.named(named)
    if not found:
        raise SettingsError(f"no article is known under {', '.join(named)}")
    return tuple(visit for visit in found if visit.entry.outlet_id in newswire.outlets_by_id)


def revisit(
    newswire: Newswire,
    visits: Sequence[Visit],
    *,
    deadline_s: float | None = None,
    watch: Callable[[Report], None] | None = None,
) -> Report:
    """Make these visits, publish what changed, deliver meanwhile. Past the deadline nothing new begins."""

    async def work(context: RunContext, report: Report) -> None:
        await make_visits(visits, context, newswire.visits, report)

    return newswire.run(work, "revisit", deadline_s=deadline_s, watch=watch)


def day_of(newswire: Newswire, text: str | None, option: str) -> date | None:
    """The day (UTC) that an option names, None when it is not given. Raises SettingsError."""
    moment = newswire.moment(text, option)
    return None if moment is None else moment.date()


def archive_files(newswire: Newswire, *, since: str | None, until: str | None) -> tuple[Path, ...]:
    """The WARC files of these days. Raises SettingsError."""
    days = {"since": day_of(newswire, since, "--since"), "until": day_of(newswire, until, "--until")}
    return warc_files(newswire.settings.archive_folder, **days)


def replay_choice(newswire: Newswire, outlets: Sequence[str], *, since: str | None, until: str | None) -> ReplayChoice:
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

    The same choice resumes a replay that was killed or reached its deadline. Raises SettingsError for outlets that are
    not in the catalogue.
    """
    unknown = sorted(set(choice.outlets) - set(newswire.outlets_by_id))
    if unknown:
        raise SettingsError(*(f"{outlet} is no outlet of the catalogue" for outlet in unknown))
    choice = replace(choice, outlets=choice.outlets or tuple(sorted(newswire.outlets_by_id)))
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
        batches = store.batches(choice, after=report.cursor, size=REPLAY_BATCH)
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
