"""The feeds as the outlets write them: RSS in several states of repair, RSS 1.0, Atom, JSON Feed, a news sitemap."""

# ruff: noqa: E501 - the lines of the XML are those of the feeds

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from xml.sax.saxutils import escape

from tests.newsroom.articles import Article, Version
from tests.newsroom.outlets import Feed, Outlet
from tests.newsroom.pages.walls import WRONG_PAGES

APOSTROPHE = "'"
WEEKDAYS_FR = ("lun", "mar", "mer", "jeu", "ven", "sam", "dim")
HEAD = '<?xml version="1.0" encoding="{encoding}"?>\n'
RSS = (
    '<rss version="2.0" xmlns:atom="http://www.w3.org/2005/Atom" xmlns:dc="http://purl.org/dc/elements/1.1/"'
    ' xmlns:media="http://search.yahoo.com/mrss/" xmlns:slash="http://purl.org/rss/1.0/modules/slash/">'
)


@dataclass(frozen=True, slots=True)
class Shown:
    """An article as a feed shows it."""

    article: Article
    version: Version
    link: str
    guid: str
    act: int

    @property
    def title(self) -> str:
        """The headline, escaped for XML."""
        return escape(self.version.title)

    @property
    def url(self) -> str:
        """The link, escaped for XML."""
        return escape(self.link)

    @property
    def summary(self) -> str:
        """The chapô, escaped for XML."""
        return escape(self.version.lead)

    @property
    def modified(self) -> datetime:
        """When it was last touched."""
        return self.version.updated or self.version.published


def write_feed(outlet: Outlet, feed: Feed, act: int) -> str:
    """The feed's text in an act."""
    shown = [_show(outlet, feed, article, act) for article in outlet.in_feed(feed, act)]
    return WRITERS[feed.form](outlet, feed, shown)


def latest(outlet: Outlet, feed: Feed, act: int) -> datetime:
    """When the feed last changed: its Last-Modified."""
    moments = [m for a in outlet.in_feed(feed, act) if (v := a.at(act)) for m in (v.published, v.updated) if m]
    return max(moments, default=datetime(2026, 2, 1, tzinfo=UTC)).astimezone(UTC)


def _show(outlet: Outlet, feed: Feed, article: Article, act: int) -> Shown:
    version = article.at(act)
    assert version is not None, "only articles that are there are in a feed"
    url = outlet.url(article)
    link = f"{linked_url(outlet, article, url)}{feed.tracking}"
    guid = {"rss": link, "rss-number": article.number, "atom": f"tag:{outlet.host},2026:{article.slug}"}.get(
        feed.form, url
    )
    return Shown(article, version, link, guid, act)


def linked_url(outlet: Outlet, article: Article, url: str) -> str:
    """The URL that feeds link to: some link the AMP or the mobile twin."""
    if article.form == "amp":
        return f"{url.removesuffix('.html')}.amp.html"
    if article.form == "mobile":
        return url.replace("://www.", "://m.", 1)
    return url


def _rss(outlet: Outlet, feed: Feed, shown: list[Shown], *, entry: Callable[[Shown], str] | None = None) -> str:
    built = format_datetime(latest(outlet, feed, shown[0].act).replace(tzinfo=UTC)) if shown else ""
    return (
        f"{HEAD.format(encoding=outlet.encoding.upper())}{RSS}\n<channel>\n<title>{escape(outlet.name)} - {feed.name}</title>\n"
        f"<link>{outlet.homepage}</link>\n<description>Toute l'actualité</description>\n<language>{outlet.language}</language>\n"
        f"<lastBuildDate>{built}</lastBuildDate>\n{''.join((entry or _full_entry)(each) for each in shown)}</channel>\n</rss>\n"
    )


