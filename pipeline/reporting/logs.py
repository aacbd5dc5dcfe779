"""Log lines: one structured line per event, always with the same keys.

Keys: `feed`, `outlet`, `url`, `verdict`, `reason`, `article`, `lane`, `batch`, `seconds`; a key without a value is left
out. Counts are further keys. No line holds a secret or an article's text. How lines look and where they go is left to
pipeline/app/logging.py, and in tasks to Airflow.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from logging import DEBUG, ERROR, INFO, WARNING

from pipeline.domain.model import FeedState, Verdict

# Its level decides before structlog is loaded, which takes 0.3 s: a run that finds nothing new logs nothing.
LOGGER = logging.getLogger("newswire")

# Outcomes of a poll that changed nothing
QUIET_OUTCOMES = frozenset({"not_modified", "same_body", "put_off", "outbox_full"})
MAX_REASON_CHARS = 300  # a reason may quote an answer of a server

_configure: list[Callable[[], None]] = []


def configure_with(action: Callable[[], None]) -> None:
    """Call this once, before the first line; without it structlog stays as the process configured it."""
    _configure[:] = [action]


def emit(level: int, event: str, *, exception: BaseException | None = None, **keys: object) -> None:
    """Write a line with these keys, if lines of this level are wanted."""
    if not LOGGER.isEnabledFor(level):
        return
    import structlog

    while _configure:
        _configure.pop()()
    if exception is not None:
        keys["exc_info"] = exception
    keys = {name: value for name, value in keys.items() if value not in (None, "")}
    structlog.get_logger(LOGGER.name).log(level, event, **keys)


def _emit_of_feed(level: int, event: str, state: FeedState, **keys: object) -> None:
    keys["reason"] = str(keys["reason"] or "")[:MAX_REASON_CHARS]
    emit(level, event, exception=None, feed=state.feed_id, outlet=state.outlet_id, url=state.url, **keys)


def log_poll(state: FeedState, outcome: str, *, reason: str = "", entries: int = 0, new: int = 0) -> None:
    """A feed was polled; quiet polls are for debugging."""
    is_quiet = outcome in QUIET_OUTCOMES or (outcome == "parsed" and not new)
    level = DEBUG if is_quiet else INFO
    _emit_of_feed(level, "poll", state, outcome=outcome, reason=reason, entries=entries, new=new)


def log_verdict(
    verdict: Verdict, *, feed: str, outlet: str, url: str | None, reason: str = "", article: str | None = None
) -> None:
    """An entry, or a known article that was fetched again, ended in a verdict."""
    emit(INFO, "verdict", feed=feed, outlet=outlet, url=url, verdict=verdict.value, reason=reason, article=article)


def log_feed_state(before: FeedState, after: FeedState) -> None:
    """A feed's status changed: fresh, silent, failing, gone …; no line when it did not."""
    was, status = before.health.status, after.health.status
    if status is not was:
        reason = after.health.status_reason
        _emit_of_feed(INFO, "feed state", after, status=status.value, before=was.value, reason=reason)


def log_batch(lane: int, batch: int, *, messages: int, seconds: float) -> None:
    """A batch of a lane was committed to the topics."""
    emit(INFO, "batch delivered", lane=lane, batch=batch, messages=messages, seconds=round(seconds, 3))


def log_lane_fenced(lane: int, reason: str) -> None:
    """Another process took the lane over: delivery goes on there."""
    emit(WARNING, "lane fenced", lane=lane, reason=reason)


def log_wrapper(outlet: str, *, version: int, pages: int) -> None:
    """An outlet's wrapper was learnt anew."""
    emit(INFO, "wrapper learnt", outlet=outlet, version=version, pages=pages)


def log_defect(what: str, error: BaseException, **where: str | None) -> None:
    """Our own code raised an unexpected error; it is counted, and everything else continues."""
    emit(ERROR, what, exception=error, **where)
