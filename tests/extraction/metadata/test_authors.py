"""Authors of a page: people, organisations, and words of a byline that are not a name."""

from __future__ import annotations

import pytest
from lxml import html

from pipeline.extraction.dom.page import ParsedPage
from pipeline.extraction.extract import PageInput, extract
from pipeline.extraction.metadata.authors import Authors, read_authors
from pipeline.extraction.metadata.json_ld import LinkedArticle, Name

EMPTY = ParsedPage(root=html.document_fromstring("<html><body></body></html>"), markup="", json_ld=())


def read(*names: str, site: str = "", host: str = "") -> Authors:
    linked = LinkedArticle(authors=tuple(map(Name, names)))
    return read_authors(EMPTY, {}, linked, site=site, host=host, feed=())


@pytest.mark.parametrize(
    ("written", "people"),
    [
        ("Ada Penn et Tom Reed", ("Ada Penn", "Tom Reed")),
        ("Ada Penn & Tom Reed", ("Ada Penn", "Tom Reed")),
        ("Ada Peña y Tom Reed", ("Ada Peña", "Tom Reed")),
        ("Ada Penn, Tom Reed und Ida Roth", ("Ada Penn", "Tom Reed", "Ida Roth")),
        ("Ada Penna e Tom Reed", ("Ada Penna", "Tom Reed")),
        ("Par Ada Penn", ("Ada Penn",)),
        ("Par : Ada Penn Suivre", ("Ada Penn",)),
        ("Sandy Anderson", ("Sandy Anderson",)),
        ("Auteur : Ada Penn", ("Ada Penn",)),
        ("Alle Beiträge von Ada Penn", ("Ada Penn",)),
        ("View all posts by Ada Penn", ("Ada Penn",)),
        ("About Ada Penn", ("Ada Penn",)),
        ("by Ada Penn Monday", ("Ada Penn",)),
        ("Ada e Tomás", ("Ada", "Tomás")),
        ("Ada Costa e Pinto", ("Ada Costa e Pinto",)),
        ("Ada Costa e Tom Pinto", ("Ada Costa", "Tom Pinto")),
        ("스포츠조선=김에이다 기자", ("김에이다",)),
    ],
)
def test_names_are_parted_where_words_part_them(written: str, people: tuple[str, ...]) -> None:
    assert read(written).people == people


def test_for_whom_somebody_wrote_is_no_part_of_the_name() -> None:
    assert read("Ada Penn for The Gazette UK", site="The Gazette UK").people == ("Ada Penn",)
    assert read("Ada Penn And Tom Reed For The Gazette On Sunday").people == ("Ada Penn", "Tom Reed")
    assert read("Harbour Institute For The Near Coast").organisations == ("Harbour Institute For The Near Coast",)
    assert read("Institute for Harbours", site="The Gazette").organisations == ("Institute for Harbours",)


def test_a_role_beside_a_name_is_no_author() -> None:
    authors = read("ADA PENN, AP Sports Writer")
    assert (authors.people, authors.organisations) == (("ADA PENN",), ("AP Sports Writer",))


def test_those_who_comment_have_not_written_the_article() -> None:
    posts = "".join(f"<div class='letter'><span class='author'>Ada Penn the {n}th</span></div>" for n in range(3))
    text = "<p>The harbour was quiet that morning, and nobody had seen the boat leave before the tide turned.</p>" * 5
    article = f"<article><h1>The quiet harbour</h1>{text}</article>"
    page = f"<html><body>{article}<div id='comment_entries'>{posts}</div></body></html>"
    found = extract(PageInput(url="https://gazette.example/a", html=page), None).article
    assert found is not None
    assert found.authors == ()


@pytest.mark.parametrize("title", ["Là-bas si j'y suis", "L'île-et-mer"])
def test_a_word_within_a_word_parts_nothing(title: str) -> None:
    assert read(title).people == (title,)


