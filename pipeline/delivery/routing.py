"""Routing: from an article's verdict to messages on topics.

    NEW, REVISED   articles + articles.latest        (of an outlet's own text, or what is related to another)
    COPY           copies                            (policy: topic; annotate: as NEW; drop: no message)
    DUPLICATE      no message: the same article under another URL
    UNCHANGED      no message
    withdrawn      `withdrawn` where the article was published, and a tombstone on articles.latest
    merged ids     `updated` with the surviving id, and a tombstone of the other on articles.latest

The messages themselves are built by pipeline/delivery/messages.py.
Tested by tests/delivery/test_messages.py and tests/delivery/test_copies_policy.py.
"""

from __future__ import annotations

import json
from datetime import datetime
from functools import partial
from typing import Any

from pipeline.dedup.decide import Relation
from pipeline.delivery.events import Publication, Visit
from pipeline.delivery.messages import EventType, article_message, tombstone, withdrawn_message
from pipeline.domain.model import Message, Outlet, Topic, Verdict
from pipeline.text.tokens import WordsChanged, words_changed


def messages_of(publication: Publication, *, copies: str) -> tuple[Message, ...]:
    """The messages of a verdict, the event first. `copies` is the policy: topic, annotate or drop."""
    decision = publication.decision
    if decision.verdict not in (Verdict.NEW, Verdict.REVISED, Verdict.COPY) or decision.relation is Relation.DUPLICATE:
        return ()
    kind = EventType.UPDATED if decision.verdict is Verdict.REVISED else EventType.PUBLISHED
    gone = (tombstone(publication, decision.merged_id),) if decision.merged_id else ()
    if decision.relation is Relation.COPY and copies != "annotate":
        return (*((article_message(publication, Topic.COPIES, kind),) if copies == "topic" else ()), *gone)
    return (
        article_message(publication, Topic.ARTICLES, kind),
        article_message(publication, Topic.LATEST, kind),
        *gone,
    )


def withdrawal(
    visit: Visit, former: dict[str, Any] | None, outlet: Outlet, *, copies: str, now: datetime
) -> tuple[Message, ...]:
    """The messages of an article that its outlet withdrew. `former`: its last message, if it is still kept."""
    event = partial(withdrawn_message, visit, former, outlet, now=now)
    if visit.is_copy and copies != "annotate":
        return (event(Topic.COPIES),) if copies == "topic" else ()
    return (event(Topic.ARTICLES), event(Topic.LATEST))


def words_since(former: bytes | None, text: str) -> WordsChanged | None:
    """Words added and removed since the previous message; None when that is not kept any more."""
    if former is None:
        return None
    value = json.loads(former)
    if not value.get("text"):
        return None  # too large for its topic: its text is stored elsewhere, or a dead letter replaced it
    return words_changed(value["text"], text)
