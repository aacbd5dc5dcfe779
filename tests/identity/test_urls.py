"""URLs: what is the same article, what is mended, what a host and a number are."""

from __future__ import annotations

import pytest

from pipeline.identity.urls import (
    article_id,
    article_number,
    canonicalise,
    host,
    is_section_or_home,
    learn_article_number,
    registrable_domain,
    repair,
)
from tests.url_cases import APART, JOINS, UrlPair


def test_the_table_is_long_enough_to_trust() -> None:
    pairs = [*JOINS, *APART]
    assert len(pairs) >= 120
    assert len({pair.id for pair in pairs}) == len(pairs)


@pytest.mark.parametrize("pair", JOINS, ids=lambda pair: pair.id)
def test_two_urls_of_one_article_have_one_key(pair: UrlPair) -> None:
    assert canonicalise(pair.left) == canonicalise(pair.right)


@pytest.mark.parametrize("pair", APART, ids=lambda pair: pair.id)
def test_two_articles_never_share_a_key(pair: UrlPair) -> None:
    assert canonicalise(pair.left) != canonicalise(pair.right)


@pytest.mark.parametrize("pair", [*JOINS, *APART], ids=lambda pair: pair.id)
def test_a_key_is_its_own_key(pair: UrlPair) -> None:
    assert canonicalise(canonicalise(pair.right)) == canonicalise(pair.right)


NO_URLS = [
    "",
    "   ",
    "688858",
    "tag:a,b:1",
    "javascript:alert(1)",
    "http://",
    "http://[bad/",
    "http://a b/",
    "//",
    "http://x:99999/",
]


@pytest.mark.parametrize("text", NO_URLS)
def test_what_is_no_url_comes_back_stripped(text: str) -> None:
    assert canonicalise(f" {text} ") == text.strip()


BASE = "https://www.gazette.example/rss/une.xml"
MENDED = [
    pytest.param("https://x.example/a", "https://x.example/a", id="as it should be"),
    pytest.param(" \n https://x.example/a \t", "https://x.example/a", id="blanks around"),
    pytest.param("https://x.example/un\n      titre", "https://x.example/untitre", id="broken over two lines"),
    pytest.param("https://x.example/un titre", "https://x.example/un%20titre", id="blank inside"),
    pytest.param("https://x.example/été", "https://x.example/%C3%A9t%C3%A9", id="accents"),
    pytest.param("http:/x.example/a", "http://x.example/a", id="one slash"),
    pytest.param("http:///x.example/a", "http://x.example/a", id="three slashes"),
    pytest.param("http:x.example/a", "http://x.example/a", id="no slash"),
    pytest.param("http:\\\\x.example\\a", "http://x.example/a", id="backslashes"),
    pytest.param("http://http://x.example/a", "http://x.example/a", id="scheme twice"),
    pytest.param("http://https://x.example/a", "https://x.example/a", id="two schemes"),
    pytest.param("https//x.example/a", "https://x.example/a", id="no colon"),
    pytest.param("HTTP://X.Example/A", "http://x.example/A", id="capitals"),
    pytest.param("//x.example/a", "https://x.example/a", id="protocol-relative"),
    pytest.param("www.x.example/a", "https://www.x.example/a", id="no scheme"),
    pytest.param("gazette.example/a", "https://gazette.example/a", id="the base's own host, no scheme"),
    pytest.param("www.gazette.example:/a", "https://www.gazette.example/a", id="host and colon"),
    pytest.param("http://x.example:/a", "http://x.example/a", id="empty port"),
    pytest.param("/a/b.html", "https://www.gazette.example/a/b.html", id="relative to the host"),
    pytest.param("b.html", "https://www.gazette.example/rss/b.html", id="relative to the feed"),
    pytest.param("../b.html", "https://www.gazette.example/b.html", id="relative, upwards"),
    pytest.param("?p=1", "https://www.gazette.example/rss/une.xml?p=1", id="only a query"),
    pytest.param("feed://x.example/rss", "http://x.example/rss", id="feed scheme"),
    pytest.param("feed:https://x.example/rss", "https://x.example/rss", id="feed before https"),
    pytest.param("https://u:p@x.example/a", "https://x.example/a", id="userinfo"),
    pytest.param("https://x.example:443/a", "https://x.example/a", id="its own port"),
    pytest.param("https://x.example:8443/a", "https://x.example:8443/a", id="another port"),
    pytest.param("https://x.example/a?b=1&amp;c=2", "https://x.example/a?b=1&c=2", id="ampersand escaped"),
    pytest.param("<https://x.example/a>", "https://x.example/a", id="in brackets"),
    pytest.param("'https://x.example/a'", "https://x.example/a", id="in quotes"),
    pytest.param("<![CDATA[https://x.example/a]]>", "https://x.example/a", id="CDATA twice"),
    pytest.param("https://légende.example/a", "https://xn--lgende-bva.example/a", id="IDN"),
    pytest.param("https://x.example/a#xtor=RSS-1", "https://x.example/a#xtor=RSS-1", id="fragment kept"),
    pytest.param("https://[::1]/a", "https://[::1]/a", id="IPv6"),
    pytest.param("https://x.example", "https://x.example/", id="no path"),
    pytest.param("", None, id="empty"),
    pytest.param("javascript:alert(1)", None, id="javascript"),
    pytest.param("data:text/html,x", None, id="data"),
    pytest.param("file:///etc/passwd", None, id="file"),
    pytest.param("gopher://x.example/1", None, id="gopher"),
    pytest.param("mailto:a@x.example", None, id="mail"),
    pytest.param("http://", None, id="no host"),
    pytest.param("http://[bad/", None, id="half an IPv6"),
    pytest.param("http://x.example:99999/", None, id="no such port"),
    pytest.param("http://a<b>.example/", None, id="no such host"),
    pytest.param("https://x.example/" + "a" * 2100, None, id="longer than any URL"),
    pytest.param("https://x.example/" + "a" * 5_000_000, None, id="five megabytes"),
]


