"""Removal of boilerplate lines before, inside and after the article, on pages of our own."""

# ruff: noqa: E501 - markup stands on one line each, as pages print it

from __future__ import annotations

import json

import pytest
from lxml import html

from pipeline.domain.model import Article
from pipeline.extraction.content.clean import clean_blocks
from pipeline.extraction.content.lead import rest_of_lead
from pipeline.extraction.content.select import select_content
from pipeline.extraction.dom.blocks import read_blocks
from pipeline.extraction.extract import PageInput, extract
from tests.extraction.test_extract import PARAGRAPHS, URL, prose

LEAD = "A fishing boat left its mooring on Sunday, and the whole estuary went out to look for it."
STANDING = (
    "On Tuesday the boat lay at her mooring again, with dry sails, and nobody could say who had brought her back."
)
STANDFIRST = f"<p class='standfirst'>{LEAD}</p>"


def read(body: str, *, head: str = "") -> Article:
    page = (
        f"<html lang='en'><head><title>The quiet harbour</title>{head}</head>"
        f"<body><article><h1>The quiet harbour</h1>{body}</article></body></html>"
    )
    article = extract(PageInput(url=URL, html=page), None).article
    assert article is not None
    return article


@pytest.mark.parametrize(
    ("body", "dropped"),
    [
        (f"<div class='t'>{prose()}</div><div class='w'><img src='a.jpg'><p>The lock seen from the bridge, in fog.</p><p>Image: A. Penn / The Courier</p></div><div class='t'>{prose('So it ended.')}</div>", "seen from the bridge"),
        (f"{prose()}<div><picture><img src='a.jpg'></picture><p>The old lock on a clear day in May</p></div>{prose('So it ended.')}", "clear day"),
        (f"{prose()}<div class='mediaInfo'><p>Crews at the lock</p></div>{prose('So it ended.')}", "Crews at"),
        (f"{STANDFIRST}<div><h5>By Jane Roe, Saltby</h5>{prose()}</div>", "Jane Roe"),
        (f"<address class='author'>By <a rel='author' href='/jr'>Jane Roe</a></address>{prose()}<p>Jane Roe is a pilot and has sailed the estuary for thirty years.</p>", "thirty years"),
        (f"<address class='author'>By <a rel='author' href='/jr'>Jane Roe</a></address>{prose()}<h3>From the desk at the lock</h3><p>Jane Roe is a pilot and has sailed the estuary for thirty years.</p>", "From the desk"),
        (f"{prose()}<p>► <a href='/b'>All the boats that never came back to Saltby</a></p>{prose('So it ended.')}", "never came back"),
        (f"<address class='author'>By <a rel='author' href='/jr'>Jane Roe</a></address>{STANDFIRST}<div><p>Jane Roe,</p>{prose()}</div>", "Jane Roe"),
        (f"{STANDFIRST}<p>jeudi 13 juin 2019</p><div>{prose()}</div>", "13 juin"),
        (f"{STANDFIRST}<p>19. Oktober 2019, 19:08 Uhr Editiert am 20. Oktober 2019 THE COURIER Nr. 43</p><div>{prose()}</div>", "COURIER"),
        (f"{prose()}<p>https://twitter.com/saltby/status/1522266202730639361</p>{prose('So it ended.')}", "twitter.com"),
        (f"{prose()}<ul><li><a href='/1'>Harbour: the boats that never came back to Saltby</a></li><li><a href='/2'>Estuary: who opens the lock at night?</a></li><li><a href='/3'>Tides: what the lifeboat saw off the point</a></li><li>Was the storm a pretext? <a href='/4'>Why the mayor wants the lock shut</a></li></ul>{prose('So it ended.')}", "never came back"),
        (f"{prose()}<p>The Courier's newsletter informiert Sie jeden Morgen über alles, was im Hafen wichtig ist.</p>", "jeden Morgen"),
    ],
    ids=["picture with credit", "picture box", "media box", "byline behind the lead", "biography", "the heading over it", "a link behind an arrow", "a name alone", "date behind the lead", "date and issue behind the lead", "a post that is an address alone", "links, one of them in part", "newsletter"],
)  # fmt: skip
def test_a_line_that_is_no_part_of_the_article_is_dropped(body: str, dropped: str) -> None:
    text = read(body).text
    assert dropped not in text
    assert PARAGRAPHS[-1] in text


