"""Feeds of every format, understood: what parse_feed makes of what outlets print."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from pipeline.domain.errors import NotAFeed
from pipeline.domain.model import Entry
from pipeline.feeds.parse import ParsedFeed, body_digest, feed_line, find_alternates, parse_feed

URL = "https://www.gazette.example/rss/une.xml"
NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def parse(body: bytes | str, **options: Any) -> ParsedFeed:
    data = body.encode() if isinstance(body, str) else body
    given: dict[str, Any] = {"url": URL, "content_type": None, "zone": "Europe/Paris", "now": NOW}
    return parse_feed(data, **given | options)


def rss(*entries: str, head: str = "", root: str = '<rss version="2.0">') -> str:
    inner = "".join(f"<item>{entry}</item>" for entry in entries)
    return f'<?xml version="1.0"?>{root}<channel><title>Gazette</title>{head}{inner}</channel></rss>'


def atom(*entries: str, head: str = "") -> str:
    inner = "".join(f"<entry>{entry}</entry>" for entry in entries)
    return f'<feed xmlns="http://www.w3.org/2005/Atom"><title>Gazette</title>{head}{inner}</feed>'


def only(body: bytes | str, **options: Any) -> Entry:
    (entry,) = parse(body, **options).entries
    return entry


# ---------------------------------------------------------------- formats

ENTRY = "<title>Un</title><link>https://www.gazette.example/a-1</link>"
RDF = (
    '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/">'
    f'<channel rdf:about="x"><title>G</title><items/></channel><item rdf:about="y">{ENTRY}</item></rdf:RDF>'
)
JSON_FEED = {
    "version": "https://jsonfeed.org/version/1.1",
    "title": "Gazette",
    "items": [{"id": "1", "url": "https://www.gazette.example/a-1", "title": "Un", "content_html": "<p>Texte</p>"}],
}
NEWS = (
    '<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'
    ' xmlns:news="http://www.google.com/schemas/sitemap-news/0.9">'
    "<url><loc>https://www.gazette.example/a-1</loc><news:news><news:publication><news:name>Gazette</news:name>"
    "<news:language>fr</news:language></news:publication><news:publication_date>2026-03-01T10:00:00+01:00"
    "</news:publication_date><news:title>Un</news:title><news:keywords>budget, vote</news:keywords></news:news></url>"
    "</urlset>"
)
FORMATS = [
    pytest.param(rss(ENTRY), "rss20", id="RSS 2.0"),
    pytest.param(rss(ENTRY, root='<rss version="0.91">'), "rss091u", id="RSS 0.91"),
    pytest.param(rss(ENTRY, root='<rss version="0.92">'), "rss092", id="RSS 0.92"),
    pytest.param(rss(ENTRY, root="<rss>"), "rss", id="RSS without version"),
    pytest.param(RDF, "rss10", id="RDF"),
    pytest.param(atom('<title>Un</title><link href="https://www.gazette.example/a-1"/>'), "atom10", id="Atom 1.0"),
    pytest.param(
        '<feed version="0.3" xmlns="http://purl.org/atom/ns#"><entry><title>Un</title>'
        '<link rel="alternate" type="text/html" href="https://www.gazette.example/a-1"/></entry></feed>',
        "atom03",
        id="Atom 0.3",
    ),
    pytest.param(json.dumps(JSON_FEED), "json11", id="JSON Feed 1.1"),
    pytest.param(json.dumps(JSON_FEED | {"version": "https://jsonfeed.org/version/1"}), "json1", id="JSON Feed 1"),
    pytest.param(NEWS, "sitemap-news", id="news sitemap"),
    pytest.param(
        rss(ENTRY).replace("<rss ", "<rss:rss ").replace("</rss>", "</rss:rss>").replace("item>", "rss:item>"),
        "rss20",
        id="undeclared prefix",
    ),
    pytest.param(rss(ENTRY, root='<rss version="2.0" xmlns="http://nowhere.example/">'), "rss20", id="odd namespace"),
    pytest.param(f"<channel><title>G</title><item>{ENTRY}</item></channel>", "rss", id="channel alone"),
    pytest.param("\n\n  " + rss(ENTRY), "rss20", id="blanks before"),
    pytest.param("<br />\n<b>Warning</b>: mysql in /var/www\n" + rss(ENTRY), "rss20", id="PHP warning before"),
    pytest.param("<!-- <html> <rss> -->" + rss(ENTRY), "rss20", id="comment before"),
    pytest.param(rss(ENTRY) + "<script>track()</script>", "rss20", id="junk behind"),
    pytest.param(rss(ENTRY)[:-20], "rss20", id="cut short"),
    pytest.param(rss(ENTRY + "<description>a & b <br> c</b></description>"), "rss20", id="broken markup"),
    pytest.param(rss(ENTRY + "<dc:creator>A</dc:creator><x:y/>"), "rss20", id="undeclared prefixes within"),
    pytest.param(rss(ENTRY + "<description>&eacute;&nbsp;&#xD800;&#0;</description>"), "rss20", id="odd references"),
]


@pytest.mark.parametrize(("body", "kind"), FORMATS)
def test_every_format_gives_its_entry(body: str, kind: str) -> None:
    parsed = parse(body)
    assert parsed.kind == kind
    assert [(entry.title, entry.link) for entry in parsed.entries] == [("Un", "https://www.gazette.example/a-1")]


NO_FEEDS = [
    pytest.param(b"", "empty", id="empty"),
    pytest.param(b"  \n", "empty", id="blanks"),
    pytest.param(b"<!doctype html><html><body>Bonjour</body></html>", "html", id="page"),
    pytest.param(b"<html><script>var x = '<rss></rss>'</script></html>", "html", id="page that holds a feed's tag"),
    pytest.param(b"%PDF-1.7", "pdf", id="PDF"),
    pytest.param(b"\x89PNG\r\n\x1a\n\x00", "text", id="picture"),
    pytest.param(b'{"error": "quota"}', "json", id="JSON error"),
    pytest.param(b"[1, 2]", "json", id="JSON list"),
    pytest.param(b'{"items": [' + b"[" * 100_000, "json", id="JSON too deep"),
    pytest.param(b"<note><to>x</to></note>", "xml", id="other XML"),
    pytest.param(b"Service unavailable", "text", id="words"),
]


@pytest.mark.parametrize(("body", "looks_like"), NO_FEEDS)
def test_what_is_no_feed_is_named(body: bytes, looks_like: str) -> None:
    with pytest.raises(NotAFeed) as refused:
        parse(body)
    assert refused.value.looks_like == looks_like


def test_a_page_instead_of_a_feed_says_where_its_feeds_are() -> None:
    page = b'<!doctype html><head><link rel="alternate" type="application/rss+xml" href="/rss/une.xml"></head>'
    with pytest.raises(NotAFeed) as refused:
        parse(page, url="https://www.gazette.example/")
    assert refused.value.alternates == ("https://www.gazette.example/rss/une.xml",)


def test_alternates_are_absolute_in_order_and_once() -> None:
    page = """<base href='https://cdn.example/'><link type=application/atom+xml rel=alternate href=a.xml>
    <link rel="stylesheet" href="x.css"><link rel="alternate" hreflang="en" href="/en">
    <LINK REL='feed ALTERNATE' TYPE='application/feed+json' HREF='https://x.example/f?a=1&amp;b=2'>
    <link rel=alternate type=application/atom+xml href=a.xml>"""
    assert find_alternates(page, "https://www.gazette.example/") == (
        "https://cdn.example/a.xml",
        "https://x.example/f?a=1&b=2",
    )


def test_a_plain_sitemap_and_an_index_give_their_kind_only() -> None:
    assert parse("<urlset><url><loc>https://x.example/</loc></url></urlset>").kind == "sitemap"
    assert (
        parse("<sitemapindex><sitemap><loc>https://x.example/s</loc></sitemap></sitemapindex>").kind == "sitemap-index"
    )


# ---------------------------------------------------------------- fields


def test_an_rss_entry_is_understood() -> None:
    entry = only(
        rss(
            ENTRY
            + "<guid isPermaLink='false'>n-1</guid><pubDate>Sun, 01 Mar 2026 12:00:00 +0100</pubDate>"
            + "<dc:creator>Ana Roy</dc:creator><category>Monde</category><category>Europe</category>"
            + "<description>&lt;p&gt;Un &lt;b&gt;mot&lt;/b&gt;.&lt;/p&gt;&lt;p&gt;Deux.&lt;/p&gt;</description>"
            + "<content:encoded><![CDATA[<p>Tout le texte &amp; plus.</p>]]></content:encoded>"
            + "<media:content url='/photo.jpg' medium='image'/>",
            head="<language>fr-fr</language>",
        )
    )
    assert (entry.guid, entry.identity) == ("n-1", "https://gazette.example/a-1")
    assert entry.published == datetime(2026, 3, 1, 11, 0, tzinfo=UTC)
    assert entry.modified is None
    assert entry.date_text == "Sun, 01 Mar 2026 12:00:00 +0100"
    assert (entry.authors, entry.categories) == (("Ana Roy",), ("Monde", "Europe"))
    assert (entry.summary, entry.content) == ("Un mot.\n\nDeux.", "Tout le texte & plus.")
    assert (entry.image, entry.language) == ("https://www.gazette.example/photo.jpg", "fr-FR")


def test_an_atom_entry_is_understood() -> None:
    entry = only(
        atom(
            '<id>tag:gazette.example,2026:1</id><title type="html">L&amp;#39;&amp;lt;été&amp;gt;</title>'
            '<link rel="enclosure" href="/p.mp3"/><link rel="alternate" href="/a-1"/>'
            "<published>2026-03-01T10:00:00Z</published><updated>2026-03-01T11:00:00Z</updated>"
            "<author><name>Ana Roy</name></author><author><name>Léo Petit</name></author>"
            '<category term="monde" label="Monde"/>'
            '<content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml"><p>Un</p><p>Deux</p></div></content>'
        )
    )
    assert (entry.title, entry.link) == ("L'<été>", "https://www.gazette.example/a-1")
    assert entry.published == datetime(2026, 3, 1, 10, 0, tzinfo=UTC)
    assert entry.modified == datetime(2026, 3, 1, 11, 0, tzinfo=UTC)
    assert (entry.authors, entry.categories) == (("Ana Roy", "Léo Petit"), ("Monde",))
    assert entry.content == "Un\n\nDeux"


def test_a_json_feed_entry_is_understood() -> None:
    feed = JSON_FEED | {
        "items": [
            {
                "id": 7,
                "url": "/a-1",
                "content_text": "1 < 2 & 3 > 2",
                "date_published": "2026-03-01T10:00:00Z",
                "authors": [{"name": "Ana Roy"}, "Léo Petit", None],
                "tags": ["Monde", 3, ""],
                "image": "/p.jpg",
            },
            "no object",
        ]
    }
    parsed = parse(json.dumps(feed))
    (entry,) = parsed.entries
    assert (entry.guid, entry.link, entry.content) == ("7", "https://www.gazette.example/a-1", "1 < 2 & 3 > 2")
    assert (entry.authors, entry.categories) == (("Ana Roy", "Léo Petit"), ("Monde", "3"))
    assert parsed.faults == ("1 entries are no objects",)


def test_a_news_sitemap_entry_is_understood() -> None:
    entry = only(NEWS)
    assert (entry.title, entry.language, entry.categories) == ("Un", "fr", ("budget", "vote"))
    assert entry.published == datetime(2026, 3, 1, 9, 0, tzinfo=UTC)


def test_the_feed_says_how_often_it_may_be_asked() -> None:
    head = (
        "<ttl>15</ttl><sy:updatePeriod>daily</sy:updatePeriod><sy:updateFrequency>4</sy:updateFrequency>"
        "<skipHours><hour>0</hour><hour>24</hour><hour>3</hour></skipHours><skipDays><day>Sunday</day></skipDays>"
    )
    parsed = parse(rss(ENTRY, head=head))
    assert (parsed.ttl_s, parsed.update_period_s) == (900, 21_600)
    assert (parsed.skip_hours, parsed.skip_days) == ({0, 3}, {6})


TITLES = [
    pytest.param("AT&amp;T", "AT&T", id="ampersand"),
    pytest.param("AT&T", "AT&T", id="bare ampersand"),
    pytest.param("<![CDATA[AT&T]]>", "AT&T", id="bare ampersand in CDATA"),
    pytest.param("<![CDATA[AT&amp;T]]>", "AT&T", id="escaped in CDATA"),
    pytest.param("L&amp;#8217;été", "L’été", id="escaped twice"),
    pytest.param("L&#146;été", "L’été", id="cp1252 number"),
    pytest.param("1 &lt; 2 et 3 &gt; 2", "1 < 2 et 3 > 2", id="comparison is no tag"),
    pytest.param("&lt;b&gt;Un&lt;/b&gt; mot", "Un mot", id="escaped tags"),
    pytest.param("Un\n   mot\u00a0!", "Un mot !", id="blanks"),
    pytest.param("Un\u0000&#0;&#xD800;&#x110000;\x07 mot", "Un mot", id="impossible characters"),
    pytest.param("e\u0301te\u0301", "été", id="composed"),
    pytest.param("&eacute;t&eacute;&nbsp;&hellip;", "été …", id="HTML references"),
    pytest.param("&inconnu; &", "&inconnu; &", id="unknown reference"),
]


@pytest.mark.parametrize(("printed", "title"), TITLES)
def test_titles_become_plain_text(printed: str, title: str) -> None:
    assert only(rss(f"<title>{printed}</title><link>https://x.example/a-1</link>")).title == title


LINKS = [
    pytest.param("<link>/a-1</link>", "https://www.gazette.example/a-1", id="relative"),
    pytest.param("<link>\n  https://x.example/a 1\n</link>", "https://x.example/a%201", id="blanks"),
    pytest.param("<link>https://x.example/?a=1&b=2</link>", "https://x.example/?a=1&b=2", id="bare ampersand"),
    pytest.param("<link><![CDATA[https://x.example/?a=1&b=2]]></link>", "https://x.example/?a=1&b=2", id="CDATA"),
    pytest.param("<guid>https://x.example/a-1</guid>", "https://x.example/a-1", id="permalink guid"),
    pytest.param("<guid isPermaLink='false'>https://x.example/a-1</guid>", "https://x.example/a-1", id="guid is a URL"),
    pytest.param("<guid>688858</guid>", None, id="a bare number is no link"),
    pytest.param("<link>javascript:alert(1)</link>", None, id="javascript"),
    pytest.param('<link xml:base="https://y.example/b/">c</link>', "https://y.example/b/c", id="xml:base"),
    pytest.param('<link xml:base="http://[bad/">/c</link>', "https://www.gazette.example/c", id="unreadable xml:base"),
    pytest.param(
        '<a:link href="/d" xmlns:a="http://www.w3.org/2005/Atom"/>', "https://www.gazette.example/d", id="atom"
    ),
]


@pytest.mark.parametrize(("printed", "link"), LINKS)
def test_links_become_absolute(printed: str, link: str | None) -> None:
    assert only(rss(f"<title>Un</title>{printed}")).link == link


def test_an_unreadable_base_costs_no_other_entry_its_link() -> None:
    parsed = parse(
        rss('<title>Un</title><link xml:base="http://[bad/">/a-1</link>', "<title>D</title><link>/a-2</link>")
    )
    assert [entry.link for entry in parsed.entries] == [
        "https://www.gazette.example/a-1",
        "https://www.gazette.example/a-2",
    ]


CHARSETS = [
    pytest.param("été – 5 €".encode(), None, id="UTF-8, undeclared"),
    pytest.param("été – 5 €".encode("cp1252"), None, id="cp1252, undeclared"),
    pytest.param("été – 5 €".encode("cp1252"), "text/xml; charset=iso-8859-1", id="cp1252 called Latin-1 by HTTP"),
    pytest.param("été – 5 €".encode("cp1252"), "text/xml; charset=utf-8", id="cp1252 called UTF-8"),
    pytest.param("été – 5 €".encode(), "text/xml; charset=iso-8859-1", id="UTF-8 called Latin-1"),
    pytest.param("été – 5 €".encode(), "text/xml; charset=no-such-charset", id="unknown charset"),
    pytest.param("été – 5 €".encode(), "text/xml; charset=utf-7", id="UTF-7 is refused"),
    pytest.param("été – ".encode() + "5 €".encode("cp1252"), None, id="mixed"),
]


@pytest.mark.parametrize(("word", "content_type"), CHARSETS)
def test_the_charset_is_decided_once(word: bytes, content_type: str | None) -> None:
    body = rss("<title>MOT</title><link>/a</link>").encode().replace(b"MOT", word)
    title = only(body, content_type=content_type).title
    assert title == "été – 5 €"


@pytest.mark.parametrize("charset", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-8-sig", "cp037"])
def test_wide_and_odd_charsets_are_recognised_without_a_header(charset: str) -> None:
    body = '<?xml version="1.0"?><rss><channel><item><title>Eté</title></item></channel></rss>'.encode(charset)
    assert only(body).title == "Eté"


@pytest.mark.parametrize("charset", ["koi8-r", "windows-1251", "shift_jis", "euc-kr", "gb2312", "iso-2022-jp"])
def test_a_declared_charset_is_obeyed(charset: str) -> None:
    word = {"k": "новости", "w": "новости", "s": "新聞", "e": "뉴스", "g": "新闻", "i": "新聞"}[charset[0]]
    body = rss(f"<title>{word}</title>").replace('"1.0"', f'"1.0" encoding="{charset}"').encode(charset)
    assert only(body).title == word


# ---------------------------------------------------------------- dates


def test_published_and_modified_are_kept_apart() -> None:
    assert only(rss(ENTRY + "<pubDate>2026-03-01T10:00Z</pubDate>")).modified is None
    only_modified = only(atom("<title>Un</title><updated>2026-03-01T10:00:00Z</updated>"))
    assert (only_modified.published, only_modified.modified) == (None, datetime(2026, 3, 1, 10, 0, tzinfo=UTC))


def test_a_date_more_than_a_day_ahead_is_kept_and_marked() -> None:
    entry = only(rss(ENTRY + "<pubDate>2026-03-09T10:00Z</pubDate>"))
    assert (entry.published, entry.date_in_future) == (datetime(2026, 3, 9, 10, 0, tzinfo=UTC), True)
    assert not only(rss(ENTRY + "<pubDate>2026-03-03T10:00Z</pubDate>")).date_in_future


def test_a_date_that_cannot_be_read_is_kept_as_text() -> None:
    entry = only(rss(ENTRY + "<pubDate>avant-hier</pubDate>"))
    assert (entry.published, entry.date_text) == (None, "avant-hier")


def test_a_date_without_zone_is_in_the_outlets() -> None:
    assert only(rss(ENTRY + "<pubDate>2026-03-01 12:00</pubDate>")).published == datetime(2026, 3, 1, 11, tzinfo=UTC)
    utc = only(rss(ENTRY + "<pubDate>2026-03-01 12:00</pubDate>"), zone="UTC")
    assert utc.published == datetime(2026, 3, 1, 12, tzinfo=UTC)


# ---------------------------------------------------------------- identity


def identities(*entries: str, head: str = "", **options: Any) -> list[str]:
    return [entry.identity for entry in parse(rss(*entries, head=head), **options).entries]


def test_identity_is_the_article_number_where_a_rule_reads_it() -> None:
    rule = r"_(\d{7})\.html"
    assert identities("<link>https://a.example/x_1234567.html#xtor=RSS-1</link>", article_number=rule) == [
        "number:1234567"
    ]
    moved = identities("<link>https://b.example/y_1234567.html</link>", article_number=rule)
    assert moved == ["number:1234567"]


def test_identity_is_the_canonical_link_whatever_the_guid() -> None:
    first = identities("<link>https://www.x.example/a-1?utm_source=rss#xtor=RSS-1</link><guid>1</guid>")
    second = identities("<link>http://x.example/a-1</link><guid>http://x.example/?p=1</guid>")
    assert first == second == ["https://x.example/a-1"]


def test_identity_is_the_guid_without_a_link() -> None:
    assert identities("<guid isPermaLink='false'>n-1</guid><title>Un</title>") == ["guid:n-1"]


def test_identity_is_the_guid_when_the_link_is_the_home_page() -> None:
    home = "<link>https://www.gazette.example/</link>"
    found = identities(f"{home}<guid isPermaLink='false'>1</guid>", f"{home}<guid isPermaLink='false'>2</guid>")
    assert found == ["guid:1", "guid:2"]


def test_identity_is_made_of_the_words_without_link_and_guid() -> None:
    first, second = identities("<title>Un</title>", "<title>Deux</title>")
    assert first.startswith("hash:")
    assert first != second
    assert identities("<title>Un</title>") == [first]


def test_one_guid_for_all_entries_does_not_make_them_one() -> None:
    guid = "<guid isPermaLink='false'>same</guid>"
    assert len(identities(f"{guid}<title>Un</title>", f"{guid}<title>Deux</title>")) == 2


def test_the_same_link_a_thousand_times_is_one_entry() -> None:
    parsed = parse(rss(*(f"{ENTRY}<guid>https://x.example/{i}</guid>" for i in range(1000))))
    assert (len(parsed.entries), len(parsed.repeats)) == (1, 999)


def test_of_entries_with_one_identity_the_latest_is_kept() -> None:
    old, new = "<pubDate>2026-03-01T10:00Z</pubDate>", "<pubDate>2026-03-01T11:00Z</pubDate>"
    parsed = parse(rss(ENTRY + old, ENTRY.replace("Un", "Deux") + new))
    assert [entry.title for entry in parsed.entries] == ["Deux"]


DIGESTS = [
    pytest.param(ENTRY.replace("a-1", "a-1#xtor=RSS-2"), True, id="tracking"),
    pytest.param(ENTRY + "<slash:comments>7</slash:comments>", True, id="comment count"),
    pytest.param(ENTRY + "<description>Mots  (12 commentaires)</description>", True, id="counter in the summary"),
    pytest.param(ENTRY.replace("Un", "Deux"), False, id="title"),
    pytest.param(ENTRY + "<description>Autres</description>", False, id="summary"),
    pytest.param(ENTRY + "<atom:updated>2026-03-01T10:00Z</atom:updated>", False, id="modified"),
]


@pytest.mark.parametrize(("changed", "same"), DIGESTS)
def test_the_digest_changes_with_what_the_feed_says(changed: str, same: bool) -> None:
    words = "" if "description>Autres" in changed else "<description>Mots</description>"
    before = ENTRY + "<description>Mots (11 commentaires)</description>"
    after = changed if "description" in changed else changed + words
    assert (only(rss(before)).digest == only(rss(after)).digest) is same


# ---------------------------------------------------------------- bodies


def test_a_body_is_the_same_when_only_noise_changed() -> None:
    noisy = "<lastBuildDate>{0}</lastBuildDate><pubDate>{0}</pubDate><!-- {0} --><ttl>{0}</ttl>"
    entry = ENTRY + "<slash:comments>{0}</slash:comments><media:statistics views='{0}'/>"
    first, second = (rss(entry.format(n), head=noisy.format(n)).encode() for n in (1, 2))
    assert first != second
    assert body_digest(first) == body_digest(second)


def test_a_body_is_another_when_an_entry_changed() -> None:
    dated = "<pubDate>{0}</pubDate>"
    assert body_digest(rss(ENTRY).encode()) != body_digest(rss(ENTRY.replace("Un", "Deux")).encode())
    assert body_digest(rss(ENTRY + dated.format(1)).encode()) != body_digest(rss(ENTRY + dated.format(2)).encode())


def test_a_feed_without_its_end_is_truncated() -> None:
    whole = rss(ENTRY, ENTRY.replace("a-1", "a-2"), ENTRY.replace("a-1", "a-3"))
    parsed = parse(whole[:-60])
    assert parsed.truncated
    assert [entry.link for entry in parsed.entries[:2]] == [
        "https://www.gazette.example/a-1",
        "https://www.gazette.example/a-2",
    ]
    assert not parse(whole).truncated


# ---------------------------------------------------------------- limits


def dated(number: int) -> str:
    return f"<title>T{number}</title><link>/a-{number}</link><pubDate>{1_700_000_000 + number * 60}</pubDate>"


@pytest.mark.parametrize("order", [1, -1], ids=["oldest first", "newest first"])
def test_of_too_many_entries_the_newest_are_kept(order: int) -> None:
    parsed = parse(rss(*(dated(number) for number in range(2_500)[::order])))
    assert parsed.clipped
    assert {entry.title for entry in parsed.entries} == {f"T{number}" for number in range(500, 2_500)}


HOSTILE = [
    pytest.param(rss(f"{ENTRY}<author>{'a' * 1_000_000}</author>"), 1, id="author of a megabyte"),
    pytest.param(rss(*(f"<link>/{i}</link><author>{'a' * 8000}</author>" for i in range(200))), 200, id="long authors"),
    pytest.param(rss(f"{ENTRY}<description>{'&lt;!--' * 100_000}</description>"), 1, id="escaped comments"),
    pytest.param(rss(ENTRY + "<category>a</category>" * 100_000), 1, id="100,000 categories"),
    pytest.param(rss(ENTRY + "<a>" * 300_000 + "</a>" * 300_000), 1, id="300,000 nested tags"),
    pytest.param(rss(ENTRY + "<a>" * 300_000), 1, id="300,000 unclosed tags"),
    pytest.param(rss(ENTRY + "<a " + " ".join(f"a{i}='1'" for i in range(20_000)) + "/>"), 1, id="20,000 attributes"),
    pytest.param(
        rss(ENTRY + "<a " + " ".join(f"xmlns:a{i}='u'" for i in range(20_000)) + "/>"), 1, id="20,000 namespaces"
    ),
    pytest.param(rss(ENTRY + f"<description>{'<' * 1_000_000}</description>"), 1, id="a million <"),
    pytest.param(rss(ENTRY + f"<description>{'&' * 1_000_000}</description>"), 1, id="a million &"),
    pytest.param(rss(ENTRY + "<description>" + "<![CDATA[" * 100_000), 1, id="unclosed CDATA"),
    pytest.param(rss(ENTRY + "<description><!--" * 100_000), 1, id="unclosed comments"),
    pytest.param(rss(ENTRY, head="<skipHours>" * 100_000), 1, id="a head of 100,000 tags"),
    pytest.param(rss(*(f"<link>/{i}</link><p>a & <b>b</i>" for i in range(20_000))), 2_000, id="20,000 broken entries"),
    pytest.param("<!--" * 10_000 + rss(ENTRY), 1, id="unclosed comments before"),
    pytest.param(rss(f"<link>https://x.example/{'a' * 5_000_000}</link><title>Un</title>"), 1, id="a URL of 5 MB"),
    pytest.param(rss(ENTRY + f"<pubDate>{'Mon, ' * 200_000}</pubDate>"), 1, id="a date of a megabyte"),
]


@pytest.mark.parametrize(("body", "count"), HOSTILE)
def test_a_hostile_feed_costs_little_and_loses_no_entry(body: str, count: int) -> None:
    assert len(parse(body).entries) == count


def test_entities_are_never_expanded_nor_fetched() -> None:
    doctype = '<!DOCTYPE r [<!ENTITY a "lol"><!ENTITY b "&a;&a;"><!ENTITY c SYSTEM "file:///etc/passwd">]>'
    body = rss("<title>x &b; &c;</title><link>/a</link>").replace("<rss", doctype + "<rss")
    assert only(body).title == "x &b; &c;"


def test_one_bad_entry_costs_itself() -> None:
    parsed = parse(
        rss("<title>Un</title><link>/a-1</link>", "<title>B<b & </ti<<", "<title>Trois</title><link>/a-3</link>")
    )
    assert {"Un", "Trois"} <= {entry.title for entry in parsed.entries}


# ---------------------------------------------------------------- shown


def test_a_feed_is_shown_as_one_json_line() -> None:
    line = feed_line("une.xml", rss(ENTRY + "<description>Mots</description>").encode(), now=NOW)
    shown = json.loads(line)
    assert "\n" not in line
    assert (shown["file"], shown["title"], shown["kind"]) == ("une.xml", "Gazette", "rss20")
    assert shown["entries"][0]["text"] == "Mots"


def test_a_file_that_is_no_feed_is_shown_with_its_error() -> None:
    shown = json.loads(feed_line("x.html", b"<html>", now=NOW))
    assert (shown["error"], shown["entries"]) == ("not a feed but html", [])
