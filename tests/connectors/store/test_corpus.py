"""A corpus on a store: decisions equal those in memory, and rows added again are known."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from connectors.store.corpus import CorpusStore
from connectors.store.database import Database
from pipeline.dedup.jsonl import Deduplicator, DedupRow, RowDecision
from pipeline.domain.model import Verdict
from tests.made_news import Newsroom

NOW = datetime(2026, 3, 12, 9, 0, tzinfo=UTC)
BATCH = 7


@pytest.fixture
def corpus(store_url: str) -> Iterator[CorpusStore]:
    """An empty corpus."""
    database = Database(store_url)
    database.upgrade()
    yield CorpusStore(database, clock=lambda: NOW)
    database.close()


def made_rows() -> list[DedupRow]:
    """Articles with their copies, pages of one host with shared boilerplate, a template, URLs seen again."""
    newsroom = Newsroom(5)
    boilerplate = "\n".join(newsroom.paragraph(20) for _ in range(12))
    articles = [newsroom.article(number, words=200) for number in range(6)]
    made = [copy for article in articles for copy in (article, *newsroom.copies(article))]
    made += [newsroom.template(number) for number in range(5)]
    newsroom.random.shuffle(made)
    rows = [
        DedupRow(id=n, url=a.url, title=a.title, text=a.text, published=NOW + timedelta(minutes=n))
        for n, a in enumerate(made)
    ]
    pages = [f"{newsroom.paragraph(60)}\n{boilerplate}" for _ in range(9)]
    rows += [
        DedupRow(id=f"p{n}", url=f"https://lines.example/{n}", title=newsroom.words(8), text=page, published=NOW)
        for n, page in enumerate(pages)
    ]
    again = [replace(row, id=f"again {row.id}", text=f"{row.text}\n{newsroom.paragraph(60)}") for row in rows[:4]]
    return [*rows, *again]


def in_batches(corpus: CorpusStore, rows: list[DedupRow]) -> list[RowDecision]:
    """Add the rows a few at a time."""
    return [answer for at in range(0, len(rows), BATCH) for answer in corpus.add_all(rows[at : at + BATCH])]


def test_the_store_decides_like_the_deduplicator_in_memory(corpus: CorpusStore) -> None:
    rows = made_rows()
    stored, remembered = in_batches(corpus, rows), Deduplicator().add_all(rows)
    assert [outline(answer) for answer in stored] == [outline(answer) for answer in remembered]
    assert {answer.verdict for answer in stored} >= {Verdict.NEW, Verdict.COPY, Verdict.REVISED}


def outline(answer: RowDecision) -> tuple[object, ...]:
    """The fields of an output line."""
    decision = answer.decision
    return answer.id, answer.verdict, decision.article_id, decision.cluster_id, decision.copy_of, decision.similarity


def test_a_corpus_added_again_is_unchanged(corpus: CorpusStore) -> None:
    rows = made_rows()[:-4]
    first, again = in_batches(corpus, rows), in_batches(corpus, rows)
    assert {answer.verdict for answer in again} == {Verdict.UNCHANGED}
    assert [answer.decision.cluster_id for answer in again] == [answer.decision.cluster_id for answer in first]
