"""Dead letters: the messages that tell of an entry that FAILED, and of what became of it afterwards.

    FAILED ─▶ failed ─▶ (newswire redrive) redriven ─▶ any other verdict: resolved, or FAILED again: failed

All messages of one entry have one key, so the last one says how things stand. The topic is a log and is not compacted:
`resolved` stands where a compacted topic would have a tombstone, and says by which verdict. Computes values only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any

from pipeline import __version__
from pipeline.delivery.events import Failure
from pipeline.delivery.messages import DEAD_LETTER_SCHEMA, EventType, rfc3339, to_json
from pipeline.domain.model import Message, Outlet, PendingEntry, Response, Topic, Verdict

LONGEST_DETAIL = 2000  # characters: an error may quote a page
# What tells why a server answered as it did; nothing that names a visitor (cookies) or is long.
TELLING_HEADERS = ("content-type", "content-length", "server", "via", "retry-after", "location", "cf-mitigated")
LONGEST_HEADER = 200


class DeadLetterState(StrEnum):
    """How things stand with a dead letter."""

    FAILED = "failed"
    REDRIVEN = "redriven"
    RESOLVED = "resolved"


KINDS: Mapping[DeadLetterState, EventType] = {
    DeadLetterState.FAILED: EventType.DEAD_LETTER,
    DeadLetterState.REDRIVEN: EventType.REDRIVEN,
    DeadLetterState.RESOLVED: EventType.RESOLVED,
}


@dataclass(frozen=True, slots=True)
class DeadEntry:
    """An entry of the store whose verdict is FAILED."""

    entry: PendingEntry
    reason: str
    failed_at: datetime


@dataclass(frozen=True, slots=True)
class RedriveChoice:
    """Which dead letters: of these outlets, with a cause like one of these globs, failed in this span."""

    outlets: tuple[str, ...] = ()
    causes: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None
    limit: int | None = None

    def has_cause(self, reason: str) -> bool:
        """Whether a cause was asked for."""
        return not self.causes or any(fnmatchcase(reason, cause) for cause in self.causes)


def failed_message(entry: PendingEntry, outlet: Outlet, failure: Failure, *, now: datetime) -> Message:
    """An entry that failed, with its cause."""
    told = {
        "stage": failure.stage,
        "reason": failure.reason,
        "detail": failure.detail[:LONGEST_DETAIL],
        "attempts": failure.attempts,
        "failed": rfc3339(now),
        "last_response": last_response(failure.response),
        "raw_location": failure.raw_location,
    }
    return letter(entry, outlet, DeadLetterState.FAILED, told, now=now)


def redriven_message(dead: DeadEntry, outlet: Outlet, *, now: datetime) -> Message:
    """A dead letter that is pending again, under the sighting that it gets by it."""
    told = {"reason": dead.reason, "attempts": dead.entry.attempts, "failed": rfc3339(dead.failed_at)}
    again = replace(dead.entry, sighting=dead.entry.sighting + 1)
    return letter(again, outlet, DeadLetterState.REDRIVEN, told, now=now)


def resolved_message(
    entry: PendingEntry, outlet: Outlet, verdict: Verdict, *, article_id: str | None, now: datetime
) -> Message:
    """A dead letter that is none any more: its entry reached another verdict."""
    told = {"resolution": {"verdict": verdict.value, "article_id": article_id, "time": rfc3339(now)}}
    return letter(entry, outlet, DeadLetterState.RESOLVED, told, now=now)


def resolutions(
    entry: PendingEntry, outlet: Outlet, verdict: Verdict, *, article_id: str | None = None, now: datetime
) -> tuple[Message, ...]:
    """The message that the entry's dead letter is resolved, if there is one and this verdict does so."""
    if not entry.is_dead or verdict is Verdict.FAILED:
        return ()
    return (resolved_message(entry, outlet, verdict, article_id=article_id, now=now),)


def letter(
    entry: PendingEntry, outlet: Outlet, state: DeadLetterState, told: Mapping[str, Any], *, now: datetime
) -> Message:
    """A message of dead-letters; what a state does not tell is null."""
    value = {
        "schema_version": 1,
        "state": state.value,
        "entry_id": entry.id,
        "outlet": {"id": outlet.id, "name": outlet.name},
        "feed_id": entry.feed_id,
        "identity": entry.entry.identity,
        "link": entry.entry.link,
        "guid": entry.entry.guid,
        "title": entry.entry.title,
        "first_seen": rfc3339(entry.first_seen_at),
        "stage": None,
        "reason": None,
        "detail": None,
        "attempts": None,
        "failed": None,
        "last_response": None,
        "raw_location": None,
        "resolution": None,
        "newswire_version": __version__,
        **told,
    }
    return Message(
        topic=Topic.DEAD_LETTERS,
        key=f"{entry.outlet_id}/{entry.entry.identity}",
        id=f"{state.value}.{entry.outlet_id}.{entry.id}.{entry.sighting}",
        type=KINDS[state].value,
        time=now,
        source=outlet.homepage,
        subject=entry.entry.link or entry.entry.identity,
        schema=DEAD_LETTER_SCHEMA,
        value=to_json(value),
    )


def last_response(response: Response | None) -> dict[str, Any] | None:
    """What the server said last: enough to see why, without its body."""
    if response is None:
        return None
    headers = {name: response.headers[name][:LONGEST_HEADER] for name in TELLING_HEADERS if name in response.headers}
    return {
        "url": response.final_url,
        "status": response.status,
        "headers": headers,
        "bytes": len(response.body),
        "fetched": rfc3339(response.fetched_at),
    }
