"""Tokens, comparison keys, boilerplate lines and plain text of HTML fragments."""

from __future__ import annotations

import pytest

from pipeline.text.normalize import clean_text, key_of, looks_like_markup, one_line, plain_text
from pipeline.text.tokens import (
    headline_tokens,
    is_boilerplate_line,
    is_stamp,
    is_time,
    news_paragraphs,
    normalise,
    tokenise,
    words_changed,
)


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("L’été à Nîmes", ["l", "été", "à", "nîmes"]),
        ("co\u00adopera\u00adtion", ["cooperation"]),
        ("ﬁn de partie", ["fin", "de", "partie"]),
        ("東京の港", ["東", "京", "の", "港"]),
        ("", []),
    ],
)
def test_tokens_do_not_depend_on_typography(text: str, tokens: list[str]) -> None:
    assert tokenise(normalise(text)) == tokens


def test_a_headline_has_no_stamp_in_brackets() -> None:
    assert headline_tokens("The bridge reopens (updated)") == ["the", "bridge", "reopens"]
    assert headline_tokens("The bridge reopens (video)") == ["the", "bridge", "reopens", "video"]


def test_words_changed_does_not_count_boilerplate_lines() -> None:
    change = words_changed("The bridge is closed.", "The bridge is open again.\nUpdated at 10:32\n12 comments")
    assert (change.added, change.removed) == (2, 1)


def test_names_are_capitalised_words_inside_a_sentence() -> None:
    (paragraph,) = news_paragraphs("The mayor met Ada Penn in Genoa.")
    assert paragraph.names == ("ada", "penn", "genoa")


@pytest.mark.parametrize(
    ("line", "is_boilerplate"),
    [
        ("Mis à jour le 12 mars à 10h32", True),
        ("Last updated yesterday", True),
        ("12 comments", True),
        ("Reading time: 4 minutes", True),
        ("Share on Facebook", True),
        ("Subscribe to our newsletter", True),
        ("Comments", False),
        ("Updated plans for the harbour", False),
        ("Minutes of the council", False),
    ],
)
def test_boilerplate_lines_are_recognised(line: str, is_boilerplate: bool) -> None:
    assert is_boilerplate_line(tokenise(normalise(line))) is is_boilerplate


def test_a_stamp_is_a_time_of_publishing_and_nothing_else() -> None:
    assert is_stamp(["published", "12", "march"])
    assert not is_stamp(["published", "works"])
    assert not is_stamp([])


@pytest.mark.parametrize(("line", "is_date"), [("jeudi 13 juin 2019", True), ("juin", False), ("13 ouvriers", False)])
def test_a_line_of_a_date_alone_is_a_time(line: str, is_date: bool) -> None:
    assert is_time(line) is is_date


def test_clean_text_is_nfc_without_invisible_characters() -> None:
    assert clean_text("e\u0301te\u0301\u200b \n\t deux\u3000") == "été deux"


@pytest.mark.parametrize(
    ("printed", "clean"),
    [
        pytest.param("می\u200cشود", "می\u200cشود", id="Persian"),
        pytest.param("ශ්\u200dරී", "ශ්\u200dරී", id="Sinhala"),
        pytest.param("👩\u200d🚀 ok", "👩\u200d🚀 ok", id="an emoji of two"),
        pytest.param("été \u200cmot\u200d. \u200dfin", "été mot. fin", id="beside a blank or ASCII"),
    ],
)
def test_joiners_stay_between_letters_and_emoji(printed: str, clean: str) -> None:
    assert clean_text(printed) == clean


def test_a_comparison_key_holds_letters_and_digits_only() -> None:
    assert key_of("“Le Pont”, 2e partie – Straße") == "lepont2epartiestrasse"
    assert key_of("Plain ASCII: 12!") == "plainascii12"


def test_plain_text_keeps_paragraphs_and_drops_what_is_invisible() -> None:
    html = "<p>One &amp; two<br>three</p><script>var a = '<p>';</script><!-- no --><div>Four</div><style>p {}"
    assert plain_text(html) == "One & two\nthree\n\nFour"


def test_one_line_joins_paragraphs() -> None:
    assert one_line("A\n\n title \x00") == "A title"


@pytest.mark.parametrize(("text", "is_markup"), [("a <b>c</b>", True), ("AT&amp;T", True), ("1 < 2 & 3", False)])
def test_markup_is_recognised_by_tags_and_references(text: str, is_markup: bool) -> None:
    assert looks_like_markup(text) is is_markup
