"""Extraction on pages of our own: the newsroom to the letter, cold and known; hostile pages; hand-written rules."""

# ruff: noqa: E501 - markup stands on one line each, as pages print it

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipeline.domain.model import Article, ExtractRules
from pipeline.extraction.extract import Extraction, FeedHints, PageInput, extract
from pipeline.extraction.wrapper.wrapper import learn
from tests.newsroom.catalogue import OUTLETS
from tests.newsroom.outlets import Outlet
from tests.newsroom.pages import amp
from tests.newsroom.pages.page import Page
from tests.newsroom.seed import render_public_broadcaster_page, undated
from tests.newsroom.site import look_of

SEED = Path(__file__).parents[2].parent / "shared" / "seed"
RELATED = (("Un titre voisin", "/a/1"), ("Un autre titre", "/a/2"), ("Encore un titre", "/a/3"))
URL = "http://www.example.test/news/2026/03/01/the-quiet-harbour-1234.html"
PARAGRAPHS = (
    "The harbour was quiet that morning, and nobody had seen the boat leave before the tide turned.",
    "By noon the harbour master had called every mooring on the estuary, from Saltby to the old lock.",
    "“She is a stubborn little boat,” he said, “and she has come back on her own before.”",
    "The search was called off at dusk, when the fog came in and the lifeboat could see nothing.",
)


def render(outlet: Outlet) -> Iterator[tuple[PageInput, str]]:
    for article in outlet.articles:
        for version in article.versions:
            if not version.is_withdrawn:
                html = look_of(outlet).render(Page(outlet, article, version, RELATED))
                page = PageInput(
                    url=outlet.url(article),
                    html=html,
                    outlet_id=outlet.id,
                    language=outlet.language,
                    zone=outlet.timezone,
                )
                yield page, version.text


def article_of(extraction: Extraction) -> Article:
    assert extraction.article is not None, extraction.rejection
    return extraction.article


def page_of(
    body: str, *, head: str = "", rules: ExtractRules | None = None, hints: FeedHints | None = None
) -> PageInput:
    html = (
        f"<!doctype html><html lang='en'><head><title>The quiet harbour</title>{head}</head><body>{body}</body></html>"
    )
    return PageInput(
        url=URL,
        html=html,
        outlet_id="example",
        language="en",
        zone="Europe/London",
        hints=hints,
        rules=rules or ExtractRules(),
    )


def prose(*extra: str) -> str:
    return "".join(f"<p>{paragraph}</p>" for paragraph in (*PARAGRAPHS, *extra))


def plain(text: str) -> str:
    return text.replace("\xa0", " ").replace("\u202f", " ")


@pytest.mark.parametrize("outlet", OUTLETS, ids=lambda outlet: outlet.id)
def test_every_text_of_the_newsroom_comes_out_to_the_letter(outlet: Outlet) -> None:
    for page, text in render(outlet):
        assert plain(article_of(extract(page, None)).text) == plain(text), page.url


def test_an_amp_twin_and_a_mobile_page_read_as_the_canonical_one() -> None:
    outlet = next(outlet for outlet in OUTLETS if outlet.look == "amp")
    for article in outlet.articles[:5]:
        page = Page(outlet, article, article.versions[0], RELATED)
        texts = {
            article_of(extract(PageInput(url=page.url, html=html, outlet_id=outlet.id), None)).text
            for html in (amp.render(page), amp.render_amp(page), amp.render_mobile(page))
        }
        assert len(texts) == 1


def test_the_seed_article_comes_out_exactly_cold_and_known() -> None:
    if not SEED.exists():
        pytest.skip("the seed text is not beside this checkout (../shared/seed)")
    text = undated(next(SEED.glob("*.txt")).read_text(encoding="utf-8"))
    paragraphs = [part.strip() for part in text.split("\n\n")]
    html = render_public_broadcaster_page("Le préfet de police répond aux riverains", paragraphs)
    page = PageInput(url="http://www.antenne-info.test/france/le-prefet_5362891.html", html=html, zone="Europe/Paris")
    outlet = next(outlet for outlet in OUTLETS if outlet.look == "broadcaster")
    lessons = [extract(known, None).observation for known, _ in render(outlet)]
    wrapper = learn(None, [lesson for lesson in lessons if lesson is not None])
    cold, warm = article_of(extract(page, None)), article_of(extract(page, wrapper))
    assert cold.text == warm.text == "\n\n".join(paragraphs)
    assert cold.lead == warm.lead == paragraphs[0]
    assert cold.published is not None
    assert cold.published.value.date().isoformat() == "2022-09-15"


