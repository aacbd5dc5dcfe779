"""Where an article's text stands on pages of our own: in parts, behind boxes, under headings, beside its own words."""

# ruff: noqa: E501 - markup stands on one line each, as pages print it

from __future__ import annotations

from collections.abc import Callable

import pytest
from lxml import html

from pipeline.extraction.content.clean import clean_blocks
from pipeline.extraction.content.select import select_content
from pipeline.extraction.dom.blocks import Block, read_blocks
from tests.extraction.content.test_clean import LEAD, STANDING, read
from tests.extraction.test_extract import PARAGRAPHS, prose

TITLE = "The quiet harbour of Saltby and its lock"
AD = "<div class='ad-slot'>Advertisement</div>"


def repaired(body: str, *, keep: Callable[[Block], bool] = lambda block: block.tag == "p", title: str = TITLE) -> str:
    """The text after repair, from a choice of the blocks that a test names."""
    blocks = read_blocks(html.document_fromstring(f"<body>{body}</body>"))
    chosen = frozenset(i for i, block in enumerate(blocks) if keep(block))
    return "\n".join(blocks[i].text for i in clean_blocks(blocks, chosen, title=title, description="").chosen)


def paragraphs(*texts: str) -> str:
    return "".join(f"<p class='block text'>{text}</p>" for text in texts)


def test_a_text_goes_on_in_the_next_part_behind_a_box() -> None:
    first = f"<div class='main'><div class='body space'>{paragraphs(*PARAGRAPHS)}</div></div>"
    last = f"<div class='main'><div class='body'>{paragraphs(STANDING)}</div></div>"
    box = "<div class='card'><a href='/b'>Why the lock of Saltby was shut for the whole winter</a></div>"
    assert STANDING in repaired(
        f"<article>{first}{AD}{box}{last}</article>", keep=lambda block: block.text in PARAGRAPHS
    )


def test_what_stands_behind_the_text_in_its_own_element_ends_it() -> None:
    body = (
        f"<article>{paragraphs(*PARAGRAPHS)}<div>Follow the harbour</div><h4>Notes</h4>{paragraphs(STANDING)}</article>"
    )
    assert STANDING not in repaired(body, keep=lambda block: block.text in PARAGRAPHS)


def test_another_article_in_a_box_under_an_invitation_is_dropped() -> None:
    teaser = "<p class='intro'>The mayor wants the lock shut for good, and the pilots of the estuary do not.</p>"
    box = f"<div><div><p>Read more</p></div><div class='card'><div><a href='/b'>Why the mayor wants the lock shut</a></div><div>{teaser}</div></div></div>"
    text = read(f"<div class='t'>{prose()}{box}{prose('So it ended.')}</div>").text
    assert "for good" not in text
    assert "So it ended." in text


def test_headlines_in_a_row_behind_an_invitation_are_dropped() -> None:
    links = "<a href='/1'>Why the lock is shut</a> [IN FULL] | <a href='/2'>Who lost a boat at Saltby</a> [MAP]"
    body = f"<div>{prose()}<p>Don't miss</p><p>{links}</p>{prose('So it ended.')}</div>"
    assert "lost a boat" not in repaired(body)


def test_an_offer_that_is_a_link_ends_no_article_however_long() -> None:
    offer = "<p><a href='/pro'>" + "Have every story of the estuary for as little as nine pounds. " * 5 + "</a></p>"
    assert "nine pounds" not in repaired(f"<div>{prose()}{offer}</div>")


def test_an_article_is_not_read_out_of_a_list_that_teases_it() -> None:
    entries = [
        f"<li><a href='/{n}'>{head}</a> {text}</li>"
        for n, (head, text) in enumerate(
            [
                ("Two boats were lost off the point in a storm", STANDING),
                (TITLE, LEAD),
                ("Who opens the lock at night, and for whom", LEAD),
            ]
        )
    ]
    body = f"<ul>{''.join(entries)}</ul><h1>{TITLE}</h1><div class='t'>{prose()}</div>"
    assert repaired(body, keep=lambda block: block.tag == "p" or block.text.startswith(TITLE)) == "\n".join(PARAGRAPHS)


