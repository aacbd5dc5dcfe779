"""
### News upkeep

| task, once a night | what it does | when it is red |
|---|---|---|
| `delete` | deletes what is past its retention: messages, polls, entries, raw pages | the store is away |
| `revisit` | makes the revisits that did not fit in the day's runs, and delivers | the store stayed away |
| `feeds` | names feeds that are silent, down or not polled, in its log and in the run's note | never |
| `audit` | compares outbox and topics, entries and verdicts, the topics and what they should be | something differs |

A red `audit` needs a person: its log and the note say what differs. The desk's overview shows the last audit and its
result. Deleting is by time and safe to repeat. Feeds in trouble do not make the run red; they are on the desk and the
topic `news.feeds`.

At a terminal the same is `newswire upkeep`.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

from airflow.sdk import dag, task
from airflow.sdk.exceptions import AirflowFailException

from pipeline.app.dag_schedule import dag_options

log = logging.getLogger("newswire.dags")


@dag(
    schedule="17 3 * * *",  # little is published at this hour; not at a full hour, when many jobs start
    doc_md=__doc__,
    **dag_options(
        "News upkeep",
        "Retention, overdue revisits, silent feeds, integrity",
        tag="upkeep",
        run=timedelta(hours=3),
        task=timedelta(hours=1),
        retry_after=timedelta(minutes=5),
    ),
)
def news_upkeep() -> None:
    """Delete by retention, make overdue revisits, list feeds in trouble, audit."""

    @task
    def delete() -> dict[str, int]:
        from pipeline.app.repair import delete_by_retention
        from pipeline.app.runs import Newswire

        with Newswire.from_env() as newswire:
            deleted = delete_by_retention(newswire)
        for what, count in deleted.items():
            log.info("deleted %d %s", count, what)
        return dict(deleted)

    @task(pool="news_live", retries=0)
    def revisit() -> dict[str, int]:
        from pipeline.app.repair import run_overdue_revisits
        from pipeline.app.runs import Newswire

        with Newswire.from_env() as newswire:
            report = run_overdue_revisits(newswire)
        for problem in report.problems:
            log.warning("%s", problem)
        return dict(report.whole.revisits)

    @task
    def feeds() -> list[str]:
        from pipeline.app.repair import feed_problems
        from pipeline.app.runs import Newswire

        with Newswire.from_env() as newswire:
            troubles = feed_problems(newswire)
        for trouble in troubles:
            log.warning("%s", trouble)
        return list(troubles)

    @task(trigger_rule="all_done", retries=0)
    def audit(troubles: list[str] | None, ti: Any) -> None:
        from pipeline.app.repair import integrity_faults
        from pipeline.app.runs import Newswire
        from pipeline.reporting.terminal import upkeep_note

        with Newswire.from_env() as newswire:
            faults = integrity_faults(newswire)
        ti.xcom_push(key="note", value=upkeep_note(faults, troubles or ()))
        if faults:
            raise AirflowFailException("; ".join(faults))

    delete() >> revisit() >> audit(feeds())  # type: ignore[call-arg, arg-type, misc]  # TaskFlow hands XComArg on


news_upkeep()
