"""Messages to consumers, built from values. The schemas (schemas/*.json) describe every field.

The same event always gets the same id. Times are UTC in RFC 3339; the JSON has no NUL and no lone surrogate, so any
parser accepts it. Every value validates against its schema. A verdict's messages by topic:

    NEW, REVISED   articles + articles.latest        (of an outlet's own text, or what is related to another)
    COPY           copies                            (policy: topic; annotate: as NEW; drop: no message)
    DUPLICATE      no message: the same article under another URL
    UNCHANGED      no message
    withdrawn      `withdrawn` where the article was published, and a tombstone on articles.latest
    merged ids     `updated` with the surviving id, and a tombstone of the other on articles.latest
"""

from __future__ import annotations

import json
import re
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import msgspec

from pipeline import __version__
from pipeline.dedup.model import Relation
from pipeline.domain.model import (
    ArchiveRecord,
    Article,
    FeedState,
    Message,
    Outlet,
    PendingEntry,
    Response,
    SourcedTime,
    Topic,
    Validators,
    Verdict,
)

if TYPE_CHECKING:  # every command imports this module, and few read pages
    from pipeline.dedup.decide import Decision
    from pipeline.dedup.fingerprint import TextMarks
    from pipeline.extraction.values import Extraction
    from pipeline.text.tokens import WordsChanged

ARTICLE_SCHEMA = "article.v1.json"
FEED_SCHEMA = "feed_status.v1.json"
DEAD_LETTER_SCHEMA = "dead_letter.v1.json"

# Characters that JSON, Kafka consumers or PostgreSQL's text cannot hold
UNFIT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff]")
UNFIT_ESCAPE = re.compile(rb"\\(?:u00[01]|b|f)")  # in JSON; also finds some escapes that are fit


class EventType(StrEnum):
    """`ce_type` of every event, with the version of its meaning at the end."""

    PUBLISHED = "org.newswire.article.published.v1"
    UPDATED = "org.newswire.article.updated.v1"
    WITHDRAWN = "org.newswire.article.withdrawn.v1"
    FEED_STATUS = "org.newswire.feed.status.v1"
    DEAD_LETTER = "org.newswire.entry.dead_letter.v1"
    REDRIVEN = "org.newswire.entry.dead_letter.redriven.v1"
    RESOLVED = "org.newswire.entry.dead_letter.resolved.v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class ArticlePage:
    """An article with the page it was extracted from: extraction, response, location in the archive."""

    article: Article
    extraction: Extraction
    marks: TextMarks
    response: Response
    raw_location: str | None
    record: ArchiveRecord | None = None  # the packed response, until it is in the archive


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """A verdict with everything that its messages contain."""

    entry: PendingEntry
    page: ArticlePage
    outlet: Outlet
    decision: Decision
    text_hash: str
    credits: tuple[str, ...]  # agencies that the text credits
    words: WordsChanged | None  # since the revision before
    section: str | None  # the feed's
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """A known article that is to be fetched again."""

    article_id: str
    cluster_id: str
    url: str
    canonical_url: str
    title: str
    text_hash: str
    entry: PendingEntry  # that led to it; number 0 when it was deleted
    validators: Validators
    first_seen_at: datetime
    last_fetched_at: datetime
    revision: int
    is_withdrawn: bool = False
    is_copy: bool = False
    missing_since: datetime | None = None
    due_at: datetime | None = None


def messages_of(publication: Publication, *, copies: str) -> tuple[Message, ...]:
    """The messages of a verdict, the event first. `copies` is the policy: topic, annotate or drop."""
    decision = publication.decision
    if decision.verdict not in (Verdict.NEW, Verdict.REVISED, Verdict.COPY) or decision.relation is Relation.DUPLICATE:
        return ()
    kind = EventType.UPDATED if decision.verdict is Verdict.REVISED else EventType.PUBLISHED
    topics = topics_for(is_copy=decision.relation is Relation.COPY, copies=copies)
    value = to_json(article_value(publication)) if topics else b""
    gone = (tombstone(publication, decision.merged_id),) if decision.merged_id else ()
    return (*(article_message(publication, topic, kind, value) for topic in topics), *gone)


def topics_for(*, is_copy: bool, copies: str) -> tuple[Topic, ...]:
    """The topics that an article's messages go to under a policy for copies."""
    if is_copy and copies != "annotate":
        return (Topic.COPIES,) if copies == "topic" else ()
    return Topic.ARTICLES, Topic.LATEST


def article_message(publication: Publication, topic: Topic, kind: EventType, value: bytes | None) -> Message:
    decision = publication.decision
    return Message(
        topic=topic,
        key=decision.article_id,
        id=f"{decision.article_id}.{decision.revision}.{topic.value}",
        type=kind.value,
        time=publication.now,
        source=publication.outlet.homepage,
        subject=publication.page.article.url,
        schema=ARTICLE_SCHEMA,
        value=value,
    )


