"""Promotional boxes without markup that names them: offers, consent, paywalls, on pages of our own."""

# ruff: noqa: E501 - markup stands on one line each, as pages print it

from __future__ import annotations

import pytest

from pipeline.extraction.boilerplate.phrases import LISTS, phrase_kind
from pipeline.extraction.content.lead import is_byline
from pipeline.extraction.extract import PageInput, extract
from pipeline.text.normalize import key_of
from tests.extraction.content.test_clean import LEAD, read
from tests.extraction.test_extract import PARAGRAPHS, URL, prose
from tests.extraction.wrapper.test_apply import TEXTS, is_by_wrapper, page, taught

LINES = [(group.kind, line) for group in LISTS for line in group.lines]
OTHERS = "".join(f"<li><a href='/{n}'>The harbour in the news: another story, number {n}</a></li>" for n in range(4))
WALL = (
    "<div class='end'><h4>La suite est réservée aux abonnés.</h4><p>Déjà abonné ? Se connecter</p><ul><li>Le journal numérique chaque jour avant treize heures, et tous ses suppléments.</li>"
    "<li>Soutenez le journalisme d’enquête et une rédaction indépendante.</li></ul><p>S’abonner sans engagement</p></div>"
)


def test_a_line_of_the_table_is_of_its_kind_whatever_its_quotes_and_capitals() -> None:
    for kind, line in LINES:
        assert phrase_kind(line.rstrip("…").upper().replace("'", "’")) == kind, line


def test_a_line_stands_in_the_table_once_and_says_enough() -> None:
    keys = [key_of(line) for _, line in LINES]
    assert len(set(keys)) == len(keys)
    short = [line for _, line in LINES if line.endswith("…") and len(key_of(line)) < 8]
    assert not short  # of a beginning: articles would have it too


@pytest.mark.parametrize(
    "text",
    [
        "Sign in sheets were found in the lock keeper's hut on Monday morning.",
        "S'abonner au journal du village coûte douze euros par an depuis 1987.",
        "Newsletters have replaced the notice board at the harbour.",
        "Top stories of the harbour are told in the inn, not in the paper.",
        "Merken Sie sich den Namen: Arval baut wieder Fahrräder.",
        "Pour aller plus loin, il a fallu une troisième équipe de plongeurs.",
        "Pour voir ce bateau, il faut se lever tôt.",
        "The paper contributed reporting on the lock for as long as it was printed.",
        "Did the pilot see the boat? Nobody at the lock would say, and the log is lost.",
        "Follow the estuary on foot via Saltby and you reach the old lock.",
        "Die Fischer haben Hinweise zu dem Boot gegeben, das seit Sonntag fehlt.",
    ],
)
def test_a_sentence_that_begins_like_a_line_is_none(text: str) -> None:
    assert phrase_kind(text) is None


@pytest.mark.parametrize(
    "line",
    [
        ">> Météo : douze départements en vigilance orange",
        "Il vous reste 71% à lire",
        "Ajoutez la Gazette à vos sources préférées",
        "Partager Facebook Email URL Imprimer Offrir cet article Enregistrer",
        "Toute l’actualité du littoral par la rédaction dans votre boîte mail.",
    ],
)
def test_what_stands_among_paragraphs_on_every_page_is_told_by_its_words(line: str) -> None:
    assert phrase_kind(line) is not None
    text = read(f"{prose()}<p>{line}</p>{prose('So it ended.')}").text
    assert line not in text


def test_a_box_goes_with_its_button() -> None:
    box = "<div class='x'><p>« Harbours »</p><p>Every week our reporters look behind the news of the coast for you.</p><a href='/s'>Sign up for our newsletter</a></div>"
    text = read(f"<div class='t'>{prose()}{box}{prose('So it ended.')}</div>").text
    assert "Harbours" not in text
    assert "Every week" not in text
    assert PARAGRAPHS[-1] in text


def test_a_paragraph_of_the_text_stays_though_its_box_has_a_button() -> None:
    parts = "".join(
        f"<section><p>{text}</p><a href='/s'>Sign up for our newsletter</a></section>" for text in PARAGRAPHS
    )
    assert read(parts).text == "\n\n".join(PARAGRAPHS)


def test_what_a_paywall_offers_behind_its_sentence_is_no_text() -> None:
    article = read(f"<h2 class='standfirst'>{LEAD}</h2><div class='t'>{prose()}</div>{WALL}")
    assert article.text == "\n\n".join((LEAD, *PARAGRAPHS))
    assert article.is_accessible_for_free is False


@pytest.mark.parametrize(
    "wall",
    [
        "For at læse denne artikel skal du have et digitalt abonnement.",
        "För att läsa hela artikeln behöver du vara prenumerant.",
        "Dit artikel is alleen voor abonnees.",
        "Este conteúdo é exclusivo para assinantes da Gazeta.",
        "Treść dostępna tylko dla prenumeratorów „Gazety”.",
        "Do konce zbývá ještě 80 % článku",
        "この記事は有料会員限定です。残り1234文字",
    ],
)
def test_a_paywall_is_told_in_many_languages(wall: str) -> None:
    article = read(f"<div class='t'>{prose()}<p>{wall}</p></div>")
    assert article.text == "\n\n".join(PARAGRAPHS)
    assert article.is_accessible_for_free is False


