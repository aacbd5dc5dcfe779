"""A national daily: full JSON-LD, an article in sections, and a paywall that keeps most of some articles."""

# ruff: noqa: E501 - the lines of the HTML are those of the page

from __future__ import annotations

from tests.newsroom.articles import Block
from tests.newsroom.pages.page import Page, french_date, html, json_ld, links, news_article

PAYWALL = """<section class="paywall"><p class="paywall__status">Il vous reste 85 % de cet article à lire. La suite est réservée aux abonnés.</p>
<div class="paywall__offer"><h3>Lire la suite pour 1 €</h3><p>Sans engagement, résiliable à tout moment.</p><a href="/abo">S'abonner</a> <a href="/sfuser/connexion">Déjà abonné ? Se connecter</a></div></section>"""


def render(page: Page) -> str:
    """The HTML of an article."""
    outlet, version = page.outlet, page.version
    is_free = page.article.form != "paywalled"
    updated = f", modifié le {french_date(version.updated)}" if version.updated else ""
    premium = "" if is_free else '<span class="icon__premium">Article réservé aux abonnés</span>'
    return f"""<!doctype html><html lang="fr"><head><meta charset="utf-8"><title>{page.title}</title>
<meta name="description" content="{page.lead.replace('"', "&quot;")}">
<meta property="og:title" content="{page.title.replace('"', "&quot;")}"><meta property="og:type" content="article">
<link rel="canonical" href="{page.url}">
{json_ld(news_article(page, isAccessibleForFree=is_free, hasPart={"@type": "WebPageElement", "isAccessibleForFree": is_free, "cssSelector": ".article__content"}))}
</head><body>
<div class="overlay-cookies" hidden><p>Vos choix en matière de cookies</p></div>
<header class="header"><a href="/">{outlet.name}</a><ul class="header__sections"><li><a href="/international/">International</a></li><li><a href="/politique/">Politique</a></li><li><a href="/economie/">Économie</a></li><li><a href="/culture/">Culture</a></li></ul><a href="/abo" class="header__abo">S'abonner</a></header>
<main><section class="article article--single"><header class="article__header"><ul class="breadcrumb"><li><a href="/{version.section}/">{version.section.capitalize()}</a></li></ul>
{premium}<h1 class="article__title">{page.title}</h1><p class="article__desc">{page.lead}</p>
<section class="meta__author-date"><p class="meta__authors">Par <a class="article__author-link" href="/signataires/">{html(" et ".join(version.authors) or outlet.name)}</a></p>
<p class="meta__date">Publié le {french_date(version.published)}{updated}</p><p class="meta__reading-time">Temps de Lecture 3 min.</p>
<ul class="meta__social"><li>Offrir l'article</li><li>Partager</li><li>Ajouter à vos sélections</li></ul></section></header>
<section class="article__wrapper"><article class="article__content">
<figure class="article__media"><img src="/img/{page.article.slug}.jpg" alt=""><figcaption class="article__legend">Photographie prise sur place, en février. NINA ORSEL POUR « {outlet.name.upper()} »</figcaption></figure>
{_body(page)}
{"" if is_free else PAYWALL}
</article>
<aside class="services"><div class="inread"><h4>Édition du jour</h4><p>Daté du mardi 3 mars</p><a href="/journal">Lire le journal numérique</a></div></aside></section>
<section class="friend"><h4>Les plus lus</h4>{links(page.related, css="friend__entry")}</section></section></main>
<footer class="footer"><p>© {outlet.name} 2026. Reproduction interdite.</p><ul><li><a href="/cgv">CGV</a></li><li><a href="/mentions">Mentions légales</a></li></ul></footer></body></html>
"""


def _body(page: Page) -> str:
    pieces = [_block(block) for block in page.version.body]
    if len(pieces) > 3 and page.related:
        title, path = page.related[1]
        pieces.insert(
            3,
            f'<section class="catcher catcher--inread"><span class="catcher__kicker">Lire aussi |</span> <a class="js-article-read-also" href="{path}">{html(title)}</a></section>',
        )
    return "\n".join(pieces)


def _block(block: Block) -> str:
    if block.kind == "h2":
        return f'<h2 class="article__sub-title">{html(block.text)}</h2>'
    if block.kind == "quote":
        return f'<blockquote class="article__quote"><p>{html(block.text)}</p> <cite>{html(block.speaker)}</cite></blockquote>'
    return f'<p class="article__paragraph">{html(block.text)}</p>'
