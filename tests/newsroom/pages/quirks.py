"""The outlet of odd servers has plain, orderly pages: what is odd are its feeds."""

# ruff: noqa: E501 - the lines of the HTML are those of the page

from __future__ import annotations

from tests.newsroom.pages.page import Page, html, links


def render(page: Page) -> str:
    """The HTML of an article."""
    version = page.version
    blocks = "\n".join(
        f"<h2>{html(b.text)}</h2>" if b.kind == "h2" else f"<p>{html(b.printed)}</p>" for b in version.body
    )
    return f"""<!DOCTYPE html><html lang="fr"><head><meta charset="utf-8"><title>{page.title}</title><link rel="canonical" href="{page.url}">
<meta name="description" content="{page.lead.replace('"', "&quot;")}"><meta property="og:type" content="article"></head>
<body><header><a href="/">Bizarreries</a></header><main><article><h1>{page.title}</h1>
<p class="standfirst">{page.lead}</p><p class="byline">Par {html(", ".join(version.authors) or "la rédaction")}, <time datetime="{version.published.isoformat()}">le {version.published:%d/%m/%Y}</time></p>
<section class="article-body">
{blocks}
</section></article><aside><h2>Autres articles</h2>{links(page.related)}</aside></main><footer>Bizarreries, le journal des petits ports</footer></body></html>
"""
