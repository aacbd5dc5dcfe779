"""The hostile cases of the page side: pages that attack the extractor.

`ends` are the ends that are right: an article, a rejection, or a worker lost to its limit of time or memory. Where the
machine's speed decides between the last two, both are given.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

ARTICLE = "article"
REJECTED = "rejected"
FAILED = "failed"

TITLE = "Le port rouvre après trois semaines de travaux"
SUBJECTS = (
    "Les pêcheurs",
    "La mairie",
    "Les commerçants du quai",
    "Le syndicat mixte",
    "Les riverains",
    "La capitainerie",
)
PARAGRAPHS = tuple(
    f"{subject} attendaient cette date depuis le début du mois de février, rappelle le maire adjoint chargé du "
    f"littoral, qui a compté {n} réunions avec les entreprises avant que la digue ne soit consolidée. « Nous avons "
    f"tenu le budget de {n},4 millions d’euros », assure-t-il, en précisant que la criée reprendra ses ventes dès "
    f"lundi matin à l’aube."
    for n, subject in enumerate(SUBJECTS, start=2)
)
BODY = "".join(f"<p>{paragraph}</p>" for paragraph in PARAGRAPHS)


def page(body: str, *, head: str = "") -> bytes:
    """A page around a body; lone surrogates stand for bytes that are no UTF-8."""
    text = (
        f"<!doctype html><html lang='fr'><head><meta charset='utf-8'><title>{TITLE}</title>{head}</head>"
        f"<body><main><article><h1>{TITLE}</h1>{body}</article></main></body></html>"
    )
    return text.encode("utf-8", "surrogatepass")


def json_ld(text: str) -> str:
    return f'<script type="application/ld+json">{text}</script>'


@dataclass(frozen=True, slots=True)
class PageCase:
    """One page and the ends that are right for it."""

    name: str
    make: Callable[[], bytes]
    ends: tuple[str, ...]
    reason: str = ""  # of a rejection
    content_type: str = "text/html; charset=utf-8"
    check: Callable[[str], bool] = lambda _: True  # of an article's text


def whole_text(text: str) -> bool:
    """Every paragraph, in good characters."""
    return all(paragraph in text for paragraph in PARAGRAPHS)


def first_text(text: str) -> bool:
    return PARAGRAPHS[0] in text


LIMITED = (ARTICLE, REJECTED, FAILED)

PAGE_CASES = (
    PageCase("good", lambda: page(BODY), (ARTICLE,), check=whole_text),
    # characters
    PageCase("broken-byte-at-the-end", lambda: page(BODY) + b"\xc3", (ARTICLE,), check=whole_text),
    PageCase(
        "broken-byte-in-the-middle",
        lambda: page(BODY).replace(b"</p><p>", b"</p><p>\xe9</p><p>", 1),
        (ARTICLE,),
        check=first_text,
    ),
    PageCase(
        "cp1252-undeclared",
        lambda: page(BODY).decode().replace("<meta charset='utf-8'>", "").encode("cp1252"),
        (ARTICLE,),
        content_type="text/html",
        check=whole_text,
    ),
    PageCase("cp1252-declared-utf-8", lambda: page(BODY).decode().encode("cp1252"), (ARTICLE,), check=whole_text),
    PageCase(
        "utf-8-declared-latin-1",
        lambda: page(BODY),
        (ARTICLE,),
        content_type="text/html; charset=iso-8859-1",
        check=whole_text,
    ),
    PageCase(
        "utf-16-with-mark",
        lambda: page(BODY).decode().encode("utf-16"),
        (ARTICLE,),
        content_type="text/html",
        check=whole_text,
    ),
    PageCase(
        "charset-unknown", lambda: page(BODY), (ARTICLE,), content_type="text/html; charset=x-klingon", check=whole_text
    ),
    PageCase(
        "charset-utf-7", lambda: page(BODY), (ARTICLE,), content_type="text/html; charset=utf-7", check=whole_text
    ),
    PageCase(
        "nul-bytes", lambda: page(BODY.replace(" ", "\x00 ", 3)), (ARTICLE,), check=lambda text: "\x00" not in text
    ),
    PageCase(
        "surrogate-references",
        lambda: page(BODY + "<p>&#xD800; &#0; &#x110000;</p>"),
        (ARTICLE,),
        check=lambda t: t.isprintable() or "\ud800" not in t,
    ),
    PageCase(
        "surrogate-bytes", lambda: page(BODY + "<p>\ud800</p>"), (ARTICLE,), check=lambda text: "\ud800" not in text
    ),
    # no pages
    PageCase("empty", lambda: b"", (REJECTED,), "empty"),
    PageCase("blank", lambda: b" \r\n" * 1000, (REJECTED,), "empty"),
    PageCase("pdf", lambda: b"%PDF-1.7\n" + bytes(5000), (REJECTED,), "pdf", content_type="application/pdf"),
    PageCase("pdf-as-html", lambda: b"%PDF-1.7\n" + bytes(5000), (REJECTED,)),
    PageCase("png-as-html", lambda: b"\x89PNG\r\n\x1a\n" + bytes(5000), (REJECTED,)),
    PageCase("zip-as-html", lambda: b"PK\x03\x04" + bytes(5000), (REJECTED,)),
    PageCase("feed-as-page", lambda: b"<?xml version='1.0'?><rss version='2.0'><channel/></rss>", (REJECTED,)),
    PageCase("nothing-but-scripts", lambda: b"<script>" + b"x();" * 50_000 + b"</script>", (REJECTED,)),
    PageCase("random-bytes", lambda: random.Random(4).randbytes(300_000), (REJECTED,)),
    PageCase("soft-404", lambda: page("<p>La page que vous cherchez est introuvable.</p>"), (REJECTED,)),
    PageCase(
        "javascript-wall", lambda: page("<noscript>Please enable JavaScript to continue.</noscript>"), (REJECTED,)
    ),
    PageCase(
        "meta-refresh-loop",
        lambda: b"<html><head><meta http-equiv='refresh' content='0;url=/une.html'></head></html>",
        (REJECTED,),
    ),
    # size and depth
    PageCase("nested-divs", lambda: page("<div>" * 100_000 + BODY + "</div>" * 100_000), LIMITED),
    PageCase("nested-divs-unclosed", lambda: page(BODY + "<div>" * 100_000), LIMITED),
    PageCase("nested-260", lambda: page("<div>" * 260 + BODY + "</div>" * 260), LIMITED, check=whole_text),
    PageCase("one-paragraph-of-9-mb", lambda: page("<p>" + "mot " * 2_250_000 + "</p>"), LIMITED),
    PageCase(
        "script-of-9-mb-before",
        lambda: page(f"<script>{'x();' * 2_250_000}</script>{BODY}"),
        (ARTICLE,),
        check=whole_text,
    ),
    PageCase("comment-of-9-mb-before", lambda: page(f"<!--{'x ' * 4_500_000}-->{BODY}"), (ARTICLE, REJECTED)),
    PageCase(
        "style-of-9-mb-before", lambda: page(f"<style>{'a{} ' * 2_250_000}</style>{BODY}"), (ARTICLE,), check=whole_text
    ),
    PageCase("spaces-of-5-mb", lambda: page(BODY + " " * 5_000_000), LIMITED),
    PageCase("attribute-of-5-mb", lambda: page(f"<img alt='{'a' * 5_000_000}'>{BODY}"), LIMITED),
    PageCase(
        "hundred-thousand-attributes",
        lambda: page(f"<div {' '.join(f'a{n}=1' for n in range(100_000))}>{BODY}</div>"),
        LIMITED,
    ),
    PageCase(
        "huge-colspan",
        lambda: page(f"<table><tr><td colspan='999999999'>a</td></tr></table>{BODY}"),
        (ARTICLE,),
        check=first_text,
    ),
    # what is quadratic in one library or another
    PageCase("unclosed-paragraphs", lambda: page("<p>x" * 225_000 + BODY), LIMITED),
    PageCase("spans-in-one-paragraph", lambda: page("<p>" + "<span>x</span>" * 130_000 + "</p>" + BODY), LIMITED),
    PageCase("line-breaks", lambda: page("<br>" * 1_000_000 + BODY), LIMITED),
    PageCase(
        "dated-lines", lambda: page("".join(f"<p>{n % 28 + 1} mars 2026</p>" for n in range(100_000)) + BODY), LIMITED
    ),
    PageCase("same-paragraph-20000-times", lambda: page(f"<p>{PARAGRAPHS[0]}</p>" * 20_000), LIMITED),
    PageCase("links-50000", lambda: page("<a href='/a'>lire aussi</a> " * 50_000 + BODY), LIMITED),
    PageCase("entities-500000", lambda: page("<p>" + "&eacute;" * 500_000 + "</p>" + BODY), LIMITED),
    PageCase("ampersands-1000000", lambda: page("<p>" + "&" * 1_000_000 + "</p>" + BODY), LIMITED),
    PageCase("less-than-1000000", lambda: page("<p>" + "<" * 1_000_000 + "</p>" + BODY), LIMITED),
    PageCase("comments-unclosed", lambda: page(BODY + "<!--" * 100_000), LIMITED),
    PageCase("meta-100000", lambda: page(BODY, head="<meta name='author' content='A B'>" * 100_000), LIMITED),
    PageCase("title-of-5-mb", lambda: page(BODY, head=f"<title>{'mot ' * 1_250_000}</title>"), LIMITED),
    PageCase("author-of-2-mb", lambda: page(BODY, head=f"<meta name='author' content='{'a, ' * 700_000}'>"), LIMITED),
    PageCase(
        "date-of-2-mb",
        lambda: page(BODY, head=f"<meta property='article:published_time' content='{'1' * 2_000_000}'>"),
        LIMITED,
    ),
    PageCase("svg-mathml-nesting", lambda: page("<svg><math>" * 20_000 + BODY), LIMITED),
    PageCase("tables-nested", lambda: page("<table><tr><td>" * 5_000 + BODY), LIMITED),
    # JSON-LD
    PageCase(
        "json-ld-cut",
        lambda: page(BODY, head=json_ld('{"@type":"NewsArticle","articleBody":"' + '\\"mot\\" ' * 20_000)),
        (ARTICLE,),
        check=whole_text,
    ),
    PageCase("json-ld-deep", lambda: page(BODY, head=json_ld("[" * 200_000)), (ARTICLE,), check=whole_text),
    PageCase(
        "json-ld-surrogate",
        lambda: page(BODY, head=json_ld('{"@type":"NewsArticle","headline":"a\\ud800b"}')),
        (ARTICLE,),
        check=whole_text,
    ),
    PageCase(
        "json-ld-huge-number",
        lambda: page(BODY, head=json_ld('{"@type":"NewsArticle","wordCount":' + "9" * 10_000 + "}")),
        (ARTICLE,),
        check=whole_text,
    ),
    PageCase(
        "json-ld-wrong-types",
        lambda: page(
            BODY,
            head=json_ld(
                '{"@type":["NewsArticle",5],"author":{"name":[1,{"name":2}]},"datePublished":{"a":[]},"image":5,"headline":["x"],"url":{}}'
            ),
        ),
        (ARTICLE,),
        check=whole_text,
    ),
    PageCase(
        "json-ld-graph-loop",
        lambda: page(
            BODY,
            head=json_ld('{"@graph":[' + ",".join(['{"@type":"NewsArticle","author":{"@id":"#a"}}'] * 5_000) + "]}"),
        ),
        LIMITED,
    ),
    PageCase("random-bytes-called-html", lambda: random.Random(7).randbytes(60_000), (REJECTED,), reason="garbled"),
    PageCase(
        "random-bytes-within-a-page",
        lambda: page("<p>" + random.Random(8).randbytes(9_000).decode("cp1252", "replace").replace("<", "") + "</p>"),
        (REJECTED,),
        reason="garbled",
    ),
    # links out of the page
    PageCase(
        "canonical-is-home-page",
        lambda: page(BODY, head="<link rel='canonical' href='/'>"),
        (ARTICLE,),
        check=whole_text,
    ),
    PageCase(
        "canonical-is-javascript",
        lambda: page(BODY, head="<link rel='canonical' href='javascript:alert(1)'>"),
        (ARTICLE,),
        check=whole_text,
    ),
    PageCase(
        "canonical-is-unparsable",
        lambda: page(
            BODY, head="<link rel='canonical' href='http://[bad/'><meta property='og:url' content='http://[::1'>"
        ),
        (ARTICLE,),
        check=whole_text,
    ),
    PageCase(
        "base-is-unparsable",
        lambda: page(BODY + "<a href='a'>b</a>", head="<base href='http://[bad/'>"),
        (ARTICLE,),
        check=whole_text,
    ),
    PageCase(
        "entity-bomb-xhtml",
        lambda: (
            b"<?xml version='1.0'?><!DOCTYPE html [<!ENTITY a '" + b"a" * 9000 + b"'>]>" + page(BODY + "&a;" * 9000)
        ),
        (ARTICLE,),
        check=first_text,
    ),
    PageCase(
        "external-entity-xhtml",
        lambda: b"<!DOCTYPE html [<!ENTITY x SYSTEM 'file:///etc/passwd'>]>" + page(BODY + "<p>&x;</p>"),
        (ARTICLE,),
        check=lambda text: "root:" not in text,
    ),
)
