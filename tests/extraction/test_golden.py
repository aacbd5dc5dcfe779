"""Golden articles: for every outlet of the newsroom what is extracted of two pages, as a reviewer reads it.

A change shows as a diff in `tests/golden/extract/`; `python -m tests.extraction.test_golden` writes the files anew.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipeline.extraction.extract import PageInput, extract
from pipeline.extraction.jsonl import ExtractedRow, ExtractRow, written_line
from tests.newsroom.catalogue import OUTLETS
from tests.newsroom.outlets import Outlet
from tests.newsroom.pages.page import Page
from tests.newsroom.site import look_of

GOLDEN = Path(__file__).parents[1] / "golden" / "extract"
RELATED = (("Un titre voisin", "/a/1"), ("Un autre titre", "/a/2"), ("Encore un titre", "/a/3"))
PAGES = 2


def lines_of(outlet: Outlet) -> str:
    """What is extracted of the outlet's first pages, with every step explained."""
    lines = []
    for article in sorted(outlet.articles, key=lambda article: article.slug)[:PAGES]:
        url = outlet.url(article)
        html = look_of(outlet).render(Page(outlet, article, article.versions[0], RELATED))
        extraction = extract(
            PageInput(url=url, html=html, outlet_id=outlet.id, language=outlet.language, zone=outlet.timezone), None
        )
        lines.append(written_line(ExtractedRow(ExtractRow(article.slug, url, ""), extraction), explain=True))
    return json.dumps(lines, ensure_ascii=False, indent=1) + "\n"


@pytest.mark.parametrize("outlet", OUTLETS, ids=lambda outlet: outlet.id)
def test_an_outlets_pages_are_extracted_as_reviewed(outlet: Outlet) -> None:
    assert lines_of(outlet) == (GOLDEN / f"{outlet.id}.json").read_text(encoding="utf-8")


if __name__ == "__main__":
    GOLDEN.mkdir(parents=True, exist_ok=True)
    for each in OUTLETS:
        (GOLDEN / f"{each.id}.json").write_text(lines_of(each), encoding="utf-8")