@pytest.mark.parametrize(
    "box", ["<div class='part'><h2 class='kicker'></h2>{}</div>", "<div>{}<hr></div>"], ids=["empty kicker", "rule"]
)
def test_a_heading_in_a_box_that_says_nothing_else_is_an_intertitle(box: str) -> None:
    body = f"<article>{prose()}{box.format('<h3>The old lock</h3>')}{prose('So it ended.')}</article>"
    assert "The old lock" in repaired(body)


def test_the_first_part_of_several_keeps_its_heading() -> None:
    parts = "".join(
        f"<h2>{head}</h2>{prose(text)}"
        for head, text in [
            ("What happened", STANDING),
            ("Who was there", LEAD),
            ("What is next", STANDING + " So it ended."),
        ]
    )
    assert repaired(f"<article>{parts}</article>", keep=lambda block: True).startswith("What happened\n")


def test_the_way_to_the_page_is_no_text() -> None:
    way = f"<div class='way'>Home › Coast › {TITLE}</div>"
    assert repaired(f"<article>{way}<h1>{TITLE}</h1>{prose()}</article>", keep=lambda _: True).startswith(PARAGRAPHS[0])


def test_headings_over_nothing_end_no_text() -> None:
    links = "<p><a href='/b'>All about the harbour and its boats, and who opens the lock at night</a></p>"
    ending = f"<h4>More of the harbour</h4>{links}<h4>Updates</h4>"
    assert repaired(f"<article>{prose()}{ending}</article>", keep=lambda _: True) == "\n".join(PARAGRAPHS)
    things = "".join(f"<h3>{n}. The lock of quay {n}</h3><img src='{n}.jpg'>" for n in range(4))
    assert repaired(f"<article>{prose()}{things}</article>", keep=lambda _: True).endswith("The lock of quay 3")


def test_a_single_heading_above_the_text_is_a_kicker() -> None:
    body = f"<article><h2>Harbours</h2>{prose()}<h3>The old lock</h3>{prose('So it ended.')}</article>"
    assert "Harbours" not in repaired(body, keep=lambda block: True)


def test_a_quotation_that_the_text_only_tells_of_stays() -> None:
    pulled = "<blockquote class='quote'><p>Nobody opens the lock at night, not even for the lifeboat</p><cite>Jane Roe</cite></blockquote>"
    assert (
        "not even for the lifeboat Jane Roe"
        in read(f"<div>{prose()}{pulled}{prose('So the pilot said that the lock stays shut.')}</div>").text
    )


def test_a_post_of_several_lines_comes_with_who_wrote_it() -> None:
    lines = "<br><br>".join(f"Line {n} of what we saw off the point." for n in range(6))
    post = f"<blockquote class='twitter-tweet'><p>{lines}</p>&mdash; Saltby Coastguard (@saltbycg) <a href='#'>March 1, 2026</a></blockquote>"
    text = read(f"<div>{prose()}<div class='social-media-embed'>{post}</div>{prose('So it ended.')}</div>").text
    assert "Line 0 of what we saw" in text
    assert "Line 5 of what we saw off the point. — Saltby Coastguard (@saltbycg) March 1, 2026" in text


def test_a_class_that_most_of_the_text_has_marks_no_lead() -> None:
    parts = "".join(f"<div class='text-description'><p>{text}</p></div>" for text in [*PARAGRAPHS, STANDING])
    article = read(f"<header><h3>{LEAD}</h3></header><div class='content'>{parts}</div>")
    assert article.lead == LEAD
    assert article.text.split("\n\n")[1:] == [*PARAGRAPHS, STANDING]


