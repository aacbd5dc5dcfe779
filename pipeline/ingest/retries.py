"""What follows when an entry could not be brought to an article this time: its end, or another try and when.

Pure: a table of what is worth another try, a schedule that doubles, and the dead letter at its end.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from pipeline.delivery.dead_letters import failed_message, resolutions
from pipeline.delivery.events import Failure
from pipeline.domain.errors import (
    FetchError,
    RequestRefused,
    RetryAfter,
    RunDeadlineExceeded,
)
from pipeline.domain.model import Outlet, PendingEntry, Rejection, Response, Verdict
from pipeline.ingest.page_status import PASSING
from pipeline.ingest.transactions import Deferral, Ending

LONGEST_WAIT = timedelta(days=1)


@dataclass(slots=True)
class Trail:
    """What a try met on its way: the last answer, and where that is kept raw."""

    response: Response | None = None
    raw_location: str | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """The circumstances of a try: when, by which policy, for which outlet; and what it met so far."""

    now: datetime
    outlet: Outlet
    max_attempts: int
    retry_s: int
    trail: Trail = field(default_factory=Trail)

    def is_last(self, entry: PendingEntry) -> bool:
        """Whether no other try follows when this one fails."""
        return entry.attempts + 1 >= self.max_attempts


def after_refusal(entry: PendingEntry, refusal: Rejection, attempt: Attempt) -> Ending | Deferral:
    """A status that another try may cure is tried again; any other is a rejection."""
    if refusal.reason in PASSING:
        return try_again(entry, refusal.reason, refusal.detail, "page", attempt)
    return Ending(entry, Verdict.REJECTED, refusal.reason)


def after_fetch_error(entry: PendingEntry, error: FetchError, attempt: Attempt) -> Ending | Deferral:
    """The page could not be had: wait as told, try again, or end."""
    if isinstance(error, RetryAfter):
        return Deferral(entry, until=error.until, reason="host_waits", counts=False)
    if isinstance(error, RunDeadlineExceeded):
        return Deferral(entry, until=attempt.now, reason="run_deadline", counts=False)
    if isinstance(error, RequestRefused):
        return Ending(entry, Verdict.REJECTED, f"refused_{error.rule}")
    if error.retriable:
        return try_again(entry, error.code, str(error), "fetch", attempt)
    return Ending(entry, Verdict.REJECTED, error.code)


def after_failure(entry: PendingEntry, error: Exception, stage: str, attempt: Attempt) -> Ending | Deferral:
    """Something of ours broke on this page: try again, it may have been the circumstances; then a dead letter."""
    return try_again(entry, f"{stage}_error", f"{type(error).__name__}: {error}", stage, attempt)


def try_again(entry: PendingEntry, reason: str, detail: str, stage: str, attempt: Attempt) -> Ending | Deferral:
    """Another try after a wait that doubles; after the last one FAILED, with a dead letter."""
    if not attempt.is_last(entry):
        wait = min(timedelta(seconds=attempt.retry_s) * 2**entry.attempts, LONGEST_WAIT)
        return Deferral(entry, until=attempt.now + wait, reason=reason)
    failure = Failure(
        stage=stage,
        reason=reason,
        detail=detail,
        attempts=entry.attempts + 1,
        response=attempt.trail.response,
        raw_location=attempt.trail.raw_location,
    )
    letter = failed_message(entry, attempt.outlet, failure, now=attempt.now)
    return Ending(entry, Verdict.FAILED, reason, messages=(letter,))


def with_resolution(ending: Ending, outlet: Outlet, *, now: datetime) -> Ending:
    """The ending, telling also that the entry's dead letter is resolved by it."""
    closing = resolutions(ending.entry, outlet, ending.verdict, now=now)
    return replace(ending, messages=(*ending.messages, *closing)) if closing else ending
