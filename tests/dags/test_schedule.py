"""How often `news_ingest` runs, by setting; and what a late run leaves behind."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog
from sqlalchemy import select

from pipeline.app.dag_schedule import Schedule, schedule
from pipeline.app.runs import Newswire


@pytest.mark.parametrize(
    ("given", "minutes"),
    [
        pytest.param({}, 5, id="nothing set"),
        pytest.param({"NEWSWIRE_EVERY_MINUTES": "1"}, 1, id="the shortest"),
        pytest.param({"NEWSWIRE_EVERY_MINUTES": "15"}, 15, id="the longest"),
        pytest.param({"NEWSWIRE_EVERY_MINUTES": "16"}, 5, id="too long: the run will say so"),
        pytest.param({"NEWSWIRE_EVERY_MINUTES": "2", "NEWSWIRE_NO_SUCH": "1"}, 5, id="a fault elsewhere"),
    ],
)
def test_the_schedule_is_a_setting(given: dict[str, str], minutes: int) -> None:
    assert schedule(given).every == timedelta(minutes=minutes)


@pytest.mark.parametrize("minutes", [1, 5, 15])
def test_a_shard_ends_before_its_limit_and_its_limit_before_the_runs(minutes: int) -> None:
    made = Schedule(every=timedelta(minutes=minutes), shards=4)
    assert made.soft_deadline < made.every < made.late_after
    assert made.soft_deadline < made.shard_limit < made.run_limit


@pytest.mark.filterwarnings("ignore:Multiple rows returned with uselist=False")  # Airflow's, where a DAG has versions
def test_a_run_that_is_not_over_in_time_calls_back_and_the_store_remembers_it(
    dagbag: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Airflow's own way there: the DAG as it is stored, its run, the deadline's row, what an executor is handed."""
    from airflow.executors.workloads import ExecuteCallback
    from airflow.models.deadline import Deadline
    from airflow.sdk.execution_time.callback_supervisor import execute_callback
    from airflow.utils.session import create_session

    monkeypatch.setenv("NEWSWIRE_HOME", str(tmp_path))
    with create_session() as session:
        run = queue_run(dagbag, session)
        (deadline,) = session.scalars(select(Deadline).where(Deadline.dagrun_id == run.id)).all()
        assert deadline.deadline_time == run.queued_at + schedule().late_after
        deadline.handle_miss(session)
        handed = json.loads(ExecuteCallback.make(deadline.callback, run).model_dump_json())["callback"]["data"]
        session.delete(run)
    done = execute_callback(handed["path"], handed["kwargs"], None, None, structlog.get_logger())
    assert done == (True, None)
    with Newswire.from_env() as newswire:
        (report,) = newswire.runs.reports("scheduled__1")
    assert report.problems == ("late: not over 10 minutes after it was due to start",)


def queue_run(dagbag: Any, session: Any) -> Any:
    """A run of news_ingest that waits, of the DAG as the DAG processor stores it."""
    from airflow.dag_processing.dagbag import sync_bag_to_db
    from airflow.models.dagbundle import DagBundleModel
    from airflow.models.serialized_dag import SerializedDagModel
    from airflow.utils.state import DagRunState
    from airflow.utils.types import DagRunTriggeredByType, DagRunType

    session.merge(DagBundleModel(name="dags-folder"))
    session.flush()
    sync_bag_to_db(dagbag, "dags-folder", None, session=session)
    at = datetime.now(UTC)
    run = SerializedDagModel.get_dag("news_ingest", session=session).create_dagrun(
        run_id="scheduled__1",
        logical_date=at,
        data_interval=(at, at),
        run_after=at,
        run_type=DagRunType.SCHEDULED,
        triggered_by=DagRunTriggeredByType.TIMETABLE,
        state=DagRunState.QUEUED,
        session=session,
    )
    session.flush()
    return run
