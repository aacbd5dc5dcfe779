"""A fast news site with three forms of a page: canonical, AMP and mobile."""

# ruff: noqa: E501 - the lines of the HTML are those of the page

from __future__ import annotations

from tests.newsroom.articles import Block
from tests.newsroom.pages.page import Page, french_date, html, json_ld, links, news_article


def render(page: Page) -> str:
    """The canonical page."""
    version = page.version
    amp = page.url.removesuffix(".html") + ".amp.html"
    mobile = page.url.replace("://www.", "://m.", 1)
    return f"""<!doctype html><html lang="fr"><head><meta charset="utf-8"><title>{page.title} - {page.outlet.name}</title>
<link rel="canonical" href="{page.url}"><link rel="amphtml" href="{amp}"><link rel="alternate" media="only screen and (max-width: 640px)" href="{mobile}">
<meta name="description" content="{page.lead.replace('"', "&quot;")}"><meta property="og:title" content="{page.title.replace('"', "&quot;")}">
{json_ld(news_article(page))}</head><body>
<header class="header"><a class="header-logo" href="/">{page.outlet.name}</a><nav><a href="/societe/">Société</a><a href="/planete/">Planète</a><a href="/tech/">Tech</a><a href="/sport/">Sport</a></nav></header>
<article class="nodeheader"><span class="titleColor">{version.section.capitalize()}</span><h1 class="nodeheader-title">{page.title}</h1><span class="hat-summary">{page.lead}</span>
<p class="author-sign">{html(" et ".join(version.authors) or page.outlet.name)}</p><p class="datetime">Publié le <time datetime="{version.published.isoformat()}">{french_date(version.published)}</time></p>
<div class="lt-endor-body content">
{_body(page)}
</div>
<div class="sharebar"><a href="#fb">Facebook</a> <a href="#x">Twitter</a> <a href="#mail">Mail</a></div></article>
<aside class="mostread"><h2>À ne pas manquer</h2>{links(page.related)}</aside>
<div class="newsletter-signup"><p>Chaque soir, les cinq infos du jour en deux minutes. Inscrivez-vous !</p></div>
<footer><p>{page.outlet.name} est un site d'information gratuit financé par la publicité.</p></footer></body></html>
"""


def render_amp(page: Page) -> str:
    """The AMP twin."""
    body = "\n".join(_block(block) for block in page.version.body)
    return f"""<!doctype html><html amp lang="fr"><head><meta charset="utf-8"><title>{page.title}</title><link rel="canonical" href="{page.url}">
<script async src="https://cdn.ampproject.org/v0.js"></script><style amp-boilerplate>body{{visibility:hidden}}</style>{json_ld(news_article(page))}</head>
<body><amp-sidebar id="menu" layout="nodisplay"><ul><li><a href="/">Accueil</a></li></ul></amp-sidebar>
<main><h1>{page.title}</h1><p class="summary">{page.lead}</p><amp-ad width="300" height="250"></amp-ad>
<div class="amp-content">{body}</div><a class="amp-more" href="{page.url}">Voir la version complète</a></main></body></html>
"""


def render_mobile(page: Page) -> str:
    """The page of the mobile host."""
    body = "\n".join(_block(block) for block in page.version.body)
    return f"""<!doctype html><html lang="fr"><head><meta charset="utf-8"><title>{page.title}</title><link rel="canonical" href="{page.url}"></head>
<body class="mobile"><div class="bar">Menu</div><h1>{page.title}</h1><div class="hat">{page.lead}</div><div class="when">{french_date(page.version.published)}</div>
<div class="text">{body}</div><div class="install">Téléchargez l'application {page.outlet.name}</div></body></html>
"""


def _body(page: Page) -> str:
    pieces = [_block(block) for block in page.version.body]
    if len(pieces) > 2:
        title, path = page.related[0]
        pieces.insert(
            2, f'<p class="related-link"><strong>Lire aussi :</strong> <a href="{path}">{html(title)}</a></p>'
        )
    return "\n".join(pieces)


def _block(block: Block) -> str:
    if block.kind == "h2":
        return f"<h2>{html(block.text)}</h2>"
    if block.kind == "quote":
        return f"<blockquote><p>{html(block.text)} {html(block.speaker)}</p></blockquote>"
    return f"<p>{html(block.text)}</p>"
