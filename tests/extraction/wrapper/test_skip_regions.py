"""Gaps: what an outlet's pages hold before and behind their articles is not parsed, and nothing is lost by it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from pipeline.extraction.dom.page import ParsedPage, parse_page
from pipeline.extraction.extract import Extraction, PageInput, extract
from pipeline.extraction.values import SkipRegion
from pipeline.extraction.wrapper.wrapper import ENOUGH_PAGES, Wrapper, learn
from tests.extraction.wrapper.test_wrapper import PAGES_OF_TEXT, pages_of
from tests.newsroom.outlets import Outlet

LINKED = (
    '<script type="application/ld+json">{"@type": "NewsArticle", "headline": "%s", "datePublished": '
    '"2026-05-04T08:00:00Z", "author": {"@type": "Person", "name": "Ada Quill"}}</script>'
)
MENU = "".join(f'<div><a href="/s/{n}">Section number {n} of the paper</a></div>' for n in range(60))
BOX = '<div id="letters"><form>Our letter</form></div>'
BEHIND = SkipRegion('id="more-news"')


def page_of(n: int, *, inside: str = "", behind: str = "", head: str = LINKED, foot: str = "") -> PageInput:
    """A page whose article has the menu before it and other articles' headlines behind it."""
    title = f"The harbour bridge opens for the {n}th time"
    text = "".join(
        f"<p>Paragraph {part} of article {n} tells, at some length, what the council said of the bridge in its "
        f"{part}th meeting, and what the people of the harbour thought of that.</p>"
        for part in range(6)
    )
    markup = (
        f"<html><head><title>{title}</title>{head % title if head else ''}</head><body><div id='wrap'>"
        f'<div class="top-bar">{MENU}</div><div class="page-body"><h1>{title}</h1>'
        f'<div class="story">{text}{inside}</div>{behind}'
        f'<div id="more-news">{MENU}</div></div></div>{foot}</body></html>'
    )
    return PageInput(url=f"https://gazette.example/a/{n}", html=markup, outlet_id="gazette")


def taught_by(pages: Sequence[PageInput]) -> Wrapper:
    observations = [extract(page, None).observation for page in pages]
    return learn(None, [observation for observation in observations if observation is not None])


def taught_in_turn(pages: Sequence[PageInput]) -> Wrapper:
    """By one page after another, each with what those before it taught."""
    wrapper = Wrapper()
    for page in pages:
        observation = extract(page, wrapper).observation
        assert observation is not None
        wrapper = learn(wrapper, [observation])
    return wrapper


def parsed(page: PageInput, wrapper: Wrapper) -> ParsedPage:
    found = parse_page(page.html, regions=wrapper.skip_regions)
    assert isinstance(found, ParsedPage)
    return found


def same_article(one: Extraction, other: Extraction) -> bool:
    return one.article is not None and one.article == other.article


GROWN = taught_by([page_of(n) for n in range(ENOUGH_PAGES)])


def test_what_stands_before_and_behind_all_articles_is_not_parsed() -> None:
    assert GROWN.skip_regions == (BEHIND, SkipRegion('class="top-bar"', 'class="page-body"'))
    page = parsed(page_of(30), GROWN)
    assert page.is_cut
    assert "Section number" not in page.markup
    assert [block.get("class") for block in page.root.iter("div")] == [None, "page-body", "story"]


def test_an_article_is_the_same_with_gaps_and_without() -> None:
    by_wrapper = extract(page_of(30), GROWN)
    assert by_wrapper.article is not None
    assert "wrapper" in by_wrapper.article.extractor
    assert same_article(by_wrapper, extract(page_of(30), replace(GROWN, regions={})))


@pytest.mark.parametrize("outlet", PAGES_OF_TEXT, ids=lambda outlet: outlet.id)
def test_the_newsrooms_articles_are_the_same_with_gaps_and_without(outlet: Outlet) -> None:
    pages = pages_of(outlet)
    wrapper = taught_by(pages)
    for page in pages:
        assert same_article(extract(page, wrapper), extract(page, replace(wrapper, regions={})))


