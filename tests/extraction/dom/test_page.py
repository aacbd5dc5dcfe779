"""A page's bytes: decoded once, known by their kind, cut down before they are parsed."""

from __future__ import annotations

import pytest

from pipeline.domain.model import Rejection
from pipeline.extraction.dom.page import ParsedPage, check_page, page_in_utf8, parse_page

WORDS = "L’été à la cœur « français »"
PADDING = b" " * 6_000


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"\xef\xbb\xbf" + WORDS.encode(), "text/html; charset=iso-8859-1"),
        (WORDS.encode("utf-16"), None),
        (WORDS.encode(), "text/html; charset=utf-8"),
        (WORDS.encode(), "text/html; charset=iso-8859-1"),
        (b'<meta charset="windows-1252">' + WORDS.encode("cp1252"), "text/html"),
        (b'<meta charset="utf-8">' + WORDS.encode("cp1252"), None),
        (WORDS.encode("cp1252"), None),
        (WORDS.encode("cp1252"), "text/html; charset=made-up"),
        (WORDS.encode(), 'text/html; charset="UTF-8"'),
        (WORDS.encode() + b" " * 3_000 + b"\xe2\x80", "text/html; charset=utf-8"),
        (PADDING + b'<meta charset="koi8-r">' + WORDS.encode(), None),
    ],
    ids=[
        "BOM before HTTP",
        "UTF-16 by its BOM",
        "HTTP",
        "HTTP says latin-1 of UTF-8",
        "meta",
        "meta says UTF-8 of cp1252",
        "nothing said, cp1252",
        "unknown charset",
        "quoted charset",
        "one broken sign at the end",
        "meta behind the first 4 KB",
    ],
)
def test_a_page_is_decoded_in_the_written_order(body: bytes, content_type: str | None) -> None:
    assert WORDS in page_in_utf8(body, content_type).decode()


def test_control_signs_and_lone_surrogates_are_gone() -> None:
    assert page_in_utf8(b"a\x00b\x0bc\x7f", None) == b"abc"
    assert page_in_utf8("a\uffffé\x00\ufffeb".encode(), None) == "aéb".encode()
    assert page_in_utf8(b"a\\ud800b", "text/html; charset=unicode_escape") == b"ab"


@pytest.mark.parametrize(
    ("body", "content_type", "reason"),
    [
        (b"", None, "empty"),
        (b"  \n", "text/html", "empty"),
        (b"%PDF-1.7", "text/html", "pdf"),
        (b"<html>", "application/pdf", "pdf"),
        (b"\x89PNG\r\n", None, "image"),
        (b"\xff\xd8\xff\xe0", "text/html", "image"),
        (b"PK\x03\x04", None, "not_html"),
        (b'<?xml version="1.0"?><rss version="2.0">', "text/html", "not_html"),
        (b'{"a": 1}', "application/json", "not_html"),
        (b"<!doctype html><html>", "text/html; charset=utf-8", None),
        (b"<html><body>", "application/octet-stream", None),
        (b"<div>a fragment</div>", None, None),
    ],
    ids=lambda value: repr(value)[:24],
)
def test_what_can_hold_no_article_is_known_by_its_kind(
    body: bytes, content_type: str | None, reason: str | None
) -> None:
    rejection = check_page(body, content_type)
    assert (rejection.reason if rejection else None) == reason


def test_scripts_are_gone_and_json_ld_is_handed_over() -> None:
    parsed = parse_page('<p>a<SCRIPT>if (a < b) {}</SCRIPT>b</p><script type="application/ld+json">{"a": 1}</script>')
    assert isinstance(parsed, ParsedPage)
    assert parsed.json_ld == ('{"a": 1}',)
    assert "".join(parsed.root.itertext()).replace(" ", "") == "ab"


@pytest.mark.parametrize(
    "html",
    [
        "<i>x</i>" * 25_000,
        "<div>" * 400,
        "<p>" + "x" * 3_100_000,
        "<p " + " ".join(f"a{n}=1" for n in range(9_000)) + ">",
    ],
    ids=["elements", "depth", "markup", "attributes"],
)
def test_a_page_over_a_limit_is_named_as_such(html: str) -> None:
    rejection = parse_page(html)
    assert isinstance(rejection, Rejection)
    assert rejection.reason == "page_too_large"


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<div>a<nav><ul><li>menu</ul></nav>b</div>", "ab"),
        ("<div>a<nav>menu<nav>more</nav>menu</nav>b</div>", "ab"),
        ("<div>a<nav><h1>headline</h1></nav>b</div>", "aheadlineb"),
        ("<div><div>a<nav>menu</div><p>b</p></nav>c</div>", "amenubc"),
        ("<div>a<nav>menu<p>b</div>", "amenub"),
        ("<div>a</nav>b<nav>menu</nav>c</div>", "abc"),
        ("<div>a<nav><!-- </nav> -->menu</nav>b</div>", "amenub"),
    ],
    ids=["whole", "nested", "with a headline", "ended by another", "open", "stray end", "end in a comment"],
)
def test_navigation_is_passed_over_where_it_is_whole_and_nothing_else(html: str, text: str) -> None:
    parsed = parse_page(html)
    assert isinstance(parsed, ParsedPage)
    assert "".join(parsed.root.itertext()) == text


@pytest.mark.parametrize("closing", ["</script>", "</SCRIPT>", "</Script\n>", "</scrIPT>"])
def test_a_script_ends_in_any_mix_of_cases(closing: str) -> None:
    parsed = parse_page(f"<p>a<script>var b = 1;{closing}c</p>")
    assert isinstance(parsed, ParsedPage)
    assert "".join(parsed.root.itertext()).replace(" ", "") == "ac"


def test_a_megabyte_of_script_does_not_make_a_page_too_large() -> None:
    parsed = parse_page("<script>" + "x" * 5_000_000 + "</script><p>text</p>")
    assert isinstance(parsed, ParsedPage)
    assert parsed.root.findtext(".//p") == "text"
