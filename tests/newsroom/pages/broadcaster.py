"""A public broadcaster's page, in the structure of franceinfo's: chapô, byline, figure, body with boxes inside it."""

# ruff: noqa: E501 - the lines of the HTML are those of the page

from __future__ import annotations

from collections.abc import Iterable

from tests.newsroom.articles import Block
from tests.newsroom.pages.page import Page, html, json_ld, links, news_article

NAV = ("France", "Monde", "Politique", "Société", "Culture", "Sports", "Météo")


def render(page: Page) -> str:
    """The HTML of an article."""
    outlet, version = page.outlet, page.version
    return f"""<!DOCTYPE html>
<html lang="fr" prefix="og: https://ogp.me/ns#">
<head>
<meta charset="utf-8">
<title>{page.title}</title>
<meta name="description" content="{page.lead.replace('"', "&quot;")}">
<link rel="canonical" href="{page.url}">
<meta property="og:type" content="article">
<meta property="og:title" content="{page.title.replace('"', "&quot;")}">
<meta property="og:site_name" content="{outlet.name}">
<meta property="og:url" content="{page.url}">
<meta property="article:published_time" content="{version.published.isoformat()}">
<meta property="article:modified_time" content="{(version.updated or version.published).isoformat()}">
{json_ld(news_article(page))}
</head>
<body class="page-article">
<a class="skip" href="#main">Aller au contenu principal</a>
<header class="main-header"><a class="logo" href="/">{outlet.name}</a>
<nav class="main-nav"><ul>{"".join(f'<li><a href="/{name.lower()}/">{name}</a></li>' for name in NAV)}</ul></nav>
<a class="live-link" href="/en-direct/">En direct : la radio et la chaîne</a></header>
<main id="main">
<nav class="breadcrumb" aria-label="Fil d'Ariane"><ol><li><a href="/">Accueil</a></li><li><a href="/{version.section}/">{version.section.capitalize()}</a></li></ol></nav>
<article class="content">
<h1 class="c-title">{page.title}</h1>
<div class="c-chapo">{page.lead}</div>
<div class="share-bar"><button type="button">Partager</button><button type="button">Copier le lien</button><a href="mailto:?subject=A%20lire">Envoyer par e-mail</a><span class="comment-count">{page.counter} commentaires</span></div>
<div class="c-signature"><div class="c-signature__names">Article rédigé par <span class="author">{html(", ".join(version.authors) or outlet.name)}</span></div>
<p class="c-signature__dates"><span>Publié le <time datetime="{version.published.isoformat()}">{version.published:%d/%m/%Y %H:%M}</time></span>{_updated(page)}</p>
<p class="c-signature__reading">Temps de lecture : 2min</p></div>
<figure class="c-cover"><img src="/image/{page.article.slug}.jpg" alt="" width="1024" height="576"><figcaption>Une image d'illustration choisie par la rédaction. <span class="credit">(PHOTO D'ARCHIVES / {outlet.name.upper()})</span></figcaption></figure>
<div class="c-body">
{_body(page)}
</div>
<aside class="newsletter-box"><p class="newsletter-box__title">L'actu par mail</p><p>Recevez chaque matin l'essentiel de l'actualité, choisi par notre rédaction.</p><form action="/newsletter" method="post"><input type="email" placeholder="Votre adresse e-mail"><button>S'abonner</button></form></aside>
</article>
<section class="related"><h2>Sur le même thème</h2>
{links(page.related, css="related__entry")}
</section>
<section class="comments" id="comments"><h2>Commentaires</h2><p>Connectez-vous à votre compte pour participer à la conversation.</p>
<div class="comment"><b>Margot 75</b><p>Enfin un article qui explique les choses clairement, merci à la rédaction.</p></div></section>
</main>
<footer class="main-footer"><ul><li><a href="/mentions-legales">Mentions légales</a></li><li><a href="/contact">Nous contacter</a></li><li><a href="/cookies">Gérer mes cookies</a></li></ul><p>© {outlet.name}, tous droits réservés</p></footer>
</body>
</html>
"""


def _updated(page: Page) -> str:
    moment = page.version.updated
    if moment is None:
        return ""
    return f' <span>Mis à jour le <time datetime="{moment.isoformat()}">{moment:%d/%m/%Y %H:%M}</time></span>'


def _body(page: Page) -> str:
    """The blocks, with a "lire aussi" box after the second one, as the site's editors like it."""
    pieces = [block_html(block) for block in page.version.body]
    if len(pieces) > 2 and page.related:
        title, path = page.related[0]
        pieces.insert(
            2, f'<div class="c-related-inline"><span>À lire aussi</span> <a href="{path}">{html(title)}</a></div>'
        )
    return "\n".join(pieces)


def block_html(block: Block) -> str:
    """A block as this site prints it."""
    if block.kind == "h2":
        return f"<h2>{html(block.text)}</h2>"
    if block.kind == "quote":
        return (
            f'<blockquote class="c-quote"><p class="c-quote__text">{html(block.text)}</p>'
            f'<footer class="c-quote__author">{_speaker(block.speaker)}</footer></blockquote>'
        )
    return f"<p>{html(block.text)}</p>"


def _speaker(speaker: str) -> str:
    name, comma, function = speaker.partition(", ")
    return (
        f"<cite>{html(name)}{comma}</cite> <span>{html(function)}</span>" if function else f"<cite>{html(name)}</cite>"
    )


def blocks_of(paragraphs: Iterable[str]) -> tuple[Block, ...]:
    """Plain paragraphs as blocks: `"A sentence." Speaker, function` is a pull quote."""
    return tuple(_as_block(paragraph) for paragraph in paragraphs)


def _as_block(paragraph: str) -> Block:
    quote, mark, speaker = paragraph[1:].partition('" ')
    is_quote = paragraph.startswith('"') and bool(mark) and quote.endswith((".", "!", "?"))
    if is_quote and '"' not in speaker and not speaker.endswith("."):
        return Block("quote", f'"{quote}"', speaker)
    return Block("p", paragraph)
