"""Messages: each validates against its schema, says the same twice, and carries nothing a consumer cannot read."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

import schemas
from pipeline.dedup.decide import CopySimilarity, Decision, Direction, RevisionKind
from pipeline.dedup.model import Relation
from pipeline.delivery import dead_letters, messages
from pipeline.delivery.dead_letters import DeadEntry, Failure
from pipeline.delivery.messages import Publication, messages_of, words_since
from pipeline.domain.model import FeedStatus, Message, PendingEntry, SourcedTime, Topic, Verdict
from pipeline.text.tokens import WordsChanged
from tests.values import FEED, NOW, OUTLET, make_entry, make_page, make_response, make_state

PENDING = PendingEntry(
    id=1, outlet_id="antenne", feed_id=FEED.id, entry=make_entry(1), version=1, attempts=0, first_seen_at=NOW
)
NEW = Decision(
    verdict=Verdict.NEW, article_id="a1", cluster_id="a1", reason="no known article shares enough of its words"
)
REVISED = replace(
    NEW,
    verdict=Verdict.REVISED,
    revision=2,
    previous_text_hash="0" * 64,
    changed=("text",),
    revision_kind=RevisionKind.CORRECTION,
)
COPY = replace(
    NEW,
    verdict=Verdict.COPY,
    article_id="a2",
    relation=Relation.COPY,
    copy_of="a1",
    similarity=CopySimilarity(0.98, 0.91, 0.9),
    direction=Direction.EQUAL,
)


def publication(decision: Decision = NEW, **changes: object) -> Publication:
    made = Publication(
        entry=PENDING,
        page=make_page(),
        outlet=OUTLET,
        decision=decision,
        text_hash="f" * 64,
        credits=("AFP",),
        words=WordsChanged(3, 1) if decision.verdict is Verdict.REVISED else None,
        section="france",
        now=NOW,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize("decision", [NEW, REVISED, COPY], ids=["new", "revised", "copy"])
def test_an_article_validates_against_its_schema(decision: Decision) -> None:
    for message in messages_of(publication(decision), copies="topic"):
        assert_described(message)


def assert_described(message: Message) -> None:
    """The value holds to its schema, and has no field that the schema does not describe."""
    assert message.value is not None
    value = json.loads(message.value)
    schemas.validator(message.schema).validate(value)
    assert set(value) <= set(schemas.load(message.schema)["properties"])


def test_a_feed_status_and_a_dead_letter_validate_against_their_schemas() -> None:
    status = messages.feed_status_message(make_state(status=FeedStatus.SILENT, last_success_at=NOW), OUTLET, now=NOW)
    failure = Failure(stage="page", reason="http_503", detail="x" * 5000, attempts=5, response=make_response())
    failed = dead_letters.failed_message(PENDING, OUTLET, failure, now=NOW)
    redriven = dead_letters.redriven_message(DeadEntry(replace(PENDING, attempts=5), "http_503", NOW), OUTLET, now=NOW)
    dead = replace(PENDING, is_dead=True)
    (resolved,) = dead_letters.resolutions(dead, OUTLET, Verdict.NEW, article_id="a1", now=NOW)
    for message in (status, failed, redriven, resolved):
        assert_described(message)


@pytest.mark.parametrize(
    ("decision", "policy", "topics"),
    [
        pytest.param(NEW, "topic", [Topic.ARTICLES, Topic.LATEST], id="new"),
        pytest.param(REVISED, "topic", [Topic.ARTICLES, Topic.LATEST], id="revised"),
        pytest.param(COPY, "topic", [Topic.COPIES], id="copy to its topic"),
        pytest.param(COPY, "annotate", [Topic.ARTICLES, Topic.LATEST], id="copy annotated"),
        pytest.param(COPY, "drop", [], id="copy dropped"),
        pytest.param(replace(NEW, verdict=Verdict.DUPLICATE), "topic", [], id="duplicate"),
        pytest.param(replace(NEW, verdict=Verdict.UNCHANGED), "topic", [], id="unchanged"),
    ],
)
def test_verdict_is_routed_to_its_topics(decision: Decision, policy: str, topics: list[Topic]) -> None:
    assert [message.topic for message in messages_of(publication(decision), copies=policy)] == topics


def test_a_merge_ends_the_other_id_with_a_tombstone() -> None:
    *_, tombstone = messages_of(publication(replace(REVISED, merged_id="a7")), copies="topic")
    assert (tombstone.topic, tombstone.key, tombstone.value) == (Topic.LATEST, "a7", None)


def test_a_merge_into_a_copy_ends_the_other_id_too() -> None:
    merged = replace(COPY, verdict=Verdict.REVISED, revision=2, merged_id="a7")
    for policy, topics in (("topic", [Topic.COPIES, Topic.LATEST]), ("drop", [Topic.LATEST])):
        made = messages_of(publication(merged), copies=policy)
        assert [message.topic for message in made] == topics
        assert (made[-1].key, made[-1].value) == ("a7", None)


def test_the_same_event_has_the_same_id_and_a_later_revision_another() -> None:
    first, again = messages_of(publication(), copies="topic"), messages_of(publication(), copies="topic")
    later = messages_of(publication(REVISED), copies="topic")
    assert [message.id for message in first] == [message.id for message in again]
    assert not {message.id for message in first} & {message.id for message in later}


def test_times_are_utc_and_each_keeps_its_source() -> None:
    zone = datetime(2026, 11, 23, 8, 0, tzinfo=UTC) - timedelta(hours=1)
    page = make_page()
    dated = replace(page, article=replace(page.article, published=SourcedTime(value=zone, source="json-ld")))
    value = messages.article_value(publication(page=dated))
    assert value["published"] == {
        "time": "2026-11-23T07:00:00Z",
        "source": "json-ld",
        "zone_assumed": False,
        "offset_s": 0,
    }
    assert messages.article_value(publication())["published"]["source"] == "feed"
    assert value["modified"] is None


def test_unfit_characters_are_removed_from_json() -> None:
    assert messages.to_json({"text": "a\x00b\ud800c\n"}) == b'{"text":"abc\\n"}'


def test_words_added_and_removed_are_counted_against_the_former_message() -> None:
    former = messages.to_json({"text": "le pont est fermé"})
    assert words_since(former, "le pont est ouvert depuis lundi") == WordsChanged(added=3, removed=1)
    assert words_since(None, "le pont") is None
    moved_out = messages.to_json({"text": "", "text_location": "2026-11-23/texts/a1.1.articles.txt"})
    assert words_since(moved_out, "le pont") is None
    instead = messages.to_json({"title": "Trop long", "stage": "deliver"})  # a dead letter under the article's key
    assert words_since(instead, "le pont") is None
