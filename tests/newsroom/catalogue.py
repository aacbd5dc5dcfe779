"""The outlets, and the `feeds.toml` that declares them to the pipeline."""

from __future__ import annotations

import json

from tests.newsroom.outlets import Feed, Outlet
from tests.newsroom.quirks import DOMAIN, QUIRKS

PARIS, LONDON = "Europe/Paris", "Europe/London"

OUTLETS: tuple[Outlet, ...] = (
    Outlet(
        id="antenne-info",
        name="Antenne Info",
        host="www.antenne-info.test",
        language="fr",
        timezone=PARIS,
        look="broadcaster",
        pattern="/{section}/{slug}_{number}.html",
        article_number=r"_(\d{7})\.html",
        feeds=(
            Feed("titres", "/titres.rss", tracking="#xtor=RSS-3-[lestitres]"),
            Feed("france", "/france.rss", section="france", tracking="#xtor=RSS-3-[france]"),
            Feed("monde", "/monde.rss", section="monde", tracking="#xtor=RSS-3-[monde]"),
            Feed("culture", "/culture.rss", section="culture", tracking="#xtor=RSS-3-[culture]"),
        ),
    ),
    Outlet(
        id="le-meridien",
        name="Le Méridien",
        host="www.lemeridien.test",
        language="fr",
        timezone=PARIS,
        look="daily",
        pattern="/{section}/article/{year}/{month}/{day}/{slug}_{number}_3210.html",
        feeds=(
            Feed("une", "/rss/une.xml", tracking="?xtor=RSS-3208"),
            Feed("economie", "/economie/rss_full.xml", section="economie"),
        ),
    ),
    Outlet(
        id="ouest-littoral",
        name="Ouest Littoral",
        host="www.ouest-littoral.test",
        language="fr",
        timezone=PARIS,
        look="regional",
        pattern="/{section}/{slug}-{number}",
        feeds=(Feed("une", "/rss/une"), Feed("france-monde", "/rss/france-monde", section="france-monde")),
    ),
    Outlet(
        id="fil-continu",
        name="Fil Continu",
        host="www.filcontinu.test",
        language="fr",
        timezone=PARIS,
        look="live",
        pattern="/{section}/{slug}_LN-{number}.html",
        feeds=(Feed("en-continu", "/rss/24-7/", form="rss-html"),),
    ),
    Outlet(
        id="nouvelle-page",
        name="Nouvelle Page",
        host="www.nouvellepage.test",
        language="fr",
        timezone=PARIS,
        look="script",
        pattern="/a/{slug}",
        feeds=(Feed("tout", "/feed", form="json"),),
    ),
    Outlet(
        id="harbour-gazette",
        name="The Harbour Gazette",
        host="www.harbourgazette.test",
        country="GB",
        language="en",
        timezone=LONDON,
        look="table",
        pattern="/news/{year}{month}{day}/{slug}.htm",
        feeds=(Feed("news", "/news.rdf", form="rdf"),),
    ),
    Outlet(
        id="gazette-des-vals",
        name="La Gazette des Vals",
        host="www.gazettedesvals.test",
        language="fr",
        timezone=PARIS,
        look="windows1252",
        pattern="/article.php?id={number}",
        feeds=(Feed("infos", "/backend.php", form="rss-windows"),),
        encoding="windows-1252",
    ),
    Outlet(
        id="vite-info",
        name="Vite Info",
        host="www.viteinfo.test",
        language="fr",
        timezone=PARIS,
        look="amp",
        pattern="/{section}/{number}-{slug}.html",
        feeds=(Feed("actus", "/rss/actus.xml", tracking="#at_medium=RSS_feeds"),),
    ),
    Outlet(
        id="northern-ledger",
        name="The Northern Ledger",
        host="www.northernledger.test",
        country="GB",
        language="en",
        timezone=LONDON,
        look="modern",
        pattern="/{section}/{year}/{month}/{slug}",
        feeds=(
            Feed("top", "/feeds/top.xml", form="atom", tracking="?utm_source=rss&utm_medium=feed"),
            Feed("business", "/feeds/business.xml", section="business"),
        ),
    ),
    Outlet(
        id="feuille-libre",
        name="Feuille Libre",
        host="www.feuillelibre.test",
        language="fr",
        timezone=PARIS,
        look="plain",
        pattern="/{section}/{slug}",
        feeds=(
            Feed("sans-guid", "/rss/sans-guid.xml", form="rss-bare"),
            Feed("dates-francaises", "/rss/dates.xml", form="rss-french-dates"),
            Feed("dc-date", "/rss/dc.rdf", form="rdf"),
            Feed("numero", "/rss/numero.xml", form="rss-number"),
            Feed("atom", "/atom.xml", form="atom"),
            Feed("json", "/feed.json", form="json"),
            Feed("sitemap", "/sitemap_news.xml", form="sitemap"),
        ),
    ),
    Outlet(
        id="bizarreries",
        name="Bizarreries",
        host=f"www.{DOMAIN}",
        language="fr",
        timezone=PARIS,
        look="quirks",
        pattern="/{section}/{slug}",
        feeds=(
            *(Feed(quirk, "/feed.xml", quirk=quirk, host=f"{quirk}.{DOMAIN}") for quirk in QUIRKS),
            Feed("wrong-pages", "/rss/wrong-pages.xml", form="wrong-pages"),
        ),
    ),
)


def catalogue_toml(outlets: tuple[Outlet, ...] = OUTLETS) -> str:
    """A feeds.toml that declares these outlets."""
    head = (
        "# The sample newsroom's outlets. Everything is under .test: set NEWSWIRE_NEWSROOM to the newsroom's address.\n"
    )
    return head + "".join(_outlet(outlet) for outlet in outlets)


def _outlet(outlet: Outlet) -> str:
    domain = outlet.host.removeprefix("www.")
    hosts = json.dumps([domain, *outlet.hosts])
    policy = f"\n[outlet.policy]\narticle_number = '{outlet.article_number}'\n" if outlet.article_number else ""
    return (
        f'\n[[outlet]]\nid = "{outlet.id}"\nname = "{outlet.name}"\nhomepage = "{outlet.homepage}"\n'
        f'country = "{outlet.country}"\nlanguage = "{outlet.language}"\n'
        f'timezone = "{outlet.timezone}"\nhosts = {hosts}\n'
        f"{policy}{''.join(_feed(outlet, feed) for feed in outlet.feeds)}"
    )


def _feed(outlet: Outlet, feed: Feed) -> str:
    section = f'section = "{feed.section}"\n' if feed.section else ""
    return f'\n[[outlet.feed]]\nname = "{feed.name}"\nurl = "{outlet.feed_url(feed)}"\n{section}'
