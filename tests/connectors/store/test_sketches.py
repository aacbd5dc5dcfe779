"""Sketches on both databases: they are found like in memory, claimed once, and expire by the week."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, inspect, select

from connectors.store import schema, sketches
from connectors.store.corpus import claim
from connectors.store.database import Database
from connectors.store.repeated_paragraphs import expire_paragraphs, note_paragraphs, repeated_paragraphs
from connectors.store.schema import metadata, outlet_shingles, sketch_keys
from connectors.store.sketches import FILE_EVERY, Hit, file_keys, insert_keys
from pipeline.dedup.fingerprint import fingerprint
from pipeline.dedup.model import (
    MAX_HITS,
    ArticleState,
    Candidate,
    DecidePolicy,
    KnownArticle,
    MemoryIndex,
    NearbyArticles,
)
from pipeline.domain.model import Verdict
from pipeline.ingest.ports import RepeatedQuery
from tests.made_news import MadeArticle, Newsroom

NOW = datetime(2026, 3, 12, 9, 0, tzinfo=UTC)
NEWSROOM = Newsroom(7)
STORY = NEWSROOM.article(1)
OTHER = NEWSROOM.article(2)
COPIES = NEWSROOM.copies(STORY)


@pytest.fixture
def database(store_url: str) -> Iterator[Database]:
    """An empty database with the near-duplicate tables."""
    database = Database(store_url)
    make_tables(database)
    yield database
    database.close()


def make_tables(database: Database) -> None:
    """The near-duplicate tables alone."""
    metadata.create_all(database.engine, tables=[schema.sketches, sketch_keys, outlet_shingles])


def known(article: MadeArticle, article_id: str, *, revision: int = 1) -> KnownArticle:
    """The article as a known one."""
    made = fingerprint(article.title, article.text)
    return KnownArticle(
        article_id=article_id,
        outlet_id="o",
        domain="o.example",
        title=article.title,
        fingerprint=made,
        seen_at=NOW,
        revision=revision,
        cluster_id=article_id,
        last_revised_at=NOW,
    )


def candidate(article: MadeArticle, article_id: str) -> Candidate:
    """The article as a candidate."""
    return Candidate(
        article_id=article_id,
        outlet_id=article.url,
        domain=article.url.split("/")[2],
        title=article.title,
        fingerprint=fingerprint(article.title, article.text),
        seen_at=NOW,
    )


def remember(database: Database, *articles: KnownArticle, now: datetime = NOW) -> tuple[int, ...]:
    """Insert under the lock."""
    with database.writing() as connection:
        sketches.lock_for_claim(connection)
        return sketches.insert_sketches(connection, articles, now=now)


def hits(database: Database, new: Candidate, *, after_seq: int = 0) -> tuple[Hit, ...]:
    """The hits of a look-up."""
    with database.reading() as connection:
        (found,) = sketches.look_up(connection, [new], after_seq=after_seq)
        return found.hits


def test_a_stored_sketch_is_read_back_unchanged(database: Database) -> None:
    kept = known(STORY, "a1")
    remember(database, kept)
    with database.reading() as connection:
        assert sketches.known_articles(connection, ["a1", "a9"]) == (kept,)
    (hit,) = hits(database, candidate(STORY, "a1"))
    assert (hit.known, hit.same_id, hit.same_hash, hit.shared_keys) == (kept, True, True, 24)


def test_a_copy_is_found_by_keys_and_an_equal_text_by_its_hash(database: Database) -> None:
    remember(database, known(STORY, "a1"), known(OTHER, "a2"))
    for copy in COPIES:
        (hit,) = hits(database, candidate(copy, "a3"))
        assert (hit.known.article_id, hit.same_id, hit.same_hash) == ("a1", False, copy.kind in ("exact", "typography"))
        assert hit.shared_keys >= 2


def test_a_batch_look_up_returns_the_hits_of_each_candidate(database: Database) -> None:
    remember(database, known(STORY, "a1"), known(OTHER, "a2"))
    asked = [candidate(COPIES[0], "a3"), candidate(NEWSROOM.article(9), "a4"), candidate(OTHER, "a5")]
    with database.reading() as connection:
        found = sketches.look_up(connection, asked)
    assert [[hit.known.article_id for hit in each.hits] for each in found] == [["a1"], [], ["a2"]]
    assert {each.seen for each in found} == {2}


def test_the_store_finds_the_same_as_the_memory_index(database: Database) -> None:
    nearby = MemoryIndex()
    articles = [known(copy, f"a{number}") for number, copy in enumerate((STORY, OTHER, *COPIES))]
    for article in articles:
        nearby.put(article)
    remember(database, *articles)
    for asked in (candidate(STORY, "a0"), candidate(COPIES[3], "b"), candidate(OTHER, "c")):
        with database.reading() as connection:
            (stored,) = sketches.look_up(connection, [asked])
        assert ids(stored.nearby()) == ids(nearby.nearby(asked))


def ids(nearby: NearbyArticles) -> tuple[set[str], ...]:
    """The ids of each group."""
    groups = nearby.known, nearby.same_hash, nearby.sharing_keys
    return tuple({article.article_id for article in group} for group in groups)


def test_a_look_up_after_a_seq_finds_only_later_commits(database: Database) -> None:
    remember(database, known(STORY, "a1"))
    with database.reading() as connection:
        (before,) = sketches.look_up(connection, [candidate(COPIES[0], "a3")])
    remember(database, known(COPIES[1], "a2"))
    with database.writing() as connection:
        sketches.lock_for_claim(connection)
        (since,) = sketches.look_up(connection, [candidate(COPIES[0], "a3")], after_seq=before.seen)
    assert [hit.known.article_id for hit in since.hits] == ["a2"]


def test_a_revision_replaces_the_former_sketch_with_a_higher_seq(database: Database) -> None:
    (first,) = remember(database, known(STORY, "a1"))
    (second,) = remember(database, known(OTHER, "a1", revision=2))
    assert second > first
    assert not hits(database, candidate(STORY, "a9"))
    assert [hit.known.revision for hit in hits(database, candidate(OTHER, "a9"))] == [2]


def test_a_seq_is_never_reused(database: Database) -> None:
    (first,) = remember(database, known(STORY, "a1"))
    with database.writing() as connection:
        sketches.forget_sketches(connection, ["a1"])
    assert remember(database, known(OTHER, "a2")) > (first,)


def test_a_withdrawn_article_is_found_as_withdrawn(database: Database) -> None:
    remember(database, replace(known(STORY, "a1"), state=ArticleState.WITHDRAWN))
    (hit,) = hits(database, candidate(STORY, "a1"))
    assert hit.known.state is ArticleState.WITHDRAWN


def test_a_text_without_words_has_no_hits(database: Database) -> None:
    remember(database, known(STORY, "a1"))
    with database.reading() as connection:
        empty = Candidate(
            article_id="a2", outlet_id="o", domain="o.example", title="", fingerprint=fingerprint("", ""), seen_at=NOW
        )
        assert sketches.look_up(connection, [empty])[0].hits == ()


def test_only_old_sketches_expire(database: Database) -> None:
    remember(database, known(STORY, "a1"))
    later = NOW + timedelta(days=35)
    fresh = known(OTHER, "a2")
    remember(database, KnownArticle(**{**as_fields(fresh), "last_revised_at": later}), now=later)
    with database.writing() as connection:
        assert sketches.expire(connection, before=NOW + timedelta(days=8)) == (1 if database.is_sqlite else 2)
        assert sketches.expire(connection, before=NOW + timedelta(days=8)) == 0
        assert connection.scalar(select(func.count()).select_from(sketch_keys)) == 24
    assert not hits(database, candidate(STORY, "a9"))
    assert hits(database, candidate(OTHER, "a9"))


def as_fields(article: KnownArticle) -> dict[str, object]:
    """Field by field."""
    return {name: getattr(article, name) for name in KnownArticle.__slots__}


def test_the_keys_of_a_week_have_a_table_that_is_dropped(database: Database) -> None:
    weeks = [NOW + timedelta(days=days) for days in (0, 1, 7)]
    for number, moment in enumerate(weeks):
        remember(database, known(NEWSROOM.article(20 + number), f"a{number}"), now=moment)
    file_keys_of(database)
    assert key_tables(database) == {f"sketch_keys_w{sketches.week_of(moment)}" for moment in weeks}
    with database.writing() as connection:
        sketches.expire(connection, before=NOW + timedelta(days=7))
    assert key_tables(database) == {f"sketch_keys_w{sketches.week_of(weeks[2])}"}


def file_keys_of(database: Database) -> None:
    """Move the new keys of SQLite, as happens after every FILE_EVERY articles."""
    if database.is_sqlite:
        with database.writing() as connection:
            file_keys(connection)


def key_tables(database: Database) -> set[str]:
    """The weekly key tables."""
    return {name for name in inspect(database.engine).get_table_names() if name.startswith("sketch_keys_w")}


def test_an_article_is_found_by_new_and_by_moved_keys(database: Database) -> None:
    remember(database, known(STORY, "a1"))
    file_keys_of(database)
    remember(database, known(COPIES[0], "a2"), now=NOW + timedelta(days=7))
    assert {hit.known.article_id for hit in hits(database, candidate(COPIES[4], "a9"))} == {"a1", "a2"}


def test_sqlite_moves_keys_after_enough_articles(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'store.db'}")
    make_tables(database)
    for seqs, tables in (([1, FILE_EVERY - 2], 0), ([FILE_EVERY - 1], 1), ([FILE_EVERY], 1)):
        with database.writing() as connection:
            insert_keys(connection, seqs, [[5, 6]] * len(seqs), sketches.week_of(NOW))
        assert len(key_tables(database)) == tables
    with database.reading() as connection:
        assert connection.scalar(select(func.count()).select_from(sketch_keys)) == 2
    database.close()


def test_a_key_that_many_articles_share_is_bounded(database: Database) -> None:
    common = [replace(known(NEWSROOM.article(100 + n, words=60), f"b{n}"), seen_at=NOW) for n in range(200)]
    keys = fingerprint(STORY.title, STORY.text).keys
    remember(database, *(replace(each, fingerprint=replace(each.fingerprint, keys=keys)) for each in common))
    assert len(hits(database, candidate(STORY, "a9"))) == MAX_HITS


# ---------------------------------------------------------------- claims


def test_copies_in_one_batch_find_each_other(database: Database) -> None:
    batch = [candidate(copy, f"a{number}") for number, copy in enumerate((STORY, *COPIES))]
    decisions = claim(database, batch, now=NOW, policy=DecidePolicy())
    assert [decision.cluster_id for decision in decisions] == ["a0"] * 9
    assert decisions[0].verdict is Verdict.NEW
    assert {decision.verdict for decision in decisions[1:]} == {Verdict.COPY}


def test_a_repeated_claim_is_unchanged(database: Database) -> None:
    batch = [candidate(copy, f"a{number}") for number, copy in enumerate((STORY, *COPIES))]
    first = claim(database, batch, now=NOW, policy=DecidePolicy())
    again = claim(database, batch, now=NOW + timedelta(minutes=1), policy=DecidePolicy())
    assert {decision.verdict for decision in again} == {Verdict.UNCHANGED}
    assert [d.cluster_id for d in again] == [d.cluster_id for d in first]


def test_a_revision_in_the_same_batch_is_recognised(database: Database) -> None:
    revised = candidate(MadeArticle("s", "k", STORY.url, STORY.title, f"{STORY.text}\n{OTHER.text}"), "a1")
    decisions = claim(database, [candidate(STORY, "a1"), revised], now=NOW, policy=DecidePolicy())
    assert [(d.verdict, d.revision) for d in decisions] == [(Verdict.NEW, 1), (Verdict.REVISED, 2)]
    with database.reading() as connection:
        assert sketches.known_articles(connection, ["a1"])[0].revision == 2


# ---------------------------------------------------------------- what hosts repeat


def test_a_paragraph_counts_as_repeated_from_the_third_other_url(database: Database) -> None:
    seen = []
    for url in ("a", "a", "b", "c", "a", "d", "e"):
        with database.writing() as connection:
            note_paragraphs(connection, [RepeatedQuery("h.example", (1, -2), url)], now=NOW)
            elsewhere = repeated_paragraphs(connection, [RepeatedQuery("h.example", (1, 9), "z")])[0]
            seen.append(
                (bool(elsewhere), bool(repeated_paragraphs(connection, [RepeatedQuery("h.example", (1,), "a")])[0]))
            )
    no, yes = False, True
    assert seen == [(no, no), (no, no), (no, no), (yes, no), (yes, no), (yes, yes), (yes, yes)]


def test_paragraphs_of_another_host_do_not_count(database: Database) -> None:
    with database.writing() as connection:
        for url in "abcd":
            note_paragraphs(connection, [RepeatedQuery("h.example", (1,), url)], now=NOW)
        asked = [
            RepeatedQuery("other.example", (1,), "z"),
            RepeatedQuery("h.example", (), "z"),
            RepeatedQuery("h.example", (1, 9), "z"),
        ]
        assert repeated_paragraphs(connection, asked) == [frozenset(), frozenset(), {1}]


def test_a_paragraph_of_one_url_expires_after_a_week_and_boilerplate_later(database: Database) -> None:
    with database.writing() as connection:
        note_paragraphs(connection, [RepeatedQuery("h.example", (1, 2), "a")], now=NOW)
        for url in "bcde":
            note_paragraphs(connection, [RepeatedQuery("h.example", (1,), url)], now=NOW)
        two_weeks_on, two_months_on = NOW + timedelta(days=15), NOW + timedelta(days=61)
        assert expire_paragraphs(connection, before=NOW - timedelta(days=15), now=two_weeks_on) == 1
        assert repeated_paragraphs(connection, [RepeatedQuery("h.example", (1, 2), "z")]) == [{1}]
        assert expire_paragraphs(connection, before=NOW + timedelta(days=31), now=two_months_on) == 1
