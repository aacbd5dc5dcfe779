"""Any text, served as a public broadcaster would: its page, and a newsroom of one outlet, one feed and one article."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from tests.newsroom.articles import Article, Version
from tests.newsroom.outlets import Feed, Outlet
from tests.newsroom.pages import broadcaster
from tests.newsroom.pages.page import Page
from tests.newsroom.server import Newsroom

PUBLISHED = datetime(2022, 9, 15, 9, 45, tzinfo=ZoneInfo("Europe/Paris"))
NUMBER = "5362891"
RELATED = (
    ("Un square rouvre après deux ans de travaux", "/france/un-square-rouvre_5360117.html"),
    ("Le budget des mairies d'arrondissement en hausse", "/france/budget-des-mairies_5359842.html"),
    ("Trois lignes de métro fermées dimanche", "/france/trois-lignes-fermees_5361003.html"),
)


def render_public_broadcaster_page(
    title: str,
    paragraphs: Sequence[str],
    published: datetime = PUBLISHED,
    *,
    updated: datetime | None = None,
    authors: tuple[str, ...] = ("La rédaction",),
    section: str = "france",
    slug: str = "article",
    number: str = NUMBER,
) -> str:
    """The page of a text in the broadcaster's structure.

    The first paragraph is the lead; one that reads `"A sentence." Speaker, function` becomes a pull quote.
    """
    article = _article(
        title, paragraphs, published, updated=updated, authors=authors, section=section, slug=slug, number=number
    )
    return broadcaster.render(Page(_outlet(article), article, article.versions[0], RELATED))


def seed_newsroom(
    text: str,
    *,
    title: str = "Le préfet de police répond aux riverains",
    published: datetime = PUBLISHED,
    port: int = 0,
) -> Newsroom:
    """A newsroom (not started yet: use it as a context manager) with this text as its one article.

    A prefix ` date 2022-09 ` of the text, as corpora of dated text have it, is not part of the article. The feed entry
    carries `#xtor=RSS-3-[lestitres]` in link and guid.
    """
    paragraphs = [part.strip() for part in undated(text).split("\n\n") if part.strip()]
    article = _article(title, paragraphs, published)
    return Newsroom(port, outlets=(_outlet(article),))


def undated(text: str) -> str:
    """The text without its date prefix."""
    words = text.strip().split(" ", 2)
    return words[2] if len(words) == 3 and words[0] == "date" else text.strip()


def _article(
    title: str,
    paragraphs: Sequence[str],
    published: datetime,
    *,
    updated: datetime | None = None,
    authors: tuple[str, ...] = ("La rédaction",),
    section: str = "france",
    slug: str = "le-prefet-de-police-repond-aux-riverains",
    number: str = NUMBER,
) -> Article:
    version = Version(
        act=1,
        change="new",
        title=title,
        blocks=broadcaster.blocks_of(paragraphs),
        published=published,
        updated=updated,
        authors=authors,
        section=section,
    )
    return Article(outlet_id="radio-seed", slug=slug, number=number, feeds=("titres",), versions=(version,))


def _outlet(article: Article) -> Outlet:
    return Outlet(
        id="radio-seed",
        name="Radio Seed",
        host="www.radio-seed.test",
        language="fr",
        timezone="Europe/Paris",
        look="broadcaster",
        pattern="/{section}/{slug}_{number}.html",
        article_number=r"_(\d{7})\.html",
        feeds=(Feed("titres", "/titres.rss", tracking="#xtor=RSS-3-[lestitres]"),),
        given=(article,),
    )
