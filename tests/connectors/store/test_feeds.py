"""Feeds and entries in the store, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from connectors.store.articles import ArticleStore
from connectors.store.database import Database
from connectors.store.feeds import FeedStore
from connectors.store.outbox import StoredOutbox
from connectors.store.schema import polls
from pipeline.domain.model import FeedStatus, Validators, Verdict
from pipeline.ingest.ports import Deferral, Ending, EntryCounts, PollDecision, PollRecord
from tests.values import FEED, NOW, OUTLET, make_entry, make_message, make_polled, make_state


@pytest.fixture
def database(store_url: str) -> Iterator[Database]:
    opened = Database(store_url)
    opened.upgrade()
    yield opened
    opened.close()


@pytest.fixture
def feeds(database: Database) -> FeedStore:
    store = FeedStore(database, lanes=4)
    store.ensure(OUTLET.feeds, interval_s=300)
    return store


@pytest.fixture
def articles(database: Database) -> ArticleStore:
    return ArticleStore(database, lanes=4)


def record(feeds: FeedStore, *entries: object, feed_id: str = FEED.id) -> EntryCounts:
    (state,) = feeds.states([feed_id])
    return feeds.record_poll(state, make_polled(*entries), lambda shown: PollDecision(state))  # type: ignore[arg-type]


def test_a_feed_state_is_read_back_unchanged(feeds: FeedStore) -> None:
    state = make_state(
        validators=Validators('W/"x"', "Mon, 23 Nov 2026 06:00:00 GMT"),
        status=FeedStatus.SILENT,
        status_reason="nothing new",
        next_poll_at=NOW,
        failures=3,
        moved_since=NOW,
    )
    feeds.record_poll(state, make_polled(), lambda shown: PollDecision(state))
    assert feeds.states([FEED.id]) == (state,)


def test_a_poll_under_way_does_not_overwrite_an_operator_action(feeds: FeedStore) -> None:
    (before,) = feeds.states([FEED.id])
    feeds.switch(before.with_fields(paused=True, interval_override_s=900), (make_message(),), now=NOW)
    polled = before.with_fields(status=FeedStatus.FRESH, last_poll_at=NOW)
    feeds.record_poll(before, make_polled(), lambda shown: PollDecision(polled))
    (after,) = feeds.states([FEED.id])
    assert (after.schedule.paused, after.health.status, after.schedule.interval_override_s) == (
        True,
        FeedStatus.PAUSED,
        900,
    )
    assert after.schedule.last_poll_at == NOW


def test_an_edited_url_resets_the_feed_and_a_redirected_one_does_not(feeds: FeedStore) -> None:
    moved = make_state(url="http://elsewhere.test/feed", validators=Validators('"v"'))
    feeds.record_poll(moved, make_polled(), lambda shown: PollDecision(moved))
    feeds.ensure([FEED], interval_s=300)
    assert feeds.states([FEED.id])[0].url == "http://elsewhere.test/feed"
    feeds.ensure([replace(FEED, url="http://www.antenne.test/new.rss")], interval_s=300)
    (afresh,) = feeds.states([FEED.id])
    assert (afresh.url, afresh.cache.validators) == ("http://www.antenne.test/new.rss", Validators())


def test_polls_without_entries_are_written_in_one_batch_with_their_messages(feeds: FeedStore) -> None:
    states = [make_state(failures=2, status=FeedStatus.FAILING), make_state(feed_id="antenne/monde", next_poll_at=NOW)]
    records = [
        PollRecord(outcome="http_500", http_status=500),
        PollRecord(outcome="not_modified", http_status=304, elapsed_s=0.5),
    ]
    told = (make_message(), ())
    feeds.record_quiet_polls(
        [
            (replace(make_polled(), record=record), PollDecision(state, (said,) if said else ()))
            for state, record, said in zip(states, records, told, strict=True)
        ]
    )
    assert set(feeds.states([state.feed_id for state in states])) == set(states)
    with feeds.database.reading() as connection:
        rows = connection.execute(select(polls).order_by(polls.c.feed_id)).all()
    assert [(row.feed_id, row.outcome, row.http_status, row.polled_at, row.entries) for row in rows] == [
        ("antenne/monde", "not_modified", 304, NOW, 0),
        ("antenne/titres", "http_500", 500, NOW, 0),
    ]
    assert StoredOutbox(feeds.database).undelivered() == 1


def test_only_new_entries_become_pending(feeds: FeedStore) -> None:
    first = record(feeds, make_entry(1), make_entry(2))
    assert [entry.entry.identity for entry in first.pending] == ["http://antenne.test/1", "http://antenne.test/2"]
    second = record(feeds, make_entry(2), make_entry(3))
    assert [entry.entry.identity for entry in second.pending] == ["http://antenne.test/3"]
    assert (second.known, second.new, second.waiting) == (1, 1, 1)


def test_an_entry_of_another_feed_of_the_outlet_is_the_same_entry(feeds: FeedStore) -> None:
    record(feeds, make_entry(1))
    other = record(feeds, make_entry(1, digest="other words"), feed_id="antenne/monde")
    assert (other.elsewhere, other.pending) == (1, ())


def test_a_settled_entry_is_pending_again_when_its_feed_changed_it(feeds: FeedStore, articles: ArticleStore) -> None:
    (entry,) = record(feeds, make_entry(1)).pending
    assert articles.end(Ending(entry=entry, verdict=Verdict.REJECTED, reason="stub"), now=NOW)
    again = record(feeds, make_entry(1, digest="changed", title="Autre titre"))
    assert [(entry.version, entry.entry.title) for entry in again.pending] == [(2, "Autre titre")]
    assert again.unchanged == 0
    assert record(feeds, make_entry(1, digest="changed")).pending == ()


def test_an_entry_gets_one_verdict(feeds: FeedStore, articles: ArticleStore) -> None:
    (entry,) = record(feeds, make_entry(1)).pending
    assert articles.end(Ending(entry=entry, verdict=Verdict.REJECTED, reason="stub"), now=NOW)
    assert not articles.end(Ending(entry=entry, verdict=Verdict.REJECTED, reason="stub"), now=NOW)


def test_a_deferred_entry_is_due_at_its_time(feeds: FeedStore, articles: ArticleStore) -> None:
    (entry,) = record(feeds, make_entry(1)).pending
    articles.defer(Deferral(entry=entry, until=NOW + timedelta(minutes=5), reason="http_503"))
    assert articles.due_entries([FEED.id], now=NOW) == ()
    (due,) = articles.due_entries([FEED.id], now=NOW + timedelta(minutes=5))
    assert (due.attempts, due.entry) == (1, entry.entry)
    assert articles.feeds_with_due_entries([FEED.id], now=NOW + timedelta(minutes=5)) == (FEED.id,)


def test_poll_entries_and_messages_are_written_in_one_transaction(feeds: FeedStore, database: Database) -> None:
    (state,) = feeds.states([FEED.id])

    def fail(_shown: object) -> PollDecision:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        feeds.record_poll(state, make_polled(make_entry(1)), fail)
    assert record(feeds, make_entry(1)).new == 1
    feeds.record_poll(state, make_polled(), lambda shown: PollDecision(state, (make_message(),)))
    assert StoredOutbox(database).undelivered() == 1


def test_settled_entries_are_deleted_after_their_retention(feeds: FeedStore, articles: ArticleStore) -> None:
    settled, waiting = record(feeds, make_entry(1), make_entry(2)).pending
    articles.end(Ending(entry=settled, verdict=Verdict.REJECTED, reason="stub"), now=NOW)
    assert feeds.expire_entries(before=NOW + timedelta(days=1)) == 1
    assert [entry.id for entry in articles.due_entries([FEED.id], now=NOW)] == [waiting.id]


def test_concurrent_polls_of_an_outlet_insert_each_new_entry_once(
    feeds: FeedStore,
) -> None:
    many = [make_entry(number) for number in range(200)]
    with ThreadPoolExecutor(2) as threads:
        for number in range(0, 200, 20):
            some = many[number : number + 20]
            both = [threads.submit(record, feeds, *some, feed_id=feed.id) for feed in OUTLET.feeds]
            shown = [poll.result() for poll in both]
            assert sorted((one.new, one.elsewhere) for one in shown) == [(0, 20), (20, 0)]
