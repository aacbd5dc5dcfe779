"""The ledger of the sample newsroom: one verdict for every entry, texts as the article files have them."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.newsroom import Expected, Got, Newsroom, compare, compare_counts
from tests.newsroom.articles import ACTS, FOLDER
from tests.newsroom.catalogue import OUTLETS
from tests.newsroom.client import ask
from tests.newsroom.ledger import shown_by
from tests.newsroom.outlets import Outlet
from tests.newsroom.pages.walls import WRONG_PAGES


@pytest.fixture(scope="module")
def running() -> Iterator[Newsroom]:
    """One newsroom for all tests of this file."""
    with Newsroom(slow_s=0.02) as newsroom:
        yield newsroom


@pytest.fixture
def newsroom(running: Newsroom) -> Newsroom:
    """The newsroom in act 1, nothing served yet."""
    running.move_to(1)
    running.reset_requests()
    return running


def test_there_are_nine_outlets_and_110_articles_of_believable_length() -> None:
    originals = [a for o in OUTLETS for a in o.articles if not a.copy_of and not a.duplicate_of]
    assert len([outlet for outlet in OUTLETS if outlet.articles]) >= 9
    assert len(originals) >= 110
    assert len({article.versions[-1].text for article in originals}) == len(originals)
    for article in originals:
        words = len(article.versions[-1].text.split())
        least = 120 if article.form == "paywalled" else 150  # what a paywall leaves is shorter
        assert least <= words <= 450, f"{article.slug}: {words} words"


def test_every_article_file_is_in_a_feed_that_exists() -> None:
    for outlet in OUTLETS:
        names = {feed.name for feed in outlet.feeds}
        for article in outlet.articles:
            assert article.feeds, article.slug
            assert set(article.feeds) <= names, article.slug
    files = {path.parent.name for path in FOLDER.glob("*/*.txt")}
    assert files == {outlet.id for outlet in OUTLETS}


@pytest.mark.parametrize("act", ACTS)
def test_the_ledger_has_one_verdict_for_every_entry_that_feeds_show(newsroom: Newsroom, act: int) -> None:
    ledger = newsroom.ledger(act)
    entries = Counter((each.outlet, each.feed, each.url) for each in ledger.verdicts)
    assert set(entries.values()) == {1}
    for outlet in OUTLETS:
        for feed in outlet.feeds:
            shown = {url for (outlet_id, name, url) in entries if (outlet_id, name) == (outlet.id, feed.name)}
            wrong = {page.url for page in WRONG_PAGES} if feed.form == "wrong-pages" else set()
            right = {outlet.url(article) for article in shown_by(outlet, feed, act)}
            assert shown in (set(), wrong | right), f"{outlet.id}/{feed.name}"


@pytest.mark.parametrize("act", ACTS)
def test_messages_and_verdicts_of_an_act_agree(newsroom: Newsroom, act: int) -> None:
    ledger = newsroom.ledger(act)
    told = Counter((each.outlet, each.type) for each in ledger.messages if each.act == act and each.type != "withdrawn")
    names = {"new": "published", "copy": "published", "revised": "updated"}
    judged = Counter((each.outlet, names[each.verdict]) for each in ledger.verdicts if each.verdict in names)
    assert told == judged


def test_an_article_that_is_revised_stands_in_one_feed_only() -> None:
    """Else it would depend on the order of polls which feed's entry is the revised one."""
    for outlet in OUTLETS:
        for article in outlet.articles:
            if len(article.versions) > 1:
                assert len(article.feeds) == 1, article.slug


def test_copies_come_in_a_later_act_than_what_they_copy(newsroom: Newsroom) -> None:
    acts = {each.url: each.act for each in newsroom.ledger(3).messages if each.revision == 1}
    copies = [each for each in newsroom.ledger(3).messages if each.relation == "copy"]
    assert len(copies) == 5
    for copy in copies:
        assert copy.copy_of_url
        assert acts[copy.copy_of_url] < copy.act


def test_the_ledger_adds_up_over_the_acts(newsroom: Newsroom) -> None:
    for act in ACTS[1:]:
        before, after = newsroom.ledger(act - 1).messages, newsroom.ledger(act).messages
        assert after[: len(before)] == before


