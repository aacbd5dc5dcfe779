"""The corpus of real and odd feeds is understood: the counts its sources state, no crash, never behind feedparser."""

from __future__ import annotations

import pytest

from tests.feeds_corpus import CORPUS, Outcome, outcomes

pytestmark = pytest.mark.skipif(not CORPUS.is_dir(), reason=f"no corpus of feeds beside the checkout ({CORPUS.name})")


@pytest.fixture(scope="module")
def seen() -> list[Outcome]:
    return list(outcomes())


def test_no_file_crashes(seen: list[Outcome]) -> None:
    assert [(outcome.id, outcome.crash) for outcome in seen if outcome.crash] == []


def test_no_file_gives_fewer_entries_than_feedparser_alone(seen: list[Outcome]) -> None:
    assert [outcome.id for outcome in seen if outcome.seen < outcome.library_entries] == []


def test_the_counts_that_sources_state_are_found(seen: list[Outcome]) -> None:
    judged = [outcome for outcome in seen if outcome.stated is not None or outcome.at_least is not None]
    wrong = [outcome.id for outcome in judged if not outcome.is_right]
    assert len(wrong) <= 0.005 * len(judged), wrong
