"""Dead letters: told with cause and last answer, found again, tried again, and resolved by the next verdict."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors.store.articles import ArticleStore, DeadLetterStore
from connectors.store.database import Database
from connectors.store.feeds import FeedStore
from connectors.store.outbox import StoredOutbox
from pipeline.app.repair import redrive
from pipeline.app.runs import Newswire
from pipeline.delivery.dead_letters import RedriveChoice, redriven_message
from pipeline.domain.errors import ExtractionFailed, FetchTimeout
from pipeline.domain.model import PendingEntry, Rejection, Topic, Verdict
from pipeline.domain.settings import Settings
from pipeline.ingest.ports import Deferral, Ending, PollDecision
from pipeline.ingest.retries import Attempt, with_resolution
from tests.newsroom import Newsroom
from tests.newsroom.catalogue import OUTLETS
from tests.values import FEED, NOW, OUTLET, make_entry, make_polled, make_response, make_state

LATER = NOW + timedelta(hours=1)


def attempt(**changes: Any) -> Attempt:
    return replace(Attempt(entry=pending(), now=NOW, outlet=OUTLET, max_attempts=1, retry_s=60), **changes)


def pending(**changes: Any) -> PendingEntry:
    entry = PendingEntry(
        id=1, outlet_id="antenne", feed_id=FEED.id, entry=make_entry(1), version=1, attempts=0, first_seen_at=NOW
    )
    return replace(entry, **changes)


def letter_of(ending: Ending | Deferral) -> dict[str, Any]:
    assert isinstance(ending, Ending)
    (message,) = ending.messages
    value: dict[str, Any] = json.loads(message.value or b"")
    return value


def test_dead_letter_has_reason_stage_attempts_and_last_response() -> None:
    tried = attempt()
    answer = make_response(body=b"<p>later</p>")
    headers = {"content-type": "text/html", "retry-after": "x" * 300, "set-cookie": "visitor=7"}
    tried.response = replace(answer, status=503, headers=headers)
    value = letter_of(tried.after_refusal(Rejection("http_5xx", "503")))
    told = {name: value[name] for name in ("state", "stage", "reason", "attempts", "raw_location")}
    assert told["state"] == "failed"
    assert (told["stage"], told["attempts"]) == ("page", 1)
    assert value["last_response"]["status"] == 503
    assert value["last_response"]["headers"] == {"content-type": "text/html", "retry-after": "x" * 200}


def test_dead_letter_of_a_failed_extraction_has_the_raw_location() -> None:
    tried = attempt()
    tried.response, tried.raw_location = make_response(), "2026-11-23/x.warc.gz#9"
    failed = tried.after_failure(ExtractionFailed("u", "out of memory"), "extract")
    assert letter_of(failed)["raw_location"] == "2026-11-23/x.warc.gz#9"


def test_no_dead_letter_before_the_last_attempt_and_no_response_without_an_answer() -> None:
    error = FetchTimeout("http://a.test/1", "total deadline")
    assert letter_of(attempt().after_fetch_error(error))["last_response"] is None
    assert isinstance(attempt(max_attempts=2).after_fetch_error(error), Deferral)


@pytest.mark.parametrize(
    ("is_dead", "verdict", "told"),
    [
        pytest.param(True, Verdict.REJECTED, ["resolved"], id="another verdict resolves it"),
        pytest.param(True, Verdict.FAILED, [], id="failed again does not"),
        pytest.param(False, Verdict.REJECTED, [], id="no letter, nothing to resolve"),
    ],
)
def test_a_dead_letter_is_resolved_by_the_next_verdict(is_dead: bool, verdict: Verdict, told: list[str]) -> None:
    ending = with_resolution(Ending(entry=pending(is_dead=is_dead), verdict=verdict, reason="stub"), OUTLET, now=NOW)
    assert [json.loads(message.value or b"")["state"] for message in ending.messages] == told


@pytest.fixture
def database(store_url: str) -> Iterator[Database]:
    opened = Database(store_url)
    opened.upgrade()
    yield opened
    opened.close()


@pytest.fixture
def dead(database: Database) -> DeadLetterStore:
    """Three entries that failed: two timed out, one of them later; one could not be extracted."""
    feeds, articles = FeedStore(database, lanes=4), ArticleStore(database, lanes=4)
    feeds.ensure(OUTLET.feeds, interval_s=300)
    (state,) = feeds.states([FEED.id])
    shown = make_polled(*(make_entry(number) for number in range(1, 4)))
    waiting = feeds.record_poll(state, shown, lambda _shown: PollDecision(state)).pending
    reasons = ("timed_out", "extract_error", "timed_out")
    for entry, reason, when in zip(waiting, reasons, (NOW, NOW, LATER), strict=True):
        articles.end(Ending(entry=entry, verdict=Verdict.FAILED, reason=reason), now=when)
    return DeadLetterStore(database, lanes=4)


@pytest.mark.parametrize(
    ("choice", "numbers"),
    [
        pytest.param(RedriveChoice(), [1, 2, 3], id="all"),
        pytest.param(RedriveChoice(causes=("timed*",)), [1, 3], id="by cause"),
        pytest.param(RedriveChoice(since=LATER), [3], id="since"),
        pytest.param(RedriveChoice(until=LATER), [1, 2], id="until"),
        pytest.param(RedriveChoice(outlets=("another",)), [], id="of another outlet"),
        pytest.param(RedriveChoice(limit=2), [1, 2], id="the oldest two"),
    ],
)
def test_dead_letters_are_found_by_outlet_cause_and_time(
    dead: DeadLetterStore, choice: RedriveChoice, numbers: list[int]
) -> None:
    found = [each.entry.entry.identity for each in dead.find(choice)]
    assert found == [f"http://antenne.test/{number}" for number in numbers]


def test_redriven_entry_is_pending_again_with_one_message(dead: DeadLetterStore, database: Database) -> None:
    found = dead.find(RedriveChoice(causes=("extract_error",)))
    letters = [redriven_message(each, OUTLET, now=LATER) for each in found]
    assert dead.redrive(found, letters, now=LATER) == 1
    assert dead.redrive(found, letters, now=LATER) == 0
    (waiting,) = ArticleStore(database, lanes=4).due_entries([FEED.id], now=LATER)
    assert (waiting.is_dead, waiting.attempts, waiting.version) == (True, 0, 2)
    (row,) = StoredOutbox(database).rows(Topic.DEAD_LETTERS)
    assert json.loads(row.message.value or b"")["state"] == "redriven"


def test_redriven_entry_of_a_backfill_that_a_live_feed_takes_over_still_resolves_its_letter(database: Database) -> None:
    feeds, articles = FeedStore(database, lanes=4), ArticleStore(database, lanes=4)
    backfill = make_state("antenne/~archive")
    shown = make_polled(make_entry(1))
    (entry,) = feeds.record_poll(backfill, shown, lambda _shown: PollDecision(backfill)).pending
    articles.end(Ending(entry=entry, verdict=Verdict.FAILED, reason="timed_out"), now=NOW)
    store = DeadLetterStore(database, lanes=4)
    found = store.find(RedriveChoice())
    store.redrive(found, [redriven_message(each, OUTLET, now=LATER) for each in found], now=LATER)
    live = make_state()
    (taken,) = feeds.record_poll(live, shown, lambda _shown: PollDecision(live)).pending
    assert (taken.feed_id, taken.is_dead) == (FEED.id, True)
    ending = with_resolution(Ending(entry=taken, verdict=Verdict.REJECTED, reason="stub"), OUTLET, now=LATER)
    assert [json.loads(message.value or b"")["state"] for message in ending.messages] == ["resolved"]


def test_redriven_entry_becomes_an_article_and_its_dead_letter_is_resolved(tmp_path: Path) -> None:
    with Newsroom(outlets=OUTLETS[:1]) as newsroom:
        catalogue = tmp_path / "feeds.toml"
        catalogue.write_text(newsroom.catalogue_toml(), encoding="utf-8")
        settings = Settings(home=tmp_path, catalogue=catalogue).updated(
            testing={"newsroom": newsroom.address},
            http={"host_spacing_s": 0},
            extraction={"processes": 1},
            retry={"max_attempts": 1},
        )
        with Newswire(settings) as newswire:
            newswire.database.upgrade()
            ids = [state.feed_id for state in newswire.feed_states(newswire.choose([]))]
            newswire.settings = settings.updated(extraction={"timeout_s": 0.0})  # no page is extracted in no time
            assert newswire.ingest(ids).total(Verdict.FAILED) > 3
            newswire.settings = settings
            seen = redrive(newswire, RedriveChoice(), dry_run=True)
            assert (seen.redriven, newswire.articles.pending()) == (0, 0)
            done = redrive(newswire, RedriveChoice(), dry_run=False)
            assert done.redriven == len(seen.dead) == newswire.articles.pending()
            newswire.ingest(ids)
            told: dict[str, list[str]] = {}
            for received in newswire.topics.read(Topic.DEAD_LETTERS):
                value = json.loads(received.value or b"")
                told.setdefault(received.key, []).append(value["state"])
                if value["state"] == "failed":
                    assert newswire.archive.read(value["raw_location"]).final_url == value["last_response"]["url"]
            assert {tuple(states) for states in told.values()} == {("failed", "redriven", "resolved")}
