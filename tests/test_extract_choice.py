"""The first choice on pages of our own whose other prose is larger than the article, or speaks of it more."""

# ruff: noqa: E501 - markup stands on one line each, as pages print it

from __future__ import annotations

import pytest

from pipeline.extract import PageInput, extract
from tests.test_extract import PARAGRAPHS, URL, prose

CARD = "<div class='card'><a href='/{0}'><h3>The lock of Saltby, day {0}</h3></a><p>On day {0} nobody had opened the lock, and {0} boats lay before it until the evening tide came in.</p></div>"
POST = "<div class='post'><b>Reader {0}</b><p>I was at the lock on day {0} and saw no boat there, and {0} of my neighbours will say so too.</p><a>Answer</a></div>"


@pytest.mark.parametrize(
    ("home", "below"),
    [("article", CARD), ("article", POST), ("div", CARD)],
    ids=["cards", "comments that no markup tells", "cards below an element of no name"],
)
def test_prose_elsewhere_is_not_taken_for_a_short_article(home: str, below: str) -> None:
    others = "".join(below.format(n) for n in range(12))
    text = f"<{home} class='c'><h1>The quiet harbour</h1><div class='t'>{prose()}</div></{home}>"
    source = f"<html lang='en'><head><title>The quiet harbour</title></head><body><main>{text}<section>{others}</section></main></body></html>"
    article = extract(PageInput(URL, source), None).article
    assert article is not None
    assert article.text == "\n\n".join(PARAGRAPHS)
