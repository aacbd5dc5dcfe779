"""Retry policy of entries: what a page's status means, and what follows when an attempt gave no article.

Computes values only: which errors are worth another attempt, a delay that doubles, and the dead letter at its end.
The tables follow RFC 9110 and what outlets really do with statuses. What a status means for a feed is in
pipeline/scheduling/feed_state.py. Tested by tests/app/test_redrive.py and tests/ingest/test_page_status.py.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from pipeline.delivery.dead_letters import Failure, failed_message, resolutions
from pipeline.domain.errors import FetchError, RequestRefused, RetryAfter, RunDeadlineExceeded
from pipeline.domain.model import Outlet, PendingEntry, Rejection, Response, Verdict
from pipeline.extraction.values import Extraction
from pipeline.identity.urls import canonicalise, is_section_or_home, registrable_domain
from pipeline.ingest.ports import Deferral, Ending

# Reasons worth another attempt; every other refusal is an entry's end.
PASSING = frozenset({"http_5xx", "http_408", "http_425"})

REFUSALS: dict[int, str] = {
    401: "blocked",
    402: "paywalled",
    403: "blocked",
    404: "not_found",
    410: "gone",
    451: "legal",
    408: "http_408",
    425: "http_425",
}
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


def refuse_page(response: Response) -> Rejection | None:
    """Why this response cannot be an article, by its status alone; None when it may be one."""
    wall = next((note for note in response.notes if note.startswith("bot_wall")), None)
    if wall:
        return Rejection("bot_wall", wall)
    if response.status != 200:
        server_error_or_other = "http_5xx" if response.status >= 500 else "http_status"
        return Rejection(REFUSALS.get(response.status, server_error_or_other), f"HTTP {response.status}")
    if response.redirects and is_section_or_home(response.final_url) and not is_section_or_home(response.url):
        return Rejection("redirected_to_section", response.final_url)
    return None


def better_page(extraction: Extraction, response: Response, outlet: Outlet) -> str | None:
    """The page to read instead: a quick meta refresh, or the canonical page of an AMP or mobile twin, in the outlet."""
    here = response.final_url
    there = extraction.meta_refresh
    if there is None and extraction.article is not None and is_twin(here, extraction.article.canonical_url):
        there = extraction.article.canonical_url
    if there is None or there == here:
        return None
    own = {*outlet.hosts, registrable_domain(here)}
    return there if registrable_domain(there) in own else None


def is_twin(here: str, canonical: str) -> bool:
    """Whether two different URLs are the same article by their form alone: AMP or mobile, and canonical."""
    return (
        here != canonical
        and canonicalise(here) == canonicalise(canonical)
        and undecorated(here) != undecorated(canonical)
    )


def undecorated(url: str) -> str:
    """A URL without scheme, query and fragment: it differs between twins, not between tracked links."""
    return url.partition("://")[2].partition("#")[0].partition("?")[0].rstrip("/").removeprefix("www.")
