"""Revisions: told from noise, with their kind; live blogs held back by policy."""

from __future__ import annotations

import pytest

from pipeline.dedup.decide import RevisionKind, find_change
from pipeline.dedup.fingerprint import fingerprint, paragraph_hashes
from pipeline.domain.model import Verdict
from tests.evaluation.revision_cases import CASES, Case, judge
from tests.made_news import Newsroom

NEWSROOM = Newsroom(5)
ARTICLE = NEWSROOM.article(1)
MORE = "\n".join(NEWSROOM.paragraph() for _ in range(5))
OTHER = NEWSROOM.article(2)


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_labelled_revisions_get_the_expected_verdict(case: Case) -> None:
    assert judge(case) is case.expected


def test_labelled_revisions_cover_both_verdicts() -> None:
    assert len(CASES) >= 60
    assert {case.expected for case in CASES} == {Verdict.REVISED, Verdict.UNCHANGED}


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        pytest.param(ARTICLE.text.replace(ARTICLE.text.split()[50], "mot"), RevisionKind.CORRECTION, id="a word"),
        pytest.param(f"{ARTICLE.text}\n{MORE}", RevisionKind.GROWTH, id="more below"),
        pytest.param(f"{MORE}\n{ARTICLE.text}", RevisionKind.GROWTH, id="more on top"),
        pytest.param(OTHER.text, RevisionKind.REWRITE, id="another text"),
        pytest.param(ARTICLE.text[: len(ARTICLE.text) // 2], RevisionKind.REWRITE, id="half of it"),
    ],
)
def test_change_of_text_is_classified(text: str, kind: RevisionKind) -> None:
    change = find_change(fingerprint(ARTICLE.title, ARTICLE.text), fingerprint(ARTICLE.title, text))
    assert change is not None
    assert (change.fields, change.kind) == (("text",), kind)


def test_new_headline_alone_is_a_correction() -> None:
    change = find_change(fingerprint(ARTICLE.title, ARTICLE.text), fingerprint(OTHER.title, ARTICLE.text))
    assert change is not None
    assert (change.fields, change.kind) == (("headline",), RevisionKind.CORRECTION)


def test_change_far_down_a_long_article_is_found() -> None:
    paragraphs = [NEWSROOM.paragraph(12) for _ in range(120)]
    changed = [*paragraphs[:110], "Une ligne nouvelle tout en bas.", *paragraphs[111:]]
    assert find_change(fingerprint("", "\n".join(paragraphs)), fingerprint("", "\n".join(changed))) is not None


def test_removed_boilerplate_is_no_change_once_it_is_known() -> None:
    line = "Retrouvez toute l'actualité de la région dans notre édition du matin"
    repeated = frozenset(paragraph_hashes(line))
    old, new = fingerprint("", f"{ARTICLE.text}\n{line}"), fingerprint("", ARTICLE.text, repeated=repeated)
    assert find_change(old, new, repeated=repeated) is None
    assert find_change(old, new) is not None
