"""Extraction on real pages, in the small: what `make eval-extract` measures, held a little below what was measured.

The pages lie beside the project (`../shared/corpora/extraction`); where they are absent these tests say so.
"""

from __future__ import annotations

from functools import cache
from statistics import fmean

import pytest

from pipeline.extraction.boilerplate.phrases import phrase_kind
from tests.evaluation.ablation import ALL, ablate, switched_off, table_of
from tests.evaluation.extract import Scored, score_page
from tests.evaluation.extraction_pages import CORPORA, read_pages

pytestmark = pytest.mark.skipif(
    not CORPORA.exists(), reason="../shared/corpora/extraction is not here: no real page was extracted"
)
SAMPLE = 8  # of each corpus: a few seconds


@cache
def sample_of(corpus: str) -> tuple[Scored, ...]:
    return tuple(score_page(page) for page in read_pages([corpus], sample=SAMPLE))


@pytest.mark.parametrize(
    ("corpus", "least_f1"),
    [
        ("fr_press", 0.985),
        ("fundus_tests", 0.925),
        ("fundus_eval", 0.98),
        ("aeb", 0.965),
        ("wcxb_article", 0.95),
        ("moz_readability", 0.945),
    ],
)
def test_texts_are_as_near_to_the_gold_as_they_were(corpus: str, least_f1: float) -> None:
    assert fmean(scored.shingles.f1 for scored in sample_of(corpus)) >= least_f1


@pytest.mark.parametrize("corpus", ["fr_press", "fundus_tests", "fundus_eval", "aeb"])
def test_no_real_article_is_rejected(corpus: str) -> None:
    assert [scored.page.id for scored in sample_of(corpus) if scored.result.extracted.rejection] == []


def test_dates_are_those_of_the_gold() -> None:
    dated = [scored for corpus in ("fr_press", "fundus_tests") for scored in sample_of(corpus) if scored.page.date]
    assert fmean(scored.page.date == scored.result.extracted.date for scored in dated) >= 0.9


def test_an_ablation_counts_the_pages_that_a_rule_changes() -> None:
    answers = [answer for page in read_pages(["fr_press"], sample=2) for answer in ablate(page)]
    assert [answer.rule for answer in answers].count(ALL) == 2
    assert "lead" in {answer.rule for answer in answers}
    assert table_of(answers).row_count == len({answer.rule for answer in answers})


def test_a_rule_that_is_switched_off_is_on_again_afterwards() -> None:
    line = "Sign up for our daily newsletter"
    with switched_off("phrases newsletter"):
        assert phrase_kind(line) is None
    assert phrase_kind(line) == "newsletter"
