"""Titles: the headline that the page prints, where another source says the same; no outlet's name behind it."""

from __future__ import annotations

import pytest

from pipeline.domain.model import SourcedValue
from pipeline.extraction.metadata.titles import choose_title, without_site

HEADLINE = "Le pont de l'Aven rouvrira lundi"


def chosen(
    *, linked: str = "", social: str = "", h1: tuple[str, ...] = (), page: str = "", site: str = "", host: str = ""
) -> SourcedValue:
    return choose_title(linked=linked, social=social, headlines=h1, page=page, feed="", site=site, host=host)


@pytest.mark.parametrize(
    ("found", "title", "source"),
    [
        pytest.param(
            chosen(h1=(HEADLINE,), social="Aven : le pont rouvrira lundi, après un an de travaux"),
            HEADLINE,
            "h1",
            id="what is printed, though it was written otherwise for sharing",
        ),
        pytest.param(
            chosen(h1=(f"En direct : {HEADLINE}",), linked=HEADLINE, social=f"{HEADLINE} | Ouest", site="Ouest"),
            HEADLINE,
            "json-ld",
            id="what the page tells machines twice in the same words",
        ),
        pytest.param(
            chosen(h1=("Le pont de l’Aven rouvrira lundi",), linked=HEADLINE, social=HEADLINE),
            "Le pont de l’Aven rouvrira lundi",
            "h1",
            id="as it is printed, where all say the same",
        ),
        pytest.param(
            chosen(h1=("Le Méridien", HEADLINE), page=f"{HEADLINE} | Le Méridien", site="Le Méridien"),
            HEADLINE,
            "h1",
            id="no outlet's name set as a headline",
        ),
        pytest.param(
            chosen(h1=("Méridien",), page=f"{HEADLINE} - Méridien", host="www.meridien.example"),
            HEADLINE,
            "title",
            id="nor its address",
        ),
        pytest.param(
            chosen(h1=("Bretagne",), social=HEADLINE, page=f"{HEADLINE} | Bretagne | Le Méridien"),
            HEADLINE,
            "opengraph",
            id="no section's name, though a title ends with it",
        ),
        pytest.param(
            chosen(h1=("Bretagne", HEADLINE), page=f"Le Méridien - Bretagne - {HEADLINE}"),
            HEADLINE,
            "h1",
            id="the headline behind the section's name",
        ),
        pytest.param(
            chosen(h1=("Toute la presqu'île",), page=f"{HEADLINE} | Toute la presqu'île"),
            HEADLINE,
            "title",
            id="without the motto that stands as a headline on every page",
        ),
        pytest.param(
            chosen(h1=("Pont rouvert",), page="Pont rouvert | Toute l'actualité de la presqu'île de Crozon"),
            "Pont rouvert",
            "h1",
            id="a short headline before a long name",
        ),
        pytest.param(
            chosen(
                h1=("Ouest", "Le pont est rouvert"),
                social="Le pont est rouvert",
                page=f"{HEADLINE} après un an et demi de travaux, dit l'Ouest",
            ),
            "Le pont est rouvert",
            "h1",
            id="not the outlet's name for standing in a long sentence",
        ),
        pytest.param(
            chosen(h1=(f"VIE LOCALE {HEADLINE}.",), social=HEADLINE),
            f"{HEADLINE}.",
            "h1",
            id="without the kicker in capitals before it",
        ),
        pytest.param(
            chosen(social=f"{HEADLINE} - Ouest - Toute l'actualité", site="Ouest - Toute l'actualité"),
            HEADLINE,
            "opengraph",
            id="without a name in two parts",
        ),
        pytest.param(
            chosen(page="八甲田山に初雪｜河北ニュース", site="河北ニュース"),
            "八甲田山に初雪",
            "title",
            id="nor behind a wide bar",
        ),
        pytest.param(
            chosen(h1=("Nos newsletters",), linked=HEADLINE),
            HEADLINE,
            "json-ld",
            id="no headline of a box that nothing confirms",
        ),
        pytest.param(
            chosen(h1=("Travaux publicsLe pont rouvrira lundi",), social="Travaux publics / Le pont rouvrira lundi"),
            "Travaux publics / Le pont rouvrira lundi",
            "h1",
            id="with the blank that the markup leaves out behind a kicker",
        ),
        pytest.param(
            chosen(h1=(f"{HEADLINE} Abonnés",), linked=HEADLINE),
            HEADLINE,
            "h1",
            id="without the label behind it",
        ),
        pytest.param(
            chosen(h1=(f"{HEADLINE} Abonnés",), page=f"{HEADLINE} | Chroniques | Ouest"),
            HEADLINE,
            "h1",
            id="without the label behind it, though the page's title has more",
        ),
        pytest.param(
            chosen(h1=(f"{HEADLINE}, ou mardi",), social=HEADLINE),
            f"{HEADLINE}, ou mardi",
            "h1",
            id="whole, where another source breaks off",
        ),
        pytest.param(chosen(page=f"{HEADLINE} - Ouest"), HEADLINE, "title", id="the page's title less the outlet"),
        pytest.param(
            chosen(h1=(f"{HEADLINE} |",), linked="Ouest", social="Ouest", page=f"{HEADLINE} | Ouest", site="Ouest"),
            HEADLINE,
            "h1",
            id="not the outlet that the page tells machines twice",
        ),
        pytest.param(chosen(page="Ouest", site="Ouest"), "Ouest", "title", id="the outlet where nothing else is told"),
        pytest.param(chosen(h1=(HEADLINE,)), HEADLINE, "h1", id="the only one there is"),
        pytest.param(chosen(), "", "", id="none"),
    ],
)
def test_the_headline_is_found(found: SourcedValue, title: str, source: str) -> None:
    assert found == SourcedValue(title, source)


@pytest.mark.parametrize(
    ("printed", "site", "title"),
    [
        (f"{HEADLINE} – Le Méridien", "Le Méridien", HEADLINE),
        (f"Le Méridien | {HEADLINE}", "Le Méridien", HEADLINE),
        ("Grève : ce qu'il faut savoir", "Le Méridien", "Grève : ce qu'il faut savoir"),
        ("La Lune passe ce soir : comment l'observer", "L'Obs", "La Lune passe ce soir : comment l'observer"),
        (f"{HEADLINE} - Le Méridien du soir", "Méridien", HEADLINE),
    ],
)
def test_an_outlets_name_is_no_part_of_the_headline(printed: str, site: str, title: str) -> None:
    assert without_site(printed, site) == title


def test_a_name_of_three_letters_is_known_by_the_host() -> None:
    assert without_site(f"{HEADLINE} | NZZ", "", "www.nzz.ch") == HEADLINE
    assert without_site("Was ist die | NZZ", "Neue Zürcher", "www.other.example") == "Was ist die | NZZ"
