"""Options of every DAG; schedule of news_ingest: interval, time limits, deadline alert. Cheap to import.

Reads the environment. Faulty settings leave the defaults: the run itself reports them and is red.
Tested by tests/dags/test_schedule.py.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from pipeline.app.environment import load_settings
from pipeline.domain.errors import SettingsError
from pipeline.domain.settings import Settings
from pipeline.reporting.logs import emit

# Work begun at the soft deadline is finished: a page may take its whole timeout, then its extraction.
GRACE_PERIOD = timedelta(minutes=4)


@dataclass(frozen=True, slots=True)
class Schedule:
    """Interval of `news_ingest`, and the limits that follow from it."""

    every: timedelta
    shards: int

    @property
    def soft_deadline(self) -> timedelta:
        """After this a shard begins nothing new, so that the next run starts on time."""
        return self.every * 0.8

    @property
    def shard_limit(self) -> timedelta:
        """After this a shard is stuck, not slow."""
        return self.soft_deadline + GRACE_PERIOD

    @property
    def run_limit(self) -> timedelta:
        """After this a run is stuck: its shards, one retry of one of them, plan and report."""
        return self.shard_limit * 2 + timedelta(minutes=4)

    @property
    def late_after(self) -> timedelta:
        """After this a run is late: the next one could not start."""
        return self.every * 2


def dag_options(
    title: str, description: str, *, tag: str, run: timedelta, task: timedelta, retry_after: timedelta, **more: Any
) -> dict[str, Any]:
    """What our DAGs have in common: limits of a run and of each task. `more`: other default arguments of tasks."""
    defaults = {"owner": "news-desk", "retries": 1, "retry_delay": retry_after, "execution_timeout": task}
    return {
        "dag_display_name": title,
        "description": description,
        "tags": ["news", tag],
        "catchup": False,
        "max_active_runs": 1,
        "dagrun_timeout": run,
        "default_args": defaults | more,
    }


def schedule(environment: Mapping[str, str] | None = None) -> Schedule:
    try:
        settings = load_settings(environment)
    except SettingsError:
        settings = Settings()
    return Schedule(every=timedelta(minutes=settings.schedule.every_minutes), shards=settings.schedule.shards)


def record_late_run(context: Mapping[str, Any], late_after_min: float) -> None:
    """Airflow's deadline callback: write a late run into the store, where desk and metrics find it."""
    from pipeline.app.runs import Newswire
    from pipeline.reporting.report import LATE, Report

    run_id = str(context["dag_run"]["dag_run_id"])
    emit(logging.WARNING, "run late", run=run_id, minutes=late_after_min)
    with Newswire.from_env() as newswire:
        late = Report(faults=[f"{LATE}: not over {late_after_min:g} minutes after it was due to start"])
        newswire.runs.keep(run_id, late, now=newswire.clock())
