"""Wrappers: learnt from an outlet's own pages, bounded, versioned, forgotten when the outlet is redesigned."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pipeline.extraction.extract import PageInput, extract
from pipeline.extraction.values import Observation, PathCount
from pipeline.extraction.wrapper.wrapper import (
    AUDIT_SHARE,
    ENOUGH_PAGES,
    MAX_PATHS,
    MAX_TEXTS,
    SETTLED_AGREEMENT,
    SETTLED_PAGES,
    SETTLED_SHARE,
    Wrapper,
    learn,
    needs_full_selection,
)
from tests.newsroom.catalogue import OUTLETS
from tests.newsroom.outlets import Outlet
from tests.newsroom.pages.page import Page
from tests.newsroom.site import look_of

RELATED = (("Un titre voisin", "/a/1"), ("Un autre titre", "/a/2"), ("Encore un titre", "/a/3"))
PAGES_OF_TEXT = [outlet for outlet in OUTLETS if len(outlet.articles) >= ENOUGH_PAGES and outlet.look != "script"]


def observation(page: int, *, body: str = "main/p", agreement: float | None = None) -> Observation:
    places = (PathCount(body, 900, 0), PathCount("footer/p", 0, 80), PathCount(f"odd{page}/p", 10, 10))
    return Observation(page=page, paths=places, texts=(7, 1000 + page), dead=("body>footer",), agreement=agreement)


def pages_of(outlet: Outlet) -> list[PageInput]:
    return [
        PageInput(
            url=outlet.url(article),
            html=look_of(outlet).render(Page(outlet, article, article.versions[0], RELATED)),
            outlet_id=outlet.id,
            language=outlet.language,
            zone=outlet.timezone,
        )
        for article in outlet.articles
        if not article.versions[0].is_withdrawn
    ]


def has_intertitle(text: str) -> bool:
    """Whether a paragraph of a few words stands in it."""
    return any(len(paragraph) < 60 for paragraph in text.split("\n\n"))


def test_places_that_the_teacher_keeps_are_the_article() -> None:
    wrapper = learn(None, [observation(n) for n in range(6)])
    assert wrapper.shares.get("main/p") == 1
    assert wrapper.shares.get("footer/p") == 0
    assert wrapper.shares.get("never/seen") is None


def test_a_text_of_three_pages_is_furniture() -> None:
    wrapper = learn(None, [observation(n) for n in range(3)])
    assert wrapper.is_repeated(7)
    assert not wrapper.is_repeated(1001)


def test_a_branch_without_text_on_three_pages_is_skipped_until_it_holds_some() -> None:
    wrapper = learn(None, [observation(n) for n in range(3)])
    assert wrapper.dead_branches == {"body>footer"}
    alive = Observation(page=9, paths=(), texts=(), alive=("body>footer",))
    assert not learn(wrapper, [alive, *(observation(n) for n in range(20, 30))]).dead_branches


def test_a_page_seen_again_teaches_nothing_twice() -> None:
    once = learn(None, [observation(1)])
    assert learn(once, [observation(1)]) == once


def test_learning_at_once_or_one_by_one_is_the_same() -> None:
    lessons = [observation(n, agreement=0.97) for n in range(12)]
    one_by_one: Wrapper | None = None
    for lesson in lessons:
        one_by_one = learn(one_by_one, [lesson])
    assert learn(None, lessons) == one_by_one


def test_the_version_grows_with_every_page_learnt() -> None:
    assert [learn(None, [observation(n) for n in range(count)]).version for count in (1, 2, 5)] == [1, 2, 5]


def test_memory_is_bounded() -> None:
    wrapper = learn(None, [observation(n) for n in range(3000)])
    assert len(wrapper.paths) <= MAX_PATHS
    assert len(wrapper.texts) <= MAX_TEXTS
    assert len(wrapper.to_json()) < 100_000
    assert wrapper.shares.get("main/p") == 1


def test_a_redesign_is_noticed_forgotten_and_counted() -> None:
    old = learn(None, [observation(n) for n in range(10)])
    new = learn(old, [observation(100 + n, body="div.new/p", agreement=0.0) for n in range(8)])
    assert new.redesigns == 1
    assert new.version > old.version
    assert new.shares.get("main/p") is None
    assert new.shares.get("div.new/p") == 1


def test_a_wrapper_survives_being_stored() -> None:
    wrapper = learn(None, [observation(n, agreement=0.9) for n in range(9)])
    stored = Wrapper.from_json(wrapper.to_json())
    assert stored.to_json() == wrapper.to_json()
    assert stored.dead_branches == wrapper.dead_branches
    assert stored.version == wrapper.version


@pytest.mark.parametrize(
    ("wrapper", "draw", "asked"),
    [
        (None, 0.5, True),
        (Wrapper(pages=ENOUGH_PAGES - 1), 0.5, True),
        (Wrapper(pages=ENOUGH_PAGES), 0.5, False),
        (Wrapper(pages=SETTLED_PAGES - 1), AUDIT_SHARE / 2, True),
        (Wrapper(pages=SETTLED_PAGES), AUDIT_SHARE / 2, False),
        (Wrapper(pages=SETTLED_PAGES), SETTLED_SHARE / 2, True),
        (Wrapper(pages=SETTLED_PAGES, agreement=SETTLED_AGREEMENT - 0.01), AUDIT_SHARE / 2, True),
        (Wrapper(pages=50, agreement=0.7), 0.5, True),
    ],
    ids=[
        "unknown outlet",
        "too few pages",
        "grown",
        "audit",
        "settled",
        "audit of a settled one",
        "disagreed",
        "doubtful",
    ],
)
def test_full_selection_is_used_when_needed(wrapper: Wrapper | None, draw: float, *, asked: bool) -> None:
    assert needs_full_selection(wrapper, draw) is asked


@pytest.mark.parametrize("outlet", PAGES_OF_TEXT, ids=lambda outlet: outlet.id)
def test_a_known_outlet_reads_the_same_without_the_teacher(outlet: Outlet) -> None:
    pages = pages_of(outlet)
    cold = [extract(page, None) for page in pages]
    wrapper = learn(None, [e.observation for e in cold if e.observation is not None])
    warm = [extract(page, wrapper) for page in pages]
    assert any(e.article and e.article.extractor.split()[1] == "wrapper" for e in warm)
    assert [e.article and e.article.text for e in warm] == [e.article and e.article.text for e in cold]
    assert [e.article and e.article.lead for e in warm] == [e.article and e.article.lead for e in cold]


@pytest.mark.parametrize("outlet", PAGES_OF_TEXT, ids=lambda outlet: outlet.id)
def test_whichever_five_pages_taught_it_a_known_outlet_reads_the_same(outlet: Outlet) -> None:
    pages = pages_of(outlet)
    cold = [extract(page, None) for page in pages]
    taught = [e.observation for e in cold if e.observation is not None]
    texts = [e.article and e.article.text for e in cold]
    for start in range(0, len(taught), ENOUGH_PAGES - 1):
        wrapper = learn(None, [*taught[start:], *taught][:ENOUGH_PAGES])
        assert [(e := extract(page, wrapper).article) and e.text for page in pages] == texts


def test_an_intertitle_is_read_though_no_page_that_was_learnt_from_had_one() -> None:
    outlet = next(outlet for outlet in PAGES_OF_TEXT if outlet.id == "northern-ledger")
    pages = pages_of(outlet)
    cold = [extract(page, None) for page in pages]
    odd = next(n for n, e in enumerate(cold) if e.article and "\n\nA question of beds\n\n" in e.article.text)
    without = [e.observation for e in cold if e.article and not has_intertitle(e.article.text)]
    wrapper = learn(None, [observation for observation in without if observation is not None])
    assert wrapper.is_mature
    warm = extract(pages[odd], wrapper)
    assert warm.article is not None
    assert warm.article.extractor.split()[1] == "wrapper"
    assert warm.article == replace(cold[odd].article, extractor=warm.article.extractor)


def test_a_page_of_another_design_is_not_read_by_the_wrapper() -> None:
    known, other = PAGES_OF_TEXT[0], PAGES_OF_TEXT[1]
    observations = [extract(page, None).observation for page in pages_of(known)]
    wrapper = learn(None, [o for o in observations if o is not None])
    for page in pages_of(other)[:5]:
        extraction = extract(page, wrapper)
        assert extraction.article is not None
        assert extraction.article.extractor.split()[1] != "wrapper"
        assert extraction.observation is not None
        assert extraction.observation.agreement is not None
        assert extraction.observation.agreement < 0.5
