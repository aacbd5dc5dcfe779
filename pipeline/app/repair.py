"""Repair and nightly upkeep: dead letters redriven, articles revisited, archived pages replayed, old data deleted.

The commands and DAGs of these names call it. The DAG news_upkeep runs each part of upkeep as a task, `newswire upkeep`
all of them; each may be repeated at any time. Tested by tests/app/test_redrive.py, tests/app/test_upkeep.py,
tests/ingest/test_revisit.py and tests/ingest/test_replay.py.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Unpack

from connectors.archive.cdxj_index import warc_files
from connectors.archive.warc_archive import CheckpointFile
from connectors.store.articles import DeadLetterStore
from connectors.store.backfills import BackfillStore
from connectors.store.integrity import find_faults
from connectors.store.revisits import ReplayStore
from pipeline.app.runs import Newswire, RunOptions, open_run
from pipeline.delivery.dead_letters import DeadEntry, RedriveChoice, redriven_message
from pipeline.delivery.deliver import keep_numbers
from pipeline.delivery.messages import Visit
from pipeline.domain.errors import SettingsError
from pipeline.domain.model import FeedStatus
from pipeline.extraction.values import EXTRACTOR
from pipeline.ingest.context import RunContext
from pipeline.ingest.ports import ReplayChoice
from pipeline.ingest.replay import Replay, ReplayedArticle, ReplayReport
from pipeline.ingest.revisit import revisit as make_visits
from pipeline.reporting.metrics import is_overdue
from pipeline.reporting.report import AUDIT, Report

REVISIT_DEADLINE_S = 20 * 60.0  # after it the rest is left to the day's runs
PROBLEM_STATUSES = (FeedStatus.SILENT, FeedStatus.FAILING, FeedStatus.BLOCKED, FeedStatus.GONE)
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


def revisit(newswire: Newswire, visits: Sequence[Visit], **options: Unpack[RunOptions]) -> Report:
    """Make these visits, publish what changed, deliver meanwhile. Past the deadline nothing new begins."""

    async def work(context: RunContext, report: Report) -> None:
        await make_visits(visits, context, newswire.visits, report)

    return newswire.run(work, "revisit", **options)


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


def delete_by_retention(newswire: Newswire) -> Mapping[str, int]:
    """Delete what is older than its retention; how much of each kind."""
    at, settings = newswire.clock(), newswire.settings
    return {
        "messages": newswire.outbox.expire(before=at - timedelta(days=settings.retention.outbox_days)),
        "polls and reports": newswire.runs.expire(before=at - timedelta(days=settings.retention.polls_days)),
        "entries": newswire.feeds.expire_entries(before=at - timedelta(days=settings.retention.entries_days)),
        "backfills": BackfillStore(newswire.database, clock=newswire.clock).expire(
            before=at - timedelta(days=settings.retention.entries_days)
        ),
        "sketches": newswire.articles.expire_sketches(now=at),
        "days of raw pages": newswire.archive.expire(now=at, keep_days=settings.retention.archive_days),
    }


def run_overdue_revisits(newswire: Newswire) -> Report:
    """Fetch again the articles whose visit did not fit in the day's runs, within one more budget; the report."""
    return revisit(newswire, plan_visits(newswire), deadline_s=REVISIT_DEADLINE_S)


def feed_problems(newswire: Newswire) -> tuple[str, ...]:
    """A sentence for each feed that is silent, down or overdue."""
    at = newswire.clock()
    sentences = []
    for feed in newswire.feed_states(newswire.choose([])):
        if feed.health.status in PROBLEM_STATUSES:
            sentences.append(
                f"{feed.feed_id} is {feed.health.status.value}: {feed.health.status_reason or 'no reason is known'}"
            )
        elif is_overdue(feed, at):
            sentences.append(
                f"{feed.feed_id} is overdue: it was not polled since {feed.schedule.next_poll_at:%Y-%m-%d %H:%M} UTC"
            )
    return tuple(sentences)


def integrity_faults(newswire: Newswire) -> tuple[str, ...]:
    """Audit: a sentence for each inconsistency in the store, and between outbox and topics.

    The result is kept for the desk. Idle lanes commit their batch numbers again, because Kafka forgets a number that is
    not committed for a week.
    """
    keep_numbers(newswire.topics, newswire.outbox)
    kept_since = newswire.clock() - timedelta(days=newswire.settings.retention.outbox_days)
    faults = (
        *find_faults(newswire.database, now=newswire.clock(), kept_since=kept_since),
        *newswire.topic_differences(),
        *newswire.verify_delivery(),
    )
    newswire.runs.keep(newswire.run_name(AUDIT.rstrip()), Report(faults=list(faults)), now=newswire.clock())
    return faults
