"""Made pages: the sample newsroom's looks around invented words, as many as one wants; and a deployment that read them.

The pages come from a fetcher of ours instead of the network, all else is the walk itself: archive, extraction, verdict,
messages.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pipeline.app.runs import Newswire
from pipeline.domain.model import Entry, FeedState, FetchKind, Request, Response
from pipeline.domain.ports import Slot
from pipeline.domain.settings import Settings
from pipeline.ingest.ports import EntryCounts, PollDecision
from tests.made_news import Newsroom
from tests.newsroom.articles import Block
from tests.newsroom.catalogue import OUTLETS, catalogue_toml
from tests.newsroom.outlets import Outlet
from tests.newsroom.pages.page import Page
from tests.newsroom.site import look_of
from tests.values import make_polled

# Looks that print any text as it is; quirks, scripts and twins are for the newsroom's own articles.
LOOKS = ("broadcaster", "daily", "regional", "table", "plain", "modern")
PLAIN = tuple(outlet for outlet in OUTLETS if outlet.look in LOOKS)


@dataclass(frozen=True, slots=True)
class MadePage:
    """A page and where it stands."""

    outlet_id: str
    url: str
    title: str
    published: datetime
    html: str
    intertitles: int


def made_pages(count: int, *, seed: int = 1, outlets: Sequence[Outlet] = PLAIN) -> Iterator[MadePage]:
    """So many pages, dealt to the outlets in turn; the same seed gives the same ones."""
    words, draw = Newsroom(seed), random.Random(seed)
    for number in range(count):
        yield made_page(words, draw, outlets[number % len(outlets)], number)


def made_page(words: Newsroom, draw: random.Random, outlet: Outlet, number: int) -> MadePage:
    """One page: an article of the outlet's own, with other words in its place."""
    pattern = draw.choice([article for article in outlet.articles if not article.form])
    version = pattern.versions[0]
    title = words.words(8).capitalize()
    blocks = tuple(other_words(words, block) for block in version.blocks)
    article = replace(
        pattern,
        slug=f"{title.lower().replace(' ', '-')}-{number}",
        number=str(6_000_000 + number),
        versions=(replace(version, title=title, blocks=blocks),),
    )
    related = tuple((words.words(7).capitalize(), f"/related/{number}-{place}.html") for place in range(4))
    page = Page(outlet, article, article.versions[0], related)
    return MadePage(
        outlet_id=outlet.id,
        url=outlet.url(article),
        title=title,
        published=version.published.astimezone(UTC),
        html=look_of(outlet).render(page),
        intertitles=sum(block.kind == "h2" for block in blocks),
    )


def other_words(words: Newsroom, block: Block) -> Block:
    """The block with as many other words."""
    return replace(block, text=words.paragraph(len(block.text.split())))


class MadeWeb:
    """A fetcher that has these pages, and no network."""

    def __init__(self, pages: Sequence[MadePage]) -> None:
        self.pages = {page.url: page for page in pages}

    async def fetch(self, request: Request, slot: Slot | None = None) -> Response:
        """The page at a URL; a feed has nothing new."""
        if request.kind is FetchKind.FEED:
            return Response(
                url=request.url, final_url=request.url, status=304, headers={}, body=b"", fetched_at=datetime.now(UTC)
            )
        body = self.pages[request.url].html.encode()
        headers = {"content-type": "text/html; charset=utf-8"}
        return Response(
            url=request.url, final_url=request.url, status=200, headers=headers, body=body, fetched_at=datetime.now(UTC)
        )


class MadeApp(Newswire):
    """A deployment whose fetcher is the made web."""

    web: MadeWeb

    @asynccontextmanager
    async def made_fetcher(self) -> Any:
        """The made web, as a context."""
        yield self.web

    def fetcher(self) -> Any:
        """The made web instead of the real one."""
        return self.made_fetcher()


def read_made_pages(home: Path, pages: Sequence[MadePage], **changes: Any) -> Settings:
    """Write a deployment that has read these pages: catalogue, store, archive. Its settings."""
    home.mkdir(parents=True, exist_ok=True)
    outlets = tuple(outlet for outlet in OUTLETS if outlet.id in {page.outlet_id for page in pages})
    catalogue = home / "feeds.toml"
    catalogue.write_text(catalogue_toml(outlets), encoding="utf-8")
    settings = Settings(home=home, catalogue=catalogue).updated(**changes)
    with MadeApp(settings) as newswire:
        newswire.web = MadeWeb(pages)
        newswire.database.upgrade()
        newswire.feed_states(newswire.choose([]))
        for outlet in newswire.outlets:
            (state,) = newswire.feeds.states([outlet.feeds[0].id])
            shown = make_polled(*(entry_of(page) for page in pages if page.outlet_id == outlet.id))
            newswire.feeds.record_poll(state, replace(shown, at=datetime.now(UTC)), keeping(state))
        while newswire.articles.pending():
            newswire.ingest([outlet.feeds[0].id for outlet in newswire.outlets])
    return settings


def entry_of(page: MadePage) -> Entry:
    """The entry that a feed shows of a page."""
    return Entry(identity=page.url, digest="1", title=page.title, link=page.url, published=page.published)


def keeping(state: FeedState) -> Callable[[EntryCounts], PollDecision]:
    """A decision that leaves the feed as it is."""
    return lambda _shown: PollDecision(state)