def tombstone(publication: Publication, article_id: str) -> Message:
    """The end of a merged id on the compacted topic."""
    event = article_message(publication, Topic.LATEST, EventType.WITHDRAWN, None)
    return replace(event, key=article_id, id=f"{article_id}.merged.{publication.decision.article_id}")


def withdrawal(
    visit: Visit, former: dict[str, Any] | None, outlet: Outlet, *, copies: str, now: datetime
) -> tuple[Message, ...]:
    """The messages of an article that its outlet withdrew. `former`: its last message, if it is still kept."""
    topics = topics_for(is_copy=visit.is_copy, copies=copies)
    return tuple(withdrawn_message(visit, former, outlet, topic, now=now) for topic in topics)


def withdrawn_message(
    visit: Visit, former: dict[str, Any] | None, outlet: Outlet, topic: Topic, *, now: datetime
) -> Message:
    """The end of an article that its outlet withdrew: a tombstone on the compacted topic, else an event.

    The event repeats the last revision without its text. Where that is not kept any more, it has little more than id
    and URL.
    """
    value = None
    if topic is not Topic.LATEST:
        last = former if former is not None else unknown_value(visit, outlet)
        value = to_json(last | {"state": "withdrawn", "text": "", "lead": None, "word_count": 0})
    return Message(
        topic=topic,
        key=visit.article_id,
        id=f"{visit.article_id}.{visit.revision}.withdrawn.{topic.value}",
        type=EventType.WITHDRAWN.value,
        time=now,
        source=outlet.homepage,
        subject=visit.url,
        schema=ARTICLE_SCHEMA,
        value=value,
    )


# Fields that only a page or a comparison can give
UNKNOWN_FIELDS = (
    *("title_source", "authors_source", "modified", "section", "image", "is_accessible_for_free", "rights", "tdm"),
    *("previous_text_hash", "revision_kind", "words_added", "words_removed", "merged_id", "relation", "copy_of"),
    *("similarity", "raw_location"),
)
EMPTY_LISTS = ("aliases", "authors", "author_organisations", "agency_credits", "keywords", "changed", "related_to")


def unknown_value(visit: Visit, outlet: Outlet) -> dict[str, Any]:
    """An article without a kept message, with every field that the schema requires."""
    entry = visit.entry.entry
    return {
        "schema_version": 1,
        "id": visit.article_id,
        "revision": visit.revision,
        "outlet": outlet_value(outlet),
        "url": visit.url,
        "canonical_url": visit.canonical_url,
        "link": entry.link,
        "guid": entry.guid,
        "title": visit.title,
        "published": feed_time(entry.published),
        "first_seen": rfc3339(visit.first_seen_at),
        "fetched": rfc3339(visit.last_fetched_at),
        "language": outlet.language,
        "is_live_blog": False,
        "text_hash": visit.text_hash,
        "cluster_id": visit.cluster_id,
        "feed": {"id": visit.entry.feed_id, "title": entry.title, "summary": entry.summary},
        "extractor": "",
        "newswire_version": __version__,
        **dict.fromkeys(UNKNOWN_FIELDS),
        **{name: [] for name in EMPTY_LISTS},
    }


def outlet_value(outlet: Outlet) -> dict[str, Any]:
    return {"id": outlet.id, "name": outlet.name, "homepage": outlet.homepage, "country": outlet.country}


def article_value(publication: Publication) -> dict[str, Any]:
    """An article as schemas/article.v1.json describes it."""
    entry, page, outlet = publication.entry, publication.page, publication.outlet
    article, decision, words = page.article, publication.decision, publication.words
    return {
        "schema_version": 1,
        "id": decision.article_id,
        "revision": decision.revision,
        "state": "live",
        "outlet": outlet_value(outlet),
        "url": article.url,
        "canonical_url": article.canonical_url,
        "link": entry.entry.link,
        "guid": entry.entry.guid,
        "aliases": list(article.aliases),
        "title": article.title,
        "title_source": article.title_source or None,
        "lead": article.lead,
        "text": article.text,
        "word_count": len(article.text.split()),
        "authors": list(article.authors),
        "authors_source": article.authors_source,
        "author_organisations": list(article.author_organisations),
        "agency_credits": list(publication.credits),
        "published": sourced(article.published) or feed_time(entry.entry.published),
        "modified": sourced(article.modified) or feed_time(entry.entry.modified),
        "first_seen": rfc3339(entry.first_seen_at),
        "fetched": rfc3339(page.response.fetched_at),
        "language": article.language or outlet.language,
        "section": article.section or publication.section,
        "keywords": list(article.keywords or entry.entry.categories),
        "image": article.image or entry.entry.image,
        "is_accessible_for_free": article.is_accessible_for_free,
        "is_live_blog": article.is_live_blog,
        "rights": article.rights,
        "tdm": tdm(publication),
        "text_hash": publication.text_hash,
        "previous_text_hash": decision.previous_text_hash,
        "changed": list(decision.changed),
        "revision_kind": decision.revision_kind,
        "words_added": words.added if words else None,
        "words_removed": words.removed if words else None,
        "merged_id": decision.merged_id,
        "cluster_id": decision.cluster_id,
        "relation": decision.relation,
        "copy_of": decision.copy_of,
        "related_to": list(decision.related_to),
        "similarity": similarity_value(decision),
        "feed": {"id": entry.feed_id, "title": entry.entry.title, "summary": entry.entry.summary},
        "extractor": article.extractor,
        "raw_location": page.raw_location,
        "newswire_version": __version__,
    }


