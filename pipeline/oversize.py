"""Messages that no topic takes because they are too large: what is published instead, so that nothing goes silently."""

from __future__ import annotations

import json
from dataclasses import replace

from pipeline import __version__
from pipeline.messages import DEAD_LETTER_SCHEMA, EventType, rfc3339, to_json
from pipeline.model import Message, Topic


def dead_letter_of_message(message: Message) -> Message:
    """The dead letter that stands for a message; it keeps the event's id and key, so that its place is kept too."""
    size = len(message.value or b"")
    article = json.loads(message.value or b"{}")
    feed, outlet = article.get("feed") or {}, article.get("outlet") or {}
    value = {
        "schema_version": 1,
        "state": "failed",
        "entry_id": 0,
        "outlet": {"id": outlet.get("id", ""), "name": outlet.get("name", "")},
        "feed_id": feed.get("id", ""),
        "identity": message.key,
        "link": message.subject,
        "guid": article.get("guid"),
        "title": str(article.get("title", ""))[:500],
        "stage": "deliver",
        "reason": "too_large",
        "detail": f"{message.id} for {message.topic.value} has {size} bytes, more than the topic takes; "
        f"the raw page is kept at {article.get('raw_location')}",
        "attempts": 1,
        "first_seen": article.get("first_seen") or rfc3339(message.time),
        "failed": rfc3339(message.time),
        "last_response": None,
        "raw_location": article.get("raw_location"),
        "resolution": None,
        "newswire_version": __version__,
    }
    return replace(
        message,
        topic=Topic.DEAD_LETTERS,
        type=EventType.DEAD_LETTER.value,
        schema=DEAD_LETTER_SCHEMA,
        value=to_json(value),
    )
