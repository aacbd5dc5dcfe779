"""What a sitemap file lists, which of it falls into a span, and which sitemap can hold any of it."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime

import pytest

from pipeline.domain.errors import NotAFeed
from pipeline.feeds.sitemaps import (
    Child,
    Span,
    in_span,
    may_hold,
    period_of,
    read_sitemap_file,
    sitemaps_named,
    undated,
)

MARCH_1 = Span(datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC))
AT = "http://www.gazette.test/sitemap.xml"
OPEN = '<?xml version="1.0" encoding="UTF-8"?>\n<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">'
NEWS = (
    "<url><loc>http://www.gazette.test/a</loc><n:news xmlns:n='http://www.google.com/schemas/sitemap-news/0.9'>"
    "<n:publication_date>{day}</n:publication_date><n:title>Le budget &amp; l'eau</n:title></n:news></url>"
)


def read(pages: str, url: str = AT) -> object:
    return read_sitemap_file(f"{OPEN}{pages}</urlset>".encode(), url=url, content_type="application/xml", zone=UTC)


@pytest.mark.parametrize(
    ("page", "sitemap", "is_in"),
    [
        pytest.param(NEWS.format(day="2026-03-01T23:59:00Z"), AT, True, id="the day it was published"),
        pytest.param(NEWS.format(day="2026-03-02T00:30:00+01:00"), AT, True, id="published by another clock"),
        pytest.param(NEWS.format(day="2026-03-02T00:00:00Z"), AT, False, id="the day after"),
        pytest.param("<url><loc>/2026/03/01/x.html</loc></url>", AT, True, id="the day in its URL"),
        pytest.param("<url><loc>/2026/02/01/x</loc><lastmod>2026-03-01</lastmod></url>", AT, False, id="URL first"),
        pytest.param("<url><loc>/x</loc><lastmod>2026-03-01T10:00:00Z</lastmod></url>", AT, True, id="lastmod"),
        pytest.param("<url><loc>/x</loc></url>", "http://www.gazette.test/s/2026-03-01.xml", True, id="its sitemap"),
        pytest.param("<url><loc>/x</loc></url>", AT, False, id="nothing dates it"),
        pytest.param("<url><loc>/x_20260301.html</loc></url>", AT, True, id="a day without separators"),
        pytest.param("<url><loc>/x_6433624.html</loc></url>", AT, False, id="a number is no day"),
    ],
)
def test_a_page_belongs_to_the_day_it_was_published(page: str, sitemap: str, is_in: bool) -> None:
    assert bool(in_span(read(page, sitemap), MARCH_1)) is is_in  # type: ignore[arg-type]


def test_a_page_that_nothing_dates_is_counted() -> None:
    assert undated(read("<url><loc>/x</loc></url><url><loc>/2026/03/01/y</loc></url>")) == 1  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("child", "may"),
    [
        pytest.param(Child("http://g.test/sitemap-2026-03.xml", None), True, id="its month"),
        pytest.param(Child("http://g.test/sitemap-2026-04.xml", None), False, id="another month"),
        pytest.param(Child("http://g.test/sitemap?yyyy=2026&mm=03&dd=01", None), True, id="its day in the query"),
        pytest.param(Child("http://g.test/sitemap?yyyy=2025&mm=03&dd=01", None), False, id="another year's day"),
        pytest.param(Child("http://g.test/2026-03-02.xml", None), True, id="the day after, by the outlet's clock"),
        pytest.param(Child("http://g.test/2026-03-04.xml", None), False, id="days after"),
        pytest.param(Child("http://g.test/archive/2026.xml", None), True, id="its year"),
        pytest.param(Child("http://g.test/archive/2024.xml", None), False, id="another year"),
        pytest.param(Child("http://g.test/7.xml", None), True, id="nothing is said"),
        pytest.param(Child("http://g.test/7.xml", datetime(2026, 2, 1, tzinfo=UTC)), False, id="unchanged since"),
        pytest.param(Child("http://g.test/7.xml", datetime(2026, 5, 1, tzinfo=UTC)), True, id="changed later"),
    ],
)
def test_a_sitemap_is_read_only_when_it_can_hold_the_days(child: Child, may: bool) -> None:
    assert may_hold(child, MARCH_1) is may


@pytest.mark.parametrize(
    ("url", "days"),
    [
        ("http://g.test/2026/02.xml", "2026-02-01..2026-03-01"),
        ("http://g.test/2026/12/31/", "2026-12-31..2027-01-01"),
        ("http://g.test/s-202612.xml", "2026-12-01..2027-01-01"),
        ("http://g.test/2026", "2026-01-01..2027-01-01"),
        ("http://2026.test/x", "None"),
        ("http://g.test/2026-02-31", "None"),
    ],
)
def test_the_period_that_a_url_names(url: str, days: str) -> None:
    assert str(period_of(url)) == days


def test_an_index_names_its_sitemaps_with_absolute_urls() -> None:
    index = b"<sitemapindex><sitemap><loc>/s/1.xml</loc><lastmod>2026-03-01</lastmod></sitemap></sitemapindex>"
    (child,) = read_sitemap_file(index, url=AT, content_type=None, zone=UTC).children
    assert child == Child("http://www.gazette.test/s/1.xml", datetime(2026, 3, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(f"{OPEN}{NEWS.format(day='2026-03-01')}".encode(), id="cut"),
        pytest.param(
            f"<!DOCTYPE x [<!ENTITY a 'aaa'>]>{OPEN[39:]}{NEWS.format(day='2026-03-01')}</urlset>".encode(), id="DTD"
        ),
    ],
)
def test_what_is_odd_gives_what_can_be_read(body: bytes) -> None:
    file = read_sitemap_file(body, url=AT, content_type=None, zone=UTC)
    assert [page.raw.link for page in file.pages] == ["http://www.gazette.test/a"]


@pytest.mark.parametrize("body", [b"<html><body>404</body></html>", b"", gzip.compress(b"x", mtime=0)])
def test_what_is_no_sitemap_is_said_to_be_none(body: bytes) -> None:
    with pytest.raises(NotAFeed):
        read_sitemap_file(body, url=AT, content_type=None, zone=UTC)


def test_robots_txt_names_sitemaps_of_its_own_domain() -> None:
    robots = (
        "User-agent: *\nSITEMAP: /a.xml\nSitemap: http://cdn.gazette.test/b.xml # x\nSitemap: http://elsewhere.test/c"
    )
    named = sitemaps_named(robots, origin="http://www.gazette.test")
    assert named == ("http://www.gazette.test/a.xml", "http://cdn.gazette.test/b.xml")
