"""The outlets' sitemaps: an index that robots.txt names, with a news sitemap per day, or a plain archive per month.

The daily's archive says nothing of news: its pages are dated by their URLs. Everything a sitemap lists has its page.
"""

from __future__ import annotations

from collections.abc import Iterable
from xml.sax.saxutils import escape

from tests.newsroom.articles import Article, Version
from tests.newsroom.feeds import HEAD, Shown, sitemap
from tests.newsroom.outlets import Feed, Outlet

INDEX = "/sitemap_index.xml"


def write_sitemaps(outlet: Outlet, act: int) -> dict[str, str]:
    """Path to text: the index and the files it names."""
    files: dict[str, str] = {}
    write = archive if outlet.look == "daily" else day_sitemap
    for name, articles in sorted(grouped(outlet, act).items()):
        files[f"/sitemaps/{name}.xml"] = write(outlet, articles, act)
    listed = "".join(f"<sitemap><loc>http://{outlet.host}{path}</loc></sitemap>\n" for path in files)
    namespace = "http://www.sitemaps.org/schemas/sitemap/0.9"
    index = f'{HEAD.format(encoding="UTF-8")}<sitemapindex xmlns="{namespace}">\n{listed}</sitemapindex>\n'
    return {INDEX: index, **files}


def grouped(outlet: Outlet, act: int) -> dict[str, list[Article]]:
    """The published articles, by their sitemap's name: `2026-03-01` or `articles-2026-03`."""
    groups: dict[str, list[Article]] = {}
    for article in outlet.articles:
        version = article.at(act)
        if version is not None and not version.is_withdrawn:
            day = f"{article.versions[0].published:%Y-%m-%d}"
            groups.setdefault(f"articles-{day[:7]}" if outlet.look == "daily" else day, []).append(article)
    return groups


def day_sitemap(outlet: Outlet, articles: Iterable[Article], act: int) -> str:
    """A news sitemap."""
    shown = [Shown(a, there(a, act), outlet.url(a), outlet.url(a), act) for a in articles]
    return sitemap(outlet, Feed("sitemap", "/"), shown)


def archive(outlet: Outlet, articles: Iterable[Article], act: int) -> str:
    """A plain sitemap: URLs alone."""
    entries = "".join(f"<url><loc>{escape(outlet.url(article))}</loc></url>\n" for article in articles)
    return (
        f"{HEAD.format(encoding='UTF-8')}"
        f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n{entries}</urlset>\n'
    )


def there(article: Article, act: int) -> Version:
    """Its version in an act in which it is there."""
    version = article.at(act)
    assert version is not None
    return version
