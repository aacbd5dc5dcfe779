"""The night's work on a deployment: deleting by retention, looking for silent feeds, checking what must agree.

`news_upkeep` does the parts as tasks, `newswire upkeep` all of them. Every part may be repeated at any time.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from connectors.backfill_store import BackfillStore
from connectors.integrity import find_faults
from pipeline.app import App
from pipeline.app_deployment import now
from pipeline.deliver import keep_numbers
from pipeline.metrics import is_overdue
from pipeline.model import FeedStatus

TROUBLED = (FeedStatus.SILENT, FeedStatus.FAILING, FeedStatus.BLOCKED, FeedStatus.GONE)


def delete_by_retention(newswire: App) -> Mapping[str, int]:
    """Delete what is older than its stated retention; what, and how much of it."""
    at, settings = now(), newswire.settings
    return {
        "messages": newswire.outbox.expire(before=at - timedelta(days=settings.outbox_days)),
        "polls and reports": newswire.runs.expire(before=at - timedelta(days=settings.polls_days)),
        "entries": newswire.feeds.expire_entries(before=at - timedelta(days=settings.entries_days)),
        "backfills": BackfillStore(newswire.database, clock=now).expire(
            before=at - timedelta(days=settings.entries_days)
        ),
        "sketches": newswire.articles.expire_sketches(now=at),
        "days of raw pages": newswire.archive.expire(now=at, keep_days=settings.archive_days),
    }


def troubled_feeds(newswire: App) -> tuple[str, ...]:
    """A sentence for each feed that is silent, down, or not polled although its time came."""
    at = now()
    sentences = []
    for feed in newswire.feed_states(newswire.choose([])):
        if feed.status in TROUBLED:
            sentences.append(f"{feed.feed_id} is {feed.status.value}: {feed.status_reason or 'no reason is known'}")
        elif is_overdue(feed, at):
            sentences.append(
                f"{feed.feed_id} is overdue: nobody polled it since {feed.next_poll_at:%Y-%m-%d %H:%M} UTC"
            )
    return tuple(sentences)


def integrity_faults(newswire: App) -> tuple[str, ...]:
    """A sentence for each thing that should agree and does not: inside the store, and between outbox and topics.

    Idle lanes commit their batch numbers again on the way: Kafka forgets those that nobody commits for a week.
    """
    keep_numbers(newswire.topics, newswire.outbox)
    return (*find_faults(newswire.database), *newswire.topic_differences(), *newswire.verify_delivery())