def test_a_short_text_stays_alone_above_a_paywall_in_its_box() -> None:
    offers = "<li>Accès à toute la presse du littoral, dès cinq heures du matin</li><li>Nos archives depuis 1944</li>"
    wall = f"<div class='r'><p>Contenu réservé aux abonnés</p><p>Un euro le premier mois, pour tout le littoral</p><ul>{offers}</ul></div>"
    article = read(f"<div class='t'>{prose()}</div>{wall}")
    assert article.text == "\n\n".join(PARAGRAPHS)
    assert article.is_accessible_for_free is False


def test_the_lead_alone_is_the_free_part_of_an_article_that_shows_no_more() -> None:
    head = f"<meta name='description' content='{LEAD}'>"
    article = read(f"<div class='top'><div class='chapo-head'>{LEAD}</div></div>{WALL}", head=head)
    assert (article.text, article.lead) == (LEAD, LEAD)
    assert article.is_accessible_for_free is False


def test_a_text_that_goes_on_behind_the_sentence_of_a_paywall_is_read() -> None:
    wall = "<div class='w'><p>Subscribe to continue reading</p></div>"
    rest = "".join(f"<p>{text} That is what they say.</p>" for text in PARAGRAPHS)
    assert "That is what they say." in read(f"<div class='a'>{prose()}</div>{wall}<div class='b'>{rest}</div>").text


def test_a_notice_behind_the_headlines_of_others_is_no_text() -> None:
    notice = "<section><p>You can read the Courier on one device at a time, and this is another.</p></section>"
    text = read(f"<div class='t'>{prose()}</div><section><h4>Most of all</h4><ul>{OTHERS}</ul></section>{notice}").text
    assert "one device" not in text


def test_a_label_on_another_articles_headline_says_nothing_of_this_one() -> None:
    other = "<section><a href='/9'><span>Article réservé à nos abonnés</span> <span>Lire aussi : le port en chiffres, dix ans après</span></a></section>"
    assert read(f"{prose()}{other}{prose('So it ended.')}").is_accessible_for_free is None


def test_a_lead_of_points_is_found_where_every_paragraph_has_a_box() -> None:
    points = "<ul><li class='chapo__item'>A boat left its mooring on Sunday evening.</li><li class='chapo__item'>The whole estuary went out to look for it.</li></ul>"
    boxes = "".join(f"<div class='b'><p>{text}</p></div>" for text in PARAGRAPHS)
    html = f"<html lang='en'><title>The quiet harbour</title><body><header>The Courier</header><h1>The quiet harbour</h1><p>Source: the lock, Sunday</p><div class='chapo'>{points}</div><div>{boxes}</div></body></html>"
    article = extract(PageInput(url=URL, html=html), None).article
    assert article is not None
    assert article.lead == "A boat left its mooring on Sunday evening."
    assert article.text.startswith(f"{article.lead}\n\nThe whole estuary")


@pytest.mark.parametrize(
    ("line", "is_one"),
    [
        ("Publié le 12/04/2023 à 08h12, modifié le 12/04/2023 à 09h30 Temps de Lecture 3 min.", True),
        ("Updated rules say that every lecture lasts 30 min.", False),
        ("2026-03-01 18:14:48 来源：港口日报", True),
        ("9:30 28 ноября 2026 г", True),
        ("Autor: Jan Kowalski. Data publikacji 31 maja 2026", True),
        ("First Posted: Jan 12, 2026 7:18am | Last Updated: Jan 12, 2026 7:21am", True),
        ("First the lock was shut, then the bridge", False),
        ("On 28 November 2026 the lock was shut", False),
    ],
)
def test_a_date_is_told_from_a_sentence_in_any_language(line: str, *, is_one: bool) -> None:
    assert is_byline(line) is is_one


@pytest.mark.parametrize("heading", ["<h2>{}</h2>", "<p><strong>{}</strong></p>"], ids=["as one", "in bold"])
def test_an_intertitle_that_some_pages_share_stays(heading: str) -> None:
    between = f"{heading.format('What happens next?')}<p>All about boats, every day at noon</p>"

    def body(*, shared: bool) -> tuple[str, ...]:
        return (*TEXTS[:2], *((between,) if shared else ()), *TEXTS[2:])

    wrapper = taught([page(day, body=body(shared=day % 3 == 0)) for day in range(1, 12)])
    found = extract(page(40, body=body(shared=True)), wrapper)
    assert is_by_wrapper(found)
    assert found.article is not None
    assert "\n\nWhat happens next?\n\n" in found.article.text
