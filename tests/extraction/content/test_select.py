"""The first choice on pages of our own whose other prose is larger than the article, or speaks of it more."""

# ruff: noqa: E501 - markup stands on one line each, as pages print it

from __future__ import annotations

import json

import pytest
from lxml import html

from pipeline.extraction.content.select import select_content
from pipeline.extraction.dom.blocks import read_blocks
from pipeline.extraction.extract import PageInput, extract
from tests.extraction.test_extract import PARAGRAPHS, URL, prose

CARD = "<div class='card'><a href='/{0}'><h3>The lock of Saltby, day {0}</h3></a><p>On day {0} nobody had opened the lock, and {0} boats lay before it until the evening tide came in.</p></div>"
POST = "<div class='post'><b>Reader {0}</b><p>I was at the lock on day {0} and saw no boat there, and {0} of my neighbours will say so too.</p><a>Answer</a></div>"


@pytest.mark.parametrize(
    ("home", "below"),
    [("article", CARD), ("article", POST)],
    ids=["cards", "comments that no markup tells"],
)
def test_prose_elsewhere_is_not_taken_for_a_short_article(home: str, below: str) -> None:
    others = "".join(below.format(n) for n in range(12))
    text = f"<{home} class='c'><h1>The quiet harbour</h1><div class='t'>{prose()}</div></{home}>"
    source = f"<html lang='en'><head><title>The quiet harbour</title></head><body><main>{text}<section>{others}</section></main></body></html>"
    article = extract(PageInput(url=URL, html=source), None).article
    assert article is not None
    assert article.text == "\n\n".join(PARAGRAPHS)


@pytest.mark.parametrize("size", [4, 7])
def test_a_headline_and_a_lead_are_no_article_though_nothing_speaks_of_it_more(size: int) -> None:
    told = (
        "On day {0}{1} the ferry of quay {1} lay before lock {0}, and its crew waited until the evening tide came in. "
    )
    body = "".join(f"<div>{told.format(1, n)}{told.format(2, n)}{told.format(3, n)}</div>" for n in range(size))
    about = "".join(f"<p>{told.format(4, n)}{told.format(5, n)}{told.format(6, n)}</p>" for n in range(2))
    title = "Wardens hesitate before opening bridges near Oldmouth"
    lead = "A fishing boat left its mooring on Sunday, and the whole estuary went out to look for it."
    head = f"<h1>{title}</h1><p class='chapo'>{lead}</p>"
    source = f"<html><body><main><article>{head}<div class='t'>{body}</div></article><div class='us'>{about}</div></main></body></html>"
    page = html.document_fromstring(source)
    blocks = read_blocks(page)
    kept = select_content(page, blocks, about=f"{title} {lead}", text="").kept
    assert {i for i, block in enumerate(blocks) if block.dom_path.endswith("div.t/div")} <= kept


def test_a_text_that_the_page_tells_as_markup_is_found_on_it() -> None:
    """The text comes from the page's blocks, not from JSON-LD with the lines between its paragraphs."""
    told = "".join(f"<p>{text.replace('harbour', '<strong>harbour</strong>')}</p>\n" for text in PARAGRAPHS * 2)
    told += "<div class='lee-tambien'><a href='/b'>The boats that never came back to Saltby</a></div>" * 9
    linked = json.dumps({"@type": "NewsArticle", "headline": "The quiet harbour", "articleBody": told})
    source = (
        f"<html lang='en'><head><title>The quiet harbour</title><script type='application/ld+json'>{linked}</script></head>"
        f"<body><article><h1>The quiet harbour</h1>{prose(*(f'So said the master: {text}' for text in PARAGRAPHS))}</article></body></html>"
    )
    blocks = read_blocks(html.document_fromstring(source))
    chosen = select_content(html.document_fromstring(source), blocks, about="The quiet harbour", text=told)
    assert not chosen.text
    found = extract(PageInput(url=URL, html=source), None).article
    assert found is not None
    assert "never came back" not in found.text
    assert found.text.startswith(PARAGRAPHS[0])
