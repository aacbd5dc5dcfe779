"""A stage: one outlet whose server answers what a test tells it, and a deployment that polls it when the test says so.

The answers go over real sockets; the clock is the test's, so that days pass in no time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import select

from connectors.store.schema import entries
from pipeline.app.runs import Newswire
from pipeline.domain.model import FeedState, Topic
from pipeline.domain.settings import Settings
from pipeline.reporting.report import Report
from tests.newsroom import Newsroom
from tests.newsroom.replies import Answer, Reply, http_time

MORNING = datetime(2026, 3, 2, 6, tzinfo=UTC)
FEED_URL = "http://www.scene.test/fil.xml"
NOT_FOUND = Reply(404, b"<html><head><title>404</title></head><body><h1>Page introuvable</h1></body></html>")
FEED_TYPE = "application/rss+xml; charset=utf-8"


class Stage(Newsroom):
    """A server under `.test` whose answers stand in `plays`, by URL."""

    def __init__(self) -> None:
        super().__init__(outlets=())
        self.plays: dict[str, Answer] = {}
        self.hits: dict[str, int] = {}

    def answer(self, host: str, path: str) -> Reply:
        """What the test put behind this URL."""
        url = f"http://{host}{path}"
        self.hits[url] = self.hits.get(url, 0) + 1
        play = self.plays.get(url, NOT_FOUND)
        return play if isinstance(play, Reply) else play(self.hits[url])


@dataclass(slots=True)
class Scene:
    """The stage, the deployment and the test's clock."""

    stage: Stage
    app: Newswire
    clock: list[datetime] = field(default_factory=list)

    def poll(self, *, after: timedelta = timedelta(0), force: bool = False) -> Report:
        """Let time pass, and ingest what is due then."""
        self.clock[0] += after
        ids = [state.feed_id for state in self.app.feed_states(self.app.choose([]))]
        return self.app.ingest(ids, force=force, deliver_too=False)

    def when_due(self) -> Report:
        """Let time pass until the feed is due, and ingest."""
        due = self.state.schedule.next_poll_at or self.clock[0]
        return self.poll(after=max(due - self.clock[0], timedelta(0)) + timedelta(seconds=1))

    @property
    def state(self) -> FeedState:
        """The first feed's state."""
        return self.app.feed_states(self.app.choose([]))[0]

    def verdicts(self) -> Mapping[str, str]:
        """Verdict and reason of every entry, by its title."""
        from connectors.store.entry_diff import entry_from_json

        with self.app.database.reading() as connection:
            rows = connection.execute(select(entries.c.entry, entries.c.verdict, entries.c.reason)).all()
        return {entry_from_json(row.entry).title: f"{row.verdict} {row.reason}" for row in rows}

    def told(self, topic: Topic) -> list[bytes]:
        """The values that went out on a topic."""
        return [row.message.value or b"" for row in self.app.outbox.rows(topic)]


@contextmanager
def a_scene(home: Path, *, urls: Sequence[str] = (FEED_URL,), concurrency: int = 64) -> Iterator[Scene]:
    """An outlet with these feeds, each on the host of its URL."""
    with Stage() as stage:
        clock = [MORNING]
        app = Newswire(settings_of(home, urls, stage.address, concurrency=concurrency), clock=lambda: clock[0])
        app.database.upgrade()
        with app:
            yield Scene(stage, app, clock)


def settings_of(home: Path, urls: Sequence[str], address: str, *, concurrency: int = 64) -> Settings:
    """A deployment that polls these URLs at a server of ours."""
    catalogue = home / "feeds.toml"
    catalogue.write_text(catalogue_of(urls), encoding="utf-8")
    return Settings(home=home, catalogue=catalogue, contact="mailto:desk@gazette.test").updated(
        testing={"newsroom": address},
        http={"host_spacing_s": 0, "concurrency": concurrency, "feed_timeout_s": 60},
        extraction={"processes": 1},
    )


def catalogue_of(urls: Sequence[str]) -> str:
    """A feeds.toml of one outlet."""
    feeds = "".join(f'\n[[outlet.feed]]\nname = "f{n}"\nurl = "{url}"\n' for n, url in enumerate(urls))
    return (
        '[[outlet]]\nid = "scene"\nname = "La Scène"\nhomepage = "http://www.scene.test/"\ncountry = "FR"\n'
        f'language = "fr"\ntimezone = "Europe/Paris"\nhosts = ["scene.test"]\n{feeds}'
    )


def a_feed(*lines: str, etag: str | None = None) -> Reply:
    """An RSS feed of these entries."""
    body = f"<rss version='2.0'><channel><title>La Scène</title>{''.join(lines)}</channel></rss>"
    return Reply(body=body.encode(), content_type=FEED_TYPE, etag=etag)


def line(title: str, *, link: str | None = None, at: datetime | None = None) -> str:
    """An entry."""
    url = f"<link>{link}</link>" if link else f"<guid isPermaLink='false'>{title}</guid>"
    return f"<item><title>{title}</title>{url}{f'<pubDate>{http_time(at)}</pubDate>' if at else ''}</item>"
