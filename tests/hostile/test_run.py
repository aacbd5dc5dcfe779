"""One run over everything hostile that a feed can be, and good feeds: none of the good is lost or kept waiting."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psutil
from sqlalchemy import select

from connectors.tables import polls
from pipeline.app import App
from pipeline.model import FetchKind
from tests.hostile.cases import CASES, SERVED, whole
from tests.hostile.feed_cases import FEED_CASES, FeedCase, items, rss
from tests.hostile.server import Call, HostileServer, Serve
from tests.hostile.stage import settings_of

GOOD_FEEDS = 40
ENTRIES = 5
TIMEOUT_S = 15.0  # of the feeds that hang
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


async def good(call: Call) -> None:
    """A feed of entries without pages: what is asked here is who gets polled."""
    body = rss(
        items(ENTRIES).replace("<link>", "<category>").replace("</link>", "</category>").replace("http:", "urn:")
    )
    await call.send(whole(body, "Content-Type: application/rss+xml"))


def test_good_feeds_are_polled_before_any_hostile_one_has_used_up_its_time(tmp_path: Path) -> None:
    bodies = {f"body-{case.name}": body_of(case) for case in FEED_CASES}
    fetches = {c.name: SERVED[c.name] for c in CASES if c.kind is FetchKind.FEED and c.name in SERVED}
    hostile = [f"http://{name}.hostile.test/feed.xml" for name in (*fetches, *bodies)]
    fine = [f"http://fine{n}.hostile.test/feed.xml" for n in range(GOOD_FEEDS)]
    before_mb = psutil.Process().memory_info().rss / 1e6
    with serving({**fetches, **bodies, "good": good}) as address:
        settings = replace(settings_of(tmp_path, [*hostile, *fine], address), feed_timeout_s=TIMEOUT_S, max_attempts=1)
        with App(settings) as app:
            app.database.upgrade()
            ids = [state.feed_id for state in app.feed_states(app.choose([]))]
            report = app.ingest(ids, deliver_too=False, deadline_s=120)
            with app.database.reading() as connection:
                query = select(polls.c.feed_id, polls.c.outcome, polls.c.entries).order_by(polls.c.id)
                made = connection.execute(query).all()
    assert psutil.Process().memory_info().rss / 1e6 - before_mb < MEMORY_BOUND_MB
    assert len(hostile) > 150
    assert sum(report.outlets["scene"].polls.values()) == len(hostile) + GOOD_FEEDS
    good_ids = {f"scene/f{n}" for n in range(len(hostile), len(ids))}
    assert {poll.outcome for poll in made if poll.feed_id in good_ids} == {"parsed"}
    assert report.outlets["scene"].polls["poll_error"] == 0
    at = {poll.feed_id: number for number, poll in enumerate(made)}
    late = [at[poll.feed_id] for poll in made if poll.outcome == "timed_out"]
    assert late
    assert max(at[feed_id] for feed_id in good_ids) < min(late)
