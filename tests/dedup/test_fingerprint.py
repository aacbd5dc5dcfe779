"""Fingerprints: the same everywhere, blind to typography, honest about similarity."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.dedup.fingerprint import (
    KEYS,
    CommonCount,
    Fingerprint,
    compare,
    count_common,
    fingerprint,
    paragraph_hashes,
)
from pipeline.domain.errors import StoreError
from pipeline.text.tokens import headline_tokens, news_paragraphs, normalise, tokenise, words_changed
from tests.made_news import Newsroom

TITLE = "Le pont de l'Aven rouvrira lundi"
TEXT = (
    "Fermé depuis l'effondrement d'une pile, le pont de l'Aven rouvrira lundi 16 mars à 6 heures.\n"
    "« Les travaux sont terminés », a déclaré la préfète, qui a salué les 140 ouvriers du chantier.\n"
    "Les poids lourds de plus de 19 tonnes devront encore passer par Quimperlé jusqu'en juin."
)


def test_fingerprint_is_the_same_in_another_process() -> None:
    program = (
        f"from pipeline.dedup.fingerprint import fingerprint; print(fingerprint({TITLE!r}, {TEXT!r}).to_bytes().hex())"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == fingerprint(TITLE, TEXT).to_bytes().hex()


def test_fingerprint_of_this_method_is_stable() -> None:
    made = fingerprint("Harbour ferry from May", "The harbour ferry will run every ten minutes from 4 May.")
    assert made.content_hash[:16] == "a4dba1a6d16acdf8"
    assert made.keys[:3] == (1417515458, 1486314353, 1230108149)
    assert made.sketch[:6].hex() == "edef04c55531"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param("l'", "l’", id="apostrophe"),
        pytest.param(" », ", "\u00a0», ", id="no-break space"),
        pytest.param("é", "e\u0301", id="decomposed accent"),
        pytest.param("chantier", "chan\u00adtier", id="soft hyphen"),
        pytest.param("Fermé", "FERMÉ", id="capitals"),
        pytest.param(" ", "  ", id="double spaces"),
        pytest.param("\n", "\r\n\r\n", id="blank lines"),
        pytest.param("\n", " ", id="paragraphs joined"),
    ],
)
def test_typography_does_not_change_the_hash(before: str, after: str) -> None:
    changed = fingerprint(TITLE.replace(before, after), TEXT.replace(before, after))
    plain = fingerprint(TITLE, TEXT)
    assert (changed.content_hash, changed.title_hash) == (plain.content_hash, plain.title_hash)
    assert (changed.sketch, changed.keys, changed.numbers) == (plain.sketch, plain.keys, plain.numbers)


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        pytest.param("L’été, c'est fini !", ["l", "été", "c", "est", "fini"], id="French"),
        pytest.param("Straßenbahn", ["strassenbahn"], id="German"),
        pytest.param("橋は640m", ["橋", "は", "640m"], id="Japanese, a sign each"),
        pytest.param("새 다리", ["새", "다리"], id="Korean, by spaces"),
        pytest.param("ﬁrst_and½", ["first", "and1", "2"], id="compatibility forms"),
        pytest.param("— … «»", [], id="nothing but signs"),
    ],
)
def test_tokens_are_runs_of_letters_and_digits(text: str, tokens: list[str]) -> None:
    assert tokenise(normalise(text)) == tokens


def test_headline_tokens_omit_the_update_stamp() -> None:
    assert headline_tokens("Le pont rouvre (mis à jour à 10h32)") == ["le", "pont", "rouvre"]


def test_numbers_omit_separators_and_years() -> None:
    made = fingerprint("", "In 2026, 21,354 people paid 4.08 or 1 200 euros for 12 boats.")
    assert made.numbers == ("12", "1200", "21354", "408")


def test_fingerprint_has_24_keys_of_4_bytes() -> None:
    made = fingerprint(TITLE, Newsroom(1).article(1).text)
    assert len(made.keys) == KEYS == 24
    assert all(-(2**31) <= key < 2**31 for key in made.keys)


def test_same_headline_gives_two_common_keys() -> None:
    newsroom = Newsroom(2)
    one, other = fingerprint(TITLE, newsroom.article(1).text), fingerprint(TITLE, newsroom.article(2).text)
    assert len(set(one.keys) & set(other.keys)) == 2


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=60), st.text(max_size=600), st.booleans())
def test_fingerprint_survives_packing(title: str, text: str, strip: bool) -> None:
    made = fingerprint(title, text, repeated=frozenset(paragraph_hashes(text)[:1]) if strip else frozenset())
    assert Fingerprint.from_bytes(made.to_bytes()) == made


def test_fingerprint_of_another_layout_is_refused() -> None:
    packed = bytes([1]) + fingerprint(TITLE, TEXT).to_bytes()[1:]
    with pytest.raises(StoreError, match="layout 1, this release reads 2"):
        Fingerprint.from_bytes(packed)


@pytest.mark.parametrize("words", [120, 400, 1500, 6000])
@pytest.mark.parametrize("share", [0.3, 0.5, 0.75])
def test_containment_of_a_cut_copy_is_estimated_within_a_tenth(words: int, share: float) -> None:
    article = Newsroom(words).article(1, words=words)
    tokens = article.text.split()
    cut = " ".join(tokens[: round(share * len(tokens))])
    similarity = compare(fingerprint("", cut), fingerprint("", article.text))
    assert similarity.containment_a > 0.97
    assert similarity.containment_b == pytest.approx(share, abs=0.1)
    assert similarity.containment == similarity.containment_a


def test_unrelated_articles_share_nothing() -> None:
    newsroom = Newsroom(3)
    similarity = compare(fingerprint("", newsroom.article(1).text), fingerprint("", newsroom.article(2).text))
    assert similarity.containment < 0.05


def test_empty_text_is_similar_to_nothing() -> None:
    assert compare(fingerprint("", ""), fingerprint("", TEXT)).jaccard == 0


def test_repeated_paragraphs_count_in_the_hash_alone() -> None:
    furniture = "Retrouvez toute l'actualité de la région dans notre édition du matin"
    repeated = frozenset(paragraph_hashes(furniture))
    stripped, plain = fingerprint(TITLE, f"{TEXT}\n{furniture}", repeated=repeated), fingerprint(TITLE, TEXT)
    assert stripped.sketch == plain.sketch
    assert stripped.tokens == plain.tokens
    assert stripped.content_hash != plain.content_hash
    assert not stripped.suspect


def test_extraction_of_mostly_boilerplate_is_doubted() -> None:
    lines = TEXT.split("\n")
    assert fingerprint(TITLE, TEXT, repeated=frozenset(paragraph_hashes("\n".join(lines[:2])))).suspect


def test_words_changed_counts_added_and_removed_words() -> None:
    change = words_changed(TEXT, TEXT.replace("140 ouvriers", "160 ouvriers bretons"))
    assert (change.added, change.removed) == (2, 1)


def test_words_changed_ignores_boilerplate() -> None:
    change = words_changed(TEXT, f"Mis à jour le 12 mars à 10h32\n{TEXT}\n12 commentaires")
    assert (change.added, change.removed) == (0, 0)


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        pytest.param("En 2026, 12 élus sur 1987 habitants.", ("12",), id="years are none"),
        pytest.param("Le litre est à 1,934 euro, contre 2.019 hier.", ("1934", "2019"), id="with a separator no year"),
        pytest.param("Il y eut 1 200 000 voix, puis 1,200,000.", ("1200000",), id="separators do not show"),
    ],
)
def test_numbers_of_a_text(text: str, numbers: tuple[str, ...]) -> None:
    assert fingerprint("", text).numbers == numbers


@pytest.mark.parametrize(
    ("text", "names"),
    [
        pytest.param("Hier, le maire de Brest a reçu Anne Le Goff.", "brest anne le goff", id="inside a sentence"),
        pytest.param("Le train part. Les quais sont pleins : On attend.", "", id="a sentence begins"),
        pytest.param("LE MAIRE DE BREST A REÇU ANNE", "", id="capitals only"),
        pytest.param("Der Zug nach Köln hält", "zug köln", id="German"),
        pytest.param("в городе Казань и Москва", "казань москва", id="Cyrillic"),
    ],
)
def test_names_of_a_text(text: str, names: str) -> None:
    assert [name for each in news_paragraphs(text) for name in each.names] == names.split()
    assert len(fingerprint("", text).names) == len(names.split())


def test_names_do_not_depend_on_typography() -> None:
    plain = fingerprint("", "Hier, le maire de Besançon a reçu Zoé Müller et son équipe.")
    printed = fingerprint("", "Hier, le maire de Besan\u00adçon a  reçu  Zoe\u0301 Mu\u0308ller et son e\u0301quipe.")
    assert plain.names == printed.names


def test_truncated_lists_are_compared_where_both_are_complete() -> None:
    assert count_common((1, 2, 9), (1, 3), kept=4) == CommonCount(1, 2)
    assert count_common((1, 2, 9), (1, 2, 4, 6), kept=4) == CommonCount(2, 2)
    assert count_common((), (1,), kept=4) == CommonCount(0, 0)
