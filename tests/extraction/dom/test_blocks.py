"""Text blocks: what a page shows, in order, each with its DOM path."""

from __future__ import annotations

from lxml import html

from pipeline.extraction.boilerplate.markup_kinds import Kind
from pipeline.extraction.dom.blocks import Block, branch_of, read_blocks
from pipeline.extraction.dom.xpath import Search, only_child, text_of


def blocks_of(body: str) -> list[Block]:
    return read_blocks(html.document_fromstring(f"<html><body>{body}</body></html>").find("body"))


def test_blocks_are_visible_lines_in_order() -> None:
    found = blocks_of(
        "<h1>The quiet harbour</h1><p>One <a href='/x'>link</a>.<br><br>Two</p><script>no()</script>"
        "<div hidden>hidden</div><div style='display:none'>hidden</div><span class='sr-only'>hidden</span>"
        "<ul><li>Three</li></ul>"
    )
    assert [(block.tag, block.text) for block in found] == [
        ("h1", "The quiet harbour"), ("p", "One link."), ("p", "Two"), ("li", "Three"),
    ]  # fmt: skip
    assert found[1].link_chars == len("link")


def test_rows_of_facts_are_one_block_and_rows_of_a_layout_are_not() -> None:
    (fact,) = blocks_of("<table><tr><th>Opened</th><td>1932</td></tr></table>")
    assert (fact.tag, fact.text) == ("tr", "Opened | 1932")
    layout = blocks_of("<table><tr><td><p>Left</p></td><td><p>Right</p></td></tr></table>")
    assert [block.text for block in layout] == ["Left", "Right"]


def test_a_quotation_and_its_speaker_are_one_block() -> None:
    (quote,) = blocks_of("<blockquote><p>We left at dawn.</p><cite>Ada Penn</cite></blockquote>")
    assert quote.text == "We left at dawn. Ada Penn"
    assert [mark.kind for mark in quote.marks] == [Kind.QUOTE]


def test_a_bold_line_before_a_break_is_a_heading() -> None:
    assert [block.tag for block in blocks_of("<td><b>The harbour</b><br>It was quiet.</td>")] == ["h6", "td"]


def test_generated_classes_are_no_part_of_a_dom_path() -> None:
    (block,) = blocks_of("<div class='story dSlXtj css-1x2y3z'><p class='p-12345'>Text</p></div>")
    assert block.dom_path == "body/div.story/p"
    assert branch_of(block.node) == "div.story>p"


def test_skipped_branches_have_no_blocks() -> None:
    page = html.document_fromstring("<html><body><div class='rail'><p>No</p></div><p>Yes</p></body></html>")
    assert [block.text for block in read_blocks(page.find("body"), skipped=frozenset({"body>div.rail"}))] == ["Yes"]


def test_a_search_looks_only_for_kinds_whose_hint_is_in_the_markup() -> None:
    markup = "<html><body><p class='one'>A</p><p id='two'>B</p></body></html>"
    search = Search((("one", "@class='one'"), ("three", "@id='two'")))
    assert [text_of(e) for e in search.find(html.document_fromstring(markup), markup)] == ["A"]


def test_an_only_child_has_no_text_around_it() -> None:
    alone, followed = html.fragments_fromstring("<p> <b>A</b> </p><p><b>A</b> B</p>")
    child = only_child(alone)
    assert child is not None
    assert child.tag == "b"
    assert only_child(followed) is None