def similarity_value(decision: Decision) -> dict[str, Any] | None:
    """The shares that two articles have in common, and how the original was found."""
    if decision.similarity is None:
        return None
    shares = ("containment_of_copy", "containment_of_original", "jaccard")
    of_text = {name: getattr(decision.similarity, name) for name in shares}
    return of_text | {"direction": decision.direction, "method": decision.method}


def tdm(publication: Publication) -> dict[str, Any] | None:
    """The text and data mining reservation that the page or the site declares; None without one."""
    response, extraction = publication.page.response, publication.page.extraction
    reserved = response.tdm_reserved if extraction.tdm_reserved is None else extraction.tdm_reserved
    if reserved is None:
        return None
    return {"reserved": reserved, "policy": extraction.tdm_policy or response.tdm_policy}


def feed_status_message(state: FeedState, outlet: Outlet, *, now: datetime) -> Message:
    value = {
        "schema_version": 1,
        "feed_id": state.feed_id,
        "outlet": {"id": outlet.id, "name": outlet.name},
        "url": state.url,
        "status": state.health.status.value,
        "reason": state.health.status_reason,
        "since": rfc3339(now),
        "last_success": rfc3339(state.health.last_success_at),
        "last_new_entry": rfc3339(state.health.last_new_entry_at),
        "next_poll": rfc3339(state.schedule.next_poll_at),
        "interval_s": state.schedule.interval_s,
        "silence_s": state.silence.silence_s,
        "failures": state.health.failures,
        "possible_gaps": state.health.possible_gaps,
        "validators_lie": state.cache.validators_lie,
        "newswire_version": __version__,
    }
    return Message(
        topic=Topic.FEEDS,
        key=state.feed_id,
        id=f"{state.feed_id}.{rfc3339(now)}",
        type=EventType.FEED_STATUS.value,
        time=now,
        source=outlet.homepage,
        subject=state.url,
        schema=FEED_SCHEMA,
        value=to_json(value),
    )


def sourced(moment: SourcedTime | None) -> dict[str, Any] | None:
    if moment is None:
        return None
    same = {name: getattr(moment, name) for name in ("source", "zone_assumed", "offset_s")}
    return {"time": rfc3339(moment.value), **same}


def feed_time(moment: datetime | None) -> dict[str, Any] | None:
    return None if moment is None else sourced(SourcedTime(value=moment, source="feed"))


def rfc3339(moment: datetime | None) -> str | None:
    """UTC with a Z; microseconds only when not zero."""
    return None if moment is None else moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def to_json(value: dict[str, Any]) -> bytes:
    """Compact UTF-8 JSON without unfit characters."""
    with suppress(UnicodeEncodeError):  # a lone surrogate
        encoded = msgspec.json.encode(value)
        if UNFIT_ESCAPE.search(encoded) is None:
            return encoded
    return msgspec.json.encode(clean(value))


def clean(value: Any) -> Any:
    """The value without unfit characters in any text."""
    if isinstance(value, str):
        return UNFIT.sub("", value) if UNFIT.search(value) else str(value)
    if isinstance(value, dict):
        return {name: clean(part) for name, part in value.items()}
    if isinstance(value, list):
        return [clean(part) for part in value]
    return value


def words_since(former: bytes | None, text: str) -> WordsChanged | None:
    """Words added and removed since the previous message; None when its text is not kept any more.

    A message too large for its topic has its text elsewhere, or a dead letter replaced it.
    """
    from pipeline.text.tokens import words_changed

    before = json.loads(former or b"{}").get("text")
    return words_changed(before, text) if before else None


def headers_of(message: Message) -> dict[str, str]:
    """The CloudEvents attributes as `ce_*` headers, and the content type, which a tombstone has not."""
    headers = {
        "ce_specversion": "1.0",
        "ce_id": message.id,
        "ce_source": message.source,
        "ce_type": message.type,
        "ce_time": message.time.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "ce_subject": message.subject,
        "ce_dataschema": message.schema,
    }
    return headers if message.value is None else {**headers, "content-type": "application/json; charset=utf-8"}
