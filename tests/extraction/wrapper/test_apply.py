"""Applying a wrapper to pages that differ from those it learnt from, and when it falls back to trafilatura."""

from __future__ import annotations

from dataclasses import replace

import pytest
from lxml import html

from pipeline.extraction.dom.blocks import read_blocks
from pipeline.extraction.extract import Extraction, PageInput, extract
from pipeline.extraction.wrapper.wrapper import ENOUGH_PAGES, TRUSTED_AGREEMENT, Wrapper, learn
from tests.extraction.test_extract import PARAGRAPHS

GENERATED = ("dSlXtj", "kLrRNP", "bfgUNg", "cnlAIL", "eOglAH", "hUjkAJ", "izpdPv")
CAPTION = (
    "The lock on the estuary, seen from the bridge on a clear day in May, when the boats were still at their moorings"
)
TEXTS = tuple(f"<p>{text} So it stood {{day}} days later.</p>" for text in PARAGRAPHS)


def page(day: int, *, post: str = "story", below: str = "", body: tuple[str, ...] = TEXTS) -> PageInput:
    """A page of an outlet whose pages have all the same frame and texts of their own."""
    text = "".join(body).format(day=day)
    source = (
        f"<html lang='en'><head><title>The quiet harbour, day {day}</title></head><body><div class='top'>Courier</div>"
        f"<article class='{post}'><header><h1>The quiet harbour, day {day}</h1>"
        f"<div class='meta'>{below}<span>Jane Roe</span><span>{day} May</span></div></header>"
        f"<div class='text'>{text}</div></article><div class='foot'>All about us and the sea</div></body></html>"
    )
    return PageInput(url=f"https://courier.example/a/{day}", html=source, outlet_id="courier")


def taught(pages: list[PageInput]) -> Wrapper:
    observations = [extract(page, None).observation for page in pages]
    wrapper = learn(None, [observation for observation in observations if observation is not None])
    assert wrapper.is_mature
    return wrapper


def usual() -> Wrapper:
    return taught([page(day) for day in range(1, ENOUGH_PAGES + 2)])


def is_by_wrapper(found: Extraction) -> bool:
    return found.article is not None and found.article.extractor.split()[1] == "wrapper"


def test_a_lead_is_read_where_the_first_pages_had_none() -> None:
    lead = "A boat left its mooring on Sunday, and the whole estuary went out to look for it."
    found = extract(page(40, below=f"<div><h2 class='standfirst'>{lead}</h2></div>"), usual())
    assert is_by_wrapper(found)
    assert found.article is not None
    assert found.article.lead == lead
    assert found.article.text.startswith(lead)


@pytest.mark.parametrize(
    "post",
    ["hentry status-publish category-harbour", *(f"story {word}" for word in GENERATED[-2:]), "sc-1gw6 jszeam"],
    ids=["a category of its own", "a generated class", "another", "styled-components"],
)
def test_what_is_another_on_every_page_is_no_part_of_a_place(post: str) -> None:
    kind = post.partition(" ")[0]
    known = {
        "hentry": [f"hentry status-publish category-{word}" for word in ("sea", "town", "port", "ships", "tides")],
        "story": [f"story {word}" for word in GENERATED[:5]],
        "sc-1gw6": [f"sc-1gw6 {word}" for word in ("dnzhxe", "esiuqe", "jxahht", "xdmxdk", "vbnrtz")],
    }[kind]
    wrapper = taught([page(day, post=classes) for day, classes in enumerate(known, start=1)])
    assert is_by_wrapper(extract(page(40, post=post), wrapper))


@pytest.mark.parametrize(
    ("part", "texts"),
    [
        ("<div class='box'><h3>A question of beds</h3></div>", ["A question of beds"]),
        ("<b>A question of beds</b>", ["A question of beds"]),
        ("<ul><li><p>Two boats at the lock</p></li><li><p>One out</p></li></ul>", ["Two boats at the lock", "One out"]),
    ],
    ids=["an intertitle in a box", "an intertitle in none", "a list of paragraphs"],
)  # fmt: skip
def test_what_stands_among_the_paragraphs_is_read_though_no_page_had_it(part: str, texts: list[str]) -> None:
    found = extract(page(40, body=(*TEXTS[:2], part, *TEXTS[2:])), usual())
    assert is_by_wrapper(found)
    assert found.article is not None
    assert found.article.text.split("\n\n")[2 : 2 + len(texts)] == texts


