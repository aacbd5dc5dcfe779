"""The sample newsroom keeps its promises: every URL answers as its ledger says, in every act."""

from __future__ import annotations

import http.client
import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.newsroom import Newsroom, render_public_broadcaster_page, seed_newsroom
from tests.newsroom.articles import ACTS, FOLDER, parse_article, retypeset
from tests.newsroom.catalogue import OUTLETS
from tests.newsroom.client import ask
from tests.newsroom.ledger import shown_by
from tests.newsroom.outlets import Feed, Outlet
from tests.newsroom.pages.walls import WRONG_PAGES, WrongPage
from tests.newsroom.quirks import DOMAIN, HEALTHY, QUIRKS, SICK

ORDERLY = [
    pytest.param(outlet, feed, id=f"{outlet.id}/{feed.name}")
    for outlet in OUTLETS
    for feed in outlet.feeds
    if not feed.quirk
]


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


@pytest.mark.parametrize("act", ACTS)
def test_every_article_a_feed_shows_has_its_page(newsroom: Newsroom, act: int) -> None:
    newsroom.move_to(act)
    for outlet in OUTLETS:
        for feed in outlet.feeds:
            for article in shown_by(outlet, feed, act):
                assert ask(newsroom, outlet.url(article)).status == 200, outlet.url(article)


@pytest.mark.parametrize(("outlet", "feed"), ORDERLY)
@pytest.mark.parametrize("act", ACTS)
def test_an_orderly_feed_shows_the_links_of_its_articles(
    newsroom: Newsroom, outlet: Outlet, feed: Feed, act: int
) -> None:
    newsroom.move_to(act)
    answer = ask(newsroom, outlet.feed_url(feed))
    text = answer.body.decode(outlet.encoding)
    assert answer.status == 200
    for article in shown_by(outlet, feed, act):
        assert article.slug in text or f"id={article.number}" in text


@pytest.mark.parametrize(("outlet", "feed"), ORDERLY)
def test_feed_answers_304_to_its_etag_and_date(newsroom: Newsroom, outlet: Outlet, feed: Feed) -> None:
    url = outlet.feed_url(feed)
    first = ask(newsroom, url)
    assert ask(newsroom, url, If_None_Match=first.headers["etag"]).status == 304
    assert ask(newsroom, url, If_Modified_Since=first.headers["last-modified"]).status == 304
    assert ask(newsroom, url, If_None_Match='"other"').status == 200


@pytest.mark.parametrize(("outlet", "feed"), ORDERLY)
@pytest.mark.parametrize("act", ACTS[1:])
def test_a_feed_changes_exactly_when_the_ledger_says_so(
    newsroom: Newsroom, outlet: Outlet, feed: Feed, act: int
) -> None:
    newsroom.move_to(act - 1)
    before = ask(newsroom, outlet.feed_url(feed)).headers["etag"]
    newsroom.move_to(act)
    shows = [each for each in newsroom.ledger(act).verdicts if (each.outlet, each.feed) == (outlet.id, feed.name)]
    status = ask(newsroom, outlet.feed_url(feed), If_None_Match=before).status
    assert status == (200 if shows else 304) or (status == 200 and not shown_by(outlet, feed, act))


QUIRK_STATUS = {
    "moved-301": 301,
    "moved-302": 302,
    "not-found": 404,
    "gone": 410,
    "too-many": 429,
    "broken": 500,
}


@pytest.mark.parametrize("quirk", QUIRKS)
def test_each_quirk_is_addressable_by_name(newsroom: Newsroom, quirk: str) -> None:
    assert ask(newsroom, f"http://{quirk}.{DOMAIN}/feed.xml").status == QUIRK_STATUS.get(quirk, 200)


def test_every_quirk_is_healthy_or_sick() -> None:
    assert set(HEALTHY) | set(SICK) == set(QUIRKS)
    assert not set(HEALTHY) & set(SICK)


def test_the_build_date_changes_at_every_hit_and_nothing_else_does(newsroom: Newsroom) -> None:
    first, second = (ask(newsroom, f"http://build-date.{DOMAIN}/feed.xml").body for _ in range(2))
    built = rb"<lastBuildDate>[^<]*"
    assert first != second
    assert re.sub(built, b"", first) == re.sub(built, b"", second)


def test_the_counters_change_at_every_hit(newsroom: Newsroom) -> None:
    first, second = (ask(newsroom, f"http://counter.{DOMAIN}/feed.xml").body for _ in range(2))
    assert first != second
    assert len(first) == len(second)


def test_the_etag_changes_at_every_hit_and_the_body_does_not(newsroom: Newsroom) -> None:
    first, second = (ask(newsroom, f"http://etag.{DOMAIN}/feed.xml") for _ in range(2))
    assert first.headers["etag"] != second.headers["etag"]
    assert first.body == second.body


