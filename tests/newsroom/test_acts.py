"""The newsroom's four acts through the whole pipeline, beside its ledger: what a perfect one would have published.

Hours pass between acts by an injected clock: revisits find withdrawals, and revisions that no feed shows.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors.store.database import Database
from pipeline.app.runs import Newswire
from pipeline.domain.model import Topic
from pipeline.domain.settings import Settings
from pipeline.reporting.report import Report
from tests.newsroom.catalogue import catalogue_toml
from tests.newsroom.compare import Difference, plain_url
from tests.newsroom.server import Newsroom
from tests.on_topic import differences

# Each act, and the times at which it is looked at: at the first the feeds have just changed; the later ones are when
# revisits are due. A missing page counts as withdrawn two hours after it was first missing.
SCHEDULE = (
    (1, (timedelta(0),)),
    (2, (timedelta(minutes=20),)),
    (3, (timedelta(hours=7), timedelta(hours=9, minutes=30))),
    (4, (timedelta(hours=25),)),
)


class Clock:
    """A clock that a test moves on."""

    def __init__(self) -> None:
        self.offset = timedelta(0)

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.offset


class Stage:
    """A deployment on the newsroom."""

    def __init__(self, newsroom: Newsroom, settings: Settings) -> None:
        self.newsroom, self.settings, self.clock = newsroom, settings, Clock()

    @contextmanager
    def app(self) -> Iterator[Newswire]:
        with Newswire(self.settings, clock=self.clock) as newswire:
            yield newswire

    def play(self, act: int, offsets: tuple[timedelta, ...]) -> Report:
        """Move to an act and run at these times; the reports together."""
        self.newsroom.move_to(act)
        reports = []
        for offset in offsets:
            self.clock.offset = offset
            with self.app() as newswire:
                ids = [state.feed_id for state in newswire.feed_states(newswire.choose([]))]
                reports.append(newswire.ingest(ids, force=True))
        return Report.merge(reports)

    def differences(self, act: int) -> tuple[Difference, ...]:
        with self.app() as newswire:
            return differences(
                self.newsroom.ledger(act), newswire.topics.read(Topic.ARTICLES), newswire.topics.read(Topic.COPIES)
            )

    def latest(self) -> dict[str, int]:
        """What a consumer of the compacted topic is left with: URL → revision."""
        kept: dict[str, dict[str, Any] | None] = {}
        with self.app() as newswire:
            for received in newswire.topics.read(Topic.LATEST):
                kept[received.key or ""] = None if received.value is None else json.loads(received.value)
        return {plain_url(value["canonical_url"]): value["revision"] for value in kept.values() if value is not None}


@pytest.fixture
def stage(tmp_path: Path, store_url: str) -> Iterator[Stage]:
    catalogue = tmp_path / "feeds.toml"
    catalogue.write_text(catalogue_toml(), encoding="utf-8")
    with Newsroom(0, slow_s=0.1) as newsroom:
        settings = Settings(home=tmp_path / "home", catalogue=catalogue, database_url=store_url).updated(
            testing={"newsroom": newsroom.address},
            http={"host_spacing_s": 0, "host_connections": 8},
            revisits={"per_host": 100},
        )
        database = Database(store_url)
        database.upgrade()
        database.close()
        yield Stage(newsroom, settings)


def test_all_acts_leave_on_the_topics_what_the_ledger_says(stage: Stage) -> None:
    visits: Counter[str] = Counter()
    for act, offsets in SCHEDULE:
        report = stage.play(act, offsets)
        assert report.problems == ()
        for tally in report.outlets.values():
            visits.update(tally.revisits)
        assert [str(line) for line in stage.differences(act)] == []
        assert stage.latest() == {plain_url(each.url): each.revision for each in stage.newsroom.ledger(act).latest}
    # Each withdrawn page was missed once and believed at the second look; what did not change cost a 304.
    assert visits["missing"] == visits["withdrawn"] == 3
    assert visits["not_modified"] > 100
    assert not {word for word in visits if word.startswith(("refused", "revisit_error", "overtaken"))}
