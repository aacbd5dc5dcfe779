"""The DAG files keep our conventions, and cost the DAG processor next to nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pipeline.domain.errors import CatalogueError, DeliveryError, LaneFenced, LaneLost, SettingsError, StoreError

DAGS = Path(__file__).parents[2] / "dags"
FILES = sorted(DAGS.glob("*.py"))
# What takes long to import or opens something: these belong inside the tasks.
HEAVY = (
    "aiohttp",
    "alembic",
    "confluent_kafka",
    "feedparser",
    "kafka",
    "lxml",
    "numpy",
    "pandas",
    "pipeline.app.runs",
    "pyarrow",
    "py3langid",
    "trafilatura",
    "warcio",
)

by_file = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)


def test_every_file_loads(dagbag: Any) -> None:
    assert dagbag.import_errors == {}


def test_each_file_holds_the_dag_of_its_name(dagbag: Any) -> None:
    assert sorted(dagbag.dags) == [path.stem for path in FILES]


@by_file
def test_every_dag_has_an_owner_tags_and_a_page_for_the_operator(dagbag: Any, path: Path) -> None:
    dag = dagbag.dags[path.stem]
    assert dag.owner == "news-desk"
    assert "news" in dag.tags
    assert dag.doc_md
    assert dag.doc_md.lstrip().startswith("### ")
    assert dag.description
    assert dag.dag_display_name != dag.dag_id


@by_file
def test_every_dag_runs_once_at_a_time_and_never_for_the_past(dagbag: Any, path: Path) -> None:
    dag = dagbag.dags[path.stem]
    assert dag.catchup is False
    assert dag.max_active_runs == 1
    assert dag.dagrun_timeout


@by_file
def test_every_task_has_a_time_limit_and_few_retries(dagbag: Any, path: Path) -> None:
    dag = dagbag.dags[path.stem]
    for task in dag.tasks:
        assert task.execution_timeout, task.task_id
        assert task.execution_timeout < dag.dagrun_timeout, task.task_id
        assert 0 <= task.retries <= 2, task.task_id


def test_ingest_is_three_tasks_in_a_row(dagbag: Any) -> None:
    dag = dagbag.dags["news_ingest"]
    assert {task.task_id: task.downstream_task_ids for task in dag.tasks} == {
        "plan": {"ingest", "report"},
        "ingest": {"report"},
        "report": set(),
    }


@pytest.mark.parametrize(
    ("error", "action"),
    [
        pytest.param(StoreError("away"), "retry", id="store away"),
        pytest.param(DeliveryError("away"), "retry", id="broker away"),
        pytest.param(LaneFenced("lane 3"), "fail", id="another process has the lane"),
        pytest.param(LaneLost("lane 3"), "fail", id="lane lost"),
        pytest.param(SettingsError("no such setting"), "fail", id="settings"),
        pytest.param(CatalogueError("no such outlet"), "fail", id="catalogue"),
        pytest.param(MemoryError(), "default", id="anything else"),
    ],
)
def test_ingest_is_tried_again_only_where_that_helps(dagbag: Any, error: Exception, action: str) -> None:
    policy = dagbag.dags["news_ingest"].get_task("ingest").retry_policy
    assert policy.evaluate(error, 1, 2).action.value == action


def test_ingest_runs_in_the_pool_of_live_news_and_tells_when_it_is_late(dagbag: Any) -> None:
    dag = dagbag.dags["news_ingest"]
    assert dag.get_task("ingest").pool == "news_live"
    (deadline,) = dag.deadline if isinstance(dag.deadline, list) else [dag.deadline]
    assert deadline.callback.path == "pipeline.app.dag_schedule.record_late_run"
    assert deadline.interval == 2 * dag.schedule


def test_every_pool_that_a_task_wants_is_made(dagbag: Any) -> None:
    made = {"default_pool", *json.loads((DAGS / "pools.json").read_text())}
    assert {task.pool for dag in dagbag.dags.values() for task in dag.tasks} <= made


@by_file
def test_a_dag_file_adds_no_heavy_import(path: Path) -> None:
    """Beyond what `airflow.sdk` itself pulls in, which the DAG processor has loaded once."""
    program = (
        "import json, runpy, sys, time\n"
        "import airflow.sdk, airflow.sdk.definitions.decorators, airflow.sdk.exceptions\n"
        "from airflow.sdk import dag, task, Asset\n"
        "before = set(sys.modules); start = time.process_time()\n"
        f"runpy.run_path({str(path)!r})\n"
        "print(json.dumps([time.process_time() - start, sorted(set(sys.modules) - before)]))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    cpu_s, loaded = json.loads(done.stdout.splitlines()[-1])
    assert [name for name in loaded if name in HEAVY or name.startswith(tuple(f"{heavy}." for heavy in HEAVY))] == []
    assert cpu_s < 1.0  # processor time, which other work on the machine does not stretch
