"""A small deployment for the desk: a store with hostile values, recorded actions, and login by a header."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from fastapi import HTTPException, Request
from fastapi.testclient import TestClient

from connectors.desk.ports import DeskUser, Finding, csrf_token
from connectors.desk.web import Desk, create_desk
from connectors.store.articles import ArticleStore
from connectors.store.database import Database
from connectors.store.feeds import FeedStore
from connectors.store.runs import RunStore
from pipeline.catalogue.catalogue import NewFeed
from pipeline.domain.errors import CatalogueError
from pipeline.domain.model import Feed, FeedStatus, PendingEntry, Verdict
from pipeline.ingest.ports import Deferral, Ending, PollDecision
from pipeline.reporting.report import Report
from pipeline.scheduling.operator_actions import FeedAction
from tests.values import FEED, NOW, OUTLET, make_entry, make_polled

HOSTILE = """<script>alert(1)</script>"><img src=x onerror=alert(2)>'{{ 7*7 }}"""
SILENT = Feed(id="muette/une", outlet_id="muette", url="http://www.muette.test/une.rss")
RUN_ID = "manual__2026-11-23T06:00:00+00:00"
SECRET = b"of the test"


class HeaderAccess:
    """The user is named by the header `visitor`; the user viewer is read-only."""

    __test__ = False
    secret = SECRET

    async def authenticate(self, request: Request) -> DeskUser:
        name = request.headers.get("visitor")
        if name is None:
            raise HTTPException(401, "Not authenticated")
        return DeskUser(name, can_edit=name != "viewer")


@dataclass(slots=True)
class RecordingActions:
    """Records its calls."""

    done: list[str] = field(default_factory=list)

    def outlet_name(self, outlet_id: str) -> str:
        return OUTLET.name if outlet_id == OUTLET.id else outlet_id

    def switch(self, feed_id: str, switch: FeedAction, *, by: str) -> str:
        self.done.append(f"{switch} {feed_id} by {by}")
        return f"{feed_id}: {switch}"

    def redrive(self, outlet_id: str, *, reason: str | None, entry_id: int | None, by: str) -> str:
        self.done.append(f"redrive {outlet_id} {reason} {entry_id} by {by}")
        return "1 dead letter redriven"

    def check_feed(self, url: str) -> tuple[Finding, ...]:
        return (Finding(f"{url}: rss 2.0, “{HOSTILE}”", is_fine=True),)

    def add_feed(self, new: NewFeed, *, by: str) -> str:
        if new.outlet_id == "broken":
            raise CatalogueError("outlet broken: <b>no</b>")
        self.done.append(f"add {new.outlet_id}/{new.feed} {new.url} by {by}")
        return "added"


class FakeRunStarter:
    """Returns for which outlet and user a run would start."""

    def ensure_run(self, outlet_id: str, *, by: DeskUser) -> str:
        return f"a run for {outlet_id} by {by.name}"


def fill(database: Database, *, now: datetime = NOW, next_poll_at: datetime | None = None) -> None:
    """Store an outlet with an entry of each state, hostile titles and reasons, and a silent outlet."""
    feeds, articles = FeedStore(database, lanes=4), ArticleStore(database, lanes=4)
    feeds.ensure([*OUTLET.feeds, SILENT], interval_s=300)
    (state,) = feeds.states([FEED.id])
    links = ["javascript:alert(3)"] * 3 + [f"http://antenne.test/{HOSTILE}"]
    shown = [make_entry(n, title=f"{HOSTILE} {n}", link=link) for n, link in enumerate(links)]
    polled = replace(make_polled(*shown), at=now)
    after = state.with_fields(
        status_reason=HOSTILE,
        last_new_entry_at=now,
        moved_to="http://new.test/",
        moved_since=now,
        next_poll_at=next_poll_at,
    )
    one, two, three, four = feeds.record_poll(state, polled, lambda _shown: PollDecision(after)).pending
    end(articles, one, Verdict.FAILED, HOSTILE, now=now)
    end(articles, two, Verdict.REJECTED, "consent_wall", now=now)
    articles.defer(Deferral(entry=three, until=now + timedelta(hours=1), reason=HOSTILE))
    articles.defer(Deferral(entry=four, until=now + timedelta(hours=1), reason="http_503"))
    (silent,) = feeds.states([SILENT.id])
    still = silent.with_fields(
        status=FeedStatus.SILENT,
        status_reason="nothing new since Friday",
        silence_s=7200,
        last_new_entry_at=now - timedelta(days=3),
        next_poll_at=next_poll_at,
    )
    feeds.switch(still, (), now=now)
    report = Report(seconds=40)
    report.count_entries("antenne", 4)
    report.record_verdict("antenne", Verdict.FAILED, HOSTILE)
    report.record_verdict("antenne", Verdict.REJECTED, "consent_wall")
    report.record_pending("antenne", HOSTILE)
    report.record_pending("antenne", "http_503")
    RunStore(database).keep(RUN_ID, report, now=now + timedelta(seconds=35))


def end(articles: ArticleStore, entry: PendingEntry, verdict: Verdict, reason: str, *, now: datetime) -> None:
    """End an entry half a minute after it was seen."""
    articles.end(Ending(entry=entry, verdict=verdict, reason=reason), now=now + timedelta(seconds=30))


@contextmanager
def desk_client(
    database: Database, acts: RecordingActions, *, clock: Callable[[], datetime] = lambda: NOW + timedelta(minutes=1)
) -> Iterator[TestClient]:
    """A test client of the desk, logged in as an editor."""
    desk = create_desk(Desk(database, acts, FakeRunStarter(), HeaderAccess(), clock))
    with TestClient(desk, base_url="http://desk.test", headers={"visitor": "editor"}) as client:
        yield client


def token(name: str = "editor") -> str:
    """The CSRF token of this user."""
    return csrf_token(DeskUser(name, can_edit=True), SECRET)