@pytest.mark.parametrize(
    "heading",
    ["<h4>13 Comments</h4>", "<div>Kommentare (4)</div>", "<p>| 13 Comment(s)</p>"],
    ids=["heading", "German", "line"],
)
def test_what_stands_behind_the_heading_of_the_comments_is_no_text(heading: str) -> None:
    said = "I have sailed here for years, and I never saw the lock shut for so long as it was this spring."
    body = f"<article>{prose(LEAD, STANDING)}{heading}<h6>g4</h6>{prose(said)}</article>"
    text = repaired(body, keep=lambda block: True)
    assert text.endswith(STANDING)


def test_the_word_comments_above_the_text_ends_nothing() -> None:
    assert STANDING in repaired(
        f"<article><h4>2 Comments</h4>{prose(LEAD, STANDING)}</article>", keep=lambda block: True
    )


def test_readers_who_say_more_than_the_article_are_not_taken_for_it() -> None:
    said = "".join(
        f"<li class='comment'><section><p>I saw number {n} of the boats of Saltby off the point myself, in the fog, and nobody believed me when I told them at the inn that night.</p></section></li>"
        for n in range(16)
    )
    article = "".join(f"<div>{text}</div>" for text in [*PARAGRAPHS, LEAD, STANDING])
    page = f"<body><div id='art'><h1>{TITLE}</h1>{article}</div><div class='mod'><ul class='opinions'>{said}</ul></div></body>"
    tree = html.document_fromstring(page)
    blocks = read_blocks(tree)
    kept = select_content(tree, blocks, about=f"{TITLE} boats off the point in the fog at the inn", text="").kept
    assert not any("number 3 of the boats" in blocks[i].text for i in kept)


def test_headlines_with_what_they_are_about_are_other_articles() -> None:
    terms = "".join(
        f"<dt>10:1{n} <a href='/{n}'>The harbour in the news: another story, number {n}</a></dt><dd>{LEAD} {n}</dd>"
        for n in range(4)
    )
    assert LEAD not in repaired(f"<article>{prose()}<dl>{terms}</dl></article>", keep=lambda block: True)


def test_terms_that_are_no_links_are_the_articles() -> None:
    terms = "".join(f"<dt>Boat number {n} of the estuary of Saltby</dt><dd>{LEAD} {n}</dd>" for n in range(4))
    assert LEAD in repaired(f"<article>{prose()}<dl>{terms}</dl></article>", keep=lambda block: True)


def test_a_text_may_open_in_an_element_of_its_own_below_the_headline() -> None:
    opening = f"<div class='field'><p>{LEAD}</p><p>{STANDING}</p></div>"
    body = f"<article><h1>{TITLE}</h1>{opening}<section><div class='part'>{prose()}</div></section></article>"
    assert repaired(body, keep=lambda block: block.text in PARAGRAPHS).startswith(
        f"{LEAD}\n{STANDING}\n{PARAGRAPHS[0]}"
    )


@pytest.mark.parametrize(
    "above",
    [
        f"<ul><li>Home ›</li><li>News ›</li><li>Coast ›</li><li>Estuary ›</li><li>Saltby</li></ul><h1>{TITLE}</h1><div class='teaser-text'><p>{LEAD}</p></div>",
        f"<h1>{TITLE}</h1><div class='teaser'><p class='abstract'>{LEAD}</p></div>",
        f"<div class='top sidebar'><h1>{TITLE}</h1><p class='below'>{LEAD}</p></div>",
        f"<div class='sub-header'><h1>{TITLE}</h1><ul><li>Translated and adapted by the desk in Saltby</li></ul></div><p class='strapline'>{LEAD}</p>",
    ],
    ids=[
        "below a breadcrumb that was chosen",
        "in a teaser beside the headline",
        "in a box with the headline, whatever it is called",
        "not in the headline's box",
    ],
)
def test_a_lead_is_found_below_its_headline(above: str) -> None:
    blocks = read_blocks(
        html.document_fromstring(f"<body><article>{above}<div class='t'>{prose()}</div></article></body>")
    )
    chosen = frozenset(i for i, block in enumerate(blocks) if block.text in PARAGRAPHS or block.tag == "li")
    lead = clean_blocks(blocks, chosen, title=TITLE, description="").lead
    assert lead is not None
    assert blocks[lead].text == LEAD