@pytest.mark.parametrize(
    ("classes", "place"),
    [
        ("Text__Box-sc-1ab9-0 hTrKfe", "div.Text__Box/p"),
        ("Text_box__x7Yz2", "div.Text_box/p"),
        ("text__title", "div.text__title/p"),
        ("sc-1ab9-0 hTrKfe", "div/p"),
    ],
    ids=["styled-components", "CSS modules", "a word of five letters", "no name"],
)
def test_a_component_is_known_by_its_name_whatever_a_build_adds(classes: str, place: str) -> None:
    blocks = read_blocks(html.document_fromstring(f"<div class='{classes}'><p>{PARAGRAPHS[0]}</p></div>"))
    assert blocks[0].dom_path.endswith(place)


def test_a_footnote_is_read_though_other_pages_have_it_too() -> None:
    note = "<p>* Not her real name</p>"
    wrapper = taught([page(day, body=(*TEXTS, note)) for day in range(1, ENOUGH_PAGES + 2)])
    found = extract(page(40, body=(*TEXTS, note)), wrapper)
    assert is_by_wrapper(found)
    assert found.article is not None
    assert found.article.text.endswith("* Not her real name")


def test_a_list_is_read_where_the_other_pages_had_links() -> None:
    links = "<ul><li><a href='/a/{day}1'>The lock of day {day}, and who opens it</a></li></ul>"
    wrapper = taught([page(day, body=(*TEXTS[:2], links, *TEXTS[2:])) for day in range(1, ENOUGH_PAGES + 2)])
    listed = "<ul><li>Two boats at the lock, said the master</li><li>One on the sand, said the pilot</li></ul>"
    found = extract(page(40, body=(*TEXTS[:2], listed, *TEXTS[2:])), wrapper)
    assert is_by_wrapper(found)
    assert found.article is not None
    assert "Two boats at the lock, said the master\n\nOne on the sand" in found.article.text
    assert "who opens it" not in extract(page(41, body=(*TEXTS[:2], links, *TEXTS[2:])), wrapper).article.text  # type: ignore[union-attr]


BOXED = tuple(f"<div class='rich'>{text}</div>" for text in TEXTS)
LISTED = "<ul><li>Two boats at the lock</li><li>One out</li></ul>"


@pytest.mark.parametrize(
    ("usual_body", "body"),
    [(BOXED, (*BOXED[:2], LISTED, *BOXED[2:])), (TEXTS, (*TEXTS, LISTED))],
    ids=["between paragraphs in boxes of their own", "at the end"],
)
def test_a_list_is_read_wherever_it_stands_in_the_text(usual_body: tuple[str, ...], body: tuple[str, ...]) -> None:
    links = "<ul><li><a href='/a/{day}1'>The lock of day {day}, and who opens it</a></li></ul>"
    with_links = (*usual_body[:1], links, *usual_body[1:])
    wrapper = taught([page(day, body=with_links) for day in range(1, ENOUGH_PAGES + 2)])
    found = extract(page(40, body=body), wrapper)
    assert is_by_wrapper(found)
    assert found.article is not None
    assert "Two boats at the lock\n\nOne out" in found.article.text


def test_a_caption_where_no_page_had_one_raises_no_doubt() -> None:
    figure = f"<figure><img src='a.jpg'><figcaption><p>{CAPTION}</p><p>{CAPTION} and sails</p></figcaption></figure>"
    found = extract(page(40, body=(TEXTS[0], figure, *TEXTS[1:])), usual())
    assert is_by_wrapper(found)
    assert found.article is not None
    assert CAPTION not in found.article.text


def test_much_less_text_than_usual_is_left_to_the_teacher() -> None:
    wrapper = taught([page(day, body=5 * TEXTS) for day in range(1, ENOUGH_PAGES + 2)])
    assert is_by_wrapper(extract(page(40, body=3 * TEXTS), wrapper))
    brief = extract(page(41), wrapper)
    assert brief.article is not None
    assert not is_by_wrapper(brief)


