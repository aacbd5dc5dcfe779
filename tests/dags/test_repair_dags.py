"""The DAGs that an operator starts by hand, and the one that new articles start, run as Airflow runs them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pipeline.app.runs import Newswire
from pipeline.domain.model import Topic
from pipeline.domain.settings import Settings
from tests.made_pages import PLAIN, made_pages, read_made_pages

PAGES = 4


def deployment(home: Path, **extraction: Any) -> Iterator[None]:
    """A deployment that read some pages, as the tasks' environment."""
    settings: Settings = read_made_pages(
        home,
        list(made_pages(PAGES, outlets=PLAIN[:1])),
        extraction={"processes": 1, **extraction},
        retry={"max_attempts": 1},
    )
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("NEWSWIRE_HOME", str(settings.home))
        environment.setenv("NEWSWIRE_CATALOGUE", str(settings.catalogue))
        environment.setenv("NEWSWIRE_EXTRACT_PROCESSES", "1")
        yield


@pytest.fixture(scope="module")
def read_well(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Pages that became articles."""
    yield from deployment(tmp_path_factory.mktemp("read") / "home")


@pytest.fixture
def all_failed(tmp_path: Path) -> Iterator[None]:
    """Pages that no worker had time for: dead letters."""
    yield from deployment(tmp_path / "home", timeout_s=0.0)


FORM = {"dry_run": True, "outlets": [], "causes": [], "since": "", "until": ""}


def run_form(runnable: Any, dag_id: str, **filled: Any) -> Any:
    """Run a DAG by its form. All of it is given: `dag.test()` keeps a former run's values on the DAG."""
    form = {name: value for name, value in FORM.items() if name != "causes" or dag_id == "news_redrive"}
    return runnable(dag_id).test(run_conf=form | filled)


def left_by(run: Any, task: str) -> dict[str, Any]:
    """What a task left in XCom."""
    from airflow.models.xcom import XComModel
    from airflow.utils.session import create_session

    query = XComModel.get_many(key="return_value", run_id=run.run_id, task_ids=task, dag_ids=run.dag_id, limit=1)
    with create_session() as session:
        value: dict[str, Any] = XComModel.deserialize_value(session.scalars(query).one())
        return value


def test_redrive_only_looks_until_it_is_told_to(runnable: Any, all_failed: None) -> None:
    looked = left_by(run_form(runnable, "news_redrive"), "redrive")
    assert looked == {"dead_letters": PAGES, "redriven": 0, "unknown_outlet": 0}
    done = run_form(runnable, "news_redrive", dry_run=False, causes=["extract_*"], since="1d")
    assert left_by(done, "redrive")["redriven"] == PAGES
    with Newswire.from_env() as newswire:
        assert newswire.articles.pending() == PAGES


@pytest.mark.parametrize("dag_id", ["news_redrive", "news_replay"])
def test_a_wrong_word_in_the_form_is_a_red_run(runnable: Any, read_well: None, dag_id: str) -> None:
    assert run_form(runnable, dag_id, since="yesterday").state == "failed"


def test_replay_only_looks_until_it_is_told_to(runnable: Any, read_well: None) -> None:
    report = left_by(run_form(runnable, "news_replay"), "replay")
    assert (report["total"], report["is_done"]) == (PAGES, True)
    with Newswire.from_env() as newswire:
        assert len(list(newswire.topics.read(Topic.ARTICLES))) == PAGES
    assert run_form(runnable, "news_replay", dry_run=False, outlets=[PLAIN[0].id]).state == "success"


def test_downstream_counts_the_articles_of_the_events_that_started_it(dagbag: Any, runnable: Any) -> None:
    count = dagbag.dags["news_downstream"].get_task("count")
    (asset,) = count.inlets
    events = [SimpleNamespace(extra={"antenne-info": 3}), SimpleNamespace(extra={"antenne-info": 1, "gazette": 2})]
    assert count.python_callable(triggering_asset_events={asset: events}) == {"antenne-info": 4, "gazette": 2}
    assert runnable("news_downstream").test().state == "success"  # by hand: no event, nothing to count


def test_downstream_waits_for_the_asset_that_ingest_updates(dagbag: Any) -> None:
    (awaited,) = dagbag.dags["news_downstream"].timetable.asset_condition.objects
    assert awaited == dagbag.dags["news_downstream"].get_task("count").inlets[0]
    assert (awaited.name, awaited.uri) == ("news.articles", "newswire://topics/news.articles")
