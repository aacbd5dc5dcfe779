"""A regional daily: the body in one div per block, an agency's name in the byline, the town above the text."""

# ruff: noqa: E501 - the lines of the HTML are those of the page

from __future__ import annotations

from tests.newsroom.articles import Block
from tests.newsroom.pages.page import Page, french_date, html, links


def render(page: Page) -> str:
    """The HTML of an article."""
    outlet, version = page.outlet, page.version
    signed = " et ".join(version.authors) or f"Rédaction {outlet.name}"
    agency = f" (avec {version.agency})" if version.agency else ""
    updated = (
        f'<time class="upd" datetime="{version.updated.isoformat()}">Modifié le {french_date(version.updated)}</time>'
        if version.updated
        else ""
    )
    return f"""<!DOCTYPE html>
<html lang="fr-FR"><head><meta charset="utf-8"><title>{page.title} | {outlet.name}</title>
<meta name="description" content="{page.lead.replace('"', "&quot;")}"><link rel="canonical" href="{page.url}">
<meta property="og:title" content="{page.title.replace('"', "&quot;")}"><meta property="og:url" content="{page.url}">
<meta property="article:published_time" content="{version.published.isoformat()}"><meta name="author" content="{html(signed + agency)}">
</head><body class="ol-article">
<div id="top"><a href="/">{outlet.name}</a><form action="/recherche/"><input name="q" placeholder="Rechercher une commune"></form><a href="/abonnement">Je m'abonne dès 1 €</a></div>
<div id="communes"><a href="/kerlouan/">Kerlouan</a> <a href="/saint-brevin/">Saint-Brévin</a> <a href="/port-aven/">Port-Aven</a> <a href="/la-roche/">La Roche</a></div>
<div class="su-article"><div class="ariane"><a href="/">Accueil</a> &gt; <a href="/{version.section}/">{version.section.capitalize()}</a></div>
<h1>{page.title}</h1>
<h2 class="chapo"><strong>{page.lead}</strong></h2>
<div class="infos"><span class="signature">{html(signed + agency)}</span> <time datetime="{version.published.isoformat()}">Publié le {french_date(version.published)}</time> {updated}</div>
<div class="outils"><button>Écouter</button><button>Imprimer</button><a href="#reactions">{page.counter} réactions</a></div>
<div class="media"><img src="/media/{page.article.slug}.webp" alt="Illustration"><div class="legende">Photo d'illustration. | {outlet.name.upper()} / ARCHIVES</div></div>
<div class="corps">
{_body(page)}
</div>
<div class="tags"><a href="/tag/bretagne">#Bretagne</a><a href="/tag/actualite">#Actualité</a></div>
<div id="nl"><strong>La newsletter de votre commune</strong><p>Chaque vendredi, ce qui s'est passé près de chez vous.</p><input type="email"></div>
<div id="aussi"><div class="titre">À lire également</div>{links(page.related)}</div>
<div id="reactions"><div class="titre">Réagir</div><p>Les commentaires sont modérés par notre équipe.</p></div></div>
<div id="pied"><p>{outlet.name}, le journal du bord de mer. Tous droits réservés. Imprimé sur papier recyclé.</p></div>
</body></html>
"""


def _body(page: Page) -> str:
    pieces = [_block(block) for block in page.version.body]
    if len(pieces) > 2:
        pieces.insert(
            2, '<div class="promo"><a href="/abonnement">Soutenez le journalisme local : abonnez-vous</a></div>'
        )
    return "\n".join(pieces)


def _block(block: Block) -> str:
    if block.kind == "h2":
        return f'<h2 class="inter">{html(block.text)}</h2>'
    if block.kind == "quote":
        return f'<div class="exergue"><p>{html(block.text)} <span class="qui">{html(block.speaker)}</span></p></div>'
    return f'<div class="texte"><p>{html(block.text)}</p></div>'