@pytest.mark.parametrize(
    ("trust", "way"), [(1.0, "wrapper"), (TRUSTED_AGREEMENT - 0.1, "teacher")], ids=["wrapper", "teacher"]
)
def test_what_other_pages_print_among_their_paragraphs_is_left_out(trust: float, way: str) -> None:
    appeal = "<p>The Courier belongs to those who read it, and lives from what they give, great or small.</p>"
    body = (*TEXTS[:2], appeal, *TEXTS[2:])
    known = taught([page(day, body=body) for day in range(1, ENOUGH_PAGES + 2)])
    alone, told = (
        extract(page(40, body=body), known_so).article for known_so in (None, replace(known, agreement=trust))
    )
    assert alone is not None
    assert told is not None
    assert way in told.extractor
    assert "belongs to those who read it" in alone.text
    assert "belongs to those who read it" not in told.text


def test_an_article_that_the_outlet_published_before_is_not_its_furniture() -> None:
    known = usual()
    again = [extract(replace(page(40), url=f"https://courier.example/b/{n}"), None).observation for n in range(4)]
    article = extract(page(40), learn(known, [seen for seen in again if seen is not None])).article
    assert article is not None
    assert len(article.text.split("\n\n")) == len(TEXTS)


@pytest.mark.parametrize(
    "last",
    [
        "<blockquote class='story__quote'><p>The harbour had never been so full, they said.</p></blockquote>",
        "<blockquote class='twitter-tweet'><p>The boats are back in the harbour, all of them.</p>— Jane Roe (@janeroe) "
        "<a href='https://post.example/1'>28 May</a></blockquote>",
    ],
    ids=["a quotation", "a post"],
)
def test_what_is_quoted_at_the_end_is_read_though_no_page_had_it(last: str) -> None:
    found, without = (extract(page(40, body=body), usual()) for body in ((*TEXTS, last), TEXTS))
    assert is_by_wrapper(found) or "tweet" in last  # so much of a short text in a new place is doubtful
    assert found.article is not None
    assert without.article is not None
    text, _, quoted = found.article.text.rpartition("\n\n")
    assert text == without.article.text
    assert "harbour" in quoted


def test_a_quotation_in_a_box_behind_the_article_is_none_of_it() -> None:
    shown = page(40)
    quoted = "<blockquote><p>The harbour of another story was empty, said those who saw it.</p></blockquote>"
    box = f"<div class='more'>{quoted}</div>"
    found = extract(replace(shown, html=shown.html.replace("</article>", f"</article>{box}")), usual())
    assert found.article is not None
    assert "another story" not in found.article.text


def test_an_agency_that_signs_on_page_after_page_is_no_furniture() -> None:
    body = (*TEXTS, "<p>- Avec l'Agence QMI</p>")
    known = taught([page(day, body=body) for day in range(1, ENOUGH_PAGES + 2)])
    found = extract(page(40, body=body), known)
    assert is_by_wrapper(found)
    assert found.article is not None
    assert found.article.text.endswith("- Avec l'Agence QMI")


def test_comments_below_a_brief_are_none_of_it_where_no_page_had_its_text_there() -> None:
    said = "<p>I saw the boat on Sunday, reader {n} says, and it lay there as quietly as ever in {day} years.</p>"
    forum = "</article><div class='talk'>" + "".join(said.replace("{n}", str(n)) for n in range(9)) + "</div>"

    def with_forum(day: int, body: tuple[str, ...]) -> PageInput:
        shown = page(day, body=body)
        return replace(shown, html=shown.html.replace("</article>", forum.replace("{day}", str(day))))

    brief = (
        "<p>The boat came back on Sunday, and the whole estuary went out to see it on day {day}, when it was clear.</p>"
    )
    page_of_brief = with_forum(
        40, (brief, "<p>Nobody knows yet where it had been in all that time, or who was on it.</p>")
    )
    known = taught([with_forum(day, TEXTS) for day in range(1, ENOUGH_PAGES + 2)])
    unknown, article = (extract(page_of_brief, wrapper).article for wrapper in (None, known))
    assert article is not None
    assert "The boat came back" in article.text
    assert "reader" not in article.text
    assert unknown is None or "reader" in unknown.text
