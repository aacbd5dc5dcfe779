"""How often `news_ingest` runs, by setting; and what a late run leaves behind."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
import structlog

from pipeline.app import App
from pipeline.app_schedule import Schedule, schedule


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


def test_airflow_calls_back_for_a_late_run_and_the_store_remembers_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow.sdk.execution_time.callback_supervisor import execute_callback

    monkeypatch.setenv("NEWSWIRE_HOME", str(tmp_path))
    done, fault = execute_callback(
        "pipeline.app_schedule.keep_late_run",
        {"late_after_min": 10.0, "context": {"dag_run": {"dag_run_id": "scheduled__1"}}},
        None,
        None,
        structlog.get_logger(),
    )
    assert (done, fault) == (True, None)
    with App.from_env() as newswire:
        (report,) = newswire.runs.reports("scheduled__1")
    assert report.problems == ("late: not over 10 minutes after it was due to start",)
