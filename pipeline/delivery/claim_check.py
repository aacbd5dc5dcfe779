"""Claim check for messages that are larger than a topic accepts, although compressed.

First the article with its text stored elsewhere (`text_location`), else a dead letter: no message is dropped silently.
Tested by tests/delivery/test_deliver.py.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

from pipeline.delivery.dead_letters import dead_letter_value
from pipeline.delivery.messages import ARTICLE_SCHEMA, DEAD_LETTER_SCHEMA, EventType, rfc3339, to_json
from pipeline.domain.model import Message, Topic

Keep = Callable[[Message, str], str]  # stores the text of a message's article; returns its location


def claim_check(message: Message, keep: Keep) -> Message:
    """The message with its article's text stored elsewhere; unchanged when it has no text."""
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
