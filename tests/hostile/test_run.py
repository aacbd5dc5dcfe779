"""One run over everything hostile that a feed can be, and good feeds: none of the good is lost or kept waiting."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
from sqlalchemy import select

from connectors.http.fetcher import FetchLimits, SafeFetcher
from connectors.store.schema import polls
from pipeline.app.runs import Newswire
from pipeline.domain.model import FetchKind
from tests.hostile.cases import CASES, SERVED, whole
from tests.hostile.feed_cases import FEED_CASES, FeedCase, items, rss
from tests.hostile.server import Call, HostileServer, Serve
from tests.hostile.stage import settings_of

GOOD_FEEDS = 40
ENTRIES = 5
PATIENCE_S = 600.0  # nothing ends by the clock here: the hanging ones let go when all good ones were asked
MEMORY_BOUND_MB = 800  # one process: sixty-four bodies under way, each up to its cap


@contextmanager
def serving(cases: dict[str, Serve]) -> Iterator[str]:
    """The address of a hostile server that runs in a thread of its own."""
    started: list[tuple[str, asyncio.AbstractEventLoop, asyncio.Event]] = []
    is_up = threading.Event()

    async def serve() -> None:
        over = asyncio.Event()
        async with HostileServer(cases) as server:
            started.append((f"127.0.0.1:{server.port}", asyncio.get_running_loop(), over))
            is_up.set()
            await over.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    is_up.wait()
    address, loop, over = started[0]
    try:
        yield address
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join()


def body_of(case: FeedCase) -> Serve:
    body = case.make()

    async def serve(call: Call) -> None:
        await call.send(whole(body, f"Content-Type: {case.content_type}"))

    return serve


class PatientApp(Newswire):
    """A deployment whose feed requests have all the time in the world."""

    def fetcher(self) -> SafeFetcher:
        made = super().fetcher()
        patient = FetchLimits(total_s=PATIENCE_S, idle_s=PATIENCE_S, connect_s=PATIENCE_S)
        made.limits = dict.fromkeys(FetchKind, patient)
        return made


class Crowd:
    """Good feeds, and hanging ones that hang until every good one was asked for."""

    def __init__(self) -> None:
        self.asked = 0
        self.all_asked = asyncio.Event()

    async def good(self, call: Call) -> None:
        """A feed of entries without pages: what is asked here is who gets polled."""
        made = items(ENTRIES).replace("<link>", "<category>").replace("</link>", "</category>").replace("http:", "urn:")
        self.asked += 1
        if self.asked == GOOD_FEEDS:
            self.all_asked.set()
        await call.send(whole(rss(made), "Content-Type: application/rss+xml"))

    def hanging(self, serve: Serve) -> Serve:
        """The same case, over when all good ones were asked."""

        async def hang(call: Call) -> None:
            served = asyncio.create_task(serve(call))
            await self.all_asked.wait()
            served.cancel()
            call.reset()

        return hang


def test_good_feeds_are_polled_while_the_hostile_ones_still_hang(tmp_path: Path) -> None:
    crowd = Crowd()
    chosen = [case for case in CASES if case.kind is FetchKind.FEED and case.name in SERVED]
    fetches = {c.name: crowd.hanging(SERVED[c.name]) if c.hangs else SERVED[c.name] for c in chosen}
    bodies = {f"body-{case.name}": body_of(case) for case in FEED_CASES}
    hostile = [f"http://{name}.hostile.test/feed.xml" for name in (*fetches, *bodies)]
    fine = [f"http://fine{n}.hostile.test/feed.xml" for n in range(GOOD_FEEDS)]
    before_mb = psutil.Process().memory_info().rss / 1e6
    with serving({**fetches, **bodies, "good": crowd.good}) as address:
        settings = settings_of(tmp_path, [*hostile, *fine], address)
        with PatientApp(settings) as app:
            app.database.upgrade()
            ids = [state.feed_id for state in app.feed_states(app.choose([]))]
            # Pages of the entries that hostile bodies name are another test's: the run ends when the feeds are polled.
            report = app.ingest(ids, deliver_too=False)
            with app.database.reading() as connection:
                made = connection.execute(select(polls.c.feed_id, polls.c.outcome)).all()
    assert psutil.Process().memory_info().rss / 1e6 - before_mb < MEMORY_BOUND_MB
    assert 0 < sum(case.hangs for case in chosen) < settings.http.concurrency
    assert len(hostile) > 150
    outcomes = {poll.feed_id: poll.outcome for poll in made}
    assert [outcomes[f"scene/f{n}"] for n in range(len(hostile), len(ids))] == ["parsed"] * GOOD_FEEDS
    assert "timed_out" not in outcomes.values()
    assert sum(report.outlets["scene"].polls.values()) == len(outcomes) == len(hostile) + GOOD_FEEDS
    assert "poll_error" not in outcomes.values()
