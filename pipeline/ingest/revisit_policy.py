"""When known articles are fetched again, and what a response means: revised, unchanged or withdrawn. Pure.

The schedule counts from when the article was first seen, so that it does not drift; after its last step an article is
not visited any more. A missing page counts as withdrawn only after a second check at least two hours later.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from pipeline.dedup.model import Relation
from pipeline.delivery.events import Visit
from pipeline.domain.model import PendingEntry, Validators, is_backfill_feed

# 404s come and go with deployments and caches: two hours outlast most of them, and a withdrawal is not that urgent.
CONFIRM_AFTER = timedelta(hours=2)

# Refusals that mean that the article is gone; any other is temporary or our own fault.
MISSING = frozenset({"not_found", "gone", "redirected_to_section"})


@dataclass(frozen=True, slots=True)
class VisitUpdate:
    """What a visit changes when it brings no revision."""

    next_revisit_at: datetime | None
    missing_since: datetime | None = None
    validators: Validators | None = None  # None: as before


def is_followed(entry: PendingEntry, relation: Relation | None, *, copies: str) -> bool:
    """Whether an article is visited again: not when it has no messages, nor when it comes from a backfill."""
    if relation is Relation.DUPLICATE or (relation is Relation.COPY and copies == "drop"):
        return False
    return not is_backfill_feed(entry.feed_id)


def next_revisit(first_seen_at: datetime, after_s: Sequence[int], *, now: datetime) -> datetime | None:
    """The next time of the schedule; None after the last one."""
    times = (first_seen_at + timedelta(seconds=seconds) for seconds in sorted(after_s))
    return next((time for time in times if time > now), None)


def is_confirmed(visit: Visit, *, now: datetime) -> bool:
    """Whether a page that is missing now has been missing long enough to count as withdrawn."""
    return visit.missing_since is not None and now - visit.missing_since >= CONFIRM_AFTER


def schedule_confirmation(visit: Visit, *, now: datetime) -> VisitUpdate:
    """When to confirm that a page is missing."""
    since = visit.missing_since or now
    return VisitUpdate(next_revisit_at=max(since + CONFIRM_AFTER, now), missing_since=since)


def within_budget(visits: Sequence[Visit], *, most: int, most_per_host: int) -> tuple[Visit, ...]:
    """The visits of this run, the longest due first; the others stay due."""
    by_host: Counter[str] = Counter()
    chosen: list[Visit] = []
    for visit in visits:
        host = urlsplit(visit.url).hostname or ""
        if by_host[host] < most_per_host and len(chosen) < most:
            by_host[host] += 1
            chosen.append(visit)
    return tuple(chosen)
