"""Metadata of a page's article: each value with its source, conflicts resolved by a fixed order of sources.

    title       JSON-LD headline, og:title, h1, <title>: what two of them agree on, as the h1 prints it
    dates       JSON-LD, meta, itemprop, <time> near the headline, address, feed; never the footer
    authors     JSON-LD, meta, byline, feed; people and organisations apart
Tested by tests/extraction/metadata/test_dates.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

from lxml import html

from pipeline.domain.model import SourcedValue
from pipeline.extraction.dom.page import ParsedPage
from pipeline.extraction.dom.xpath import text_of
from pipeline.extraction.metadata.authors import Authors, read_authors
from pipeline.extraction.metadata.dates import PageDates, read_dates
from pipeline.extraction.metadata.json_ld import LinkedArticle
from pipeline.extraction.metadata.titles import choose_title
from pipeline.extraction.values import FeedHints

# The links that are read, by `rel`.
RELS = frozenset({"canonical", "amphtml", "shortlink", "license"})
_META_KEYS = frozenset({"property", "name", "itemprop", "http-equiv"})
# `urljoin` would return these unchanged, fifty times as slowly as this match.
_WHOLE_URL = re.compile(r"https?://[\w.-]+/[\w/.,~%+&=?-]*(?<=[\w/])", re.ASCII)
_MAX_VALUES = 5  # of one meta name; a page with hundreds is hostile


@dataclass(frozen=True, slots=True, kw_only=True)
class PageHead:
    """The page's meta elements by lower-case name, its links by rel, its headlines and its language."""

    metas: Mapping[str, tuple[str, ...]]
    links: Mapping[str, tuple[str, ...]]
    headlines: tuple[html.HtmlElement, ...]
    title: str
    language: str

    def meta(self, *names: str) -> str:
        """The first value of the first of these names that has one."""
        return next((value for name in names for value in self.metas.get(name, ()) if value), "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """The metadata of a page's article."""

    title: SourcedValue
    description: str
    dates: PageDates
    authors: Authors
    canonical_url: str
    aliases: tuple[str, ...]
    section: str | None
    keywords: tuple[str, ...]
    image: str | None
    rights: str | None
    is_free: bool | None
    tdm_reserved: bool | None
    tdm_policy: str | None
    meta_refresh: str | None
    site: str = ""


def read_head(root: html.HtmlElement) -> PageHead:
    """The page's meta elements, links, headlines, title and language."""
    metas: dict[str, list[str]] = {}
    links: dict[str, list[str]] = {}
    headlines: list[html.HtmlElement] = []
    for element in root.iter("meta", "link", "h1"):  # one traversal for all is three times as fast
        if element.tag == "h1":
            headlines.append(element)
        elif element.tag == "link":
            for rel in RELS.intersection((element.get("rel") or "").lower().split()):
                links.setdefault(rel, []).append((element.get("href") or "").strip())
        else:
            _add_meta(element, metas)
    title = root.find(".//title")
    return PageHead(
        metas={name: tuple(values[:20]) for name, values in metas.items()},
        links={rel: tuple(values[:20]) for rel, values in links.items()},
        headlines=tuple(headlines[:10]),
        title=" ".join(text_of(title).split()) if title is not None else "",
        language=(root.get("lang") or root.get("{http://www.w3.org/XML/1998/namespace}lang") or "").strip(),
    )


def _add_meta(element: html.HtmlElement, metas: dict[str, list[str]]) -> None:
    content = element.get("content")
    if content is None:
        return
    for name in {value for key, value in element.items() if value and key in _META_KEYS}:
        values = metas.setdefault(name.strip().lower(), [])
        if len(values) < _MAX_VALUES or name.endswith("author"):
            values.append(" ".join(content.split()))


def read_metadata(
    parsed: ParsedPage, head: PageHead, linked: LinkedArticle, *, url: str, zone: str, hints: FeedHints
) -> Metadata:
    """Every value by its written order."""
    named = (*head.links.get("canonical", ()), head.meta("og:url"), linked.url)
    canonical = next(_article_urls(named, url), url)  # what the page calls itself; a home page is no article's URL
    links = (*named, *head.links.get("amphtml", ()), *head.links.get("shortlink", ()))
    aliases = dict.fromkeys(_article_urls(links, url))
    aliases.pop(url, None)
    aliases.pop(canonical, None)
    tier = head.meta("article:content_tier", "og:article:content_tier", "content_tier")
    site, host = head.meta("og:site_name") or linked.publisher, urlsplit(url).hostname or ""
    return Metadata(
        title=choose_title(
            linked=linked.headline,
            social=head.meta("og:title", "twitter:title"),
            headlines=[" ".join(text_of(h1).split()) for h1 in head.headlines],
            page=head.title,
            feed=hints.title,
            site=site,
            host=host,
        ),
        description=head.meta("og:description", "description", "twitter:description") or linked.description,
        dates=read_dates(parsed, head.metas, linked, url=url, zone=zone, feed=(hints.published, hints.modified)),
        authors=read_authors(parsed, head.metas, linked, site=site, host=host, feed=hints.authors),
        canonical_url=canonical,
        aliases=tuple(aliases),
        section=linked.section or head.meta("article:section", "section", "og:section") or None,
        keywords=_keywords(linked.keywords or head.metas.get("article:tag", ()), head),
        image=_absolute(head.meta("og:image", "twitter:image") or linked.image, url),
        rights=head.meta("dc.rights", "dcterms.rights", "rights", "copyright")
        or next(iter(head.links.get("license", ())), None),
        is_free={"free": True, "locked": False}.get(tier.lower()) if linked.is_free is None else linked.is_free,
        tdm_reserved={"1": True, "0": False}.get(head.meta("tdm-reservation").strip()),  # TDMRep, W3C community report
        tdm_policy=head.meta("tdm-policy") or None,
        meta_refresh=_refresh(head, url),
        site=site,
    )


def _article_urls(links: Iterable[str], url: str) -> Iterator[str]:
    """Those of these links, made absolute, that have a path."""
    for link in links:
        absolute = _absolute(link, url)
        if absolute and absolute.rstrip("/").count("/") > 2:
            yield absolute


def _absolute(link: str, url: str) -> str | None:
    if not link:
        return None
    try:
        there = link if _WHOLE_URL.fullmatch(link) else urljoin(url, link.strip())
    except ValueError:
        return None
    return there if there.startswith(("http://", "https://")) and len(there) <= 2048 else None


def _keywords(named: Sequence[str], head: PageHead) -> tuple[str, ...]:
    words = named or head.meta("news_keywords", "keywords", "parsely-tags").split(",")
    return tuple(dict.fromkeys(word for word in map(str.strip, words) if 1 < len(word) < 80))[:40]


def _refresh(head: PageHead, url: str) -> str | None:
    """Where a quick meta refresh leads; a slow one is a page that reloads itself."""
    delay, _, target = head.meta("refresh").partition(";")
    target = target.strip()
    if not delay.strip().replace(".", "", 1).isdigit() or float(delay) > 5 or target[:4].lower() != "url=":
        return None
    there = _absolute(target[4:].strip("'\" "), url)
    return there if there != url else None