@pytest.mark.parametrize(
    ("body", "dropped"),
    [
        ("<p>Inscrivez-vous à notre newsletter du matin</p>", "Inscrivez-vous"),
        ("<div class='share-bar'><span>Share on Facebook or anywhere else you like.</span></div>", "Share on"),
        ("<aside class='related'><p>Read how the lock was built, in our long report from the estuary.</p></aside>", "lock was built"),
        ("<p><a href='/b'>Why the old lock on the estuary may never open again</a></p>", "may never open"),
        ("<figure><img src='a.jpg'><figcaption>The harbour seen from the old lock. Photo: A. Penn</figcaption></figure>", "A. Penn"),
        ("<p>Il vous reste 85 % de cet article à lire. La suite est réservée aux abonnés.</p>", "Il vous reste"),
        ("<p>© 2026 The Valley Courier. All rights reserved.</p>", "All rights"),
        ("<p style='display:none'>This paragraph is hidden from every reader of the page, so it is no text.</p>", "hidden from"),
    ],
    ids=["newsletter", "share", "related", "link line", "caption", "paywall", "rights", "hidden"],
)  # fmt: skip
def test_what_is_no_part_of_the_article_is_dropped(body: str, dropped: str) -> None:
    page = page_of(f"<article><h1>The quiet harbour</h1>{prose()[:300]}{body}{prose()}</article>")
    assert dropped not in article_of(extract(page, None)).text


def test_a_lead_beside_the_headline_is_a_field_and_the_first_paragraph() -> None:
    lead = "A fishing boat left its mooring on Sunday, and the whole estuary went out to look for it."
    body = f"<article><h1>The quiet harbour</h1><p class='standfirst'>{lead}</p><div class='body'>{prose()}</div></article>"
    article = article_of(extract(page_of(body), None))
    assert article.lead == lead
    assert article.text == "\n\n".join((lead, *PARAGRAPHS))


def test_a_lead_of_several_paragraphs_comes_in_whole() -> None:
    leads = ("A fishing boat left its mooring on Sunday morning.", "The whole estuary went out to look for it at once.")
    lead = "".join(f"<p>{text}</p>" for text in leads)
    body = f"<article><h1>The quiet harbour</h1><div class='preamble'>{lead}</div><div class='body'>{prose()}</div></article>"
    article = article_of(extract(page_of(body), None))
    assert article.lead == leads[0]
    assert article.text == "\n\n".join((*leads, *PARAGRAPHS))


def test_paragraphs_that_a_paywall_scrambles_are_no_text() -> None:
    scrambled = (
        "<p class='obfuscated'>Uif ibscpvs xbt rvjfu uibu npsojoh- boe opcpez ibe tffo uif cpbu mfbwf cfgpsf.</p>"
    )
    article = article_of(
        extract(page_of(f"<article><h1>The quiet harbour</h1>{prose()}{scrambled * 3}</article>"), None)
    )
    assert article.text == "\n\n".join(PARAGRAPHS)
    assert article.is_accessible_for_free is False


def test_the_posts_of_a_live_list_are_not_the_article_above_them() -> None:
    post = "<div><h3>Boat seen off the point</h3><p>A walker saw the boat off the point at nine, drifting with the tide.</p></div>"
    body = f"<article><h1>The quiet harbour</h1>{prose(*PARAGRAPHS[:2])}<amp-live-list>{post * 9}</amp-live-list></article>"
    assert "off the point" not in article_of(extract(page_of(body), None)).text


def test_other_articles_shown_under_a_linked_headline_are_dropped() -> None:
    teaser = "<div class='box'><h3><a href='/b'>The old lock on the estuary</a></h3><p>It has been shut since the flood, and nobody knows when it will open.</p></div>"
    body = f"<article><h1>The quiet harbour</h1><div>{prose()}{teaser}{prose('So it ended.')}</div></article>"
    assert "since the flood" not in article_of(extract(page_of(body), None)).text


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("<location>SALTBY</location> The courier | The boat left.", "SALTBY The courier | The boat left."),
        ("The <a href='/x'>index<span style='clip:rect(0 0 0 0)'>, opens new tab</span></a> fell.", "The index fell."),
    ],
    ids=["an element HTML does not know", "words for screen readers"],
)
def test_a_line_reads_as_a_reader_sees_it(written: str, read: str) -> None:
    body = f"<article><h1>The quiet harbour</h1>{prose()}<p>{written} Nobody in the harbour could say why it had.</p>{prose()}</article>"
    assert f"{read} Nobody in the harbour" in article_of(extract(page_of(body), None)).text