@pytest.mark.parametrize(
    "line",
    [
        "Show all articles of Ada Penn",
        "Alle Artikel von Ada Penn",
        "Voir tous ses articles",
        "Фото: Ада Пенн",
        "Photo : Ada Penn",
        "em São Paulo",
        "in Berlin",
        "Redaktion 21",
        "Send us an e-mail",
        "Updated 12:30",
        "admin",
        "Weitere Artikel",
        "Mehr",
        "Autor",
    ],
)
def test_a_byline_without_a_name_is_left_out(line: str) -> None:
    assert read("Tom Reed", line).people == ("Tom Reed",)
    assert read(line) == Authors()


@pytest.mark.parametrize("name", ["Polizei Aven", "Hafen GmbH", "Aven – Das Magazin", "Noticias del Puerto", "AFP"])
def test_a_company_or_a_public_body_is_no_person(name: str) -> None:
    assert read(name).organisations == (name,)
    assert not read(name).people


def test_agencies_desks_and_the_outlet_itself_are_organisations() -> None:
    authors = read("Ada Penn", "AFP", "Rédaction", "Le Méridien", "Le Méridien Plus", site="Le Méridien")
    assert authors.people == ("Ada Penn",)
    assert authors.organisations == ("AFP", "Rédaction", "Le Méridien", "Le Méridien Plus")


def test_the_outlets_name_beside_a_persons_is_left_out() -> None:
    assert read("The Gazette - Ada Penn", site="The Gazette").people == ("Ada Penn",)
    assert read("Ada Penn | The Gazette", site="The Gazette").people == ("Ada Penn",)


def test_an_agency_that_is_named_twice_is_named_once() -> None:
    assert read("SID", "SID Nachrichtenagentur") == Authors((), ("SID",), "json-ld")


def test_names_in_a_box_of_a_byline_are_parted_as_its_elements_are() -> None:
    markup = (
        "<div class='article-byline'>\n <div class='origins'><span>Ada Penn</span> <span>Tom Reed</span></div></div>"
    )
    page = ParsedPage(root=html.document_fromstring(f"<html><body>{markup}</body></html>"), markup=markup, json_ld=())
    assert read_authors(page, {}, LinkedArticle(), site="", host="", feed=()).people == ("Ada Penn", "Tom Reed")


TEXT = "".join(
    f"<p>In its {n}th hour the council still spoke of the bridge, and of what it would cost us.</p>" for n in range(6)
)
OUTLET_ALONE = (
    '<script type="application/ld+json">{"@type": "NewsArticle", "headline": "The bridge", "author": '
    '{"@type": "Organization", "name": "The Gazette"}}</script>'
)


@pytest.mark.parametrize(
    ("before", "behind", "people"),
    [
        ("", "<p style='text-align: right'><strong>Lê Penn</strong></p>", ("Lê Penn",)),
        ("", "<p><em>Ada van der Penn</em></p>", ("Ada van der Penn",)),
        ("<p><strong>ADA PENN</strong></p>", "", ("ADA PENN",)),
        ("", "<p><strong>Related Subjects</strong></p>", ()),
        ("", "<p>Great Harbour</p>", ()),
        ("<p><strong>The day after</strong></p>", "", ()),
    ],
    ids=["to the right", "in italics", "bold above", "bold behind heads what comes", "a place", "a heading"],
)
def test_a_line_that_is_a_name_is_a_signature_where_no_source_names_an_author(
    before: str, behind: str, people: tuple[str, ...]
) -> None:
    page = f"<html><head>{OUTLET_ALONE}</head><body><h1>The bridge</h1><div>{before}{TEXT}{behind}</div></body></html>"
    article = extract(PageInput(url="https://gazette.example/a/1", html=page), None).article
    assert article is not None
    assert article.authors == people
    assert article.author_organisations == ("The Gazette",)
    assert article.authors_source == ("signature" if people else "json-ld")
