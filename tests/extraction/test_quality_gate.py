"""The gate: what is no article is refused with its reason, what is one passes."""

from __future__ import annotations

import pytest

from pipeline.extraction.extract import PageInput, extract
from tests.negatives.pages import Negative, negatives

NEGATIVES = negatives()


def test_there_are_at_least_120_negatives() -> None:
    assert len(NEGATIVES) >= 120
    assert len({negative.id for negative in NEGATIVES}) == len(NEGATIVES)


@pytest.mark.parametrize("negative", NEGATIVES, ids=lambda negative: negative.id)
def test_a_page_that_is_no_article_is_rejected_with_its_reason(negative: Negative) -> None:
    extraction = extract(PageInput(url="http://www.example.test/a/some-article-1234.html", html=negative.html), None)
    assert extraction.article is None
    assert extraction.rejection is not None
    assert extraction.rejection.reason in negative.reasons