@pytest.mark.parametrize(
    ("wrap", "is_cut"), [("", True), (" data-on='click->menu#open'", False)], ids=["plain", "with >"]
)
def test_a_gap_may_begin_within_an_element_whose_first_child_has_no_sign(wrap: str, is_cut: bool) -> None:
    """Not where another attribute holds the sign that ends a tag: the gap would begin in its midst."""
    pages = [page_of(n) for n in range(ENOUGH_PAGES + 1)]
    pages = [
        replace(page, html=page.html.replace(' class="top-bar"', "").replace("id='wrap'", f'id="wrap"{wrap}'))
        for page in pages
    ]
    wrapper = taught_by(pages[:-1])
    assert (SkipRegion('>id="wrap"', 'class="page-body"') in wrapper.skip_regions) == is_cut
    page = parsed(pages[-1], wrapper)
    assert ("Section number 3 " in page.markup) != is_cut
    assert page.root.find(".//div[@id='wrap']/div/h1") is not None or not is_cut
    assert same_article(extract(pages[-1], wrapper), extract(pages[-1], replace(wrapper, regions={})))


def test_a_box_that_stands_within_some_articles_ends_none() -> None:
    pages = [page_of(n, **({"inside": BOX} if n == 3 else {"behind": BOX})) for n in range(ENOUGH_PAGES)]
    wrapper = taught_by(pages)
    assert SkipRegion('id="letters"') in wrapper.regions
    assert wrapper.skip_regions[0] == BEHIND


def test_a_box_that_once_held_a_part_of_the_text_ends_none_however_many_pages_follow() -> None:
    """Nor does another page's lack of it count against a box."""
    first, within, *others = (page_of(n, inside=BOX if n == 1 else "", behind="" if n == 1 else BOX) for n in range(5))
    wrapper = taught_in_turn([first, within])
    assert wrapper.regions[SkipRegion('id="letters"')] < 0
    observations = [extract(page, wrapper).observation for page in others * 4]
    wrapper = learn(wrapper, [replace(o, page=n) for n, o in enumerate(observations) if o is not None])
    assert wrapper.regions[SkipRegion('id="letters"')] < 0
    assert wrapper.skip_regions[0] == BEHIND


def test_pages_of_another_kind_do_not_keep_most_from_being_cut() -> None:
    """A live page or one of an older design has none of the signs: it is parsed whole, and teaches nothing of them."""
    old = page_of(2).html.replace("more-news", "older").replace("top-bar", "banner").replace("page-body", "main")
    pages = [page_of(n) if n != 2 else replace(page_of(n), html=old) for n in range(ENOUGH_PAGES)]
    wrapper = taught_in_turn(pages)
    assert BEHIND in wrapper.skip_regions
    assert parsed(page_of(30), wrapper).is_cut
    assert not parsed(pages[2], wrapper).is_cut


def test_a_redesign_is_cut_soon() -> None:
    """Twenty pages count, however many came before them."""
    observation = extract(page_of(1), None).observation
    assert observation is not None
    wrapper = learn(None, [replace(observation, page=n) for n in range(60)])
    new = replace(observation, regions=(SkipRegion('id="elsewhere"'),))
    assert learn(wrapper, [replace(new, page=100 + n) for n in range(25)]).skip_regions[0] == SkipRegion(
        'id="elsewhere"'
    )


def test_what_a_page_tells_machines_in_its_body_is_no_part_of_a_gap_and_ends_none() -> None:
    """Some pages close their head too soon."""
    told = "<meta property='og:image' content='https://gazette.example/1.jpg'>"
    pages = [page_of(n) for n in range(ENOUGH_PAGES + 1)]
    pages = [replace(page, html=page.html.replace("<div id='wrap'>", f"<div id='wrap'>{told}")) for page in pages]
    wrapper = taught_by(pages[:-1])
    assert SkipRegion('class="top-bar"', 'class="page-body"') in wrapper.skip_regions
    found = extract(pages[-1], wrapper)
    assert same_article(found, extract(pages[-1], replace(wrapper, regions={})))
    assert found.article is not None
    assert found.article.image == "https://gazette.example/1.jpg"


