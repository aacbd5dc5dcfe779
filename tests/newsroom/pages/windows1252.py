"""A local paper's page in windows-1252, which it declares nowhere: typographic quotes and œ are single bytes."""

# ruff: noqa: E501 - the lines of the HTML are those of the page

from __future__ import annotations

from tests.newsroom.articles import Block
from tests.newsroom.pages.page import Page, french_date, html


def render(page: Page) -> str:
    """The HTML of an article."""
    version = page.version
    others = "".join(f'<p class="brève"><a href="{path}">{html(title)}</a></p>' for title, path in page.related)
    return f"""<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 4.01 Transitional//EN">
<html><head><title>{page.title} - {page.outlet.name}</title><meta name="description" content="{page.lead.replace('"', "&quot;")}">
<meta name="DC.date" content="{version.published:%Y-%m-%dT%H:%M}"></head>
<body><div id="bandeau"><a href="/"><img src="logo.png" alt="{page.outlet.name}"></a><div id="menu"><a href="/">À la une</a> <a href="/rubrique.php?id=2">Vie des communes</a> <a href="/rubrique.php?id=3">Sports</a> <a href="/rubrique.php?id=5">Annonces légales</a></div></div>
<div id="conteneur"><div id="colonne"><h3>Brèves</h3>{others}<h3>Météo</h3><p>Éclaircies, 9 à 12 degrés</p></div>
<div id="contenu"><h1 class="titre">{page.title}</h1><p class="info-publi">publié le {french_date(version.published)}, par <span class="vcard author">{html(", ".join(version.authors) or "la rédaction")}</span></p>
<div class="chapo"><p>{page.lead}</p></div>
<div class="texte">
{"".join(_block(block) for block in version.body)}
</div>
<div class="notes"><p>Vos réactions : {page.counter} messages. <a href="/forum.php?id={page.article.number}">Répondre à cet article</a></p></div></div></div>
<div id="pied">© {page.outlet.name} | <a href="/plan.php">Plan du site</a> | <a href="/backend.php">RSS</a> | Réalisé avec amour dans les Vals</div></body></html>
"""


def _block(block: Block) -> str:
    if block.kind == "h2":
        return f'<h3 class="spip">{html(block.text)}</h3>\n'
    if block.kind == "quote":
        return f'<blockquote class="spip"><p>{html(block.text)} {html(block.speaker)}</p></blockquote>\n'
    return f"<p>{html(block.text)}</p>\n"
