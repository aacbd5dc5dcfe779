"""The site map: every URL of every outlet in an act, with its answer."""

from __future__ import annotations

from importlib import import_module
from typing import Protocol, cast

from tests.newsroom.articles import Article, Version
from tests.newsroom.feeds import MEDIA_TYPES, latest, write_feed
from tests.newsroom.outlets import Feed, Outlet
from tests.newsroom.pages.page import Page
from tests.newsroom.quirks import quirk_answers, wrong_pages
from tests.newsroom.replies import Answer, Reply, page_reply, with_validators
from tests.newsroom.sitemaps import INDEX, write_sitemaps

Site = dict[tuple[str, str], Answer]


class Look(Protocol):
    """A module of `pages`."""

    def render(self, page: Page) -> str:
        """The HTML of an article."""


def look_of(outlet: Outlet) -> Look:
    """The module that renders an outlet's pages."""
    return cast("Look", import_module(f"tests.newsroom.pages.{outlet.look}"))


def build_site(outlets: tuple[Outlet, ...], act: int, *, slow_s: float) -> Site:
    """Every URL of an act."""
    site: Site = {}
    for outlet in outlets:
        site |= _front(outlet)
        for article in outlet.articles:
            site |= _article_pages(outlet, article, act)
        for feed in outlet.feeds:
            site |= _feed(outlet, feed, act, slow_s=slow_s)
        if outlet.look == "quirks":
            site |= wrong_pages()
        else:
            site |= _sitemaps(outlet, act)
    return site


def _front(outlet: Outlet) -> Site:
    """The home page, the section pages and robots.txt: nothing that is an article."""
    sections = {article.versions[0].section for article in outlet.articles}
    titles = "".join(f"<li><a href='{outlet.path(a)}'>{a.versions[0].title}</a></li>" for a in outlet.articles)
    listing = page_reply(
        f"<html><head><title>{outlet.name}</title></head><body><h1>{outlet.name}</h1><ul>{titles}</ul></body></html>"
    )
    rules = "User-agent: *\nDisallow: /recherche/\nDisallow: /compte/\n"
    if outlet.look != "quirks":
        rules += f"Sitemap: http://{outlet.host}{INDEX}\n"
    robots = Reply(body=rules.encode(), content_type="text/plain")
    return {
        (outlet.host, "/"): listing,
        (outlet.host, "/robots.txt"): robots,
        **{(outlet.host, f"/{section}/"): listing for section in sections},
    }


def _sitemaps(outlet: Outlet, act: int) -> Site:
    """What robots.txt names, and what that names."""
    return {
        (outlet.host, path): Reply(body=text.encode(), content_type="application/xml")
        for path, text in write_sitemaps(outlet, act).items()
    }


def _article_pages(outlet: Outlet, article: Article, act: int) -> Site:
    """An article's page and its AMP and mobile twins."""
    version = article.at(act)
    if version is None:
        return {}
    path = outlet.path(article)
    if version.is_withdrawn:
        return {(outlet.host, path): _gone(outlet, version)}
    page = Page(outlet, article, version, _related(outlet, article), act)
    declared = outlet.encoding == "utf-8"
    site: Site = {
        (outlet.host, path): page_reply(look_of(outlet).render(page), encoding=outlet.encoding, declared=declared)
    }
    if outlet.look == "amp":
        from tests.newsroom.pages.amp import render_amp, render_mobile

        site[outlet.host, path.removesuffix(".html") + ".amp.html"] = page_reply(render_amp(page))
        site[outlet.host.replace("www.", "m.", 1), path] = page_reply(render_mobile(page))
    return site


def _gone(outlet: Outlet, version: Version) -> Reply:
    """What stands where a withdrawn article stood."""
    if version.status == "section":
        return Reply(302, headers={"Location": f"http://{outlet.host}/{version.section}/"})
    text = f"<html><head><title>Page introuvable</title></head><body><h1>Erreur {version.status}</h1></body></html>"
    return Reply(int(version.status), text.encode())


def _related(outlet: Outlet, article: Article) -> tuple[tuple[str, str], ...]:
    """Four other articles of the first act, the same for a page in every act."""
    others = [other for other in outlet.articles if other.slug != article.slug and other.first_act == 1]
    start = sum(map(ord, article.slug)) % max(len(others), 1)
    return tuple((o.versions[0].title, outlet.path(o)) for o in (others + others)[start : start + 4])


def _feed(outlet: Outlet, feed: Feed, act: int, *, slow_s: float) -> Site:
    host = feed.host or outlet.host
    text = write_feed(outlet, feed, act)
    content_type = MEDIA_TYPES.get(feed.form, "application/rss+xml; charset=utf-8")
    good = with_validators(text.encode(outlet.encoding, "xmlcharrefreplace"), content_type, latest(outlet, feed, act))
    if not feed.quirk:
        return {(host, feed.path): good}
    return quirk_answers(feed, host, good, act=act, slow_s=slow_s)