@pytest.mark.parametrize(("printed", "meant"), MENDED)
def test_links_are_mended_as_feeds_print_them(printed: str, meant: str | None) -> None:
    assert repair(printed, BASE) == meant


def test_a_relative_link_without_a_base_is_no_url() -> None:
    assert repair("/a.html", None) is None
    assert repair("//x.example/a", None) == "https://x.example/a"


DOMAINS = [
    ("www.bbc.co.uk", "bbc.co.uk"),
    ("https://www.franceinfo.fr/a", "franceinfo.fr"),
    ("a.b.outlet.test", "outlet.test"),
    ("outlet.test", "outlet.test"),
    ("127.0.0.1", "127.0.0.1"),
    ("http://127.0.0.1:8080/a", "127.0.0.1"),
    ("http://[::1]:8080/a", "[::1]"),
    ("a.b.nosuchsuffix", "b.nosuchsuffix"),
    ("localhost", "localhost"),
    ("", ""),
]


@pytest.mark.parametrize(("name", "domain"), DOMAINS)
def test_the_registrable_domain_of_a_host(name: str, domain: str) -> None:
    assert registrable_domain(name) == domain


def test_a_host_is_lower_case_ascii_without_port_or_userinfo() -> None:
    assert host("https://U:p@WWW.Légende.Example:8080/a") == "www.xn--lgende-bva.example"
    assert host("688858") == ""


PLACES = [
    ("https://x.example/", True),
    ("https://x.example", True),
    ("https://x.example/politique/", True),
    ("https://x.example/sport/football/ligue-1", False),
    ("https://x.example/monde/europe", True),
    ("https://x.example/tags/emmanuel-macron", True),
    ("https://x.example/erreur-404", True),
    ("https://x.example/404.html", True),
    ("https://x.example/index.html", True),
    ("https://x.example/?p=10354", False),
    ("https://x.example/politique/le-budget-est-vote-a-l-assemblee", False),
    ("https://x.example/a_1234567.html", False),
    ("https://x.example/2026/03/02/direct", False),
    ("688858", False),
]


