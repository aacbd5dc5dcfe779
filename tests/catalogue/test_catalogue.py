"""The catalogue: all faults together, each naming outlet, feed and field; what is right comes through."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.catalogue.catalogue import NewFeed, add_feed, from_opml, merge_opml, parse_catalogue, select, to_opml
from pipeline.domain.errors import CatalogueError

ROOT = Path(__file__).parents[2]
TEXT = """\
# our first outlet
[[outlet]]
id = "antenne"
name = "Antenne"
homepage = "https://www.antenne.test/"
country = "FR"
language = "fr"
[outlet.policy]
article_number = '_(\\d+)\\.html'
min_spacing_s = 2.5
[outlet.extract]
body = "div.c-body"
remove = ["aside"]
[[outlet.feed]]
name = "titres"
url = "https://www.antenne.test/titres.rss"
[[outlet.feed]]
name = "monde"
url = "https://www.antenne.test/monde.rss"
section = "monde"
enabled = false
"""


def test_an_outlet_comes_through_with_feeds_policy_and_rules() -> None:
    (outlet,) = parse_catalogue(TEXT, source="feeds.toml")
    assert [(feed.id, feed.section, feed.enabled) for feed in outlet.feeds] == [
        ("antenne/titres", None, True),
        ("antenne/monde", "monde", False),
    ]
    assert (outlet.timezone, outlet.hosts) == ("Europe/Paris", ("antenne.test",))
    assert (outlet.policy.min_spacing_s, outlet.policy.extract.remove) == (2.5, ("aside",))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        pytest.param('country = "FR"', 'country = "France"', "outlet antenne: country:", id="country"),
        pytest.param('country = "FR"', 'contry = "FR"', "contry: is unknown; did you mean country?", id="misspelt"),
        pytest.param("min_spacing_s", "min_spacing", "did you mean min_spacing_s?", id="misspelt policy"),
        pytest.param("section =", "sektion =", "feed monde: sektion: is unknown; did you mean section?", id="feed key"),
        pytest.param('id = "antenne"', 'id = "Antenne!"', "outlet Antenne!: id:", id="id"),
        pytest.param("https://www.antenne.test/titres.rss", "ftp://x", "feed titres: url: must be", id="url"),
        pytest.param("'_(\\d+)\\.html'", "'_(\\d+'", "policy.article_number: is no regular expression", id="pattern"),
        pytest.param("'_(\\d+)\\.html'", "'_\\d+'", "needs a group", id="pattern without a group"),
        pytest.param('language = "fr"', 'language = "fr"\ntimezone = "Paris"', "no IANA time zone", id="zone"),
        pytest.param("monde.rss", "titres.rss", "url is that of antenne/titres too", id="same url twice"),
        pytest.param('name = "monde"', 'name = "titres"', "feed titres stands 2 times", id="same name twice"),
        pytest.param("[[outlet]]", "[[outlets]]", "unknown table [outlets]", id="table"),
        pytest.param("[[outlet]]", "[outlet]", "feeds.toml:", id="one table for a list"),
        pytest.param("[[outlet]]", "[[outlet", "feeds.toml:", id="no toml"),
    ],
)
def test_a_fault_names_outlet_feed_and_field(old: str, new: str, said: str) -> None:
    with pytest.raises(CatalogueError) as caught:
        parse_catalogue(TEXT.replace(old, new), source="feeds.toml")
    assert said in str(caught.value)


def test_all_faults_come_together() -> None:
    wrong = TEXT.replace('"FR"', '"France"').replace("titres.rss", "titres .rss").replace("min_spacing_s", "spacing")
    with pytest.raises(CatalogueError) as caught:
        parse_catalogue(wrong, source="feeds.toml")
    assert len(caught.value.faults) == 3


@pytest.mark.parametrize(
    ("pattern", "chosen"),
    [
        pytest.param("antenne", 2, id="outlet"),
        pytest.param("antenne/titres", 1, id="feed"),
        pytest.param("*/monde", 1, id="glob"),
    ],
)
def test_feeds_are_chosen_by_id_outlet_or_glob(pattern: str, chosen: int) -> None:
    assert len(select(parse_catalogue(TEXT, source="x"), [pattern])) == chosen


def test_an_unknown_feed_is_named_with_the_nearest() -> None:
    with pytest.raises(CatalogueError, match="did you mean antenne/titres"):
        select(parse_catalogue(TEXT, source="x"), ["antenne/titre"])


def test_a_feed_is_added_and_comments_stay() -> None:
    changed = add_feed(TEXT, NewFeed(outlet_id="antenne", feed="sport", url="https://www.antenne.test/sport.rss"))
    changed = add_feed(
        changed, NewFeed(outlet_id="gazette", feed="une", url="https://www.gazette.test/rss", name="La Gazette")
    )
    assert "# our first outlet" in changed
    assert [len(outlet.feeds) for outlet in parse_catalogue(changed, source="x")] == [3, 1]


def test_a_feed_that_is_there_already_is_refused() -> None:
    with pytest.raises(CatalogueError):
        add_feed(TEXT, NewFeed(outlet_id="antenne", feed="autre", url="https://www.antenne.test/titres.rss"))


def test_opml_out_and_in_keeps_every_feed() -> None:
    outlets = parse_catalogue(TEXT, source="x")
    assert [feed.url for feed in from_opml(to_opml(outlets))] == [feed.url for feed in outlets[0].feeds]
    assert merge_opml(TEXT, to_opml(outlets)) == TEXT
    fresh = parse_catalogue(merge_opml("", to_opml(outlets)), source="x")
    assert [feed.url for outlet in fresh for feed in outlet.feeds] == [feed.url for feed in outlets[0].feeds]


def test_what_is_no_opml_is_an_error() -> None:
    with pytest.raises(CatalogueError, match="no feeds"):
        from_opml("<html></html>")


def test_the_catalogue_that_we_ship_is_right_and_begins_with_franceinfo() -> None:
    outlets = parse_catalogue((ROOT / "dags" / "feeds.toml").read_text("utf-8"), source="dags/feeds.toml")
    assert len(outlets) >= 40
    assert outlets[0].id == "franceinfo"
    assert {"titres", "france", "monde", "politique"} <= {feed.id.split("/")[1] for feed in outlets[0].feeds}
    again = parse_catalogue(merge_opml("", to_opml(outlets)), source="opml")
    assert {f.url for o in again for f in o.feeds} == {f.url for o in outlets for f in o.feeds}