def test_latest_holds_each_article_once_and_no_withdrawn_one(newsroom: Newsroom) -> None:
    latest = newsroom.ledger(3).latest
    withdrawn = {each.url for each in newsroom.ledger(3).messages if each.type == "withdrawn"}
    assert len({each.url for each in latest}) == len(latest)
    assert not withdrawn & {each.url for each in latest}


@pytest.mark.parametrize("outlet", OUTLETS, ids=lambda outlet: outlet.id)
def test_the_ledgers_texts_are_those_of_the_article_files(newsroom: Newsroom, outlet: Outlet) -> None:
    texts = {each.url: each.text for each in newsroom.ledger(1).messages if each.outlet == outlet.id}
    for article in outlet.articles:
        if outlet.url(article) in texts:
            assert texts[outlet.url(article)] == text_of_file(outlet.id, article.slug)


def text_of_file(outlet_id: str, slug: str) -> str:
    """An article file's paragraphs, read without the newsroom's own reader."""
    first = (FOLDER / outlet_id / f"{slug}.txt").read_text(encoding="utf-8").split("\n@@ ")[0]
    paragraphs = first.strip().split("\n\n")[1:]
    return "\n\n".join(re.sub(r"^(## (\[[\d:]+\] )?|> )", "", each).replace('" | ', '" ') for each in paragraphs)


@pytest.mark.parametrize("outlet", OUTLETS, ids=lambda outlet: outlet.id)
def test_every_paragraph_of_the_ledger_is_on_its_page(newsroom: Newsroom, outlet: Outlet) -> None:
    for each in newsroom.ledger(1).messages:
        if each.outlet == outlet.id:
            page = ask(newsroom, each.url).body.decode(outlet.encoding)
            words = " ".join(re.sub(r"<[^>]*>", " ", json_unescaped(page)).split())
            for paragraph in each.text.split("\n\n"):
                assert " ".join(paragraph.split()) in words, f"{each.url}: {paragraph}"


def json_unescaped(page: str) -> str:
    """The page with the escapes of its JSON undone, for those whose text stands there alone."""
    return page.replace('\\"', '"').replace("\\n\\n", " ")


def test_the_catalogue_declares_every_outlet_and_feed(newsroom: Newsroom) -> None:
    declared = tomllib.loads(newsroom.catalogue_toml())["outlet"]
    assert [outlet["id"] for outlet in declared] == [outlet.id for outlet in OUTLETS]
    for outlet, known in zip(declared, OUTLETS, strict=True):
        assert [feed["url"] for feed in outlet["feed"]] == [known.feed_url(feed) for feed in known.feeds]


def test_a_perfect_pipeline_differs_in_nothing(newsroom: Newsroom) -> None:
    messages = newsroom.ledger(4).messages
    assert compare(messages, [got(each) for each in messages]) == ()


def got(each: Expected) -> Got:
    """A message just as it was expected, under a URL as pipelines write it."""
    url = each.url.replace("http://www.", "https://")
    return Got(
        each.outlet, url, each.topic, each.type, each.revision, each.title, each.text, each.relation, each.copy_of_url
    )


def test_compare_says_what_is_wrong_in_a_line_each(newsroom: Newsroom) -> None:
    messages = newsroom.ledger(1).messages
    received = [got(each) for each in messages[2:]]
    text = received[0].text
    received[0] = replace(received[0], text=text[:30] + "X" + text[31:], title="Autre chose")
    surplus = replace(received[1], revision=7)
    kinds = [difference.kind for difference in compare(messages, [*received, surplus])]
    assert kinds == ["missing", "missing", "title", "text", "unexpected"]
    line = str(compare(messages, received)[3])
    assert "differs at character 30" in line
    assert "\n" not in line


def test_verdicts_are_compared_by_outlet() -> None:
    expected = {"a": {"new": 2, "duplicate": 1}, "b": {"new": 1}}
    assert compare_counts(expected, expected) == ()
    lines = [str(each) for each in compare_counts(expected, {"a": {"new": 3, "duplicate": 1}, "c": {"failed": 1}})]
    assert [" ".join(line.split()) for line in lines] == [
        "verdicts a: 3 new instead of 2",
        "verdicts b: 0 new instead of 1",
        "verdicts c: 1 failed instead of 0",
    ]
