"""What every look is given, and the small pieces of HTML that several of them print."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from html import escape

from tests.newsroom.articles import Article, Version
from tests.newsroom.outlets import Outlet

MONTHS_FR = (
    *("janvier", "février", "mars", "avril", "mai", "juin"),
    *("juillet", "août", "septembre", "octobre", "novembre", "décembre"),
)


@dataclass(frozen=True, slots=True)
class Page:
    """One article of one outlet in one act, and the others it links to."""

    outlet: Outlet
    article: Article
    version: Version
    related: tuple[tuple[str, str], ...]  # headline and path of other articles
    act: int = 1

    @property
    def url(self) -> str:
        """Its canonical URL."""
        return self.outlet.url(self.article)

    @property
    def title(self) -> str:
        """The headline, escaped."""
        return escape(self.version.title, quote=False)

    @property
    def lead(self) -> str:
        """The chapô, escaped."""
        return escape(self.version.lead, quote=False)

    @property
    def counter(self) -> int:
        """Comments so far: a number that changes with every act and means nothing."""
        return 7 * self.act + len(self.version.title) % 11


def html(text: str) -> str:
    """Text for an HTML page."""
    return escape(text, quote=False)


def french_date(moment: datetime) -> str:
    """`1 mars 2026 à 08h12`."""
    return f"{moment.day} {MONTHS_FR[moment.month - 1]} {moment.year} à {moment:%Hh%M}"


def links(related: tuple[tuple[str, str], ...], *, css: str = "") -> str:
    """A list of links to other articles."""
    lines = "\n".join(f'<li class="{css}"><a href="{path}">{html(title)}</a></li>' for title, path in related)
    return f"<ul>\n{lines}\n</ul>"


def json_ld(values: dict[str, object]) -> str:
    """A JSON-LD script element."""
    body = json.dumps({"@context": "https://schema.org", **values}, ensure_ascii=False, indent=1).replace("</", "<\\/")
    return f'<script type="application/ld+json">\n{body}\n</script>'


def news_article(page: Page, **more: object) -> dict[str, object]:
    """The usual JSON-LD of an article."""
    version = page.version
    return {
        "@type": "NewsArticle",
        "mainEntityOfPage": {"@type": "WebPage", "@id": page.url},
        "headline": version.title,
        "description": version.lead,
        "datePublished": version.published.isoformat(),
        "dateModified": (version.updated or version.published).isoformat(),
        "author": [{"@type": "Person", "name": name} for name in version.authors]
        or [{"@type": "Organization", "name": version.agency or page.outlet.name}],
        "publisher": {"@type": "NewsMediaOrganization", "name": page.outlet.name},
        "articleSection": version.section,
    } | more
