"""Gaps on pages of our own: short parts of the text that a choice of its prose passes over."""

from __future__ import annotations

import pytest
from lxml import html

from pipeline.extraction.content.clean import clean_blocks
from pipeline.extraction.dom.blocks import read_blocks
from tests.extraction.test_extract import PARAGRAPHS, prose

LONG = frozenset(PARAGRAPHS) | {"So it ended, and the harbour was as quiet as it had been before the storm."}
END = prose().replace(PARAGRAPHS[0], "So it ended, and the harbour was as quiet as it had been before the storm.")
POST = (
    "<blockquote class='twitter-tweet'><p>The boat is back at her mooring.</p>— Anna Penn (@pennanna) "
    "<a href='https://social.example/1'>May 2, 2023</a></blockquote>"
)
ENTRIES = "<ul><li>Two boats from Saltby</li><li>A ferry from the lock</li></ul>"
BOXES = "".join(f"<div class='asset'><p>{text}</p></div>" for text in PARAGRAPHS)


def mended(body: str) -> list[str]:
    """The lines of a page of which only the long paragraphs were chosen."""
    blocks = read_blocks(html.document_fromstring(f"<html><body><main>{body}</main></body></html>"))
    chosen = frozenset(i for i, block in enumerate(blocks) if block.text in LONG)
    return [blocks[i].text for i in clean_blocks(blocks, chosen, title="The quiet harbour", description="").chosen]


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (f"<div>{prose('“Never!”')}{END}</div>", "“Never!”"),
        (f"<div>{prose()}{ENTRIES}{END}</div>", "A ferry from the lock"),
        (f"{BOXES}<div class='asset'>{ENTRIES}</div>{BOXES}", "A ferry from the lock"),
        (f"<div>{prose()}<div class='SocialEmbed'>{POST}</div>{END}</div>", "Anna Penn"),
        (f"<div>{prose('* Not his real name')}</div>", "* Not his real name"),
        (f"<div>{prose('Two were lost:')}{ENTRIES}{END}</div>", "Two were lost:"),
    ],
    ids=[
        "a word said",
        "a list",
        "a list in a box like the paragraphs'",
        "a post",
        "a footnote",
        "what a list is of",
    ],
)
def test_what_a_choice_of_prose_passed_over_is_read(body: str, found: str) -> None:
    assert found in " ".join(mended(body))


@pytest.mark.parametrize(
    ("body", "left"),
    [
        (f"<div>{prose('Read more.')}{END}</div>", "Read more."),
        (f"<div>{prose('The old lock')}{END}</div>", "The old lock"),
        (f"<div>{prose('Two were lost:')}{END}</div>", "Two were lost:"),
        (f"<div>{prose()}<ul><li><a href='/b'>Two boats from Saltby</a></li></ul>{END}</div>", "Two boats"),
        (f"<div>{prose()}<div class='box'><div>{ENTRIES}</div></div>{END}</div>", "A ferry"),
        (f"<div>{prose()}</div><aside><div><div>{POST}</div></div></aside>", "Anna Penn"),
    ],
    ids=[
        "a button",
        "no sentence",
        "a list that is not there",
        "a list of links",
        "a list in a box of another kind",
        "a post beside the text",
    ],
)
def test_what_stands_elsewhere_or_links_away_is_left(body: str, left: str) -> None:
    assert left not in " ".join(mended(body))
