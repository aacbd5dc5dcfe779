"""The outlets of the sample newsroom: hosts, feeds, and how each forms its URLs, all under `.test` (RFC 6761)."""

from __future__ import annotations

from dataclasses import dataclass

from tests.newsroom.articles import Article, Version, read_articles


@dataclass(frozen=True, slots=True)
class Feed:
    """One feed. `form` names its format and oddities (feeds.py); `quirk` what its server does (quirks.py)."""

    name: str
    path: str
    form: str = "rss"
    section: str = ""
    tracking: str = ""  # appended to link, and with form `rss` to the guid
    quirk: str = ""
    host: str = ""  # the outlet's first one unless named
    listed: bool = True  # whether the catalogue names it


@dataclass(frozen=True, slots=True)
class Outlet:
    """One outlet. `pattern` forms an article's path; `look` names the module of `pages` that renders it."""

    id: str
    name: str
    host: str
    language: str
    timezone: str
    look: str
    pattern: str
    feeds: tuple[Feed, ...]
    country: str = "FR"
    hosts: tuple[str, ...] = ()
    article_number: str = ""
    encoding: str = "utf-8"
    given: tuple[Article, ...] = ()  # instead of article files

    @property
    def homepage(self) -> str:
        """The front page."""
        return f"http://{self.host}/"

    @property
    def articles(self) -> tuple[Article, ...]:
        """Its articles, newest first."""
        return self.given or read_articles(self.id, self.timezone)

    def path(self, article: Article) -> str:
        """The article's path, the same in every act."""
        first: Version = article.versions[0]
        day = first.published
        return self.pattern.format(
            section=first.section,
            slug=article.slug,
            number=article.number,
            year=day.year,
            month=f"{day:%m}",
            day=f"{day:%d}",
        )

    def url(self, article: Article) -> str:
        """The article's canonical URL."""
        return f"http://{self.host}{self.path(article)}"

    def feed_url(self, feed: Feed) -> str:
        """The URL of a feed."""
        return f"http://{feed.host or self.host}{feed.path}"

    def in_feed(self, feed: Feed, act: int) -> tuple[Article, ...]:
        """The articles that a feed lists in an act: those of its name that are there and not withdrawn."""
        shown = []
        for article in self.articles:
            version = article.at(act)
            if feed.name in article.feeds and version is not None and not version.is_withdrawn:
                shown.append(article)
        return tuple(shown)