def _full_entry(each: Shown, *, date: str | None = None, guid: str | None = None) -> str:
    """An entry of an orderly RSS feed; `atom:updated` once the article was touched again."""
    version = each.version
    published = format_datetime(version.published) if date is None else date
    updated = f"<atom:updated>{version.updated.isoformat()}</atom:updated>\n" if version.updated else ""
    author = f"<dc:creator>{escape(', '.join(version.authors))}</dc:creator>\n" if version.authors else ""
    permanent = 'isPermaLink="false"' if guid or not each.guid.startswith("http") else 'isPermaLink="true"'
    return (
        f"<item>\n<title>{each.title}</title>\n<link>{each.url}</link>\n<description><![CDATA[{version.lead}]]></description>\n"
        f"<pubDate>{published}</pubDate>\n<guid {permanent}>{escape(guid or each.guid)}</guid>\n{author}{updated}"
        f"<category>{escape(version.section)}</category>\n<slash:comments>{version.act * 3}</slash:comments>\n</item>\n"
    )


def rss(outlet: Outlet, feed: Feed, shown: list[Shown]) -> str:
    """RSS 2.0 with everything in its place."""
    return _rss(outlet, feed, shown)


def rss_html(outlet: Outlet, feed: Feed, shown: list[Shown]) -> str:
    """RSS with markup in its summaries, titles escaped once too often, and its first entry printed twice."""

    def entry(each: Shown) -> str:
        summary = f'<p><img src="/vignettes/{each.article.slug}.jpg" align="left"/>{each.summary}</p>'
        more = f'<p><a href="{each.url}">Lire la suite</a></p>'
        plain = _full_entry(each).replace(f"[CDATA[{each.version.lead}]]", f"[CDATA[{summary}{more}]]")
        return plain.replace(f"<title>{each.title}", f"<title>{each.title.replace(APOSTROPHE, '&amp;#039;')}")

    return _rss(outlet, feed, [*shown, *shown[:1]], entry=entry)


def rss_bare(outlet: Outlet, feed: Feed, shown: list[Shown]) -> str:
    """RSS without guid or pubDate, as one French daily prints it."""
    return _rss(
        outlet,
        feed,
        shown,
        entry=lambda e: (
            f"<item>\n<title>{e.title}</title>\n<link>{e.url}</link>\n<description>{e.summary}</description>\n</item>\n"
        ),
    )


def rss_french_dates(outlet: Outlet, feed: Feed, shown: list[Shown]) -> str:
    """RSS whose dates read `dim, 03/01/2026 - 11:30`: a French weekday, the American order, no zone."""

    def date(moment: datetime) -> str:
        return f"{WEEKDAYS_FR[moment.weekday()]}, {moment:%m/%d/%Y - %H:%M}"

    return _rss(outlet, feed, shown, entry=lambda e: _full_entry(e, date=date(e.version.published)))


def rss_number(outlet: Outlet, feed: Feed, shown: list[Shown]) -> str:
    """RSS whose guid is a bare number."""
    return _rss(outlet, feed, shown, entry=lambda e: _full_entry(e, guid=e.article.number))


def rss_windows(outlet: Outlet, feed: Feed, shown: list[Shown]) -> str:
    """RSS that says nothing of its charset; the server sends windows-1252."""
    return rss(outlet, feed, shown).replace(' encoding="WINDOWS-1252"', "")


def rdf(outlet: Outlet, feed: Feed, shown: list[Shown]) -> str:
    """RSS 1.0: dates only in dc:date."""
    entries = "".join(
        f'<item rdf:about="{e.url}">\n<title>{e.title}</title>\n<link>{e.url}</link>\n'
        f"<description>{e.summary}</description>\n<dc:date>{e.modified.isoformat()}</dc:date>\n</item>\n"
        for e in shown
    )
    order = "".join(f'<rdf:li rdf:resource="{e.url}"/>' for e in shown)
    return (
        f'{HEAD.format(encoding="utf-8")}<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"'
        ' xmlns="http://purl.org/rss/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/">\n'
        f'<channel rdf:about="{outlet.feed_url(feed)}"><title>{escape(outlet.name)}</title><link>{outlet.homepage}</link>'
        f"<description>Dernières publications</description><items><rdf:Seq>{order}</rdf:Seq></items></channel>\n{entries}</rdf:RDF>\n"
    )


