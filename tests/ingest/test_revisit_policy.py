"""When an article is looked at again, and what an answer means."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest

import schemas
from pipeline.dedup.model import Relation
from pipeline.delivery.messages import Visit, withdrawal, withdrawn_message
from pipeline.domain.model import PendingEntry, Topic, Validators
from pipeline.ingest.settle import (
    CONFIRM_AFTER,
    is_confirmed,
    is_followed,
    next_revisit,
    schedule_confirmation,
    within_budget,
)
from tests.values import NOW, OUTLET, make_entry

AFTER_S = (900, 3600, 21_600)


def make_visit(number: int = 1, *, host: str = "www.antenne.test", **changes: object) -> Visit:
    entry = PendingEntry(
        id=number,
        outlet_id=OUTLET.id,
        feed_id=OUTLET.feeds[0].id,
        entry=make_entry(number),
        version=1,
        attempts=0,
        first_seen_at=NOW,
    )
    values: dict[str, object] = {
        "article_id": f"a{number}",
        "cluster_id": f"a{number}",
        "url": f"http://{host}/{number}.html",
        "canonical_url": f"http://{host}/{number}.html",
        "title": "Le marché couvert rouvre",
        "text_hash": "0" * 64,
        "entry": entry,
        "validators": Validators('"v"'),
        "first_seen_at": NOW,
        "last_fetched_at": NOW,
        "revision": 2,
    }
    return Visit(**(values | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("age_s", "next_s"),
    [
        pytest.param(0, 900, id="new"),
        pytest.param(900, 3600, id="on the minute of a step"),
        pytest.param(2000, 3600, id="a run came late: no step is made up for"),
        pytest.param(21_600, None, id="past the last step"),
        pytest.param(10_000_000, None, id="filled in from the past"),
    ],
)
def test_revisit_schedule_counts_from_when_the_article_was_first_seen(age_s: int, next_s: int | None) -> None:
    due = next_revisit(NOW, AFTER_S, now=NOW + timedelta(seconds=age_s))
    assert due == (None if next_s is None else NOW + timedelta(seconds=next_s))


@pytest.mark.parametrize(
    ("feed_id", "relation", "copies", "followed"),
    [
        pytest.param("antenne/titres", None, "topic", True, id="an article"),
        pytest.param("antenne/titres", Relation.COPY, "topic", True, id="a copy that has a topic"),
        pytest.param("antenne/titres", Relation.COPY, "drop", False, id="a copy that nobody is told of"),
        pytest.param("antenne/titres", Relation.DUPLICATE, "topic", False, id="the same again under another URL"),
        pytest.param("antenne/~past", None, "topic", False, id="news of the past"),
    ],
)
def test_only_published_live_articles_are_revisited(
    feed_id: str, relation: Relation | None, copies: str, followed: bool
) -> None:
    assert is_followed(replace(make_visit().entry, feed_id=feed_id), relation, copies=copies) is followed


def test_revisit_schedule_of_zero_means_never() -> None:
    assert next_revisit(NOW, (0,), now=NOW) is None


def test_missing_page_is_confirmed_by_a_second_check_hours_later() -> None:
    first = schedule_confirmation(make_visit(), now=NOW)
    assert (first.missing_since, first.next_revisit_at) == (NOW, NOW + CONFIRM_AFTER)
    missed = make_visit(missing_since=NOW)
    assert not is_confirmed(missed, now=NOW + timedelta(minutes=30))
    assert schedule_confirmation(missed, now=NOW + timedelta(minutes=30)).next_revisit_at == NOW + CONFIRM_AFTER
    assert is_confirmed(missed, now=NOW + CONFIRM_AFTER)


def test_revisit_budget_prefers_the_longest_due_and_limits_each_host() -> None:
    many = [make_visit(n) for n in range(5)] + [make_visit(n, host="www.other.test") for n in range(5, 8)]
    chosen = within_budget(many, most=4, most_per_host=2)
    assert [visit.article_id for visit in chosen] == ["a0", "a1", "a5", "a6"]


@pytest.mark.parametrize(
    ("is_copy", "copies", "topics"),
    [
        pytest.param(False, "topic", ("articles", "articles.latest"), id="an article"),
        pytest.param(True, "topic", ("copies",), id="a copy where copies have a topic"),
        pytest.param(True, "annotate", ("articles", "articles.latest"), id="a copy among the articles"),
        pytest.param(True, "drop", (), id="a copy that nobody was told of"),
    ],
)
def test_withdrawal_goes_to_the_topics_of_the_article(is_copy: bool, copies: str, topics: tuple[str, ...]) -> None:
    messages = withdrawal(make_visit(is_copy=is_copy), None, OUTLET, copies=copies, now=NOW)
    assert tuple(message.topic.value for message in messages) == topics
    assert all((message.value is None) == (message.topic is Topic.LATEST) for message in messages)


def test_withdrawal_without_a_kept_message_validates_against_its_schema() -> None:
    message = withdrawn_message(make_visit(), None, OUTLET, Topic.ARTICLES, now=NOW)
    assert message.value is not None
    schemas.validator(message.schema).validate(json.loads(message.value))