@pytest.mark.parametrize(
    ("body", "kept"),
    [
        ("".join(f"<div class='row'><img src='a.jpg'><p>{text}</p></div>" for text in PARAGRAPHS), PARAGRAPHS[0]),
        (f"{prose()}<p>© The Courier A. Penn The boat was found at nine on Monday morning, drifting with the tide off the point, and towed back to her mooring by the lifeboat before the fog came in again; nobody was hurt.</p>{prose('So it ended.')}", "drifting with the tide"),
        (f"{prose()}<p>► Saltby: the ferry leaves the lock at nine o'clock</p><h3>→ The old lock</h3>{prose('So it ended.')}", "► Saltby: the ferry leaves the lock at nine o'clock\n\n→ The old lock"),
        (f"{prose()}<ul><li>Saltby: two boats were lost at the lock in the spring</li><li>Oldmouth: one boat was lost at sea that winter</li></ul>{prose('So it ended.')}", "Oldmouth"),
    ],
    ids=["an article made of picture boxes", "a paragraph that begins with a credit", "lines set out with arrows", "a list of places"],
)  # fmt: skip
def test_what_looks_like_such_a_line_stays(body: str, kept: str) -> None:
    assert kept in read(body).text


def test_an_intro_that_offers_an_account_is_no_lead() -> None:
    offer = "<header class='wall-intro'><p>Create an account or sign in to continue with your reading experience.</p><ul><li>Get all articles from across the estuary with one account.</li></ul></header>"
    article = read(f"{offer}<div class='body'>{prose()}</div>")
    assert article.text == "\n\n".join(PARAGRAPHS)


def test_a_paragraph_is_not_set_in_by_a_sign() -> None:
    """Nor is one that has nothing else a paragraph."""
    text = read("".join(f"<p>\u3000\u3000{paragraph}</p><p>\u3000</p>" for paragraph in PARAGRAPHS)).text
    assert text == "\n\n".join(PARAGRAPHS)


@pytest.mark.parametrize(
    ("behind", "dropped"),
    [
        ("<p><a href='/b'>All about the harbour and its boats.</a></p>", "All about"),
        ("<ul><li>Newsblog: <a href='/b'>All the news from the estuary</a></li><li>Flood: <a href='/c'>Why the lock is shut</a></li></ul>", "Flood"),
    ],
    ids=["closing link", "links under a kicker"],
)  # fmt: skip
def test_where_to_read_on_is_no_text_whoever_chose_it(behind: str, dropped: str) -> None:
    blocks = read_blocks(html.document_fromstring(f"<article>{prose()}{behind}</article>"))
    repaired = clean_blocks(blocks, frozenset(range(len(blocks))), title="The quiet harbour", description="")
    assert dropped not in " ".join(blocks[i].text for i in repaired.chosen)
    assert len(repaired.chosen) == len(PARAGRAPHS)


ENTRIES = "".join(f"<li>Harbour calendar number {n}, {n} pounds at the ferry's kiosk.</li>" for n in range(20))
ROWS = "".join(f"<tr><td>Boat {n}</td><td>Saltby Sailing</td><td>Chief pilot and owner</td></tr>" for n in range(30))


@pytest.mark.parametrize(
    ("body", "size"),
    [
        (f"<div class='text'>{prose()}</div><div class='tips'><ul>{ENTRIES}</ul></div>", len(PARAGRAPHS)),
        (f"<div class='text'>{prose()}</div><div class='crews'><table>{ROWS}</table></div>", len(PARAGRAPHS)),
        (f"<div class='text'>{prose()}<ul>{ENTRIES}</ul></div>", len(PARAGRAPHS) + 20),
    ],
    ids=["a box of offers", "a table", "the article's own list"],
)
def test_of_what_the_teacher_takes_behind_the_text_the_articles_own_list_stays(body: str, size: int) -> None:
    page = html.document_fromstring(f"<body><article>{body}</article></body>")
    assert len(select_content(page, read_blocks(page), about="quiet harbour", text="").kept) == size


def test_a_text_told_to_machines_comes_with_the_lead_that_the_page_shows() -> None:
    told = {"@type": "NewsArticle", "headline": "The quiet harbour", "articleBody": "\n\n".join(PARAGRAPHS * 3)}
    head = f"<script type='application/ld+json'>{json.dumps(told)}</script><meta name='description' content='{LEAD}'>"
    article = read(f"<h2>{LEAD}</h2>", head=head)
    assert article.lead == LEAD
    assert article.text.startswith(f"{LEAD}\n\n{PARAGRAPHS[0]}")


