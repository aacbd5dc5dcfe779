"""Authors: people and organisations as pages write them, and what stands in a byline and is nobody's name."""

from __future__ import annotations

import pytest
from lxml import html

from pipeline.authors import Authors, read_authors
from pipeline.jsonld import LinkedArticle, Name
from pipeline.page import ParsedPage

EMPTY = ParsedPage(html.document_fromstring("<html><body></body></html>"), "", ())


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
    ],
)
def test_names_are_parted_where_words_part_them(written: str, people: tuple[str, ...]) -> None:
    assert read(written).people == people


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
    ],
)
def test_a_line_of_a_byline_that_names_nobody_is_left_out(line: str) -> None:
    assert read("Tom Reed", line).people == ("Tom Reed",)
    assert read(line) == Authors()


@pytest.mark.parametrize("name", ["Polizei Aven", "Hafen GmbH", "Aven – Das Magazin", "Noticias del Puerto", "AFP"])
def test_a_company_or_a_public_body_is_nobody(name: str) -> None:
    assert read(name).organisations == (name,)
    assert not read(name).people


def test_agencies_desks_and_the_outlet_itself_are_organisations() -> None:
    authors = read("Ada Penn", "AFP", "Rédaction", "Le Méridien", "Le Méridien Plus", site="Le Méridien")
    assert authors.people == ("Ada Penn",)
    assert authors.organisations == ("AFP", "Rédaction", "Le Méridien", "Le Méridien Plus")