@pytest.mark.parametrize(
    ("head", "byline", "people"),
    [
        ("<meta name='twitter:label1' content='Written by'><meta name='twitter:data1' content='Ada Penn'>", "", ("Ada Penn",)),
        ("", "<div class='authors'><span>Ada Penn</span><span>Tom Reed</span></div>", ("Ada Penn", "Tom Reed")),
        ("", "<ul><li><a href='/author/ada-penn/'>Ada Penn</a></li></ul>", ("Ada Penn",)),
        ("", "<p class='vcard'><a class='url fn n'>Ada Penn</a></p>", ("Ada Penn",)),
        ("", "<p>Par <span class='authorsList'><a href='/p/1'>Ada Penn</a></span></p>", ("Ada Penn",)),
    ],
    ids=["twitter label", "several elements", "link to the author's page", "hCard", "list"],
)  # fmt: skip
def test_a_byline_of_any_kind_names_its_people(head: str, byline: str, people: tuple[str, ...]) -> None:
    article = article_of(extract(page_of(f"<h1>The quiet harbour</h1>{byline}{prose()}", head=head), None))
    assert article.authors == people


def test_an_article_in_a_script_without_blanks_is_one() -> None:
    sentence = "港は静かな朝を迎え、潮が変わる前に船が出ていくのを見た者は一人もいなかったと港の責任者は話している。"
    body = "".join(f"<p>{n}日、{sentence}</p>" for n in range(1, 7))
    page = page_of(f"<article><h1>静かな港</h1>{body}</article>")
    assert article_of(extract(page, None)).text.count(sentence) == 6


def test_a_post_by_somebody_else_stays_with_its_source_and_the_outlets_own_goes() -> None:
    quoted = "<blockquote class='twitter-tweet'><p>We saw her off the point at nine.</p>&mdash; Saltby Coastguard (@saltbycg) <a href='#'>March 1, 2026</a></blockquote>"
    own = "<blockquote class='twitter-tweet'><p>All our stories of the coast.</p>&mdash; Valley Courier (@courier) <a href='#'>March 1, 2026</a></blockquote>"
    head = "<meta property='og:site_name' content='Valley Courier'>"
    body = (
        f"<article><h1>The quiet harbour</h1>{prose()}{quoted}{prose('Nobody believed it.')}{own}{prose('')}</article>"
    )
    text = article_of(extract(page_of(body, head=head), None)).text
    assert "We saw her off the point at nine. — Saltby Coastguard (@saltbycg)" in text
    assert "All our stories" not in text


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("soft\u00adhyphens and zero\u200bwidth signs", "softhyphens and zerowidth signs"),
        ("cafe\u0301 au lait", "café au lait"),
        ("« Oui\u00a0! »\u202f: 12\u00a0000", "« Oui\u00a0! »\u202f: 12\u00a0000"),
        ("a  line\n broken\t here", "a line broken here"),
    ],
    ids=["invisible signs go", "NFC", "typographic spaces stay", "blanks become one"],
)
def test_the_text_has_one_form(written: str, read: str) -> None:
    body = f"<article><h1>The quiet harbour</h1>{prose(f'It ended with {written}, as these things do.')}</article>"
    assert f"It ended with {read}, as these things do." in article_of(extract(page_of(body), None)).text


def test_a_paywalled_article_is_published_as_far_as_it_is_free() -> None:
    wall = "<section class='paywall'><p>Subscribe to continue reading this article.</p></section>"
    article = article_of(extract(page_of(f"<article><h1>The quiet harbour</h1>{prose()}{wall}</article>"), None))
    assert article.is_accessible_for_free is False
    assert article.text == "\n\n".join(PARAGRAPHS)


def test_a_rule_of_the_catalogue_overrides_everything() -> None:
    body = f"<div id='x'><p>Bulletin.</p><span class='kick'>Short lead here.</span>{prose()}</div><div id='y'>{prose('Not this.')}</div>"
    rules = ExtractRules(body="#x", lead=".kick", remove=("#x > p:first",))
    rules = ExtractRules(body="div#x", lead="span.kick", remove=("#y", "[data-ad]"))
    article = article_of(extract(page_of(f"<h1>The quiet harbour</h1>{body}", rules=rules), None))
    assert "Not this." not in article.text
    assert article.extractor.endswith("rule")


