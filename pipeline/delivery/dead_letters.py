"""Dead letters: messages about an entry that FAILED, and about what became of it.

    FAILED ─▶ failed ─▶ (newswire redrive) redriven ─▶ any other verdict: resolved, or FAILED again: failed

All messages of one entry have one key, and the last one holds the present state. The topic is a log and is not
compacted: `resolved` is the counterpart of a tombstone, with the verdict. Computes values only.

Also the claim check for messages that are larger than a topic accepts, although compressed. First the article with its
text stored elsewhere (`text_location`), else a dead letter: no message is dropped silently.
Tested by tests/delivery/test_messages.py, tests/delivery/test_deliver.py and tests/app/test_redrive.py.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any

from pipeline import __version__
from pipeline.delivery.messages import ARTICLE_SCHEMA, DEAD_LETTER_SCHEMA, EventType, rfc3339, to_json
from pipeline.domain.model import Message, Outlet, PendingEntry, Response, Topic, Verdict

MAX_DETAIL_CHARS = 2000  # an error may quote a page
# Headers that explain a response; none that identifies a visitor (cookies) or is long.
KEPT_HEADERS = ("content-type", "content-length", "server", "via", "retry-after", "location", "cf-mitigated")
MAX_HEADER_CHARS = 200  # some servers send kilobytes


# The state that each event reports
STATES: Mapping[EventType, str] = {
    EventType.DEAD_LETTER: "failed",
    EventType.REDRIVEN: "redriven",
    EventType.RESOLVED: "resolved",
}

# Fields that only some states have
OPTIONAL_FIELDS = ("stage", "reason", "detail", "attempts", "failed", "last_response", "raw_location", "resolution")


@dataclass(frozen=True, slots=True)
class DeadEntry:
    """A stored entry with the verdict FAILED."""

    entry: PendingEntry
    reason: str
    failed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RedriveChoice:
    """Which dead letters: of these outlets, with a reason matching one of these globs, failed in this span."""

    outlets: tuple[str, ...] = ()
    causes: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None
    limit: int | None = None

    def has_cause(self, reason: str) -> bool:
        return not self.causes or any(fnmatchcase(reason, cause) for cause in self.causes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """What a dead letter contains: stage, reason, attempts, the last response and its location in the archive."""

    stage: str  # fetch, page, extract, collect
    reason: str
    detail: str
    attempts: int
    response: Response | None = None
    raw_location: str | None = None


def failed_message(entry: PendingEntry, outlet: Outlet, failure: Failure, *, now: datetime) -> Message:
    values = {
        "stage": failure.stage,
        "reason": failure.reason,
        "detail": failure.detail[:MAX_DETAIL_CHARS],
        "attempts": failure.attempts,
        "failed": rfc3339(now),
        "last_response": last_response(failure.response),
        "raw_location": failure.raw_location,
    }
    return letter(entry, outlet, EventType.DEAD_LETTER, values, now=now)


def redriven_message(dead: DeadEntry, outlet: Outlet, *, now: datetime) -> Message:
    """The message that a dead letter is pending again, with the entry's next version number."""
    values = {"reason": dead.reason, "attempts": dead.entry.attempts, "failed": rfc3339(dead.failed_at)}
    again = replace(dead.entry, version=dead.entry.version + 1)
    return letter(again, outlet, EventType.REDRIVEN, values, now=now)


def resolutions(
    entry: PendingEntry, outlet: Outlet, verdict: Verdict, *, article_id: str | None = None, now: datetime
) -> tuple[Message, ...]:
    """The message that the entry's dead letter is resolved, if it has one and this verdict resolves it."""
    if not entry.is_dead or verdict is Verdict.FAILED:
        return ()
    values = {"resolution": {"verdict": verdict.value, "article_id": article_id, "time": rfc3339(now)}}
    return (letter(entry, outlet, EventType.RESOLVED, values, now=now),)


def letter(
    entry: PendingEntry, outlet: Outlet, kind: EventType, values: Mapping[str, Any], *, now: datetime
) -> Message:
    """A message on dead-letters; fields that a state does not have are null."""
    value = dead_letter_value(
        state=STATES[kind],
        entry_id=entry.id,
        outlet={"id": outlet.id, "name": outlet.name},
        feed_id=entry.feed_id,
        identity=entry.entry.identity,
        link=entry.entry.link,
        guid=entry.entry.guid,
        title=entry.entry.title,
        first_seen=rfc3339(entry.first_seen_at),
        **values,
    )
    return Message(
        topic=Topic.DEAD_LETTERS,
        key=f"{entry.outlet_id}/{entry.entry.identity}",
        id=f"{STATES[kind]}.{entry.outlet_id}.{entry.id}.{entry.version}",
        type=kind.value,
        time=now,
        source=outlet.homepage,
        subject=entry.entry.link or entry.entry.identity,
        schema=DEAD_LETTER_SCHEMA,
        value=value,
    )


def dead_letter_value(**values: Any) -> bytes:
    """The value of a dead letter as schemas/dead_letter.v1.json describes it."""
    fields = dict.fromkeys(OPTIONAL_FIELDS) | values
    return to_json({"schema_version": 1, **fields, "newswire_version": __version__})


def last_response(response: Response | None) -> dict[str, Any] | None:
    """The last response, without its body."""
    if response is None:
        return None
    headers = {name: response.headers[name][:MAX_HEADER_CHARS] for name in KEPT_HEADERS if name in response.headers}
    return {
        "url": response.final_url,
        "status": response.status,
        "headers": headers,
        "bytes": len(response.body),
        "fetched": rfc3339(response.fetched_at),
    }


def claim_check(message: Message, keep: Callable[[Message, str], str]) -> Message:
    """The message with its article's text stored elsewhere; unchanged when it has no text.

    `keep` stores the text and returns its location.
    """
    if message.schema != ARTICLE_SCHEMA or not message.value:
        return message
    article = json.loads(message.value)
    if not article.get("text"):
        return message
    return replace(message, value=to_json({**article, "text": "", "text_location": keep(message, article["text"])}))


def dead_letter_of_message(message: Message) -> Message:
    """The dead letter that replaces a message; it keeps the event's id and key, and so its position."""
    size = len(message.value or b"")
    article = json.loads(message.value or b"{}")
    feed, outlet = article.get("feed") or {}, article.get("outlet") or {}
    value = dead_letter_value(
        state="failed",
        entry_id=0,
        outlet={"id": outlet.get("id", ""), "name": outlet.get("name", "")},
        feed_id=feed.get("id", ""),
        identity=message.key,
        link=message.subject,
        guid=article.get("guid"),
        title=str(article.get("title", ""))[:500],
        stage="deliver",
        reason="too_large",
        detail=f"{message.id} for {message.topic.value} has {size} bytes, more than the topic takes; "
        f"the raw page is kept at {article.get('raw_location')}",
        attempts=1,
        first_seen=article.get("first_seen") or rfc3339(message.time),
        failed=rfc3339(message.time),
        raw_location=article.get("raw_location"),
    )
    dead = EventType.DEAD_LETTER.value
    return replace(message, topic=Topic.DEAD_LETTERS, type=dead, schema=DEAD_LETTER_SCHEMA, value=value)