@pytest.mark.parametrize(("url", "expected"), PLACES)
def test_a_home_or_section_page_is_told_from_an_article(url: str, expected: bool) -> None:
    assert is_section_or_home(url) is expected


RULE = r"_(\d{7})\.html"


def test_the_outlets_rule_reads_its_article_number() -> None:
    assert article_number("https://x.example/a_1234567.html#xtor=RSS-1", RULE) == "1234567"
    assert article_number("https://x.example/a_1234567.html", None) is None
    assert article_number("https://x.example/a.html", RULE) is None
    assert article_number("https://x.example/a_1234567.html", "(unclosed") is None
    assert article_number("https://x.example/a_1234567.html", r"\d{7}") == "1234567"


def outlet_urls(form: str, *, articles: int = 12, start: int = 6433600) -> list[list[str]]:
    """What an outlet's feed shows: guid and link of each article."""
    return [
        [form.format(n=start + 7 * i, i=i), form.format(n=start + 7 * i, i=i) + "#xtor=RSS-1"] for i in range(articles)
    ]


LEARNT = [
    pytest.param(outlet_urls("https://x.example/a/titre-{i}_{n}.html"), "6433600", id="number at the end"),
    pytest.param(outlet_urls("https://x.example/a/{n}-titre-{i}"), "6433600", id="number at the start"),
    pytest.param(outlet_urls("https://x.example/a/titre_{n}_3222.html"), "6433600", id="a constant behind it"),
    pytest.param(outlet_urls("https://x.example/tiny/{n}/"), "6433600", id="a directory"),
    pytest.param(outlet_urls("https://x.example/a/titre-{i}.html"), None, id="no number"),
    pytest.param(outlet_urls("https://x.example/a/titre-{n}.html", articles=5), None, id="too few articles"),
    pytest.param(outlet_urls("https://x.example/a/titre-{i}-20260301.html"), None, id="a date they share"),
    pytest.param(
        [[f"https://x.example/a/titre-202603{day:02}.html"] for day in range(1, 20)], None, id="a date of their own"
    ),
    pytest.param(
        [[f"https://x.example/a_{9000000 + i}.html", f"https://x.example/b_{1000000 + i}.html"] for i in range(12)],
        None,
        id="guid and link disagree",
    ),
    pytest.param(
        [[f"https://x.example/commit/{n:02}0928406027a848cf2d2d0574024970b8fb5{n:02}c"] for n in range(20)],
        None,
        id="a hash is no number",
    ),
    pytest.param([], None, id="nothing shown"),
]


@pytest.mark.parametrize(("urls", "first"), LEARNT)
def test_a_rule_is_learnt_only_where_it_holds(urls: list[list[str]], first: str | None) -> None:
    rule = learn_article_number(urls)
    assert (article_number(urls[0][0], rule) if rule else None) == first


def test_a_learnt_rule_reads_no_date_as_a_number_that_articles_would_share() -> None:
    rule = learn_article_number(outlet_urls("https://x.example/a/titre_{n}.html"))
    assert rule is not None
    assert article_number("https://x.example/a/elections-20260301.html", rule) is None
    assert article_number("https://x.example/a/elections-202603011200.html", rule) is None
    assert article_number("https://x.example/a/elections_6433624.html", rule) == "6433624"


def test_an_article_id_is_short_opaque_and_stable() -> None:
    assert article_id("o", number=None, canonical_url="https://x.example/a") == "aw36jdyo5qqj3uq65yfuqpgsj66"


def test_the_number_alone_makes_the_id_when_there_is_one() -> None:
    moved = article_id("franceinfo", number="6433624", canonical_url="https://franceinfo.fr/b_6433624.html")
    before = article_id("franceinfo", number="6433624", canonical_url="https://francetvinfo.fr/a_6433624.html")
    other = article_id("lemonde", number="6433624", canonical_url="https://francetvinfo.fr/a_6433624.html")
    assert moved == before != other
    assert article_id("o", number=None, canonical_url="6433624") != article_id("o", number="6433624", canonical_url="")
