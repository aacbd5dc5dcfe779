"""Retry policy of entries: what follows when an attempt gave no article.

Computes values only: which errors are worth another attempt, a delay that doubles, and the dead letter at its end.
Tested by tests/app/test_redrive.py.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from pipeline.delivery.dead_letters import failed_message, resolutions
from pipeline.delivery.events import Failure
from pipeline.domain.errors import FetchError, RequestRefused, RetryAfter, RunDeadlineExceeded
from pipeline.domain.model import Outlet, PendingEntry, Rejection, Response, Verdict
from pipeline.ingest.page_status import PASSING
from pipeline.ingest.transactions import Deferral, Ending

MAX_DELAY = timedelta(days=1)


@dataclass(slots=True)
class Trail:
    """The last response of an attempt, and its location in the archive."""

    response: Response | None = None
    raw_location: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """Context of one attempt: time, outlet, retry policy, and the last response seen."""

    now: datetime
    outlet: Outlet
    max_attempts: int
    retry_s: int
    trail: Trail = field(default_factory=Trail)

    def is_last(self, entry: PendingEntry) -> bool:
        """Whether the entry fails for good when this attempt fails."""
        return entry.attempts + 1 >= self.max_attempts


def after_refusal(entry: PendingEntry, refusal: Rejection, attempt: Attempt) -> Ending | Deferral:
    """Retry a status that may pass; any other is a rejection."""
    if refusal.reason in PASSING:
        return retry(entry, refusal.reason, refusal.detail, "page", attempt)
    return reject(entry, refusal.reason)


def after_fetch_error(entry: PendingEntry, error: FetchError, attempt: Attempt) -> Ending | Deferral:
    """The page could not be fetched: wait, retry, or reject."""
    if isinstance(error, RetryAfter):
        return Deferral(entry=entry, until=error.until, reason="host_waits", counts=False)
    if isinstance(error, RunDeadlineExceeded):
        return Deferral(entry=entry, until=attempt.now, reason="run_deadline", counts=False)
    if isinstance(error, RequestRefused):
        return reject(entry, f"refused_{error.rule}")
    return retry(entry, error.code, str(error), "fetch", attempt) if error.retriable else reject(entry, error.code)


def after_failure(entry: PendingEntry, error: Exception, stage: str, attempt: Attempt) -> Ending | Deferral:
    """Our own code failed on this page: retry, because the cause may be temporary; then a dead letter."""
    return retry(entry, f"{stage}_error", f"{type(error).__name__}: {error}", stage, attempt)


def reject(entry: PendingEntry, reason: str) -> Ending:
    """The entry's end as rejected."""
    return Ending(entry=entry, verdict=Verdict.REJECTED, reason=reason)


def retry(entry: PendingEntry, reason: str, detail: str, stage: str, attempt: Attempt) -> Ending | Deferral:
    """Another attempt after a delay that doubles; after the last one FAILED, with a dead letter."""
    if not attempt.is_last(entry):
        delay = min(timedelta(seconds=attempt.retry_s) * 2**entry.attempts, MAX_DELAY)
        return Deferral(entry=entry, until=attempt.now + delay, reason=reason)
    failure = Failure(
        stage=stage,
        reason=reason,
        detail=detail,
        attempts=entry.attempts + 1,
        response=attempt.trail.response,
        raw_location=attempt.trail.raw_location,
    )
    letter = failed_message(entry, attempt.outlet, failure, now=attempt.now)
    return Ending(entry=entry, verdict=Verdict.FAILED, reason=reason, messages=(letter,))


def with_resolution(ending: Ending, outlet: Outlet, *, now: datetime) -> Ending:
    """The ending, with the message that it resolves the entry's dead letter, if there is one."""
    resolved = resolutions(ending.entry, outlet, ending.verdict, now=now)
    return replace(ending, messages=(*ending.messages, *resolved)) if resolved else ending
