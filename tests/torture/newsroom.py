"""A newsroom in motion: at each beat articles are added, revised and copied; the same seed gives the same ones.

It knows what it printed (`articles`), which is what the topics must have in the end.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from tests import made_news
from tests.newsroom.articles import Article, Block, Version
from tests.newsroom.feeds import write_feed
from tests.newsroom.outlets import Feed, Outlet
from tests.newsroom.pages import daily
from tests.newsroom.pages.page import Page
from tests.newsroom.replies import Reply, page_reply, with_validators
from tests.newsroom.server import NOT_FOUND, Newsroom

SHOWN = 60  # articles a feed shows, those touched last first
COPY_AFTER = 8  # beats after which an article may be copied by another outlet
SHARE_REVISED, SHARE_COPIED = 0.3, 0.2


def make_outlets(count: int) -> tuple[Outlet, ...]:
    """Outlets with a feed each."""
    return tuple(
        Outlet(
            id=f"torture-{number}",
            name=f"Torture {number}",
            host=f"www.torture-{number}.test",
            language="fr",
            timezone="Europe/Paris",
            look="daily",
            pattern="/{section}/{slug}_{number}.html",
            article_number=r"_(\d{7})\.html",
            feeds=(Feed("une", "/une.atom", form="atom"),),
        )
        for number in range(count)
    )


@dataclass(frozen=True, slots=True)
class Printed:
    """An article as its outlet shows it now. `mark` is a word that no other version of any article has."""

    outlet: Outlet
    article: Article
    mark: str
    beat: int

    @property
    def url(self) -> str:
        """Its canonical URL."""
        return self.outlet.url(self.article)


class MovingNewsroom(Newsroom):
    """Serves what `beat` makes it print."""

    def __init__(self, *, seed: int, outlets: int = 4, first: int = 6) -> None:
        self.random = random.Random(seed)
        self.source = made_news.Newsroom(seed)
        self.printed: dict[str, Printed] = {}
        self.pages: dict[tuple[str, str], str] = {}
        self.beats = 0
        self.number = 1_000_000
        self.moving = threading.Lock()
        super().__init__(outlets=make_outlets(outlets))
        for outlet in self.outlets:
            for _ in range(first):
                self.add(outlet)

    def beat(self) -> None:
        """One more article somewhere, and sometimes a revision, sometimes a copy."""
        with self.moving:
            self.beats += 1
            self.add(self.random.choice(self.outlets))
            if self.random.random() < SHARE_REVISED:
                self.revise()
            if self.random.random() < SHARE_COPIED:
                self.copy()

    def add(self, outlet: Outlet, blocks: Sequence[Block] = ()) -> None:
        """A new article, of these paragraphs or of new ones."""
        self.number += 1
        mark = f"jeton{self.number}v1"
        blocks = blocks or [Block("p", self.source.paragraph()) for _ in range(5)]
        version = Version(
            act=1,
            change="new",
            title=f"{self.source.words(7).capitalize()} {mark}",
            blocks=(*blocks, Block("p", f"{self.source.paragraph()} {mark}.")),
            published=datetime.now(UTC),
            updated=None,
            authors=("Solène Aubrac",),
            section="monde",
        )
        article = Article(outlet.id, f"article-{self.number}", str(self.number), ("une",), (version,))
        self.put(Printed(outlet, article, mark, self.beats))

    def revise(self) -> None:
        """Another paragraph at the end of an article that its feed still shows."""
        outlet = self.random.choice(self.outlets)
        chosen = self.random.choice(self.shown(outlet)[: SHOWN // 2])
        before = chosen.article.versions[0]
        mark = f"jeton{chosen.article.number}v{int(chosen.mark.rpartition('v')[2]) + 1}"
        after = replace(
            before,
            blocks=(*before.blocks, Block("p", f"{self.source.paragraph()} {mark}.")),
            updated=max(datetime.now(UTC), (before.updated or before.published) + timedelta(seconds=1)),
        )
        self.put(replace(chosen, article=replace(chosen.article, versions=(after,)), mark=mark, beat=self.beats))

    def copy(self) -> None:
        """What one outlet printed some beats ago, at another."""
        known = [each for each in self.printed.values() if each.beat <= self.beats - COPY_AFTER]
        if known:
            original = self.random.choice(known)
            others = [outlet for outlet in self.outlets if outlet is not original.outlet]
            self.add(self.random.choice(others), original.article.versions[0].blocks[:5])

    def put(self, printed: Printed) -> None:
        """Show it from now on."""
        self.printed[printed.url] = printed
        page = Page(printed.outlet, printed.article, printed.article.versions[0], ())
        self.pages[printed.outlet.host, printed.outlet.path(printed.article)] = daily.render(page)

    def shown(self, outlet: Outlet) -> list[Printed]:
        """What the outlet's feed shows, what was touched last first."""
        own = [each for each in self.printed.values() if each.outlet is outlet]
        return sorted(own, key=lambda each: touched(each.article), reverse=True)[:SHOWN]

    def answer(self, host: str, path: str) -> Reply:
        """The reply for a URL now."""
        with self.moving:
            if (page := self.pages.get((host, path.partition("?")[0]))) is not None:
                return page_reply(page)
            for outlet in self.outlets:
                if host == outlet.host and path == outlet.feeds[0].path:
                    return self.feed(outlet)
        if path == "/robots.txt":
            return Reply(body=b"User-agent: *\nDisallow:\n", content_type="text/plain")
        return NOT_FOUND

    def feed(self, outlet: Outlet) -> Reply:
        """The outlet's feed now."""
        shown = self.shown(outlet)
        given = replace(outlet, given=tuple(each.article for each in shown))
        text = write_feed(given, outlet.feeds[0], 1)
        return with_validators(text.encode(), "application/atom+xml; charset=utf-8", touched(shown[0].article))


def touched(article: Article) -> datetime:
    """When it was last touched."""
    return article.versions[0].updated or article.versions[0].published
