"""Response time of the desk's pages with 5,000 feeds and 1,000,000 entries: `python -m tests.benchmarks.desk`.

Fills a store once, kept under var/ (`--fresh` fills it again). Requests each page through the application object and
prints median and 95th percentile. `--postgres` does the same on a server that it starts.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import text

from connectors.store.database import Database
from connectors.store.feeds import state_to_row
from connectors.store.runs import RunStore
from connectors.store.schema import alias_key, aliases, entries, feeds, outbox, polls
from pipeline.domain.model import FeedState, FeedStatus, Verdict
from pipeline.reporting.report import Report
from tests.desk.small_store import RecordingActions, desk_client
from tests.stack.postgres import start_postgres

ROOT = Path(__file__).parents[2]
FEEDS, OUTLETS, ENTRIES, DAYS = 5_000, 1_600, 1_000_000, 30
MOST_MS = 200
AT_ONCE = 20_000
VERDICTS = ("new",) * 70 + ("revised",) * 6 + ("copy",) * 12 + ("duplicate",) * 6 + ("rejected",) * 5 + ("failed",)
STATUSES = (FeedStatus.FRESH,) * 14 + (FeedStatus.QUIET, FeedStatus.SILENT, FeedStatus.FAILING)


def fill(database: Database, *, number: int, now: datetime) -> None:
    """A month of a large deployment."""
    chance = random.Random(8)
    write(database, feeds, feed_rows(chance, now), 1000)
    write(database, entries, entry_rows(chance, number, now), AT_ONCE)
    write(database, aliases, alias_rows(number), AT_ONCE)
    write(database, polls, poll_rows(chance, now), AT_ONCE)
    write(database, outbox, outbox_rows(chance, now), AT_ONCE)
    keep_runs(database, chance, now)
    with database.writing() as connection:
        connection.execute(text("ANALYZE"))


def write(database: Database, table: Any, rows: Iterator[dict[str, Any]], at_once: int) -> None:
    """Insert, many at a time."""
    some: list[dict[str, Any]] = []
    for row in rows:
        some.append(row)
        if len(some) == at_once:
            insert(database, table, some)
            some = []
    if some:
        insert(database, table, some)


def insert(database: Database, table: Any, rows: list[dict[str, Any]]) -> None:
    """Insert these."""
    with database.writing() as connection:
        connection.execute(table.insert(), rows)


def outlet_of(number: int) -> str:
    """The outlet of a feed or entry: some outlets have many."""
    return f"outlet-{(number * number) % OUTLETS}"


def feed_rows(chance: random.Random, now: datetime) -> Iterator[dict[str, Any]]:
    for number in range(FEEDS):
        outlet_id = f"outlet-{number % OUTLETS}"
        state = FeedState(
            feed_id=f"{outlet_id}/feed-{number}",
            outlet_id=outlet_id,
            url=f"https://www.{outlet_id}.test/{number}.rss",
        ).with_fields(
            status=chance.choice(STATUSES),
            status_reason="nothing new since Friday",
            last_new_entry_at=now - timedelta(minutes=chance.randrange(4000)),
            next_poll_at=now + timedelta(minutes=chance.randrange(60)),
            silence_s=40_000,
            rhythm="700:" + "A" * 168,
            last_poll_at=now,
        )
        yield state_to_row(state) | {"declared_url": state.url}


def entry_rows(chance: random.Random, number: int, now: datetime) -> Iterator[dict[str, Any]]:
    span_s = DAYS * 86_400
    for index in range(number):
        seen = now - timedelta(seconds=span_s * (number - index) / number + 60)
        outlet_id = outlet_of(index)
        shown = {
            "title": f"Un titre d'article de longueur ordinaire, {index}",
            "link": f"https://www.{outlet_id}.test/{index}",
        }
        is_pending = index % 500 == 0
        verdict = chance.choice(VERDICTS)
        yield {
            "outlet_id": outlet_id,
            "identity": f"https://{outlet_id}.test/{index}",
            "feed_id": f"{outlet_id}/feed-{outlet_id.partition('-')[2]}",
            "entry": json.dumps(shown | {"summary": "x" * 300}),
            "state": "pending" if is_pending else "settled",
            "version": 1,
            "attempts": 1,
            "verdict": None if is_pending else verdict,
            "reason": None if is_pending else f"reason-{index % 7}",
            "article_id": f"a{index}",
            "first_seen_at": seen,
            "last_seen_at": seen,
            "settled_at": None if is_pending else seen + timedelta(seconds=chance.randrange(1, 55)),
            "next_attempt_at": None,
        }


def alias_rows(number: int) -> Iterator[dict[str, Any]]:
    for index in range(0, number):
        outlet_id = outlet_of(index)
        key = alias_key(f"https://{outlet_id}.test/{index}")
        yield {"outlet_id": outlet_id, "key": key, "article_id": f"a{index}"}


def poll_rows(chance: random.Random, now: datetime) -> Iterator[dict[str, Any]]:
    """A day of polls, every 20 minutes."""
    for index in range(FEEDS * 72):
        outlet_id = f"outlet-{index % FEEDS % OUTLETS}"
        yield {
            "feed_id": f"{outlet_id}/feed-{index % FEEDS}",
            "outlet_id": outlet_id,
            "polled_at": now - timedelta(minutes=20 * (index // FEEDS)),
            "outcome": "not_modified",
            "http_status": 304,
            "entries": 0,
            "new": 0,
            "changed": 0,
            "wire_bytes": 200,
            "elapsed_s": chance.random(),
        }


def outbox_rows(chance: random.Random, now: datetime) -> Iterator[dict[str, Any]]:
    """A week of messages, of which 2,000 wait."""
    for index in range(200_000):
        written = now - timedelta(seconds=3 * (200_000 - index))
        yield {
            "lane": index % 8,
            "topic": "articles",
            "key": f"a{index}",
            "event_id": f"e{index}",
            "type": "org.newswire.article.published.v1",
            "time": written,
            "source": "https://outlet.test/",
            "subject": "https://outlet.test/1",
            "schema": "article.v1.json",
            "value": b'{"id":"x","revision":1}',
            "size": 23,
            "created_at": written,
            "batch": 1,
            "delivered_at": None if index >= 198_000 else written + timedelta(seconds=chance.randrange(1, 5)),
        }


def keep_runs(database: Database, chance: random.Random, now: datetime) -> None:
    """A day of runs every five minutes, four shards each."""
    store = RunStore(database)
    for index in range(1152):
        report = Report()
        for number in chance.sample(range(OUTLETS), 120):
            report.count_entries(f"outlet-{number}", 3)
            report.record_verdict(f"outlet-{number}", Verdict.UNCHANGED, count=3)
            report.record_poll(f"outlet-{number}", "parsed")
        store.keep(f"run-{index // 4}", report, now=now - timedelta(minutes=5 * (288 - index // 4)))


def pages(now: datetime) -> dict[str, str]:
    """Every page, as an operator asks for it."""
    since = (now - timedelta(hours=23)).strftime("%Y-%m-%dT%H:00:00%%2B00:00")
    return {
        "overview": "/",
        "outlets": "/outlets",
        "outlets, silent": "/outlets?status=silent&page=3",
        "one outlet": "/outlets/outlet-0",
        "feeds": "/feeds",
        "entries": "/entries",
        "entries published in a day": f"/entries?verdict=published&since={since}",
        "entries, 20 pages on": "/entries?page=20",
        "entries of a rare verdict": "/entries?verdict=withdrawn&outlet=outlet-1",
        "entries that wait": "/entries?verdict=pending",
        "dead letters": "/dead-letters",
        "outbox": "/outbox",
        "messages of a day": f"/messages?topic=published&since={since}",
        "runs": "/runs",
        "runs of a day": f"/runs?since={since}",
        "a run": "/run?run_id=run-287",
        "why, by a URL": "/why?q=https://www.outlet-1.test/1",
    }


def measure(database: Database, *, rounds: int, now: datetime) -> list[tuple[str, float, float]]:
    """Milliseconds of each page: its name, the median, the 95th percentile."""
    found = []
    with desk_client(database, RecordingActions(), clock=lambda: now) as desk:
        for name, path in pages(now).items():
            taken = [timed(lambda path=path: desk.get(path)) for _ in range(rounds)]  # type: ignore[misc]
            found.append((name, statistics.median(taken), sorted(taken)[round((rounds - 1) * 0.95)]))
    return found


def timed(ask: Callable[[], Any]) -> float:
    """Milliseconds of a page, which must be there."""
    began = time.perf_counter()
    assert ask().status_code == 200
    return (time.perf_counter() - began) * 1000


def run(url: str, *, number: int, rounds: int, is_new: bool) -> bool:
    """Fill, measure, print; whether every page is fast enough."""
    database = Database(url, is_durable=False)
    began, now = time.perf_counter(), datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
    database.upgrade()
    if is_new:
        fill(database, number=number, now=now)
        print(f"filled {number:,} entries in {time.perf_counter() - began:.0f} s: {database.url}", flush=True)
    rows = measure(database, rounds=rounds, now=now)
    print(f"{'page':<30}{'p50 ms':>10}{'p95 ms':>10}")
    for name, median, p95 in rows:
        print(f"{name:<30}{median:>10.0f}{p95:>10.0f}{'   slow' if p95 > MOST_MS else ''}")
    database.close()
    return all(p95 <= MOST_MS for _name, _median, p95 in rows)


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=ENTRIES)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--postgres", action="store_true")
    parser.add_argument("--fresh", action="store_true")
    given = parser.parse_args()
    if given.postgres:
        with tempfile.TemporaryDirectory(prefix="newswire-pg-") as folder:
            server = start_postgres(Path(folder))
            try:
                url = server.create_database("desk")
                return 0 if run(url, number=given.entries, rounds=given.rounds, is_new=True) else 1
            finally:
                server.stop()
    file = ROOT / "var" / f"desk-{given.entries}.db"
    if given.fresh:
        file.unlink(missing_ok=True)
    is_new = not file.exists()
    return 0 if run(f"sqlite:///{file}", number=given.entries, rounds=given.rounds, is_new=is_new) else 1


if __name__ == "__main__":
    sys.exit(main())
