"""Messages that no topic takes although they are compressed: what is published instead, so that nothing goes silently.

First the article with its text moved out (a claim check: `text_location` says where it is), else a dead letter.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

from pipeline import __version__
from pipeline.delivery.messages import ARTICLE_SCHEMA, DEAD_LETTER_SCHEMA, EventType, rfc3339, to_json
from pipeline.domain.model import Message, Topic

Keep = Callable[[Message, str], str]  # keeps the text of a message's article; where


def claim_check(message: Message, keep: Keep) -> Message:
    """The message with its article's text kept elsewhere; itself when it has none."""
    if message.schema != ARTICLE_SCHEMA or not message.value:
        return message
    article = json.loads(message.value)
    if not article.get("text"):
        return message
    return replace(message, value=to_json({**article, "text": "", "text_location": keep(message, article["text"])}))


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
