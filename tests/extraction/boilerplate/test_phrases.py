"""The tables of rules: every rule's examples fall under it, and ordinary text under none."""

from __future__ import annotations

import json

import pytest

from pipeline.extraction.boilerplate import markup_kinds
from pipeline.extraction.boilerplate.markup_kinds import Kind, kind_of
from pipeline.extraction.boilerplate.phrases import PATTERNS, phrase_kind
from pipeline.extraction.boilerplate.walls import service_of, walls
from pipeline.extraction.extract import PageInput, extract
from pipeline.extraction.jsonl import ExtractedRow, ExtractRow, outlet_of, read_row, written_line
from pipeline.text.normalize import read_table
from tests.evaluation.extraction_metrics import rouge_lsum, shingle_score, shingle_score_of_options

RULES = read_table(markup_kinds.__name__)["kinds"]
MARKUP = [(Kind(rule["kind"]), example) for rule in RULES for example in rule["examples"]]
LINES = [(rule.kind, example) for rule in PATTERNS for example in rule.examples]


@pytest.mark.parametrize(("kind", "example"), MARKUP, ids=str)
def test_markup_is_of_its_kind(kind: Kind, example: str) -> None:
    assert kind_of("div", example, None, None, None, None) is kind


@pytest.mark.parametrize(
    "classes",
    [
        "article__body",
        "content",
        "entry-content post",
        "has-caption",
        "page-with-sidebar",
        "no-ads",
        "ad-free",
        "gradient",
        "c-body",
    ],
)
def test_plain_markup_is_of_no_kind(classes: str) -> None:
    assert kind_of("div", classes, None, None, None, None) is None


def test_what_a_post_is_about_does_not_say_what_its_element_is() -> None:
    classes = "post-3114 type-post status-publish hentry category-comments tag-advertisement"
    assert kind_of("article", classes, None, None, None, None) is None


def test_the_element_that_calls_itself_the_body_is_plain() -> None:
    assert kind_of("div", "newsletter", None, "articleBody", None, None) is None


@pytest.mark.parametrize(("name", "example"), LINES, ids=lambda value: str(value)[:40])
def test_a_line_falls_under_its_rule(name: str, example: str) -> None:
    assert phrase_kind(example) == name


@pytest.mark.parametrize(
    "text",
    [
        "Le lecteur qui lit aussi la presse locale saura de quoi il retourne.",
        "She read more than anyone else in the village, and remembered all of it.",
        "Photographs of the bridge were sold to pay for the new roof.",
        "Die Zeitung wirbt mit einem Newsletter um junge Leser, berichtet der Verlag.",
        "Partager une maison à six n'est pas simple, dit-elle.",
        "The newsletter of the parish council appears four times a year.",
        "Abonné au théâtre depuis trente ans, il n'a jamais manqué une première.",
        "À 18h30, les portes étaient fermées et la salle pleine.",
        "If you have ever wanted to sail the estuary by yourself, this article is for you.",
        "Memberships bring in a steady income with member-only content and early tickets.",
        "Read on for three ways to moor a boat against the tide.",
        "See more of the estuary without leaving the quay.",
        "Save the harbour at any price",
        "Crédit d'impôt et prime à la conversion",
        "Photo de famille devant l'écluse",
        "Image ternie à l'étranger",
        "À lire les comptes du port, la situation ne s'améliore pas.",
        "Notre dossier est solide, assure l'avocate des pêcheurs.",
        "Vous avez des symptômes ? Appelez le médecin de garde.",
        "S'inscrire sur les listes électorales",
        "La suite après les fêtes",
    ],
)
def test_a_sentence_falls_under_none(text: str) -> None:
    assert phrase_kind(text) is None


def test_a_service_that_pages_print_is_a_phrase_and_a_trigger_of_bot_walls() -> None:
    wall = next(wall for wall in walls() if wall.reason == "bot_wall")
    assert "datadome" in wall.triggers
    assert wall.phrases.findall("Just a moment … Protected by DataDome") == ["Just a moment", "DataDome"]
    assert service_of({"server": "DataDome"}, b"") == "datadome"


def test_triggers_of_walls_are_in_lower_case() -> None:
    assert all(trigger == trigger.lower() for wall in walls() for trigger in wall.triggers)


def test_a_line_names_what_it_lacks() -> None:
    with pytest.raises(ValueError, match="without url and file"):
        read_row("{}")


def test_a_line_is_written_as_the_outlet_prints_its_clock() -> None:
    words = "".join(
        f"<p>Sentence number {n} of a text that is long enough to be an article of its own.</p>" for n in range(9)
    )
    head = "<meta property='article:published_time' content='2026-03-01T00:30:00+01:00'>"
    html = f"<html lang='en'><head><title>A headline</title>{head}</head><body><h1>A headline</h1>{words}</body></html>"
    row = ExtractRow("1", "http://news.example.co.uk/a/b", "a.html")
    line = written_line(ExtractedRow(row, extract(PageInput(url=row.url, html=html), None)))
    assert line["published"] == "2026-03-01T00:30:00+01:00"
    assert line["verdict"] == "article"
    assert line["id"] == "1"
    assert json.loads(json.dumps(line)) == line
    assert outlet_of(row) == "example.co.uk"


def test_a_failure_is_a_line_too() -> None:
    line = written_line(ExtractedRow(ExtractRow("1", "http://a.example/b", "x"), None, "no such file"))
    assert line["verdict"] == "failed"
    assert line["reason"] == "no such file"


@pytest.mark.parametrize(
    ("gold", "text", "f1"),
    [("a b c d e", "a b c d e", 1.0), ("a b c d e", "", 0.0), ("a b c d e", "a b c d x", 0.5), ("a b", "a b", 1.0)],
)
def test_shingles_are_those_of_the_benchmark(gold: str, text: str, f1: float) -> None:
    assert shingle_score(gold, text).f1 == f1


def test_shingles_do_not_see_how_a_gold_text_is_encoded() -> None:
    assert (
        shingle_score("fu\u0308r die ver\u00adant\u00adwort\u00adliche Zeitung", "für die verantwortliche Zeitung").f1
        == 1.0
    )


def test_an_optional_paragraph_counts_neither_way() -> None:
    gold = ["The boat came home.", "[Reporting by A. Penn]"]
    assert rouge_lsum(gold, "The boat came home.").f1 == 1.0
    assert rouge_lsum(gold, "The boat came home.\nReporting by A. Penn").f1 == 1.0
    assert shingle_score_of_options(gold, "The boat came home.").f1 == 1.0
    assert shingle_score_of_options(gold, "The boat came home.\nReporting by A. Penn").f1 == 1.0
