"""Settling entries with articles on both databases: one transaction, one verdict, valid claims."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from connectors.store.articles import ArticleStore
from connectors.store.database import Database
from connectors.store.explanations import WhyStore
from connectors.store.feeds import FeedStore
from connectors.store.outbox import StoredOutbox
from connectors.store.revisits import RevisitStore
from pipeline.dedup.model import Candidate, Relation
from pipeline.domain.errors import StoreError
from pipeline.domain.model import PendingEntry, Verdict
from pipeline.identity.urls import canonicalise
from pipeline.ingest.ports import (
    KnownQuery,
    LookupResult,
    PollDecision,
    RepeatedQuery,
    Settlement,
    VisitUpdate,
    WriteResult,
)
from tests.values import (
    FEED,
    NOW,
    OUTLET,
    TEXT,
    make_candidate,
    make_entry,
    make_message,
    make_page,
    make_polled,
    make_settlement,
)

URL = "http://www.antenne.test/1.html"
KEY = canonicalise(URL)
NOTHING_SHOWN = RepeatedQuery("antenne.test", (), URL)
OTHER_TEXT = (
    "Une panne d'aiguillage a immobilisé douze trains mardi matin entre la gare de Lurs et le terminus de la côte.\n\n"
    "Près de quatre mille voyageurs ont attendu jusqu'à trois heures, certains sur les voies, avant d'être évacués."
)


def look_up(articles: ArticleStore, candidate: Candidate, urls: Sequence[str]) -> LookupResult:
    return articles.look_up_all([KnownQuery(candidate, tuple(urls), NOTHING_SHOWN)])[0]


def settle(articles: ArticleStore, settlement: Settlement) -> WriteResult:
    return articles.settle_all([settlement])[0]


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
    """Four pending entries."""
    feeds = FeedStore(database, lanes=4)
    feeds.ensure(OUTLET.feeds, interval_s=300)
    (state,) = feeds.states([FEED.id])
    shown = make_polled(*(make_entry(number) for number in range(1, 5)))
    return feeds.record_poll(state, shown, lambda _shown: PollDecision(state)).pending


def test_a_new_article_is_written_with_its_message_and_explanation(
    articles: ArticleStore, waiting: tuple[PendingEntry, ...], database: Database
) -> None:
    page = make_page()
    looked = look_up(articles, make_candidate(page), [KEY])
    settlement = make_settlement(waiting[0], page, looked, make_message())
    assert settlement.decision.verdict is Verdict.NEW
    assert settle(articles, settlement) is WriteResult.WRITTEN
    assert StoredOutbox(database).undelivered() == 1
    assert articles.previous_value("a1") == make_message().value
    explanation = "\n".join(WhyStore(database).explain(URL))
    assert "verdict NEW" in explanation
    assert "revision 1" in explanation


def test_a_page_fetched_before_the_entry_changed_does_not_settle_it(
    articles: ArticleStore, waiting: tuple[PendingEntry, ...], database: Database
) -> None:
    page = make_page()
    stale = make_settlement(waiting[0], page, look_up(articles, make_candidate(page), [KEY]), make_message())
    feeds = FeedStore(database, lanes=4)
    (state,) = feeds.states([FEED.id])
    feeds.record_poll(state, make_polled(make_entry(1, digest="revised")), lambda _shown: PollDecision(state))
    assert settle(articles, stale) is WriteResult.TAKEN
    assert {entry.id for entry in articles.due_entries([FEED.id], now=NOW)} == {entry.id for entry in waiting}


def test_an_entry_that_another_worker_ended_is_not_written_again(
    articles: ArticleStore, waiting: tuple[PendingEntry, ...], database: Database
) -> None:
    page = make_page()
    looked = look_up(articles, make_candidate(page), [KEY])
    settlement = make_settlement(waiting[0], page, looked, make_message())
    assert [settle(articles, settlement), settle(articles, settlement)] == [WriteResult.WRITTEN, WriteResult.TAKEN]
    assert StoredOutbox(database).undelivered() == 1


def test_of_two_workers_with_copies_of_one_story_only_one_publishes_the_original(
    articles: ArticleStore, waiting: tuple[PendingEntry, ...]
) -> None:
    ours, theirs = make_page(), make_page("http://www.gazette.test/9.html")
    first = look_up(articles, make_candidate(ours), [KEY])
    their_key = canonicalise(theirs.article.url)
    second = look_up(articles, make_candidate(theirs, outlet_id="gazette", article_id="a2"), [their_key])
    assert settle(articles, make_settlement(waiting[0], ours, first)) is WriteResult.WRITTEN
    assert settle(articles, make_settlement(waiting[1], theirs, second)) is WriteResult.CONFLICT
    again = look_up(articles, second.candidate, [their_key])
    settlement = make_settlement(waiting[1], theirs, again)
    assert (settlement.decision.verdict, settlement.decision.relation) == (Verdict.COPY, Relation.COPY)
    assert settlement.decision.copy_of == "a1"
    assert settle(articles, settlement) is WriteResult.WRITTEN


def test_of_two_copies_in_one_group_only_one_is_written(
    articles: ArticleStore, waiting: tuple[PendingEntry, ...], database: Database
) -> None:
    ours, theirs = make_page(), make_page("http://www.gazette.test/9.html")
    other = make_page("http://www.antenne.test/3.html", title="Autre chose", text=OTHER_TEXT)
    their_key, other_key = canonicalise(theirs.article.url), canonicalise(other.article.url)
    asked = (
        KnownQuery(make_candidate(ours), (KEY,), NOTHING_SHOWN),
        KnownQuery(make_candidate(theirs, outlet_id="gazette", article_id="a2"), (their_key,), NOTHING_SHOWN),
        KnownQuery(make_candidate(other, article_id="a3"), (other_key,), NOTHING_SHOWN),
    )
    pages = (ours, theirs, other)
    group = [
        make_settlement(entry, page, looked, make_message(number))
        for number, (entry, page, looked) in enumerate(
            zip(waiting, pages, articles.look_up_all(asked), strict=False), start=1
        )
    ]
    assert articles.settle_all(group) == [WriteResult.WRITTEN, WriteResult.CONFLICT, WriteResult.WRITTEN]
    assert StoredOutbox(database).undelivered() == 2
    assert articles.settle_all(group) == [WriteResult.TAKEN, WriteResult.CONFLICT, WriteResult.TAKEN]
    assert look_up(articles, asked[1].candidate, [their_key]).nearby.same_hash[0].article_id == "a1"


def test_an_error_in_a_group_writes_none_of_it(
    articles: ArticleStore, waiting: tuple[PendingEntry, ...], database: Database
) -> None:
    page = make_page()
    good = make_settlement(waiting[0], page, look_up(articles, make_candidate(page), [KEY]), make_message())
    other = make_page("http://www.antenne.test/3.html", title="Autre chose", text=OTHER_TEXT)
    other_key = canonicalise(other.article.url)
    looked = look_up(articles, make_candidate(other, article_id="a3"), [other_key])
    unwritable = replace(make_message(2), key=None)  # type: ignore[arg-type]
    bad = make_settlement(waiting[1], other, looked, unwritable)
    with pytest.raises((StoreError, TypeError, AttributeError)):
        articles.settle_all([good, bad])
    assert StoredOutbox(database).undelivered() == 0
    assert settle(articles, good) is WriteResult.WRITTEN


def test_the_same_text_is_unchanged_and_another_text_a_revision(
    articles: ArticleStore, waiting: tuple[PendingEntry, ...]
) -> None:
    page = make_page()
    settle(articles, make_settlement(waiting[0], page, look_up(articles, make_candidate(page), [KEY])))
    same = make_settlement(waiting[1], page, look_up(articles, make_candidate(page), [KEY]))
    assert (same.decision.verdict, same.decision.revision) == (Verdict.UNCHANGED, 1)
    assert settle(articles, same) is WriteResult.WRITTEN
    longer = make_page(text=TEXT + "\n\nLe chantier avait commencé en mars, sous la conduite de Paul Dorn.")
    revised = make_settlement(waiting[2], longer, look_up(articles, make_candidate(longer), [KEY]))
    assert (revised.decision.verdict, revised.decision.revision) == (Verdict.REVISED, 2)
    assert settle(articles, revised) is WriteResult.WRITTEN


def test_an_article_is_known_under_any_of_its_urls(articles: ArticleStore, waiting: tuple[PendingEntry, ...]) -> None:
    page = make_page()
    settle(articles, make_settlement(waiting[0], page, look_up(articles, make_candidate(page), [KEY])))
    looked = look_up(articles, make_candidate(page, article_id="another"), [KEY, "http://www.antenne.test/amp/1"])
    assert looked.candidate.article_id == "a1"
    assert [known.article_id for known in looked.nearby.known] == ["a1"]


def test_the_same_text_under_another_url_of_the_outlet_is_a_duplicate_and_its_url_an_alias(
    articles: ArticleStore, waiting: tuple[PendingEntry, ...]
) -> None:
    page = make_page()
    settle(articles, make_settlement(waiting[0], page, look_up(articles, make_candidate(page), [KEY])))
    other = make_page("http://www.antenne.test/replay/1.html")
    settlement = make_settlement(
        waiting[1], other, look_up(articles, make_candidate(other, article_id="a9"), [canonicalise(other.article.url)])
    )
    assert settlement.decision.verdict is Verdict.DUPLICATE
    assert settle(articles, settlement) is WriteResult.WRITTEN
    looked = look_up(articles, make_candidate(other, article_id="a9"), [canonicalise(other.article.url)])
    assert looked.candidate.article_id == "a1"


def test_an_older_wrapper_does_not_replace_a_later_one(articles: ArticleStore) -> None:
    articles.save_wrapper("antenne", "second", version=2, now=NOW)
    articles.save_wrapper("antenne", "first", version=1, now=NOW)
    assert articles.load_wrapper("antenne") == "second"
    assert articles.load_wrapper("nobody") is None


def test_a_merge_found_by_two_workers_is_published_once(
    articles: ArticleStore, waiting: tuple[PendingEntry, ...], database: Database
) -> None:
    other_url = "http://www.antenne.test/autre.html"
    urls = (KEY, canonicalise(other_url))
    first, second = make_page(), make_page(other_url, title="Autre", text=OTHER_TEXT)
    settle(articles, make_settlement(waiting[0], first, look_up(articles, make_candidate(first), urls[:1])))
    second_candidate = make_candidate(second, article_id="a2")
    settle(articles, make_settlement(waiting[1], second, look_up(articles, second_candidate, urls[1:])))
    looked = look_up(articles, make_candidate(first), urls)
    ours, theirs = (
        replace(make_settlement(entry, first, looked, make_message(number)), urls=urls)
        for number, entry in enumerate(waiting[2:4], start=7)
    )
    assert (ours.decision.article_id, ours.decision.merged_id) == ("a1", "a2")
    assert settle(articles, ours) is WriteResult.WRITTEN
    assert settle(articles, theirs) is WriteResult.CONFLICT
    again = look_up(articles, make_candidate(first), urls)
    assert again.known_ids == ("a1",)
    last = replace(make_settlement(waiting[3], first, again), urls=urls)
    assert (last.decision.verdict, last.decision.merged_id) == (Verdict.UNCHANGED, None)
    assert settle(articles, last) is WriteResult.WRITTEN
    assert StoredOutbox(database).undelivered() == 1


def test_a_decision_made_while_its_article_is_withdrawn_is_made_again(
    articles: ArticleStore, waiting: tuple[PendingEntry, ...], database: Database
) -> None:
    page = make_page()
    settle(articles, make_settlement(waiting[0], page, look_up(articles, make_candidate(page), [KEY])))
    longer = make_page(text=TEXT + "\n\nLe chantier avait commencé en mars, sous la conduite de Paul Dorn.")
    revised = make_settlement(waiting[1], longer, look_up(articles, make_candidate(longer), [KEY]))
    visits = RevisitStore(database, lanes=4)
    (visit,) = visits.named(["a1"])
    assert visits.withdraw(visit, VisitUpdate(None, missing_since=NOW), [make_message()], now=NOW)
    assert not visits.withdraw(visit, VisitUpdate(None, missing_since=NOW), [make_message()], now=NOW)
    assert settle(articles, revised) is WriteResult.CONFLICT
    again = make_settlement(waiting[1], longer, look_up(articles, make_candidate(longer), [KEY]))
    assert (again.decision.verdict, again.decision.revision) == (Verdict.NEW, 2)


def test_an_outlet_with_many_due_articles_does_not_crowd_out_others(
    articles: ArticleStore, waiting: tuple[PendingEntry, ...], database: Database
) -> None:
    for number, outlet_id in ((0, "antenne"), (1, "antenne"), (2, "gazette")):
        text = "\n\n".join(f"{part} {number}" for part in (TEXT, OTHER_TEXT)[number % 2 :])
        page = make_page(f"http://www.{outlet_id}.test/{number}.html", title=f"Titre {number}", text=text)
        candidate = make_candidate(page, outlet_id=outlet_id, article_id=f"a{number}")
        looked = look_up(articles, candidate, [canonicalise(page.article.url)])
        entry = replace(waiting[number], outlet_id=outlet_id)
        planned = replace(make_settlement(entry, page, looked), next_revisit_at=NOW + timedelta(minutes=number))
        assert settle(articles, planned) is WriteResult.WRITTEN
    visits, later = RevisitStore(database, lanes=4), NOW + timedelta(hours=1)
    due = visits.due([FEED.id], now=later, most_per_outlet=1)
    assert [visit.article_id for visit in due] == ["a0", "a2"]
    assert len(visits.due([FEED.id], now=later, most_per_outlet=5)) == 3
    assert visits.due(["antenne/monde"], now=later, most_per_outlet=5) == ()
    assert visits.due([FEED.id], now=NOW - timedelta(hours=1), most_per_outlet=5) == ()
