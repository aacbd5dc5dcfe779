"""A site whose pages are filled by a script: the text stands in the JSON-LD's articleBody, the DOM is empty."""

# ruff: noqa: E501 - the lines of the HTML are those of the page

from __future__ import annotations

from tests.newsroom.pages.page import Page, json_ld, news_article


def render(page: Page) -> str:
    """The HTML of an article."""
    return f"""<!DOCTYPE html><html lang="fr"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{page.title} · {page.outlet.name}</title><meta name="description" content="{page.lead.replace('"', "&quot;")}">
<meta property="og:title" content="{page.title.replace('"', "&quot;")}"><meta property="og:type" content="article"><link rel="canonical" href="{page.url}">
<link rel="preload" as="script" href="/_app/chunk-7f3a.js">
{json_ld(news_article(page, articleBody=page.version.text, wordCount=len(page.version.text.split())))}
<style>.skeleton{{height:1em;background:#eee}}</style></head>
<body><div id="app"><header><a href="/">{page.outlet.name}</a></header><div class="skeleton"></div><div class="skeleton"></div><div class="skeleton"></div></div>
<noscript><p>Activez JavaScript pour une meilleure expérience de lecture.</p></noscript>
<script>window.__STATE__={{"route":"/a/{page.article.slug}","theme":"clair","comments":{page.counter}}}</script><script src="/_app/chunk-7f3a.js" defer></script></body></html>
"""
