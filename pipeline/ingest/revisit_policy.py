"""When an article is looked at again, and what an answer to that means: revised, as before, or gone.

Pure. The schedule counts from the article's first sighting, so that it does not drift; an article older than its last
step is not visited any more. A page that is gone is believed at the second look, hours after the first.
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

# Refusals that say that the article is not there any more; any other says something of the moment or of us.
MISSING = frozenset({"not_found", "gone", "redirected_to_section"})


@dataclass(frozen=True, slots=True)
class VisitUpdate:
    """What a visit changes where it brought no revision."""

    next_revisit_at: datetime | None
    missing_since: datetime | None = None
    validators: Validators | None = None  # None: as before


def is_followed(entry: PendingEntry, relation: Relation | None, *, copies: str) -> bool:
    """Whether an article is looked at again at all: not what gives no message, nor news of the past."""
    if relation is Relation.DUPLICATE or (relation is Relation.COPY and copies == "drop"):
        return False
    return not is_backfill_feed(entry.feed_id)


def next_revisit(first_seen_at: datetime, after_s: Sequence[int], *, now: datetime) -> datetime | None:
    """The first of the schedule's times that is still to come; None when the article is past them all."""
    times = (first_seen_at + timedelta(seconds=seconds) for seconds in sorted(after_s))
    return next((time for time in times if time > now), None)


def is_confirmed(visit: Visit, *, now: datetime) -> bool:
    """Whether a page that is missing now was missing long enough to be called withdrawn."""
    return visit.missing_since is not None and now - visit.missing_since >= CONFIRM_AFTER


def schedule_confirmation(visit: Visit, *, now: datetime) -> VisitUpdate:
    """A page that is missing, not for long enough yet: when to make sure."""
    since = visit.missing_since or now
    return VisitUpdate(next_revisit_at=max(since + CONFIRM_AFTER, now), missing_since=since)


def within_budget(visits: Sequence[Visit], *, most: int, most_per_host: int) -> tuple[Visit, ...]:
    """The visits of this run, those due longest first; the others stay due."""
    by_host: Counter[str] = Counter()
    chosen: list[Visit] = []
    for visit in visits:
        host = urlsplit(visit.url).hostname or ""
        if by_host[host] < most_per_host and len(chosen) < most:
            by_host[host] += 1
            chosen.append(visit)
    return tuple(chosen)
