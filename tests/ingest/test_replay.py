"""Replay: the archive read again by today's extractor, without network, publishing what truly changed, once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from connectors.store.revisits import ReplayStore
from pipeline.app.repair import REPLAY_BATCH, replay
from pipeline.app.runs import Newswire
from pipeline.domain.errors import SettingsError
from pipeline.domain.model import ReceivedMessage, Topic
from pipeline.domain.settings import Settings
from pipeline.ingest.ports import ReplayChoice
from pipeline.ingest.replay import ReplayedArticle, ReplayOutcome
from tests.made_pages import PLAIN, MadePage, made_pages, read_made_pages

ROOT = Path(__file__).parents[2]
PAGES = 80  # one batch and a bit
DAILY = "le-meridien"
# What an operator may find out about an outlet after the fact: its intertitles are no text of the article.
RULE = '\n[outlet.extract]\nremove = [".article__sub-title"]\n'

# In every process that Python starts: no connection, no name asked for.
NO_NETWORK = """
import sys
def refuse(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname"):
        sys.stderr.write(f"network: {event} {arguments}\\n")
        raise OSError(f"no network: {event}")
sys.addaudithook(refuse)
"""

# Replays, and blocks for ever after the first batch.
STOPPED = """
import sys
from pathlib import Path
from connectors.store.revisits import ReplayStore
from pipeline.app.repair import REPLAY_BATCH, replay
from pipeline.app.runs import Newswire
from pipeline.ingest.ports import ReplayChoice
def watch(report):
    print(report.articles, flush=True)
    sys.stdin.read()
with Newswire.from_env() as newswire:
    replay(newswire, ReplayChoice(), dry_run=False, watch=watch)
"""


@pytest.fixture(scope="module")
def pages() -> tuple[MadePage, ...]:
    return tuple(made_pages(PAGES, outlets=[outlet for outlet in PLAIN if outlet.id in (DAILY, "antenne-info")]))


@pytest.fixture(scope="module")
def read_once(pages: tuple[MadePage, ...], tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A deployment that has read the pages; tests work on copies."""
    return read_made_pages(tmp_path_factory.mktemp("made") / "home", pages, extraction={"processes": 1})


@pytest.fixture
def settings(read_once: Settings, tmp_path: Path) -> Settings:
    """A copy of the deployment, before anything was replayed."""
    subprocess.run(["cp", "-r", str(read_once.home), str(tmp_path / "home")], check=True)
    return read_once.updated(home=tmp_path / "home", catalogue=tmp_path / "home" / "feeds.toml")


@pytest.fixture
def newswire(settings: Settings) -> Iterator[Newswire]:
    with Newswire(settings) as opened:
        yield opened


def with_rule(settings: Settings) -> Settings:
    """The deployment after the rule was added."""
    head, mark, rest = settings.catalogue.read_text("utf-8").partition(f'id = "{DAILY}"')
    own, feeds, others = rest.partition("\n[[outlet.feed]]")
    settings.catalogue.write_text(head + mark + own + RULE + feeds + others, encoding="utf-8")
    return settings


def environment(settings: Settings) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("NEWSWIRE_")}
    ours = {"NEWSWIRE_HOME": str(settings.home), "NEWSWIRE_CATALOGUE": str(settings.catalogue)}
    return kept | ours | {"PYTHONPATH": str(ROOT)}


def changed_pages(pages: tuple[MadePage, ...]) -> int:
    return sum(page.outlet_id == DAILY and page.intertitles > 0 for page in pages)


def updates(newswire: Newswire) -> list[ReceivedMessage]:
    return [r for r in newswire.topics.read(Topic.ARTICLES) if r.headers["ce_type"].endswith("updated.v1")]


def test_dry_run_of_a_replay_shows_differences_and_changes_nothing(
    settings: Settings, pages: tuple[MadePage, ...]
) -> None:
    told: list[ReplayedArticle] = []
    with Newswire(with_rule(settings)) as newswire:
        report = replay(newswire, ReplayChoice(), dry_run=True, show=told.append)
        assert updates(newswire) == []
    changed = [replayed for replayed in told if replayed.fate is ReplayOutcome.REVISED]
    assert len(changed) == report.of(ReplayOutcome.REVISED) == changed_pages(pages) > 2
    assert {replayed.outlet_id for replayed in changed} == {DAILY}
    for replayed in changed:
        assert (replayed.changed, replayed.words_added) == (("text",), 0)
        assert (replayed.words_removed or 0) > 0
        assert {line[0] for line in replayed.difference} == {"-"}


def test_replay_publishes_each_change_once_as_a_revision(settings: Settings, pages: tuple[MadePage, ...]) -> None:
    with Newswire(with_rule(settings)) as newswire:
        first = replay(newswire, ReplayChoice(), dry_run=False)
        again = replay(newswire, ReplayChoice(), dry_run=False)
        values = [json.loads(received.value or b"") for received in updates(newswire)]
    assert first.of(ReplayOutcome.REVISED) == len(values) == changed_pages(pages)
    assert (again.of(ReplayOutcome.REVISED), again.of(ReplayOutcome.UNCHANGED)) == (0, PAGES)
    assert {(value["revision"], tuple(value["changed"]), value["words_added"]) for value in values} == {
        (2, ("text",), 0)
    }
    assert all(value["previous_text_hash"] and value["raw_location"] for value in values)


