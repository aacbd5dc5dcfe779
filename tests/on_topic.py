"""What is on the topics, as the newsroom's ledger wants it: the one comparison that the demo and the tests share."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from pipeline.domain.model import ReceivedMessage
from tests.newsroom.compare import Difference, Got, compare
from tests.newsroom.ledger import Ledger


def got(messages: Iterable[ReceivedMessage], topic: str) -> Iterator[Got]:
    """Messages of a topic; `copy_of` ids are left for `with_urls` to resolve."""
    for received in messages:
        if received.value is None:
            continue
        value = json.loads(received.value)
        yield Got(
            outlet=value["outlet"]["id"],
            url=value["canonical_url"],
            topic=topic,
            type=received.headers["ce_type"].split(".")[-2],
            revision=value["revision"],
            title=value["title"],
            text=value["text"],
            relation=value["relation"] if value["relation"] == "copy" else None,
            copy_of_url=value["copy_of"],
        )


def differences(
    ledger: Ledger, articles: Iterable[ReceivedMessage], copies: Iterable[ReceivedMessage]
) -> tuple[Difference, ...]:
    """How the topics differ from what a perfect pipeline has there."""
    published, copied = list(articles), list(copies)
    urls = {
        received.key: json.loads(received.value)["canonical_url"]
        for received in (*published, *copied)
        if received.value is not None
    }
    found = [*got(published, "articles"), *got(copied, "copies")]
    resolved = [
        Got(**{name: getattr(one, name) for name in Got.__slots__} | {"copy_of_url": urls.get(one.copy_of_url or "")})
        for one in found
    ]
    return compare(ledger.messages, resolved)
