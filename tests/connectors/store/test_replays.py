"""Replays on both databases: the selected articles, and the revisions written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import pytest
from sqlalchemy import select

from connectors.store.articles import ArticleStore
from connectors.store.database import Database
from connectors.store.feeds import FeedStore
from connectors.store.outbox import StoredOutbox
from connectors.store.revisits import ReplayStore
from connectors.store.schema import articles
from pipeline.domain.model import Topic, Verdict
from pipeline.ingest.ports import ArchivedArticle, PollDecision, ReplayChoice, Settlement, WriteResult
from tests.connectors.store.test_articles import look_up, settle
from tests.values import FEED, OUTLET, make_candidate, make_entry, make_message, make_page, make_polled, make_settlement

DAY = date(2026, 11, 23)  # of make_page's raw location


@dataclass(frozen=True, slots=True)
class Stores:
    """A database with one article, published from a raw page of DAY."""

    database: Database
    articles: ArticleStore
    replays: ReplayStore

    def archived(self, choice: ReplayChoice | None = None) -> list[ArchivedArticle]:
        """The articles of a choice."""
        batches = self.replays.batches(choice or ReplayChoice(), after="", size=1)
        return [article for batch in batches for article in batch]

    def other_headline(self) -> Settlement:
        """The settlement of the page with another headline."""
        (archived,) = self.archived()
        page = make_page(title="Un autre titre que celui d'alors")
        looked = look_up(self.articles, make_candidate(page, article_id=archived.article_id), [])
        return make_settlement(archived.entry, page, looked, make_message(2))


@pytest.fixture
def stores(store_url: str) -> Iterator[Stores]:
    database = Database(store_url)
    database.upgrade()
    feeds, articles = FeedStore(database, lanes=4), ArticleStore(database, lanes=4)
    feeds.ensure(OUTLET.feeds, interval_s=300)
    (state,) = feeds.states([FEED.id])
    (entry,) = feeds.record_poll(state, make_polled(make_entry(1)), lambda _shown: PollDecision(state)).pending
    page = make_page()
    settlement = make_settlement(entry, page, look_up(articles, make_candidate(page), []), make_message(1))
    assert settle(articles, settlement) is WriteResult.WRITTEN
    yield Stores(database, articles, ReplayStore(database, lanes=4))
    database.close()


@pytest.mark.parametrize(
    ("choice", "count"),
    [
        pytest.param(ReplayChoice(), 1, id="all"),
        pytest.param(ReplayChoice(since=DAY, until=DAY), 1, id="its very day"),
        pytest.param(ReplayChoice(until=date(2026, 11, 22)), 0, id="until the day before"),
        pytest.param(ReplayChoice(since=date(2026, 11, 24)), 0, id="since the day after"),
        pytest.param(ReplayChoice(outlets=("antenne",)), 1, id="its outlet"),
        pytest.param(ReplayChoice(outlets=("gazette",)), 0, id="another outlet"),
    ],
)
def test_a_choice_selects_raw_pages_by_day_and_outlet(stores: Stores, choice: ReplayChoice, count: int) -> None:
    assert stores.replays.count(choice) == len(stores.archived(choice)) == count


def test_an_archived_article_has_its_entry(stores: Stores) -> None:
    (archived,) = stores.archived()
    assert archived.entry.entry == make_entry(1)


def test_a_replayed_revision_is_published_without_changing_entry_and_revisits(stores: Stores) -> None:
    (archived,) = stores.archived()
    settlement = stores.other_headline()
    assert settlement.decision.verdict is Verdict.REVISED
    assert stores.replays.revise(settlement, raw_location=archived.raw_location) is WriteResult.WRITTEN
    assert [row.message.id for row in StoredOutbox(stores.database).rows(Topic.ARTICLES)] == [
        "a1.1.articles",
        "a1.2.articles",
    ]
    (revised,) = stores.archived()
    with stores.database.reading() as connection:
        row = connection.execute(select(articles.c.revision, articles.c.title)).one()
    assert tuple(row) == (2, "Un autre titre que celui d'alors")
    assert (revised.raw_location, revised.entry) == (archived.raw_location, archived.entry)


def test_a_raw_page_that_is_not_the_latest_is_not_replayed(stores: Stores) -> None:
    outcome = stores.replays.revise(stores.other_headline(), raw_location="2020-01-01/older.warc.gz#0")
    assert outcome is WriteResult.TAKEN
    assert len(StoredOutbox(stores.database).rows(Topic.ARTICLES)) == 1


def test_a_replay_looks_again_when_the_article_changed_meanwhile(stores: Stores) -> None:
    (archived,) = stores.archived()
    first, second = stores.other_headline(), stores.other_headline()
    assert stores.replays.revise(first, raw_location=archived.raw_location) is WriteResult.WRITTEN
    assert stores.replays.revise(second, raw_location=archived.raw_location) is WriteResult.CONFLICT
