"""A site of rolling news: short articles, and live blogs whose posts stand newest first."""

# ruff: noqa: E501 - the lines of the HTML are those of the page

from __future__ import annotations

from itertools import pairwise

from tests.newsroom.articles import Block
from tests.newsroom.pages.page import Page, html, json_ld, links, news_article


def render(page: Page) -> str:
    """The HTML of an article or of a live blog."""
    outlet, version = page.outlet, page.version
    is_live_blog = page.article.form == "live"
    ld = _live_blog(page) if is_live_blog else news_article(page)
    content = _posts(page) if is_live_blog else _body(page)
    badge = '<span class="badge badge--live">Direct</span>' if version.is_live else ""
    return f"""<!DOCTYPE html><html lang="fr"><head><meta charset="utf-8"/><title>{page.title}</title>
<meta property="og:title" content="{page.title.replace('"', "&quot;")}"/><meta property="og:description" content="{page.lead.replace('"', "&quot;")}"/>
<meta property="og:type" content="article"/><link rel="canonical" href="{page.url}"/>
{json_ld(ld)}</head>
<body><div id="header"><a href="/" title="{outlet.name}">{outlet.name}</a><ul><li><a href="/direct/">Le direct TV</a></li><li><a href="/replay/">Replay</a></li><li><a href="/meteo/">Météo</a></li></ul></div>
<div class="ticker"><span>Flash</span> <a href="{page.related[0][1]}">{html(page.related[0][0])}</a></div>
<main class="main"><div class="content_head">{badge}<h1 id="contain_title">{page.title}</h1>
<div class="author_name">{html(", ".join(version.authors) or "La rédaction")}</div><div class="date">Le {version.published:%d/%m/%Y à %H:%M}</div></div>
<div class="content_body"><div class="chapo">{page.lead}</div>
{content}
</div>
<div class="video_box"><p class="video_title">Regardez la chaîne en direct</p><div class="player"></div></div>
<div class="outbrain"><h3>Contenus sponsorisés</h3><ul><li><a href="https://pub.example.org/1">Cette astuce que les assureurs préfèrent taire</a></li><li><a href="https://pub.example.org/2">Mutuelles : le comparatif de mars</a></li></ul></div>
<div class="top_articles"><h3>Top articles</h3>{links(page.related)}</div></main>
<footer><ul><li><a href="/cgu">Conditions générales</a></li><li><a href="/publicite">Publicité</a></li></ul>© {outlet.name}</footer></body></html>
"""


def _body(page: Page) -> str:
    return "\n".join(_block(block) for block in page.version.body)


def _block(block: Block) -> str:
    if block.kind == "h2":
        return f"<h2>{html(block.text)}</h2>"
    if block.kind == "quote":
        return f'<blockquote>{html(block.text)} <span class="quote_author">{html(block.speaker)}</span></blockquote>'
    return f"<p>{html(block.text)}</p>"


def posts_of(blocks: tuple[Block, ...]) -> list[tuple[Block, ...]]:
    """The posts of a live blog: each heading with the paragraphs under it."""
    starts = [n for n, block in enumerate(blocks) if block.kind == "post"]
    return [blocks[start:end] for start, end in pairwise([*starts, len(blocks)])]


def _posts(page: Page) -> str:
    posts = "\n".join(
        f'<article class="live_post" id="post-{head.time.replace(":", "")}"><div class="live_time"><time datetime="{page.version.published:%Y-%m-%d}T{head.time}">{head.time}</time></div>'
        f'<h2 class="live_title">{html(head.text)}</h2><div class="live_text">{"".join(_block(block) for block in rest)}</div>'
        '<div class="live_share"><a href="#">Partager</a></div></article>'
        for head, *rest in posts_of(page.version.body)
    )
    state = "Ce direct est terminé" if not page.version.is_live else "Actualisation automatique"
    return f'<div class="live_state">{state}</div>\n<section class="live">{posts}</section>'


def _live_blog(page: Page) -> dict[str, object]:
    version = page.version
    updates = [
        {
            "@type": "BlogPosting",
            "headline": head.text,
            "datePublished": f"{version.published:%Y-%m-%d}T{head.time}:00+01:00",
            "articleBody": "\n".join(block.printed for block in rest),
        }
        for head, *rest in posts_of(version.body)
    ]
    end = {} if version.is_live else {"coverageEndTime": (version.updated or version.published).isoformat()}
    return (
        news_article(page)
        | {"@type": "LiveBlogPosting", "coverageStartTime": version.published.isoformat(), "liveBlogUpdate": updates}
        | end
    )
