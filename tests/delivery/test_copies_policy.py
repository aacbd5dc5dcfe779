"""What becomes of another outlet's copy, from feed to topic, by the setting NEWSWIRE_COPIES; what `why` tells of it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from pipeline.app.runs import Newswire
from pipeline.domain.model import Topic, Verdict
from tests.newsroom import Newsroom
from tests.newsroom.catalogue import OUTLETS

PAIR = [outlet for outlet in OUTLETS if outlet.id in ("harbour-gazette", "northern-ledger")]
SLUG = "lifeboat-crew"  # in the URLs of the original and of its copy


@pytest.fixture(scope="module")
def newsroom() -> Iterator[Newsroom]:
    """Two outlets, of which one took a report over from the other."""
    with Newsroom(outlets=PAIR) as running:
        running.move_to(2)
        yield running


def polled(newsroom: Newsroom, home: Path, copies: str) -> Newswire:
    """A deployment under this policy that has polled both outlets, the original's first, and delivered."""
    (home / "feeds.toml").write_text(newsroom.catalogue_toml(), encoding="utf-8")
    environment = {
        "NEWSWIRE_HOME": str(home),
        "NEWSWIRE_CATALOGUE": str(home / "feeds.toml"),
        "NEWSWIRE_NEWSROOM": newsroom.address,
        "NEWSWIRE_HOST_SPACING_S": "0",
        "NEWSWIRE_CONTACT": "desk@example.org",
        "NEWSWIRE_EXTRACT_PROCESSES": "1",
        "NEWSWIRE_COPIES": copies,
    }
    opened = Newswire.from_env(environment)
    for outlet in PAIR:
        report = opened.ingest([feed.feed_id for feed in opened.feed_states(opened.choose([outlet.id]))], force=True)
    tally = report.outlets["northern-ledger"]
    assert tally.verdicts[Verdict.COPY] == 1
    return opened


def on(opened: Newswire, topic: Topic) -> list[Mapping[str, Any]]:
    """The messages about the report on a topic."""
    values = [json.loads(each.value) for each in opened.topics.read(topic) if each.value]
    return [value for value in values if SLUG in value["canonical_url"]]


def test_copies_policy_topic_publishes_copies_on_their_own_topic(newsroom: Newsroom, tmp_path: Path) -> None:
    with polled(newsroom, tmp_path, "topic") as opened:
        (original,), (copy,) = on(opened, Topic.ARTICLES), on(opened, Topic.COPIES)
        assert on(opened, Topic.LATEST) == [original]
        assert (original["relation"], copy["relation"]) == (None, "copy")
        assert copy["copy_of"] == copy["cluster_id"] == original["id"]
        assert copy["agency_credits"] == ["PA"]
        likeness = copy["similarity"]
        assert likeness["containment_of_copy"] > 0.6
        assert 0 < likeness["jaccard"] <= likeness["containment_of_original"] <= 1
        assert likeness["method"] == "v1"
        assert likeness["direction"] in ("equal", "cut", "expanded")
        told = "\n".join(opened.why(copy["canonical_url"]))
        assert f"compared with {original['id']} (harbour-gazette: “{original['title']}”)" in told
        assert "needed: a copy" in told
        assert "a copy needs 2 of 24 keys in common and 40 words" in told
        assert f"copy of it: {copy['id']}" in "\n".join(opened.why(original["id"]))


def test_copies_policy_annotate_publishes_copies_as_articles_with_their_relation(
    newsroom: Newsroom, tmp_path: Path
) -> None:
    with polled(newsroom, tmp_path, "annotate") as opened:
        original, copy = on(opened, Topic.ARTICLES)
        assert on(opened, Topic.COPIES) == []
        assert {value["id"] for value in on(opened, Topic.LATEST)} == {original["id"], copy["id"]}
        assert (copy["relation"], copy["copy_of"]) == ("copy", original["id"])


def test_copies_policy_drop_publishes_no_copies(newsroom: Newsroom, tmp_path: Path) -> None:
    with polled(newsroom, tmp_path, "drop") as opened:
        assert [value["relation"] for value in on(opened, Topic.ARTICLES)] == [None]
        assert on(opened, Topic.COPIES) == []
        assert opened.outbox.undelivered() == 0