def test_a_text_in_many_modules_is_read_whole() -> None:
    said = [
        f"Question {n}: what did the pilot of Saltby see of the boats in the fog, and whom did he tell of it then?"
        for n in range(30)
    ]
    modules = "".join(
        f"<div class='editorial module'><div class='text'><div class='text-text'><p>{text}</p></div></div></div>"
        for text in said
    )
    tree = html.document_fromstring(f"<body><div class='wrap'><h1>{TITLE}</h1>{modules}</div></body>")
    blocks = read_blocks(tree)
    kept = select_content(tree, blocks, about=TITLE, text="").kept
    assert sum(block.text in said for block in (blocks[i] for i in kept)) == len(said)


def test_what_a_pictures_box_says_below_the_headline_is_no_lead() -> None:
    caption = (
        "The crews of the estuary, who came from four countries to look for the boat, at the lock on Sunday morning."
    )
    box = f"<div class='newsitem-image is-main'><img src='a.jpg'><div class='info'>{caption}</div></div>"
    body = f"<article><h1>{TITLE}</h1>{box}<div class='text'>{prose()}</div></article>"
    assert caption not in repaired(body, keep=lambda block: block.text in PARAGRAPHS)


def test_a_lead_that_a_large_picture_carries_with_the_headline_is_one() -> None:
    hero = f"<div class='hero image'><img src='a.jpg'><h1>{TITLE}</h1><p>{LEAD}</p></div>"
    blocks = read_blocks(
        html.document_fromstring(f"<body><article>{hero}<div class='t'>{prose()}</div></article></body>")
    )
    chosen = frozenset(i for i, block in enumerate(blocks) if block.text in PARAGRAPHS)
    lead = clean_blocks(blocks, chosen, title=TITLE, description="").lead
    assert lead is not None
    assert blocks[lead].text == LEAD


def test_a_card_with_another_article_among_the_paragraphs_is_dropped() -> None:
    card = (
        f"<div class='post-card'><div class='post-card__body'><h3>The old lock</h3><div><p>{LEAD}</p></div></div></div>"
    )
    text = read(f"<div class='t'>{prose()}{card}{prose('So it ended.')}</div>").text
    assert LEAD not in text
    assert "The old lock" not in text


def test_a_text_that_the_teacher_shuns_for_its_class_wins_over_lines_from_all_over_the_page() -> None:
    said = [
        f"The harbour of Saltby was quiet, and nobody had seen the boat leave before the tide turned, says number {n} of the pilots, whatever is told at the lock of it now."
        for n in range(8)
    ]
    text = "".join(f"<p>{line}</p>" for line in said)
    menu = "".join(f"<tr><td></td><td><a href='/n{n}'>Harbour and lock</a></td><td></td></tr>" for n in range(5))
    news = "".join(
        f"<table><tr><td><a href='/{n}'>Other news of the harbour</a></td></tr><tr><td>Number {n} of the boats of the estuary was seen off the point on Monday, drifting with the tide, and was towed back to her mooring by the lifeboat before the fog came in again.</td></tr></table>"
        for n in range(9)
    )
    page = f"<body><center><table>{menu}</table><table><tr><td><h1>{TITLE}</h1><div class='reachbanner_ remark'>{text}</div></td></tr></table><table><tr><td>{news}</td></tr></table></center></body>"
    tree = html.document_fromstring(page)
    blocks = read_blocks(tree)
    kept = select_content(tree, blocks, about=TITLE, text="").kept
    assert [blocks[i].text for i in sorted(kept) if blocks[i].tag == "p"] == said
    assert not any("drifting with the tide" in blocks[i].text for i in kept)
