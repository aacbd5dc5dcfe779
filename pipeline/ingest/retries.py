"""Retry policy of entries: what follows when an attempt gave no article.

Computes values only: which errors are worth another attempt, a delay that doubles, and the dead letter at its end.
Tested by tests/app/test_redrive.py.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from pipeline.delivery.dead_letters import failed_message, resolutions
from pipeline.delivery.events import Failure
from pipeline.domain.errors import FetchError, RequestRefused, RetryAfter, RunDeadlineExceeded
from pipeline.domain.model import Outlet, PendingEntry, Rejection, Response, Verdict
from pipeline.ingest.page_status import PASSING
from pipeline.ingest.ports import Deferral, Ending

MAX_DELAY = timedelta(days=1)


@dataclass(slots=True, kw_only=True)
class Attempt:
    """One attempt at an entry: time, outlet, retry policy, and the last response with its location in the archive."""

    entry: PendingEntry
    outlet: Outlet
    now: datetime
    max_attempts: int
    retry_s: int
    response: Response | None = None
    raw_location: str | None = None

    @property
    def is_last(self) -> bool:
        """Whether the entry fails for good when this attempt fails."""
        return self.entry.attempts + 1 >= self.max_attempts

    def after_refusal(self, refusal: Rejection) -> Ending | Deferral:
        """Retry a status that may pass; any other is a rejection."""
        if refusal.reason in PASSING:
            return self.retry(refusal.reason, refusal.detail, "page")
        return self.reject(refusal.reason)

    def after_fetch_error(self, error: FetchError) -> Ending | Deferral:
        """The page could not be fetched: wait, retry, or reject."""
        if isinstance(error, RetryAfter):
            return Deferral(entry=self.entry, until=error.until, reason="host_waits", counts=False)
        if isinstance(error, RunDeadlineExceeded):
            return Deferral(entry=self.entry, until=self.now, reason="run_deadline", counts=False)
        if isinstance(error, RequestRefused):
            return self.reject(f"refused_{error.rule}")
        return self.retry(error.code, str(error), "fetch") if error.retriable else self.reject(error.code)

    def after_failure(self, error: Exception, stage: str) -> Ending | Deferral:
        """Our own code failed on this page: retry, because the cause may be temporary; then a dead letter."""
        return self.retry(f"{stage}_error", f"{type(error).__name__}: {error}", stage)

    def reject(self, reason: str) -> Ending:
        """The entry's end as rejected."""
        return Ending(entry=self.entry, verdict=Verdict.REJECTED, reason=reason)

    def retry(self, reason: str, detail: str, stage: str) -> Ending | Deferral:
        """Another attempt after a delay that doubles; after the last one FAILED, with a dead letter."""
        entry = self.entry
        if not self.is_last:
            delay = min(timedelta(seconds=self.retry_s) * 2**entry.attempts, MAX_DELAY)
            return Deferral(entry=entry, until=self.now + delay, reason=reason)
        failure = Failure(
            stage=stage,
            reason=reason,
            detail=detail,
            attempts=entry.attempts + 1,
            response=self.response,
            raw_location=self.raw_location,
        )
        letter = failed_message(entry, self.outlet, failure, now=self.now)
        return Ending(entry=entry, verdict=Verdict.FAILED, reason=reason, messages=(letter,))


def with_resolution(ending: Ending, outlet: Outlet, *, now: datetime) -> Ending:
    """The ending, with the message that it resolves the entry's dead letter, if there is one."""
    resolved = resolutions(ending.entry, outlet, ending.verdict, now=now)
    return replace(ending, messages=(*ending.messages, *resolved)) if resolved else ending