def atom(outlet: Outlet, feed: Feed, shown: list[Shown]) -> str:
    """Atom 1.0."""
    entries = "".join(
        f'<entry>\n<id>{e.guid}</id>\n<title type="html">{escape(e.title)}</title>\n'
        f'<link rel="alternate" type="text/html" href="{e.url}"/>\n<published>{e.version.published.isoformat()}</published>\n'
        f"<updated>{e.modified.isoformat()}</updated>\n<summary>{e.summary}</summary>\n</entry>\n"
        for e in shown
    )
    return (
        f'{HEAD.format(encoding="utf-8")}<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="{outlet.language}">\n'
        f"<id>{outlet.feed_url(feed)}</id>\n<title>{escape(outlet.name)}</title>\n"
        f'<link rel="self" href="{outlet.feed_url(feed)}"/>\n<updated>{shown[0].modified.isoformat()}</updated>\n{entries}</feed>\n'
    )


def json_feed(outlet: Outlet, feed: Feed, shown: list[Shown]) -> str:
    """JSON Feed 1.1."""
    entries = [
        {
            "id": e.link,
            "url": e.link,
            "title": e.version.title,
            "summary": e.version.lead,
            "date_published": e.version.published.isoformat(),
            "date_modified": e.modified.isoformat(),
            "authors": [{"name": name} for name in e.version.authors],
        }
        for e in shown
    ]
    head = {"version": "https://jsonfeed.org/version/1.1", "title": outlet.name, "home_page_url": outlet.homepage}
    return json.dumps({**head, "feed_url": outlet.feed_url(feed), "items": entries}, ensure_ascii=False, indent=1)


def sitemap(outlet: Outlet, feed: Feed, shown: list[Shown]) -> str:
    """A sitemap for news search."""
    entries = "".join(
        f"<url>\n<loc>{e.url}</loc>\n<lastmod>{e.modified.isoformat()}</lastmod>\n<news:news><news:publication>"
        f"<news:name>{escape(outlet.name)}</news:name><news:language>{outlet.language}</news:language></news:publication>"
        f"<news:publication_date>{e.version.published.isoformat()}</news:publication_date><news:title>{e.title}</news:title>"
        "</news:news>\n</url>\n"
        for e in shown
    )
    return (
        f'{HEAD.format(encoding="UTF-8")}<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'
        f' xmlns:news="http://www.google.com/schemas/sitemap-news/0.9">\n{entries}</urlset>\n'
    )


def wrong_pages(outlet: Outlet, feed: Feed, shown: list[Shown]) -> str:
    """RSS whose entries all lead to pages that are no articles."""
    return _rss(outlet, feed, shown).replace(
        "</channel>",
        "".join(
            f"<item>\n<title>{escape(wrong.title)}</title>\n<link>{wrong.url}</link>\n<guid>{wrong.url}</guid>\n"
            "<pubDate>Sun, 01 Mar 2026 09:00:00 +0100</pubDate>\n</item>\n"
            for wrong in WRONG_PAGES
        )
        + "</channel>",
    )


WRITERS: dict[str, Callable[[Outlet, Feed, list[Shown]], str]] = {
    "rss": rss,
    "rss-bare": rss_bare,
    "rss-html": rss_html,
    "rss-french-dates": rss_french_dates,
    "rss-number": rss_number,
    "rss-windows": rss_windows,
    "rdf": rdf,
    "atom": atom,
    "json": json_feed,
    "sitemap": sitemap,
    "wrong-pages": wrong_pages,
}
MEDIA_TYPES = {
    "rdf": "application/rdf+xml; charset=utf-8",
    "atom": "application/atom+xml",
    "json": "application/feed+json",
    "sitemap": "application/xml",
    "rss-windows": "text/xml",
}
