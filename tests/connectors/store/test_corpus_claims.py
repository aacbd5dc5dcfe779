"""Claim races: workers claim copies of the same stories at once, some are killed; no story is split or lost.

80 stories here; `RACE_STORIES=1500 python -m pytest tests/connectors/store/test_corpus_claims.py` is the long form.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
from sqlalchemy import select

from connectors.store.corpus import claim
from connectors.store.database import Database
from connectors.store.schema import sketches
from pipeline.dedup.fingerprint import fingerprint
from pipeline.dedup.model import Candidate, DecidePolicy
from pipeline.domain.model import Verdict
from tests.connectors.store.test_sketches import make_tables
from tests.made_news import Newsroom

STORIES = int(os.environ.get("RACE_STORIES", "80"))
BATCH = 10
NOW = datetime(2026, 3, 12, 9, 0, tzinfo=UTC)
SPAWN = multiprocessing.get_context("spawn")  # a forked process would share the parent's connections


def batches(worker: int, stories: int) -> list[list[Candidate]]:
    """A worker's copy of every story, in the same order for all workers."""
    newsroom = Newsroom(99)
    candidates = []
    for number in range(stories):
        original = newsroom.article(number, words=200)
        copy = newsroom.copies(original)[worker % 8]
        made = fingerprint(copy.title, copy.text)
        name = f"{original.story}/{worker}"
        candidates.append(
            Candidate(
                article_id=name,
                outlet_id=f"o{worker}",
                domain=f"o{worker}.example",
                title=copy.title,
                fingerprint=made,
                seen_at=NOW,
            )
        )
    return [candidates[at : at + BATCH] for at in range(0, stories, BATCH)]


def work(url: str, worker: int, stories: int, progress: Connection) -> None:
    """Claim every story; one message when ready, then one after each batch."""
    database = Database(url)
    work_list = batches(worker, stories)
    progress.send("ready")
    progress.recv()
    for batch in work_list:
        claim(database, batch, now=NOW, policy=DecidePolicy())
        progress.send("batch")
    database.close()


def race(url: str, workers: int, killed: Sequence[int]) -> None:
    """Start all workers at once; kill some of them half-way."""
    pipes = [SPAWN.Pipe() for _ in range(workers)]
    processes = [SPAWN.Process(target=work, args=(url, n, STORIES, pipes[n][1])) for n in range(workers)]
    for process in processes:
        process.start()
    for ours, theirs in pipes:
        assert ours.recv() == "ready"
        theirs.close()
    for ours, _ in pipes:
        ours.send("go")
    for number in killed:
        for _ in range(STORIES // BATCH // 2):
            pipes[number][0].recv()
        os.kill(processes[number].pid or 0, signal.SIGKILL)
    for number, process in enumerate(processes):
        process.join()
        assert process.exitcode == (-signal.SIGKILL if number in killed else 0)
        process.close()
        pipes[number][0].close()


def clusters(database: Database) -> dict[str, str]:
    """Article id → cluster id."""
    with database.reading() as connection:
        return {row.article_id: row.cluster_id for row in connection.execute(select(sketches))}


def check(url: str, workers: int, killed: Sequence[int]) -> None:
    """Race, claim the batches of the killed workers again, and check every article."""
    database = Database(url)
    make_tables(database)
    race(url, workers, killed)
    before = clusters(database)
    for worker in killed:
        for batch in batches(worker, STORIES):
            for decision in claim(database, batch, now=NOW, policy=DecidePolicy()):
                was_settled = decision.article_id in before
                assert (decision.verdict is Verdict.UNCHANGED) == was_settled
                assert not was_settled or decision.cluster_id == before[decision.article_id]
    after = clusters(database)
    of_story: defaultdict[str, set[str]] = defaultdict(set)
    for article_id, cluster_id in after.items():
        of_story[article_id.split("/")[0]].add(cluster_id)
    assert len(after) == workers * STORIES, "articles were lost"
    split = {story: found for story, found in of_story.items() if len(found) > 1}
    assert not split, f"{len(split)} of {STORIES} stories were split"
    assert before.items() <= after.items()
    for batch in batches(0, STORIES):
        verdicts = {d.verdict for d in claim(database, batch, now=NOW, policy=DecidePolicy())}
        assert verdicts == {Verdict.UNCHANGED}
    database.close()


@pytest.mark.servers
def test_eight_workers_on_postgresql_split_no_story(postgres_url: str) -> None:
    check(postgres_url, 8, killed=(2, 5))


def test_four_workers_on_sqlite_split_no_story(tmp_path: Path) -> None:
    check(f"sqlite:///{tmp_path / 'store.db'}", 4, killed=(1,))
