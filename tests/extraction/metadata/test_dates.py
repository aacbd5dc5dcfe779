"""Dates and other values that a page's head, JSON-LD and byline give."""

from __future__ import annotations

import pytest

from pipeline.domain.model import Rejection
from pipeline.extraction.boilerplate.markup_kinds import is_outside_article
from pipeline.extraction.dom.page import ParsedPage, parse_page
from pipeline.extraction.metadata.json_ld import LinkedArticle, read_json_ld
from pipeline.extraction.metadata.resolve import Metadata, read_head, read_metadata
from pipeline.extraction.values import FeedHints

URL = "https://gazette.example/2026/03/01/harbour"


def parsed(markup: str) -> ParsedPage:
    page = parse_page(markup)
    assert not isinstance(page, Rejection)
    return page


def metadata_of(markup: str, *, url: str = URL, linked: LinkedArticle | None = None) -> Metadata:
    page = parsed(markup)
    linked = linked or read_json_ld(page.json_ld)
    return read_metadata(page, read_head(page.root), linked, url=url, zone="Europe/Paris", hints=FeedHints())


@pytest.mark.parametrize(
    ("head", "source"),
    [
        ('<script type="application/ld+json">{"@type": "NewsArticle", "headline": "Harbour", '
         '"datePublished": "2026-03-02T08:00:00+01:00"}</script>', "json-ld"),
        ('<meta property="article:published_time" content="2026-03-02T08:00:00+01:00">', "opengraph"),
        ('<meta name="dc.date" content="2026-03-02T08:00:00+01:00">', "dc"),
        ('<meta name="pubdate" content="2026-03-02T08:00:00+01:00">', "meta"),
        ('<time itemprop="datePublished" datetime="2026-03-02T08:00:00+01:00">Monday</time>', "itemprop"),
        ('<time datetime="2026-03-02T08:00:00+01:00">Monday</time>', "time"),
    ],
)  # fmt: skip
def test_a_publication_date_has_the_source_it_was_read_from(head: str, source: str) -> None:
    published = metadata_of(f"<html><body><h1>Harbour</h1>{head}</body></html>").dates.published
    assert published is not None
    assert (published.value.isoformat(), published.source, published.offset_s) == (
        "2026-03-02T07:00:00+00:00", source, 3600,
    )  # fmt: skip


def test_without_another_source_the_date_is_read_from_the_url() -> None:
    published = metadata_of("<html><body><h1>Harbour</h1><p>Text.</p></body></html>").dates.published
    assert published is not None
    assert (published.value.isoformat(), published.source) == ("2026-02-28T23:00:00+00:00", "url")


def test_a_modification_before_publication_is_ignored() -> None:
    linked = LinkedArticle(published="2026-03-02T08:00:00Z", modified="2026-03-01T08:00:00Z")
    assert metadata_of("<html><body><h1>Harbour</h1></body></html>", linked=linked).dates.modified is None


def test_a_time_in_a_sidebar_is_no_date_of_the_article() -> None:
    page = parsed("<html><body><aside><time datetime='2026-01-01'>x</time></aside><p><b>y</b></p></body></html>")
    assert [is_outside_article(element) for element in page.root.iter("time", "b")] == [True, False]


def test_the_canonical_url_is_never_a_home_page() -> None:
    head = '<link rel="canonical" href="https://gazette.example/"><meta property="og:url" content="/2026/harbour">'
    found = metadata_of(f"<html><head>{head}</head><body><h1>Harbour</h1></body></html>")
    assert found.canonical_url == "https://gazette.example/2026/harbour"


@pytest.mark.parametrize(
    ("value", "is_free"),
    [("true", True), ('"False"', False), ('"http://schema.org/True"', True), ('"maybe"', None), ("0", None)],
)
def test_json_ld_declares_free_access(value: str, is_free: bool | None) -> None:
    block = f'{{"@type": "NewsArticle", "headline": "Harbour", "isAccessibleForFree": {value}}}'
    assert read_json_ld((block,)).is_free is is_free


def test_the_most_article_like_node_gives_the_values() -> None:
    blocks = (
        '{"@type": "BlogPosting", "headline": "A post", "datePublished": "2026-03-01"}',
        '{"@graph": [{"@type": "NewsArticle", "headline": "The news", "datePublished": "2026-03-01",'
        ' "author": {"@id": "#ada"}}, {"@type": "Person", "@id": "#ada", "name": "Ada Penn"}]}',
        "{broken",
    )
    found = read_json_ld(blocks)
    assert (found.headline, found.type, [name.text for name in found.authors]) == (
        "The news",
        "newsarticle",
        ["Ada Penn"],
    )