@pytest.mark.parametrize("quirk", ["moved-301", "moved-302"])
def test_a_moved_feed_is_where_it_says(newsroom: Newsroom, quirk: str) -> None:
    moved = ask(newsroom, f"http://{quirk}.{DOMAIN}/feed.xml")
    assert b"<item>" in ask(newsroom, moved.headers["location"]).body


def test_the_busy_server_says_when_to_come_back(newsroom: Newsroom) -> None:
    assert ask(newsroom, f"http://too-many.{DOMAIN}/feed.xml").headers["retry-after"] == "600"


def test_the_truncated_feed_ends_after_two_whole_entries(newsroom: Newsroom) -> None:
    answer = ask(newsroom, f"http://truncated.{DOMAIN}/feed.xml")
    assert not answer.was_cut
    assert answer.body.count(b"</item>") == 2
    assert b"</rss>" not in answer.body


def test_the_cut_feed_sends_less_than_it_promised(newsroom: Newsroom) -> None:
    answer = ask(newsroom, f"http://cut.{DOMAIN}/feed.xml")
    assert answer.was_cut
    assert b"</rss>" not in answer.body


def test_undeclared_feed_is_windows_1252_without_a_charset(newsroom: Newsroom) -> None:
    answer = ask(newsroom, f"http://charset.{DOMAIN}/feed.xml")
    assert "charset" not in answer.headers["content-type"]
    assert b"encoding" not in answer.body
    assert "« On n’avait jamais vu ça »" in answer.body.decode("cp1252")


def test_the_gzipped_feed_is_gzip(newsroom: Newsroom) -> None:
    answer = ask(newsroom, f"http://gzip.{DOMAIN}/feed.xml")
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.body.startswith(b"\x1f\x8b")


def test_a_feed_is_gone_from_the_third_act_on(newsroom: Newsroom) -> None:
    newsroom.move_to(3)
    assert ask(newsroom, f"http://gone-later.{DOMAIN}/feed.xml").status == 410


def test_the_oddities_of_feeds_are_there(newsroom: Newsroom) -> None:
    feeds = {name: ask(newsroom, f"http://www.feuillelibre.test{path}").body.decode() for name, path in ODD.items()}
    assert "<guid" not in feeds["sans-guid"]
    assert "<pubDate" not in feeds["sans-guid"]
    assert "<pubDate>dim, 03/01/2026 - 11:30</pubDate>" in feeds["dates"]
    assert "<dc:date>" in feeds["dc"]
    assert "pubDate" not in feeds["dc"]
    assert '<guid isPermaLink="false">688858</guid>' in feeds["numero"]
    assert json.loads(feeds["json"])["version"].endswith("1.1")
    assert "<news:publication_date>" in feeds["sitemap"]


ODD = {
    "sans-guid": "/rss/sans-guid.xml",
    "dates": "/rss/dates.xml",
    "dc": "/rss/dc.rdf",
    "numero": "/rss/numero.xml",
    "json": "/feed.json",
    "sitemap": "/sitemap_news.xml",
}


def test_the_feed_with_markup_prints_an_entry_twice_and_escapes_too_much(newsroom: Newsroom) -> None:
    feed = ask(newsroom, "http://www.filcontinu.test/rss/24-7/").body.decode()
    links = re.findall(r"<link>([^<]*html)</link>", feed)
    assert links[0] == links[-1]
    assert "&amp;#039;" in feed
    assert "<img" in feed


def test_the_broadcaster_tracks_in_fragments_and_each_section_has_its_own_guid(newsroom: Newsroom) -> None:
    titres, france = (
        ask(newsroom, f"http://www.antenne-info.test/{name}.rss").body.decode() for name in ("titres", "france")
    )
    path = "loutre-revient-sur-les-berges-de-lanselle_6433640.html"
    assert re.search(rf"<link>[^<]*{path}#xtor=RSS-3-\[lestitres\]</link>", titres)
    assert re.search(rf"<guid[^>]*>[^<]*{path}#xtor=RSS-3-\[lestitres\]</guid>", titres)
    assert re.search(rf"<guid[^>]*>[^<]*{path}#xtor=RSS-3-\[france\]</guid>", france)


def test_the_windows_1252_site_declares_no_charset(newsroom: Newsroom) -> None:
    answer = ask(newsroom, "http://www.gazettedesvals.test/article.php?id=4108")
    assert "charset" not in answer.headers["content-type"]
    assert b"charset" not in answer.body
    assert b"c\x9cur" in answer.body  # cœur


def test_amp_and_mobile_twins_name_the_canonical_page(newsroom: Newsroom) -> None:
    page = "/societe/4200311-un-chat-parcourt-300-kilometres"
    canonical = f'<link rel="canonical" href="http://www.viteinfo.test{page}.html">'.encode()
    for url in (f"http://www.viteinfo.test{page}.amp.html", f"http://m.viteinfo.test{page}.html"):
        assert canonical in ask(newsroom, url).body


