"""Floors of deduplication quality on the labelled corpus, as `make eval-dedup` prints them."""

from __future__ import annotations

import pytest

from tests.evaluation.dedup import CORPUS, print_copies, print_revisions, print_urls, read_rows


@pytest.mark.skipif(not CORPUS.exists(), reason=f"the labelled corpus is not at ../{'/'.join(CORPUS.parts[-4:])}")
def test_labelled_corpus_reaches_the_minimum_scores(capsys: pytest.CaptureFixture[str]) -> None:
    rows = read_rows(CORPUS)
    missed = print_copies(rows) + print_revisions(rows)
    assert not missed, capsys.readouterr().out


def test_generated_news_reaches_the_minimum_scores(tmp_path_factory: pytest.TempPathFactory) -> None:
    rows = read_rows(tmp_path_factory.getbasetemp() / "no corpus here")
    assert print_copies(rows) + print_revisions(rows) == 0


def test_distinct_articles_have_distinct_keys() -> None:
    assert print_urls(None) == 0