HOSTILE = {
    "unterminated JSON-LD with quotes": '<script type="application/ld+json">{"articleBody": "'
    + 'a \\" b ' * 40_000
    + "</script>",
    "deep nesting": "<div>" * 5_000 + "deep" + "</div>" * 5_000,
    "a hundred thousand attributes": "<p " + " ".join(f'a{n}="x"' for n in range(100_000)) + ">x</p>",
    "fifty thousand elements": "<span>x</span>" * 50_000,
    "unclosed scripts": "<script>" * 20_000,
    "lone surrogates and controls": "<p>&#xD800;&#0;\x00\x0b text &#x110000;</p>",
    "unclosed comments": "<!--" * 10_000,
    "nothing": "",
    "no tag": "just some words",
    "deep JSON-LD": '<script type="application/ld+json">' + "[" * 100_000 + "</script>",
    "JSON-LD of odd types": '<script type="application/ld+json">{"@type": 5, "author": [[], 1, {"name": {"@value": []}}], "headline": {}}</script>',
}


@pytest.mark.parametrize("html", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_page_ends_as_a_rejection(html: str) -> None:
    extraction = extract(PageInput(url=URL, html=html), None)
    assert extraction.article is None
    assert extraction.rejection is not None


def test_an_article_survives_broken_json_ld_beside_it() -> None:
    broken = (
        '<script type="application/ld+json">{"@type": "NewsArticle", "articleBody": "'
        + 'a \\" b ' * 20_000
        + "</script>"
    )
    page = page_of(f"<article><h1>The quiet harbour</h1>{prose()}</article>", head=broken)
    assert article_of(extract(page, None)).text == "\n\n".join(PARAGRAPHS)


def test_what_the_feed_says_fills_what_the_page_leaves_out() -> None:
    hints = FeedHints(title="The quiet harbour", published=datetime(2026, 3, 1, 9, tzinfo=UTC), authors=("Ada Penn",))
    article = article_of(extract(page_of(f"<h1>The quiet harbour</h1>{prose()}", hints=hints), None))
    assert article.authors == ("Ada Penn",)
    assert article.authors_source == "feed"


@pytest.mark.parametrize(
    ("printed", "value", "assumed"),
    [
        ("2026-03-01T09:30:00+01:00", "2026-03-01T08:30:00+00:00", False),
        ("2026-03-01T09:30:00", "2026-03-01T08:30:00+00:00", True),
        ("2026-07-01T09:30:00Z", "2026-07-01T09:30:00+00:00", False),
    ],
    ids=["with its zone", "without zone: the outlet's", "UTC"],
)
def test_a_date_is_utc_and_says_whether_its_zone_was_assumed(printed: str, value: str, *, assumed: bool) -> None:
    page = page_of(
        f"<h1>The quiet harbour</h1>{prose()}", head=f"<meta property='article:published_time' content='{printed}'>"
    )
    article = article_of(extract(PageInput(url=page.url, html=page.html, zone="Europe/Paris"), None))
    assert article.published is not None
    assert article.published.value.isoformat() == value
    assert article.published.zone_assumed is assumed


def test_a_date_in_the_footer_is_not_the_articles() -> None:
    body = f"<article><h1>The quiet harbour</h1>{prose()}</article><footer><time datetime='1999-01-01'>1999</time></footer>"
    page = PageInput(url="http://www.example.test/a/harbour", html=page_of(body).html)
    assert article_of(extract(page, None)).published is None


def test_people_and_agencies_sign_apart() -> None:
    ld = '<script type="application/ld+json">{"@type":"NewsArticle","headline":"The quiet harbour","author":[{"@type":"Person","name":"Ada Penn"},{"@type":"Person","name":"AFP"}]}</script>'
    article = article_of(extract(page_of(f"<h1>The quiet harbour</h1>{prose()}", head=ld), None))
    assert article.authors == ("Ada Penn",)
    assert article.author_organisations == ("AFP",)


def test_every_step_is_explained() -> None:
    page = page_of(
        f"<article><h1>The quiet harbour</h1>{prose()}<p>Subscribe to our newsletter for more.</p></article>"
    )
    steps = {(step.action, step.rule) for step in extract(page, None).explanation}
    assert ("dropped", "newsletter") in steps or ("dropped", "tail") in steps or steps == set()