@pytest.mark.parametrize("wrong", WRONG_PAGES, ids=lambda wrong: wrong.path)
def test_the_wrong_pages_are_served_and_in_their_feed(newsroom: Newsroom, wrong: WrongPage) -> None:
    answer = ask(newsroom, wrong.url)
    assert answer.body
    assert wrong.url.encode() in ask(newsroom, f"http://www.{DOMAIN}/rss/wrong-pages.xml").body


def test_withdrawn_pages_are_gone_in_three_ways(newsroom: Newsroom) -> None:
    newsroom.move_to(3)
    withdrawn = [each for each in newsroom.ledger(3).messages if each.type == "withdrawn"]
    assert sorted(ask(newsroom, each.url).status for each in withdrawn) == [302, 404, 410]


def test_a_withdrawn_article_comes_back_in_the_fourth_act(newsroom: Newsroom) -> None:
    newsroom.move_to(4)
    back = [each for each in newsroom.ledger(4).messages if each.act == 4]
    assert [(each.type, each.revision) for each in back] == [("published", 2)]
    assert ask(newsroom, back[0].url).status == 200


def test_acts_are_moved_over_http(newsroom: Newsroom) -> None:
    assert ask(newsroom, f"http://{newsroom.address}/-/act/2", method="POST").status == 200
    assert newsroom.act == 2
    assert ask(newsroom, f"http://{newsroom.address}/-/act/9", method="POST").status == 404
    ledger = json.loads(ask(newsroom, f"http://{newsroom.address}/-/ledger/2").body)
    assert len(ledger["messages"]) == len(newsroom.ledger(2).messages)
    assert ask(newsroom, f"http://{newsroom.address}/-/catalogue").body.decode() == newsroom.catalogue_toml()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
def test_it_serves_from_the_command_line_until_it_is_told_to_stop(number: signal.Signals) -> None:
    command = [sys.executable, "-m", "tests.newsroom", "--port", "0", "--quiet", "--act", "2"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=FOLDER.parents[2]) as process:
        assert process.stdout is not None
        address = process.stdout.readline().split()[-1]
        connection = http.client.HTTPConnection(address, timeout=10)
        connection.request("GET", "/-/act")
        assert connection.getresponse().read() == b"2\n"
        connection.close()
        process.send_signal(number)
    assert process.returncode == 0


def test_robots_txt_forbids_pages_that_the_server_serves(newsroom: Newsroom) -> None:
    (forbidden,) = (wrong for wrong in WRONG_PAGES if wrong.reason == "refused_robots")
    assert b"Disallow: /recherche/" in ask(newsroom, f"http://www.{DOMAIN}/robots.txt").body
    assert forbidden.path.startswith("/recherche/")
    assert ask(newsroom, forbidden.url).status == 200


def test_served_requests_are_logged_without_control_calls(newsroom: Newsroom) -> None:
    ask(newsroom, "http://www.antenne-info.test/titres.rss")
    ask(newsroom, f"http://{newsroom.address}/-/act")
    assert [(r.host, r.path, r.status) for r in newsroom.requests] == [("www.antenne-info.test", "/titres.rss", 200)]


def test_a_typographic_change_keeps_the_words() -> None:
    assert retypeset('"L\'eau", dit-il, "monte".') == "«\u00a0L’eau\u00a0», dit-il, «\u00a0monte\u00a0»."


def test_edit_without_a_match_names_its_words() -> None:
    from zoneinfo import ZoneInfo

    text = "title: T\npublished: 2026-03-01 08:00\n\nLead.\n\n@@ 2 revised\n- absent\n+ present"
    with pytest.raises(ValueError, match="absent"):
        parse_article(text, outlet_id="o", slug="s", zone=ZoneInfo("UTC"))


SEED_LIKE = (
    " date 2022-09 La préfète a ordonné mardi une opération dans un parc.\n\n"
    '"Je comprends", a réagi jeudi Laure Nunès.\n\n'
    '"Il reste beaucoup à faire." Laure Nunès, préfète à Radio Seed\n\n'
    "\"C'est l'ambition du plan\", a-t-elle poursuivi."
)


def test_a_seed_text_is_served_as_a_broadcaster_would(newsroom: Newsroom) -> None:
    with seed_newsroom(SEED_LIKE) as seed:
        (message,) = seed.ledger(1).messages
        feed = ask(seed, "http://www.radio-seed.test/titres.rss").body.decode()
        page = ask(seed, message.url).body.decode()
    assert message.text == SEED_LIKE.removeprefix(" date 2022-09 ")
    assert message.published.startswith("2022-09-15")
    assert feed.count("#xtor=RSS-3-[lestitres]") == 2
    assert page.count("<blockquote") == 1


def test_a_page_of_any_text_is_rendered_by_itself() -> None:
    page = render_public_broadcaster_page("Un titre", ["Le chapô.", "Un paragraphe."], authors=("Anne Le Goff",))
    assert '<div class="c-chapo">Le chapô.</div>' in page
    assert "Anne Le Goff" in page
