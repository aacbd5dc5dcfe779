"""How entries end with articles, the same on both databases: one transaction, one verdict, claims that hold."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from connectors.article_store import ArticleStore
from connectors.database import Database
from connectors.feed_store import FeedStore
from connectors.outbox import StoredOutbox
from connectors.why_store import WhyStore
from pipeline.decide import Relation
from pipeline.model import PendingEntry, Verdict
from pipeline.steps import Outcome, PollDecision
from pipeline.urls import canonicalise
from tests.values import (
    FEED,
    NOW,
    OUTLET,
    TEXT,
    make_candidate,
    make_entry,
    make_message,
    make_polled,
    make_read,
    make_settlement,
)

URL = "http://www.antenne.test/1.html"
KEY = canonicalise(URL)


@pytest.fixture
def database(store_url: str) -> Iterator[Database]:
    opened = Database(store_url)
    opened.upgrade()
    yield opened
    opened.close()


@pytest.fixture
def articles(database: Database) -> ArticleStore:
    return ArticleStore(database, lanes=4)


@pytest.fixture
def waiting(database: Database) -> tuple[PendingEntry, ...]:
    """Four entries that wait."""
    feeds = FeedStore(database, lanes=4)
    feeds.ensure(OUTLET.feeds, interval_s=300)
    (state,) = feeds.states([FEED.id])
    shown = make_polled(*(make_entry(number) for number in range(1, 5)))
    return feeds.record_poll(state, shown, lambda _shown: PollDecision(state)).pending


def test_a_new_article_is_written_whole(
    articles: ArticleStore, waiting: tuple[PendingEntry, ...], database: Database
) -> None:
    read = make_read()
    looked = articles.look_up(make_candidate(read), [KEY])
    settlement = make_settlement(waiting[0], read, looked, make_message())
    assert settlement.decision.verdict is Verdict.NEW
    assert articles.settle(settlement) is Outcome.WRITTEN
    assert StoredOutbox(database).undelivered() == 1
    assert articles.previous_value("a1") == make_message().value
    told = "\n".join(WhyStore(database).explain(URL))
    assert "verdict NEW" in told
    assert "revision 1" in told


def test_an_entry_that_another_worker_ended_is_not_written_again(
    articles: ArticleStore, waiting: tuple[PendingEntry, ...], database: Database
) -> None:
    read = make_read()
    looked = articles.look_up(make_candidate(read), [KEY])
    settlement = make_settlement(waiting[0], read, looked, make_message())
    assert [articles.settle(settlement), articles.settle(settlement)] == [Outcome.WRITTEN, Outcome.TAKEN]
    assert StoredOutbox(database).undelivered() == 1


def test_two_workers_with_copies_of_one_story_do_not_both_call_theirs_the_first(
    articles: ArticleStore, waiting: tuple[PendingEntry, ...]
) -> None:
    ours, theirs = make_read(), make_read("http://www.gazette.test/9.html")
    first = articles.look_up(make_candidate(ours), [KEY])
    their_key = canonicalise(theirs.article.url)
    second = articles.look_up(make_candidate(theirs, outlet_id="gazette", article_id="a2"), [their_key])
    assert articles.settle(make_settlement(waiting[0], ours, first)) is Outcome.WRITTEN
    assert articles.settle(make_settlement(waiting[1], theirs, second)) is Outcome.LOOK_AGAIN
    again = articles.look_up(second.candidate, [their_key])
    settlement = make_settlement(waiting[1], theirs, again)
    assert (settlement.decision.verdict, settlement.decision.relation) == (Verdict.COPY, Relation.COPY)
    assert settlement.decision.copy_of == "a1"
    assert articles.settle(settlement) is Outcome.WRITTEN


def test_the_same_text_is_unchanged_and_another_text_a_revision(
    articles: ArticleStore, waiting: tuple[PendingEntry, ...]
) -> None:
    read = make_read()
    articles.settle(make_settlement(waiting[0], read, articles.look_up(make_candidate(read), [KEY])))
    same = make_settlement(waiting[1], read, articles.look_up(make_candidate(read), [KEY]))
    assert (same.decision.verdict, same.decision.revision) == (Verdict.UNCHANGED, 1)
    assert articles.settle(same) is Outcome.WRITTEN
    longer = make_read(text=TEXT + "\n\nLe chantier avait commencé en mars, sous la conduite de Paul Dorn.")
    revised = make_settlement(waiting[2], longer, articles.look_up(make_candidate(longer), [KEY]))
    assert (revised.decision.verdict, revised.decision.revision) == (Verdict.REVISED, 2)
    assert articles.settle(revised) is Outcome.WRITTEN


def test_an_article_is_known_under_any_of_its_urls(articles: ArticleStore, waiting: tuple[PendingEntry, ...]) -> None:
    read = make_read()
    articles.settle(make_settlement(waiting[0], read, articles.look_up(make_candidate(read), [KEY])))
    looked = articles.look_up(make_candidate(read, article_id="another"), [KEY, "http://www.antenne.test/amp/1"])
    assert looked.candidate.article_id == "a1"
    assert [known.article_id for known in looked.sightings.known] == ["a1"]


def test_the_same_text_under_another_url_of_the_outlet_is_a_duplicate_and_its_url_an_alias(
    articles: ArticleStore, waiting: tuple[PendingEntry, ...]
) -> None:
    read = make_read()
    articles.settle(make_settlement(waiting[0], read, articles.look_up(make_candidate(read), [KEY])))
    other = make_read("http://www.antenne.test/replay/1.html")
    settlement = make_settlement(
        waiting[1], other, articles.look_up(make_candidate(other, article_id="a9"), [canonicalise(other.article.url)])
    )
    assert settlement.decision.verdict is Verdict.DUPLICATE
    assert articles.settle(settlement) is Outcome.WRITTEN
    assert (
        articles.look_up(make_candidate(other, article_id="a9"), [canonicalise(other.article.url)]).candidate.article_id
        == "a1"
    )


def test_a_later_wrapper_stays(articles: ArticleStore) -> None:
    articles.save_wrapper("antenne", "second", version=2, now=NOW)
    articles.save_wrapper("antenne", "first", version=1, now=NOW)
    assert articles.load_wrapper("antenne") == "second"
    assert articles.load_wrapper("nobody") is None
