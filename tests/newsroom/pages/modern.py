"""An English news site of today: deep divs with generated class names, asides between paragraphs, embedded posts."""

# ruff: noqa: E501 - the lines of the HTML are those of the page

from __future__ import annotations

from tests.newsroom.articles import Block
from tests.newsroom.pages.page import Page, html, json_ld, links, news_article

EMBED = """<div data-component="embed" class="sc-3f2a"><blockquote class="twitter-tweet" data-lang="en"><p lang="en" dir="ltr">Follow our reporters for live updates through the day <a href="https://t.example.org/x1">pic.example.org/x1</a></p>&mdash; The Northern Ledger (@nledger) <a href="https://social.example.org/nledger/status/1">March 1, 2026</a></blockquote></div>"""
SIGN_UP = """<div data-component="newsletter" class="sc-91bb"><h3>The Morning Ledger</h3><p>Sign up for our daily briefing and never miss what matters in the north.</p><label>Email <input type="email"></label><button>Sign up</button><p>By signing up you agree to our terms and privacy policy.</p></div>"""


def render(page: Page) -> str:
    """The HTML of an article."""
    version = page.version
    updated = (
        f'<span class="sc-u1">Updated <time datetime="{version.updated.isoformat()}">{version.updated:%-d %B %Y, %H:%M}</time></span>'
        if version.updated
        else ""
    )
    return f"""<!DOCTYPE html><html lang="en-GB"><head><meta charSet="utf-8"/><title>{page.title} - The Northern Ledger</title>
<meta name="description" content="{page.lead.replace('"', "&quot;")}"/><link rel="canonical" href="{page.url}"/><meta property="og:type" content="article"/>
<meta property="og:title" content="{page.title.replace('"', "&quot;")}"/><meta property="article:published_time" content="{version.published.isoformat()}"/>
{json_ld(news_article(page))}</head><body><div id="__next"><div class="sc-1a2b"><header class="sc-hd01"><a href="/">The Northern Ledger</a><nav><ul><li><a href="/north/">North</a></li><li><a href="/business/">Business</a></li><li><a href="/science/">Science</a></li><li><a href="/opinion/">Opinion</a></li></ul></nav><button>Sign in</button></header>
<div class="sc-bn77"><p>Support independent reporting in the north. <a href="/support">Become a member</a></p></div>
<main id="main-content"><article class="sc-art0"><header class="sc-ah11"><h1 class="sc-t1">{page.title}</h1><p class="sc-st1" data-testid="standfirst">{page.lead}</p>
<div class="sc-by1"><span>By <a href="/profile/">{html(" and ".join(version.authors) or "Ledger reporters")}</a></span> <time datetime="{version.published.isoformat()}">{version.published:%-d %B %Y, %H:%M}</time> {updated}<span>3 min read</span></div></header>
<figure class="sc-fig1"><div><img src="/media/{page.article.slug}.jpg" alt=""/></div><figcaption>Image: Northern Ledger archive</figcaption></figure>
<div class="sc-body"><div class="sc-col1"><div class="sc-in01">
{_body(page)}
</div></div><aside class="sc-as01"><h4>Most viewed</h4>{links(page.related)}</aside></div>
<div data-component="topics" class="sc-tp1"><span>Topics</span><ul><li><a href="/topic/north">North</a></li><li><a href="/topic/{version.section}">{version.section.capitalize()}</a></li></ul></div></article></main>
<section class="sc-rel9"><h2>More on this</h2>{links(page.related[::-1])}</section>
<footer class="sc-ft01"><p>© 2026 Northern Ledger Media. All rights reserved.</p><ul><li><a href="/privacy">Privacy</a></li><li><a href="/terms">Terms</a></li><li><a href="/corrections">Corrections</a></li></ul></footer></div></div></body></html>
"""


def _body(page: Page) -> str:
    pieces = [_block(block) for block in page.version.body]
    title, path = page.related[0]
    promo = (
        f'<aside data-component="promo" class="sc-pr1"><span>Related</span><a href="{path}">{html(title)}</a></aside>'
    )
    for place, box in ((4, EMBED), (3, SIGN_UP), (1, promo)):
        if len(pieces) > place:
            pieces.insert(place, box)
    return "\n".join(pieces)


def _block(block: Block) -> str:
    if block.kind == "h2":
        return f'<div data-component="subheadline-block" class="sc-sh1"><h2>{html(block.text)}</h2></div>'
    if block.kind == "quote":
        return f'<div data-component="quote-block" class="sc-q1"><blockquote><p>{html(block.text)}</p> <footer>{html(block.speaker)}</footer></blockquote></div>'
    return f'<div data-component="text-block" class="sc-tx1"><p class="sc-p001">{html(block.text)}</p></div>'
