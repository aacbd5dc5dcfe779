"""Languages: what a page claims stands where its text bears it out, and is put right where it does not."""

from __future__ import annotations

import pytest

from pipeline.text.languages import detect_language

BOKMAL = (
    "Det var ikke den første gangen at de hadde sett båten på fjorden, men ingen av dem hadde ventet at den skulle "
    "komme tilbake så sent på året, og i havnen sto folk og så etter den til det ble mørkt."
)
GERMAN = (
    "Es war nicht das erste Mal, dass sie das Boot auf dem Fluss sahen, aber niemand hatte damit gerechnet, dass es so "
    "spät im Jahr noch einmal kommt, und im Hafen standen die Leute, bis es dunkel wurde."
)
CHINESE = "港口的人们一直等到天黑，他们以前也见过这条船，但没有人想到它会在一年中这么晚的时候回来。" * 4


@pytest.mark.parametrize(
    ("text", "claim", "settled"),
    [
        (BOKMAL, "nb-NO", "nb-NO"),
        (BOKMAL, "no", "no"),
        (BOKMAL, "en", "no"),
        (GERMAN, "de_DE", "de-DE"),
        (GERMAN, "en-US", "de"),
        (GERMAN, "", "de"),
        (CHINESE, "zh-CN", "zh-CN"),
        (CHINESE, "en", "zh"),
        ("Ein Wort.", "de", "de"),
        ("Ein Wort.", "", None),
    ],
)
def test_a_claim_stands_where_the_text_bears_it_out(text: str, claim: str, settled: str | None) -> None:
    assert detect_language(text, claims=(claim,)) == settled


def test_a_quotation_that_opens_a_text_does_not_settle_its_language() -> None:
    assert detect_language(f"{BOKMAL} {GERMAN * 6}", claims=("de",)) == "de"
