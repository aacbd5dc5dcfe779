"""Whose page is this: addresses that pages only name, furniture that they share, through the whole walk."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pipeline.domain.model import Topic
from tests.ingest.test_revisit import HOST, WORDS, Deployment, deployed, make_page

__all__ = ["deployed"]

SHARED = tuple(WORDS.paragraph() for _ in range(6))
PREFIX = "Le port de Lurs en direct"


@pytest.mark.parametrize(
    ("named", "prefix", "shared"),
    [
        pytest.param(f"{HOST}/rubrique-du-jour", "", (), id="one canonical URL"),
        pytest.param(f"{HOST}/article-n72016.html", "", (), id="one canonical URL with a number"),
        pytest.param("https://other.example/?p=72016", "", (), id="an address of another site"),
        pytest.param(f"{HOST}/", "", (), id="the home page"),
        pytest.param(f"{HOST}/rubrique-du-jour", PREFIX, (), id="and headlines with one prefix"),
        pytest.param(f"{HOST}/rubrique-du-jour", "", SHARED[:3], id="and a third of the text"),
        pytest.param(f"{HOST}/rubrique-du-jour", "", SHARED, id="and half of the text"),
    ],
)
def test_articles_that_name_one_address_keep_ids_of_their_own(
    deployed: Deployment, named: str, prefix: str, shared: tuple[str, ...]
) -> None:
    for number in range(6):
        page = make_page(f"/sujet-{'abcdef'[number]}.html", canonical=named)
        page = replace(page, title=f"{prefix} {page.title}".strip(), paragraphs=(*page.paragraphs, *shared))
        deployed.publish(f"/sujet-{'abcdef'[number]}.html", page)
    deployed.ingest()
    deployed.ingest()
    assert deployed.told() == [("published", 1)] * 6
    assert len({event.key for event in deployed.events()}) == 6
    assert deployed.events(Topic.COPIES) == []


def test_articles_that_share_four_fifths_with_all_others_are_published(deployed: Deployment) -> None:
    for number in range(8):
        page = make_page(f"/{number}-sujet.html")
        deployed.publish(f"/{number}-sujet.html", replace(page, paragraphs=(*page.paragraphs[:2], *SHARED)))
        deployed.ingest()
    assert deployed.told() == [("published", 1)] * 8
    assert deployed.events(Topic.COPIES) == []


def test_a_daily_bulletin_is_published_each_day(deployed: Deployment) -> None:
    for day, metres in enumerate((214, 292, 187, 203)):
        page = make_page(f"/crues-{day}.html", title="Hauteur du fleuve")
        first = f"Le fleuve est à {metres} centimètres ce matin au pont de Lurs, indique le service des crues de Digne."
        deployed.publish(f"/crues-{day}.html", replace(page, paragraphs=(first, *SHARED)))
        deployed.ingest()
    assert deployed.told() == [("published", 1)] * 4
