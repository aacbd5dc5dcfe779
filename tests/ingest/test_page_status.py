"""Page status: which responses are rejected by their status alone, and which page is read instead."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pipeline.domain.model import Redirect, Response
from pipeline.extraction.values import Extraction
from pipeline.ingest.retries import PASSING, better_page, is_twin, refuse_page
from tests.values import OUTLET, make_page, make_response

URL = "http://www.antenne.test/1.html"
SECTION = "http://www.antenne.test/france/"


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (200, None),
        (204, "http_status"),
        (401, "blocked"),
        (402, "paywalled"),
        (403, "blocked"),
        (404, "not_found"),
        (408, "http_408"),
        (410, "gone"),
        (418, "http_status"),
        (451, "legal"),
        (500, "http_5xx"),
        (503, "http_5xx"),
    ],
)
def test_a_status_gives_its_reason(status: int, reason: str | None) -> None:
    refusal = refuse_page(replace(make_response(URL), status=status))
    assert (refusal.reason if refusal else None) == reason


def test_a_bot_wall_is_rejected_whatever_its_status() -> None:
    refusal = refuse_page(replace(make_response(URL), notes=("bot_wall:cloudflare",)))
    assert refusal is not None
    assert (refusal.reason, refusal.detail) == ("bot_wall", "bot_wall:cloudflare")
    assert refusal.reason not in PASSING


def redirected(url: str) -> Response:
    return replace(make_response(URL), final_url=url, redirects=(Redirect(status=302, from_url=URL, to_url=url),))


def test_a_redirect_to_a_section_is_rejected_and_one_to_a_page_is_not() -> None:
    refusal = refuse_page(redirected(SECTION))
    assert refusal is not None
    assert refusal.reason == "redirected_to_section"
    assert refuse_page(redirected("http://www.antenne.test/2.html")) is None


@pytest.mark.parametrize(
    ("here", "canonical", "expected"),
    [
        ("http://www.antenne.test/amp/1.html", URL, True),
        (URL, URL, False),
        (URL + "?utm_source=rss", URL, False),
        ("http://www.antenne.test/2.html", URL, False),
    ],
    ids=["amp", "the same", "tracked link", "another page"],
)
def test_a_twin_is_the_same_article_at_another_address(here: str, canonical: str, expected: bool) -> None:
    assert is_twin(here, canonical) is expected


def test_a_meta_refresh_is_followed_within_the_outlet_only() -> None:
    page = make_page(URL)
    within = Extraction(page.article, None, meta_refresh="http://www.antenne.test/2.html")
    assert better_page(within, page.response, OUTLET) == "http://www.antenne.test/2.html"
    outside = Extraction(page.article, None, meta_refresh="http://www.elsewhere.test/2.html")
    assert better_page(outside, page.response, OUTLET) is None
    assert better_page(Extraction(page.article, None), page.response, OUTLET) is None