def test_an_id_is_a_sign_before_a_class_is() -> None:
    """Builds and kinds of pages draw classes anew."""
    pages = [page_of(n) for n in range(ENOUGH_PAGES + 1)]
    pages = [
        replace(page, html=page.html.replace('<div class="page-body">', f'<div class="kind-{n}" id="frame">'))
        for n, page in enumerate(pages)
    ]
    assert taught_by(pages[:-1]).skip_regions[-1] == SkipRegion('class="top-bar"', 'id="frame"')


def test_names_without_quotation_marks_are_signs_too() -> None:
    pages = [page_of(n) for n in range(ENOUGH_PAGES + 1)]
    pages = [replace(page, html=page.html.replace('id="more-news"', "id=more-news data-n")) for page in pages]
    wrapper = taught_by(pages[:-1])
    assert wrapper.skip_regions[0] == SkipRegion("id=more-news ")
    assert "Section number 3 " not in parsed(pages[-1], wrapper).markup


def test_no_gap_holds_a_date_that_is_printed_only() -> None:
    """Behind the text, in the box that the headline stands in too."""
    dated = '<div class="dated">Published on 4 May 2026</div>'
    pages = [page_of(n, head="", behind=dated) for n in range(ENOUGH_PAGES + 1)]
    around = ("<h1>", "<div><div><div><h1>"), ('<div id="more-news">', '</div></div></div><div id="more-news">')
    for old, new in around:
        pages = [replace(page, html=page.html.replace(old, new)) for page in pages]
    wrapper = taught_by(pages[:-1])
    known = extract(pages[-1], wrapper)
    assert known.article is not None
    assert known.article.published is not None
    assert known.article.published.source == "byline"
    assert same_article(known, extract(pages[-1], replace(wrapper, regions={})))
    assert wrapper.skip_regions == (BEHIND, SkipRegion('class="top-bar"', 'class="page-body"'))


def test_a_page_whose_date_is_guessed_tells_of_no_gap() -> None:
    """What the guess was read from may stand anywhere."""
    pages = [page_of(n, head="", foot="<i>2026-05-04: twelve boats</i>") for n in range(ENOUGH_PAGES)]
    article = extract(pages[0], None).article
    assert article is not None
    assert article.published is not None
    assert article.published.source == "page"
    assert taught_by(pages).regions == {}


def test_no_gap_holds_the_only_name_of_who_wrote() -> None:
    signed = "<div class='sign'><p class='byline'>By Ada Quill</p></div>"
    pages = [page_of(n, head="", foot=signed) for n in range(ENOUGH_PAGES)]
    article = extract(page_of(30, head="", foot=signed), taught_by(pages)).article
    assert article is not None
    assert article.authors == ("Ada Quill",)
    assert not any(gap.stop == "" for gap in taught_by(pages).skip_regions)


@pytest.mark.parametrize(
    "foot",
    ['<div id="more-news">again</div>', '<p>A reader wrote <code>id="more-news"</code> in a comment.</p>'],
    ids=["twice an element", "in a text too"],
)
def test_a_sign_that_a_page_has_twice_cuts_nothing(foot: str) -> None:
    page = replace(page_of(30), html=page_of(30).html.replace("</body>", f"{foot}</body>"))
    assert "Section number 3 " in parsed(page, GROWN).markup
    assert same_article(extract(page, GROWN), extract(page_of(30), GROWN))


def test_a_page_that_is_doubtful_without_its_gaps_is_read_whole_by_the_teacher() -> None:
    """Another kind of page, whose text stands where other pages have their end."""
    page = page_of(30)
    start, end = page.html.index('<div class="story">'), page.html.index('<div id="more-news">')
    story = page.html[start:end]
    other = replace(
        page, html=page.html.replace(story, "").replace('<div id="more-news">', f'<div id="more-news">{story}')
    )
    found = extract(other, GROWN)
    assert found.article is not None
    assert "teacher" in found.article.extractor
    assert "Paragraph 5 of article 30" in found.article.text


def test_gaps_survive_being_stored_and_wrappers_of_before_know_none() -> None:
    stored = GROWN.to_json()
    assert Wrapper.from_json(stored).skip_regions == GROWN.skip_regions
    before = stored.replace('"gaps"', '"formerly"')
    assert Wrapper.from_json(before).skip_regions == ()