def test_words_of_the_text_set_again_beside_it_are_read_once() -> None:
    quote = "she has come back on her own before"
    pulled = f"<blockquote class='pullquote'>“She is a stubborn little boat,” he said, “and {quote}.”</blockquote>"
    article = read(
        f"{prose()}{pulled}{prose('The end came soon: “She is a stubborn little boat,” he said, “and ' + quote + '.” Then she left.')}"
    )
    assert article.text.count(quote) == 3
    assert "Then she left." in article.text


def test_a_paragraph_that_quotes_at_length_what_stands_above_stays() -> None:
    said = "The lock on the estuary stays shut until the spring, whatever the weather and the tide may bring."
    assert read(f"<div>{prose(said, said + ' So said the mayor.')}</div>").text.count(said) == 2


def test_a_heading_over_a_picture_and_its_text_is_an_intertitle() -> None:
    figure = "<figure><img src='a.jpg'><figcaption>Boats at low tide. (A. Penn)</figcaption></figure><div class='ad-slot'>Advertisement</div>"
    part = f"<section><h3>The old lock</h3>{figure}<div class='rich'>{prose('So it ended.')}</div></section>"
    blocks = read_blocks(html.document_fromstring(f"<article><div class='rich'>{prose()}</div>{part}</article>"))
    chosen = frozenset(i for i, block in enumerate(blocks) if block.tag == "p")
    repaired = clean_blocks(blocks, chosen, title="The quiet harbour", description="")
    assert "The old lock" in [blocks[i].text for i in repaired.chosen]


@pytest.mark.parametrize("word", ["By", "Par", "Von", "Por", "Published in May,"])
def test_a_lead_may_begin_as_bylines_do(word: str) -> None:
    lead = f"{word} Tuesday the boat lay at her mooring again, and nobody could say who had brought her back there."
    assert read(f"<p class='standfirst'>{lead}</p><div>{prose()}</div>").lead == lead


def test_an_intertitle_in_boxes_of_its_own_is_read() -> None:
    part = f"<div class='sub'><div><h3>The old lock</h3></div></div>{prose('So it ended.')}"
    blocks = read_blocks(html.document_fromstring(f"<article><div class='rich'>{prose()}{part}</div></article>"))
    chosen = frozenset(i for i, block in enumerate(blocks) if block.tag == "p")
    repaired = clean_blocks(blocks, chosen, title="The quiet harbour", description="")
    assert "The old lock" in [blocks[i].text for i in repaired.chosen]


def test_a_lead_goes_on_behind_the_byline_and_the_picture_of_its_header() -> None:
    figure = "<figure><figcaption>The lock in fog, seen from the old bridge</figcaption></figure>"
    intro = f"<h2 class='lead'>{LEAD}</h2><div class='byline'>By Jane Roe, who sails the estuary</div>{figure}"
    points = "".join(f"<p class='large'>{text}</p>" for text in PARAGRAPHS[:2])
    blocks = read_blocks(html.document_fromstring(f"<header class='article-intro'>{intro}{points}</header>"))
    assert [blocks[i].text for i in rest_of_lead(blocks, 0)] == list(PARAGRAPHS[:2])


@pytest.mark.parametrize("name", ["comments", "komentarze"])
def test_comments_longer_than_the_article_are_none_of_it(name: str) -> None:
    said = "Reader {0} was at the lock at {0} o'clock and saw no boat there, and {0} neighbours will say so too."
    posts = "".join(f"<div class='{name}'><p>{said.format(n)}</p></div>" for n in range(30))
    text = read(f"<div class='body'>{prose(STANDING)}</div><div class='thread'>{posts}</div>").text
    assert text == "\n\n".join((*PARAGRAPHS, STANDING))


def test_an_article_in_a_menu_that_the_page_forgot_to_close_is_read() -> None:
    page = (
        "<html lang='en'><head><title>The quiet harbour</title></head><body><header><nav><ul><li><a href='/b'>Boats</a>"
        f"<li><a href='/c'>Crews</a></ul><main><article><h1>The quiet harbour</h1>{prose()}</article></main></body></html>"
    )
    article = extract(PageInput(url=URL, html=page), None).article
    assert article is not None
    assert article.text == "\n\n".join(PARAGRAPHS)


def test_a_last_line_behind_a_dash_tells_whose_words_the_text_has() -> None:
    assert read(f"<div>{prose('- With the harbour agency')}</div>").text.endswith("- With the harbour agency")
