"""The messages as types, for programs that read the topics. Copy this file: it needs nothing but Python 3.11.

    for message in KafkaConsumer("news.articles", isolation_level="read_committed"):
        article = read_article(message.value)
        if article is not None:  # None: a tombstone
            print(article["title"], moment(article["first_seen"]))

Takes plain JSON, and JSON in the frame of a schema registry (magic byte and id). Fields that a later version adds are
present and not typed: ignore unknown ones. The meaning of every field: article.v1.json and the other schemas.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NotRequired, TypedDict, cast

FRAME_BYTES = 5  # Confluent's wire format: a zero byte, and the schema's id in four


class Outlet(TypedDict):
    """The outlet that published an article."""

    id: str
    name: str
    homepage: str
    country: str


class OutletName(TypedDict):
    """An outlet by id and name."""

    id: str
    name: str


class SourcedTime(TypedDict):
    """A time, and where it was read."""

    time: str
    source: str
    zone_assumed: bool
    offset_s: int


class Tdm(TypedDict):
    """A reservation of text and data mining."""

    reserved: bool
    policy: str | None


class Similarity(TypedDict):
    """How similar a copy and its original are."""

    containment_of_copy: float
    containment_of_original: float
    jaccard: float
    direction: str | None
    method: str


class FeedEntry(TypedDict):
    """The entry as the feed showed it."""

    id: str
    title: str
    summary: str


class Article(TypedDict):
    """The value on articles, articles.latest and copies."""

    schema_version: int
    id: str
    revision: int
    state: str
    outlet: Outlet
    url: str
    canonical_url: str
    link: str | None
    guid: str | None
    aliases: list[str]
    title: str
    title_source: str | None
    lead: str | None
    text: str
    word_count: int
    authors: list[str]
    authors_source: str | None
    author_organisations: list[str]
    agency_credits: list[str]
    published: SourcedTime | None
    modified: SourcedTime | None
    first_seen: str
    fetched: str
    language: str
    section: str | None
    keywords: list[str]
    image: str | None
    is_accessible_for_free: bool | None
    is_live_blog: bool
    rights: str | None
    tdm: Tdm | None
    text_hash: str
    previous_text_hash: str | None
    changed: list[str]
    revision_kind: str | None
    words_added: int | None
    words_removed: int | None
    merged_id: str | None
    cluster_id: str
    relation: str | None
    copy_of: str | None
    related_to: list[str]
    similarity: Similarity | None
    feed: FeedEntry
    extractor: str
    raw_location: str | None
    text_location: NotRequired[str]
    newswire_version: str


class FeedStatus(TypedDict):
    """The value on feeds."""

    schema_version: int
    feed_id: str
    outlet: OutletName
    url: str
    status: str
    reason: str | None
    since: str
    last_success: str | None
    last_new_entry: str | None
    next_poll: str | None
    interval_s: int
    silence_s: int | None
    failures: int
    possible_gaps: int
    validators_lie: bool
    newswire_version: str


class LastResponse(TypedDict):
    """The server's last response."""

    url: str
    status: int
    headers: dict[str, str]
    bytes: int
    fetched: str


class Resolution(TypedDict):
    """How a dead letter ended."""

    verdict: str
    article_id: str | None
    time: str


class DeadLetter(TypedDict):
    """The value on dead-letters."""

    schema_version: int
    state: str
    entry_id: int
    outlet: OutletName
    feed_id: str
    identity: str
    link: str | None
    guid: str | None
    title: str
    stage: str | None
    reason: str | None
    detail: str | None
    attempts: int | None
    first_seen: str
    failed: str | None
    last_response: LastResponse | None
    raw_location: str | None
    resolution: Resolution | None
    newswire_version: str


# By the schema's name, as the header ce_dataschema gives it.
VALUES: Mapping[str, type] = {
    "article.v1.json": Article,
    "feed_status.v1.json": FeedStatus,
    "dead_letter.v1.json": DeadLetter,
}


def read_article(value: bytes | None) -> Article | None:
    """A message of articles, articles.latest or copies; None for a tombstone."""
    return cast("Article | None", read_value(value))


def read_feed_status(value: bytes | None) -> FeedStatus | None:
    """A message of feeds."""
    return cast("FeedStatus | None", read_value(value))


def read_dead_letter(value: bytes | None) -> DeadLetter | None:
    """A message of dead-letters."""
    return cast("DeadLetter | None", read_value(value))


def read_value(value: bytes | None) -> dict[str, Any] | None:
    """A message's JSON, in a registry's frame or not; None for a tombstone. Raises ValueError for anything else."""
    if value is None:
        return None
    unframed = value[FRAME_BYTES:] if value[:1] == b"\0" else value
    read = json.loads(unframed)
    if not isinstance(read, dict):
        raise ValueError("a message's value is a JSON object")
    return read


def read_headers(headers: Sequence[tuple[str, bytes]]) -> dict[str, str]:
    """The CloudEvents attributes of a message, without their `ce_`: id, source, type, time, subject, dataschema …"""
    return {name.removeprefix("ce_"): value.decode("utf-8") for name, value in headers if name.startswith("ce_")}


def moment(text: str) -> datetime:
    """A time of a message as an aware datetime (UTC)."""
    return datetime.fromisoformat(text)
