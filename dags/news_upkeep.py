"""
### News upkeep

Once a night: deletes what is older than its stated retention (delivered messages, polls, settled entries, raw pages),
and looks whether the store is at the schema this version expects and whether outbox and topics agree.

Red means that a person must look: the log of `upkeep` says what differs. Deleting is by time and safe to repeat. At a
terminal the same is `newswire upkeep`.
"""

from __future__ import annotations

import logging
from datetime import timedelta

from airflow.sdk import dag, task
from airflow.sdk.exceptions import AirflowFailException

log = logging.getLogger("newswire.dags")


@dag(
    schedule="17 3 * * *",  # at an hour when little is published, off the full hour when everybody's jobs start
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=2),
    default_args={
        "owner": "news-desk",
        "retries": 1,
        "retry_delay": timedelta(minutes=5),
        "execution_timeout": timedelta(hours=1),
    },
    tags=["news", "upkeep"],
    dag_display_name="News upkeep",
    description="Retention and integrity",
    doc_md=__doc__,
)
def news_upkeep() -> None:
    """Delete what is past its retention, check what must agree."""

    @task
    def upkeep() -> dict[str, int]:
        from pipeline.app import App

        with App.from_env() as newswire:
            done = newswire.upkeep()
        for what, count in done.deleted.items():
            log.info("deleted %d %s", count, what)
        if done.problems:
            raise AirflowFailException("; ".join(done.problems))
        return dict(done.deleted)

    upkeep()


news_upkeep()
