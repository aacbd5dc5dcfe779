"""The night's upkeep: what is deleted, which feeds are named, and what does not agree is found."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, insert, update

from connectors.desk.queries import read_overview, read_runs
from connectors.store.database import Database
from connectors.store.outbox import EmbeddedLane, EmbeddedTopics, append
from connectors.store.runs import RunSummary
from connectors.store.schema import aliases, articles, entries, feeds
from pipeline.app.deployment import now
from pipeline.app.repair import delete_by_retention, feed_problems, integrity_faults, run_overdue_revisits
from pipeline.app.runs import Newswire
from pipeline.domain.model import Message
from pipeline.domain.settings import Settings
from pipeline.reporting.report import Report
from tests.values import NOW, make_message

CATALOGUE = (
    '[[outlet]]\nid = "gazette"\nname = "G"\nhomepage = "http://gazette.test/"\ncountry = "FR"\nlanguage = "fr"\n'
    'timezone = "Europe/Paris"\n[[outlet.feed]]\nname = "une"\nurl = "http://gazette.test/rss"\n'
)


@pytest.fixture
def newswire(store_url: str, tmp_path: Path) -> Iterator[Newswire]:
    catalogue = tmp_path / "feeds.toml"
    catalogue.write_text(CATALOGUE)
    with Newswire(Settings(home=tmp_path, catalogue=catalogue, database_url=store_url)) as newswire:
        newswire.database.upgrade()
        newswire.feed_states(newswire.choose([]))
        yield newswire


def an_entry(**values: Any) -> dict[str, Any]:
    row = {
        "outlet_id": "gazette",
        "identity": "x",
        "feed_id": "gazette/une",
        "entry": "{}",
        "state": "settled",
        "version": 1,
        "attempts": 1,
        "verdict": "rejected",
        "first_seen_at": now(),
        "last_seen_at": now(),
        "settled_at": now(),
    }
    return row | values


def test_runs_without_airflow_stand_on_the_desk_each_under_a_name_of_its_own(newswire: Newswire) -> None:
    times = iter([NOW + timedelta(minutes=minute) for minute in range(20)])
    newswire.clock = lambda: next(times)
    newswire.ingest([])
    newswire.ingest([])
    run_overdue_revisits(newswire)
    with newswire.database.reading() as connection:
        names = [line.run_id for line in read_runs(connection, since=None)[0]]
    assert len(set(names)) == 3
    assert [name.partition(" 2026-11-23 06:")[0] for name in names] == ["revisit", "poll", "poll"]


def test_what_is_past_its_retention_goes_and_nothing_else(newswire: Newswire) -> None:
    long_ago = now() - timedelta(days=400)
    with newswire.database.writing() as connection:
        connection.execute(insert(entries).values(**an_entry(last_seen_at=long_ago)))
        connection.execute(insert(entries).values(**an_entry(identity="y")))
    newswire.runs.keep("old", Report(), now=long_ago)
    newswire.runs.keep("new", Report(), now=now())
    deleted = delete_by_retention(newswire)
    assert (deleted["entries"], deleted["polls and reports"]) == (1, 1)
    assert len(newswire.runs.reports("new")) == 1
    assert sum(delete_by_retention(newswire).values()) == 0


@pytest.mark.parametrize(
    ("values", "words"),
    [
        pytest.param({"status": "silent", "status_reason": "nothing new"}, "is silent: nothing new", id="silent"),
        pytest.param({"status": "failing", "status_reason": "HTTP 500"}, "is failing: HTTP 500", id="failing"),
        pytest.param({"next_poll_at": now() - timedelta(hours=2)}, "is overdue: it was not polled", id="overdue"),
    ],
)
def test_a_feed_in_trouble_is_named_with_its_reason(newswire: Newswire, values: dict[str, Any], words: str) -> None:
    assert feed_problems(newswire) == ()
    with newswire.database.writing() as connection:
        connection.execute(update(feeds).values(**values))
    (sentence,) = feed_problems(newswire)
    assert sentence.startswith(f"gazette/une {words}")


def lose_a_verdict(connection: Connection) -> None:
    connection.execute(insert(entries).values(**an_entry(verdict=None)))


def lose_an_article(connection: Connection) -> None:
    connection.execute(insert(entries).values(**an_entry(verdict="new", article_id="gone")))


def lead_an_alias_astray(connection: Connection) -> None:
    connection.execute(insert(aliases).values(outlet_id="gazette", key=b"0" * 16, article_id="gone"))


def lose_a_message(connection: Connection) -> None:
    article = dict.fromkeys(("outlet_id", "feed_id", "url", "canonical_url", "title", "text_hash", "cluster_id"), "x")
    times = dict.fromkeys(("first_seen_at", "last_revised_at", "last_fetched_at"), now())
    counts = {"revision": 1, "revisits": 0, "is_live_blog": False}
    given = {"id": "a1", "state": "live", "explanation": "{}", "event_id": "e1", **article, **times, **counts}
    connection.execute(insert(articles).values(**given))


def let_a_message_wait(connection: Connection) -> None:
    append(connection, (make_message(),), lanes=1, now=now() - timedelta(hours=3))


def invent_a_state(connection: Connection) -> None:
    connection.execute(insert(entries).values(**an_entry(state="lost")))


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (lose_a_verdict, "1 settled entries have no verdict"),
        (lose_an_article, "1 entries have the verdict of an article that is not in the store"),
        (lead_an_alias_astray, "1 aliases lead to an article that is not in the store"),
        (lose_a_message, "1 articles were published, but their message is not in the outbox"),
        (let_a_message_wait, "1 messages have waited for delivery for more than 2 hours"),
        (invent_a_state, "1 entries are neither pending nor settled"),
    ],
)
def test_what_does_not_agree_is_found(newswire: Newswire, harm: Callable[[Connection], None], words: str) -> None:
    assert integrity_faults(newswire) == ()
    with newswire.database.writing() as connection:
        harm(connection)
    (fault,) = integrity_faults(newswire)
    assert fault.startswith(words)


def test_upkeep_commits_the_numbers_of_idle_lanes_again_before_kafka_forgets_them(newswire: Newswire) -> None:
    with newswire.database.writing() as connection:
        append(connection, [make_message(number, key=f"k{number}") for number in range(20)], lanes=4, now=now())
    newswire.deliver()
    lanes = newswire.outbox.known_lanes()
    given = {lane: newswire.topics.open_lane(lane).committed_batch() for lane in lanes}
    kept = KeptNumbers(newswire.database, prefix="news.")
    newswire.__dict__["topics"] = kept
    assert integrity_faults(newswire) == ()
    assert kept.committed == given


class KeptNumbers(EmbeddedTopics):
    """The embedded log, which notes the numbers that are committed without a message."""

    def __init__(self, database: Database, *, prefix: str) -> None:
        super().__init__(database, prefix=prefix)
        self.committed: dict[int, int] = {}

    def open_lane(self, lane: int) -> EmbeddedLane:
        """The lane, with an eye on it."""
        opened, committed = super().open_lane(lane), self.committed

        class Watched(EmbeddedLane):
            def publish(self, batch: int, messages: Sequence[Message]) -> None:
                assert messages == ()
                committed[lane] = batch
                super().publish(batch, messages)

        return Watched(opened.database, lane)


def test_the_desk_says_when_the_last_audit_was_and_whether_all_agreed(newswire: Newswire) -> None:
    times = iter(now() + timedelta(minutes=n) for n in range(100))

    def audit() -> RunSummary | None:
        with newswire.database.reading() as connection:
            return read_overview(connection, now=now())["audit"]

    assert audit() is None
    with Newswire(newswire.settings, clock=lambda: next(times)) as at_night:
        integrity_faults(at_night)
        agreed = audit()
        with newswire.database.writing() as connection:
            invent_a_state(connection)
        integrity_faults(at_night)
    differs = audit()
    assert agreed
    assert differs
    assert (agreed.is_red, differs.is_red) == (False, True)