def test_replay_uses_no_network_and_shows_its_progress(
    settings: Settings, pages: tuple[MadePage, ...], tmp_path: Path
) -> None:
    (tmp_path / "sitecustomize.py").write_text(NO_NETWORK, encoding="utf-8")
    variables = environment(with_rule(settings))
    variables["PYTHONPATH"] = f"{tmp_path}{os.pathsep}{ROOT}"
    command = [sys.executable, "-c", "from pipeline.cli.main import main; main(['replay', '--since', '1d'])"]
    done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
    assert "network:" not in done.stderr
    assert done.returncode == 0, done.stderr
    assert f"{PAGES} of {PAGES} articles" in done.stdout
    assert f"{changed_pages(pages)} revised" in done.stdout


def test_network_guard_of_the_tests_detects_a_connection(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(NO_NETWORK, encoding="utf-8")
    program = "import socket; socket.create_connection(('127.0.0.1', 9))"
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, env={"PYTHONPATH": str(tmp_path)}, capture_output=True, text=True, check=False)
    assert "network: socket." in done.stderr


def test_killed_replay_resumes_and_repeats_no_revision(settings: Settings, pages: tuple[MadePage, ...]) -> None:
    variables = environment(with_rule(settings))
    with subprocess.Popen(
        [sys.executable, "-c", STOPPED], env=variables, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        done_before = int(process.stdout.readline())
        process.kill()
    assert done_before == REPLAY_BATCH
    fates: Counter[str] = Counter()
    with Newswire(settings) as newswire:
        report = replay(
            newswire, ReplayChoice(), dry_run=False, show=lambda replayed: fates.update([replayed.fate.value])
        )
        told = [(received.key, received.headers["ce_id"]) for received in updates(newswire)]
    assert (report.articles, sum(fates.values())) == (PAGES, PAGES - done_before)
    assert len(told) == len(set(told)) == report.of(ReplayOutcome.REVISED) == changed_pages(pages)


def test_replay_stops_at_its_deadline_between_batches(newswire: Newswire) -> None:
    report = replay(newswire, ReplayChoice(), dry_run=True, deadline_s=0.001)
    assert (report.is_done, report.articles) == (False, REPLAY_BATCH)
    rest = replay(newswire, ReplayChoice(), dry_run=True)
    assert (rest.is_done, rest.articles) == (True, PAGES)


TODAY = datetime.now(UTC).date()


@pytest.mark.parametrize(
    ("choice", "articles"),
    [
        pytest.param(ReplayChoice(outlets=(DAILY,)), PAGES // 2, id="an outlet"),
        pytest.param(
            ReplayChoice(since=TODAY - timedelta(days=1), until=TODAY), PAGES, id="a span with the pages' day"
        ),
        pytest.param(ReplayChoice(since=TODAY + timedelta(days=1)), 0, id="a later span"),
        pytest.param(ReplayChoice(until=date(2020, 1, 1)), 0, id="an earlier span"),
    ],
)
def test_replay_reads_the_chosen_articles_only(newswire: Newswire, choice: ReplayChoice, articles: int) -> None:
    store = ReplayStore(newswire.database, lanes=4)
    assert store.count(choice) == articles
    assert sum(map(len, store.batches(choice, after="", size=30))) == articles


def test_replay_of_an_unknown_outlet_is_rejected(newswire: Newswire) -> None:
    with pytest.raises(SettingsError, match="nobody is no outlet"):
        replay(newswire, ReplayChoice(outlets=("nobody",)), dry_run=True)


def test_missing_raw_page_is_reported_and_the_replay_continues(settings: Settings) -> None:
    (warc,) = (settings.archive_folder).rglob("*.warc.gz")
    torn = warc.read_bytes()
    warc.write_bytes(torn[: len(torn) // 2])
    with Newswire(settings) as newswire:
        report = replay(newswire, ReplayChoice(), dry_run=True)
    assert report.of(ReplayOutcome.LOST) > 0
    assert report.of(ReplayOutcome.LOST) + report.of(ReplayOutcome.UNCHANGED) == PAGES


def test_article_with_an_expired_sketch_is_compared_by_its_hashes(
    settings: Settings, pages: tuple[MadePage, ...]
) -> None:
    with Newswire(with_rule(settings)) as newswire:
        gone = newswire.articles.expire_sketches(now=datetime.now(UTC) + timedelta(days=100))
        assert gone >= PAGES
        report = replay(newswire, ReplayChoice(), dry_run=False)
        values = [json.loads(received.value or b"") for received in updates(newswire)]
    assert report.of(ReplayOutcome.REVISED) == len(values) == changed_pages(pages)
    assert {(value["revision"], value["revision_kind"]) for value in values} == {(2, None)}
