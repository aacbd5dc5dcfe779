"""Agencies are credited by dateline, signature, parenthesis or author, never by being spoken of."""

from __future__ import annotations

import pytest

from pipeline.extraction.metadata.agencies import agency_credits


@pytest.mark.parametrize(
    ("text", "agencies"),
    [
        ("PARIS (AFP) - Le ministre a présenté son plan.", ("AFP",)),
        ("LONDON, March 3 (Reuters) – Oil rose on Monday.", ("Reuters",)),
        ("Berlin (dpa) - Der Bundestag hat beschlossen.", ("dpa",)),
        ("(ANSA) - ROMA, 03 MAR - Il governo ha deciso.", ("ANSA",)),
        ("BRUXELLES (Belga) — La Chambre a voté.", ("Belga",)),
        ("BERN/Keystone-SDA – Der Bundesrat hat entschieden.", ("ATS",)),
        ("MOSCOW, March 3. (TASS) - The ministry said.", ("TASS",)),
        ("Le texte du projet.\n(avec AFP)", ("AFP",)),
        ("Le texte du projet (avec AFP et Reuters).", ("AFP", "Reuters")),
        ("He left early (with AP).", ("AP",)),
        ("The talks ended.\n— Reuters", ("Reuters",)),
        ("El ministro lo confirmó. EFE", ("EFE",)),
        ("The council agreed.\nBy PA Media", ("PA",)),
        ("Le texte.\nLe Monde avec AFP", ("AFP",)),
        ("The deal was signed. (Xinhua)", ("Xinhua",)),
        ("Die Partei stimmte zu. dpa/lno", ("dpa",)),
        ("Some text.\n(AFP)\nAbonnez-vous à notre lettre", ("AFP",)),
        ("A Reuters reporter saw smoke over the port, and AP said so too.", ()),
        ("Le PA 12 a été repris, dit l'AFP dans sa dépêche d'hier matin.", ()),
        ("Der Tag begann ruhig.", ()),
        ("", ()),
    ],
)
def test_a_text_credits_its_agencies(text: str, agencies: tuple[str, ...]) -> None:
    assert agency_credits(text) == agencies


@pytest.mark.parametrize(
    ("author", "agencies"),
    [
        ("AFP", ("AFP",)),
        ("Le Figaro avec AFP", ("AFP",)),
        ("Jean Dupont, AFP", ("AFP",)),
        ("Jane Doe | Reuters", ("Reuters",)),
        ("Apolline Patel", ()),
        ("The Associated Press", ("AP",)),
        ("AFP et Reuters", ("AFP", "Reuters")),
    ],
)
def test_an_author_may_be_an_agency(author: str, agencies: tuple[str, ...]) -> None:
    assert agency_credits("Un texte.", (author,)) == agencies
