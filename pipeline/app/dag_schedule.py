"""What a DAG file needs before any task runs: how often, how long, how late. Cheap to import, for the DAG processor.

Reads the environment; a fault in the settings leaves the defaults standing, because the run itself reports it in red.
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

log = logging.getLogger("newswire.schedule")

# What has begun at the soft deadline is finished: a page may take its whole timeout and then its extraction.
GRACE_PERIOD = timedelta(minutes=4)


@dataclass(frozen=True, slots=True)
class Schedule:
    """How often `news_ingest` runs and what follows from it."""

    every: timedelta
    shards: int

    @property
    def soft_deadline(self) -> timedelta:
        """When a shard begins nothing new, so that the next run starts on time."""
        return self.every * 0.8

    @property
    def shard_limit(self) -> timedelta:
        """When a shard is stuck, not slow."""
        return self.soft_deadline + GRACE_PERIOD

    @property
    def run_limit(self) -> timedelta:
        """When a run is stuck: its shards, one retry of one of them, plan and report."""
        return self.shard_limit * 2 + timedelta(minutes=4)

    @property
    def late_after(self) -> timedelta:
        """When a run is late: it has cost the next one its turn."""
        return self.every * 2


def schedule(environment: Mapping[str, str] | None = None) -> Schedule:
    """The schedule that the settings describe."""
    try:
        settings = load_settings(environment)
    except SettingsError:
        settings = Settings()
    return Schedule(every=timedelta(minutes=settings.schedule.every_minutes), shards=settings.schedule.shards)


def record_late_run(context: Mapping[str, Any], late_after_min: float) -> None:
    """Airflow's deadline callback: a run is late. It is written into the store, where desk and metrics find it."""
    from pipeline.app.runs import Newswire

    run_id = str(context["dag_run"]["dag_run_id"])
    log.warning("late: %s is not over %g minutes after it was due to start", run_id, late_after_min)
    with Newswire.from_env() as newswire:
        newswire.record_late_run(run_id, after_min=late_after_min)
