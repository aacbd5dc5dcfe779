"""A small site on a common blog engine: entry-content, sharing links, comments; no JSON-LD, a meta description alone."""

# ruff: noqa: E501 - the lines of the HTML are those of the page

from __future__ import annotations

from tests.newsroom.articles import Block
from tests.newsroom.pages.page import Page, french_date, html, links


def render(page: Page) -> str:
    """The HTML of an article."""
    version = page.version
    return f"""<!DOCTYPE html>
<html lang="fr-FR"><head><meta charset="UTF-8"><title>{page.title} – {page.outlet.name}</title><meta name="description" content="{page.lead.replace('"', "&quot;")}">
<link rel="canonical" href="{page.url}"><meta property="article:published_time" content="{version.published.isoformat()}"><meta name="generator" content="Presse 6.2"></head>
<body class="single single-post"><div id="page"><header id="masthead"><p class="site-title"><a href="/">{page.outlet.name}</a></p><p class="site-description">Journal indépendant, sans publicité</p></header>
<div id="content"><main><article class="post hentry"><header class="entry-header"><h1 class="entry-title">{page.title}</h1>
<div class="entry-meta"><span class="posted-on"><time class="entry-date" datetime="{version.published.isoformat()}">{french_date(version.published)}</time></span> <span class="byline">par <a class="url fn n" href="/auteur/">{html(", ".join(version.authors) or page.outlet.name)}</a></span></div></header>
<div class="entry-content">
<p class="chapeau"><strong>{page.lead}</strong></p>
{"".join(_block(block) for block in version.body)}
<div class="sharedaddy"><h3>Partager :</h3><ul><li>Imprimer</li><li>E-mail</li></ul></div></div>
<footer class="entry-footer">Publié dans <a href="/{version.section}/" rel="category tag">{version.section.capitalize()}</a></footer></article>
<nav class="post-navigation"><a href="{page.related[0][1]}">Article précédent : {html(page.related[0][0])}</a></nav>
<div id="comments"><h2>{page.counter} réflexions</h2><ol><li><p>Merci pour ce papier, je le fais suivre autour de moi.</p></li></ol></div></main>
<aside id="secondary"><section class="widget"><h2>Articles récents</h2>{links(page.related)}</section><section class="widget"><h2>Soutenir</h2><p>Ce journal vit de vos dons, à partir de 2 euros par mois.</p></section></aside></div>
<footer id="colophon">Fièrement fabriqué à la main</footer></div></body></html>
"""


def _block(block: Block) -> str:
    if block.kind == "h2":
        return f"<h3>{html(block.text)}</h3>\n"
    if block.kind == "quote":
        return f'<blockquote class="wp-block-quote"><p>{html(block.text)}</p> <cite>{html(block.speaker)}</cite></blockquote>\n'
    return f"<p>{html(block.text)}</p>\n"
