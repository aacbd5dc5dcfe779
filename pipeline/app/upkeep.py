"""Nightly upkeep: deletion by retention, overdue revisits, feeds in trouble, audit.

The DAG news_upkeep runs each as a task, `newswire upkeep` all of them. Each may be repeated at any time.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from connectors.store.backfills import BackfillStore
from connectors.store.integrity import find_faults
from pipeline.app.repair import plan_visits, revisit
from pipeline.app.runs import Newswire
from pipeline.delivery.deliver import keep_numbers
from pipeline.domain.model import FeedStatus
from pipeline.reporting.metrics import is_overdue
from pipeline.reporting.report import AUDIT, Report

REVISIT_DEADLINE_S = 20 * 60.0  # after it the rest is left to the day's runs
PROBLEM_STATUSES = (FeedStatus.SILENT, FeedStatus.FAILING, FeedStatus.BLOCKED, FeedStatus.GONE)


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
