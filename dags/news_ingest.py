"""
### News ingest

Polls the feeds that are due, collects the pages of their new entries, and delivers the articles while it works.

| task | what it does | when it is red |
|---|---|---|
| `plan` | divides the due feeds into a few shards by host | settings, catalogue or store are unusable |
| `ingest` | a task per shard, named by its outlets: poll, collect, deliver | store or broker stayed away |
| `report` | adds the shards up, checks that every entry got its verdict | something was lost or not published |

Where no feed was due, `ingest` and `report` are skipped. An outlet that is merely down does **not** make a run
red: its feed backs off, its entries stay pending, and the report says so. The report is also the **note** of the run.

**How often**: `NEWSWIRE_EVERY_MINUTES` (1 to 15; 5 without it), set where the DAG processor and the workers run. A run
that is not over after twice that time is **late**: the deadline alert writes it into the store, and the desk and the
metric `newswire_late_runs` show it. Shards run in the pool `news_live` (`airflow pools import dags/pools.json`).

After the new entries, the pages of known articles are fetched again: 15 min, 1 h, 6 h, 24 h and 72 h after they were
first seen (`NEWSWIRE_REVISIT_AFTER_S`, or by outlet in the catalogue). This finds withdrawals, and revisions that no
feed shows. Requests are conditional, within a budget per run and host. The report counts visits apart from entries.

**By hand**: trigger with `outlets` to poll only these; with *force* to poll what is not due yet; with *dry run* to see
which feeds are due and in which shards, without fetching anything. `news_backfill` fetches what was published in the
past. At a terminal: `newswire poll [OUTLET…]`.

**Red run**: read the log of `report`. Nothing is lost: entries wait in the store and messages in the outbox for the
next run. It is safe to clear any task.

When something was published, the asset `news.articles` gets an event with the counts per outlet.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

from airflow.sdk import (  # type: ignore[attr-defined]  # loaded on demand
    Asset,
    AssetAlias,
    DeadlineAlert,
    DeadlineReference,
    ExceptionRetryPolicy,
    Param,
    RetryAction,
    RetryRule,
    SyncCallback,
    dag,
    task,
)
from airflow.sdk.exceptions import AirflowFailException

from pipeline.app.dag_schedule import dag_options, record_late_run, schedule
from pipeline.domain.errors import CatalogueError, DeliveryError, LaneFenced, LaneLost, SettingsError, StoreError

log = logging.getLogger("newswire.dags")

SCHEDULE = schedule()
LATE_AFTER_MIN = SCHEDULE.late_after.total_seconds() / 60

ARTICLES = Asset(name="news.articles", uri="newswire://topics/news.articles", group="news")
# An alias, because a plain outlet would create an event on every run, even when nothing was published.
PUBLISHED = AssetAlias(name="news.articles when published", group="news")

# Feeds and pages are retried by their state in the store, messages by the producer. Airflow retries when store or
# broker were away, or a worker died.
RETRY = ExceptionRetryPolicy(
    rules=[
        RetryRule(
            exception=[SettingsError, CatalogueError],
            action=RetryAction.FAIL,
            reason="a person must correct settings or catalogue",
        ),
        RetryRule(
            exception=[LaneFenced, LaneLost],
            action=RetryAction.FAIL,
            reason="the lane went to another process, or needs `newswire deliver --recover`",
        ),
        RetryRule(
            exception=[StoreError, DeliveryError],
            action=RetryAction.RETRY,
            retry_delay=timedelta(seconds=20),
            reason="store or broker was away",
        ),
    ]
)


@dag(
    schedule=SCHEDULE.every,
    deadline=DeadlineAlert(
        reference=DeadlineReference.DAGRUN_QUEUED_AT,
        interval=SCHEDULE.late_after,
        callback=SyncCallback(record_late_run, kwargs={"late_after_min": LATE_AFTER_MIN}),
        name="late",
    ),
    doc_md=__doc__,
    params={
        "outlets": Param(
            [],
            type="array",
            items={"type": "string", "pattern": "^[a-z0-9-]+$"},
            title="Outlets",
            description="Only these outlets, by id; empty: every feed that is due.",
        ),
        "shards": Param(
            SCHEDULE.shards,
            type="integer",
            minimum=1,
            maximum=64,
            title="Shards",
            description="Tasks at most: about as many as there are task slots. A run with little to do gets fewer.",
        ),
        "force": Param(
            False, type="boolean", title="Force", description="Poll even what is not due yet, among the outlets above."
        ),
        "dry_run": Param(
            False, type="boolean", title="Dry run", description="Only plan: show which feeds are due, fetch nothing."
        ),
    },
    **dag_options(
        "News ingest",
        "Feeds → pages → clean articles → topics",
        tag="ingest",
        run=SCHEDULE.run_limit,
        task=SCHEDULE.shard_limit,
        retry_after=timedelta(seconds=20),
        retries=2,
        retry_policy=RETRY,
    ),
)
def news_ingest() -> None:
    """Plan, ingest shard by shard, report."""

    @task
    def plan(params: dict[str, Any]) -> list[dict[str, Any]]:
        from pipeline.app.runs import Newswire

        with Newswire.from_env() as newswire:
            shards = newswire.plan_shards(outlets=params["outlets"], shards=params["shards"], force=params["force"])
        for shard in shards:
            log.info("%d feeds due: %s", len(shard.feed_ids), shard.name)
        return [] if params["dry_run"] else [shard.to_json() for shard in shards]

    @task(map_index_template="{{ task.op_kwargs['shard']['name'] }}", pool="news_live", priority_weight=10)
    def ingest(shard: dict[str, Any], params: dict[str, Any], run_id: str) -> dict[str, Any]:
        from pipeline.app.runs import Newswire
        from pipeline.scheduling.shards import Shard

        with Newswire.from_env() as newswire:
            report = newswire.ingest(
                Shard.from_json(shard).feed_ids,
                deadline_s=SCHEDULE.soft_deadline.total_seconds(),
                force=params["force"],
                run_id=run_id,
                watch=lambda so_far: log.info("%d entries so far", so_far.whole.entries),
            )
        return report.to_json()

    @task(trigger_rule="all_done_min_one_success", outlets=[PUBLISHED], retries=0)
    def report(
        shards: list[dict[str, Any]], reports: list[dict[str, Any]], outlet_events: Any, ti: Any
    ) -> dict[str, Any]:
        from rich.console import Console

        from pipeline.reporting.report import Report
        from pipeline.reporting.terminal import delivery_summary, reason_summaries, report_table, run_note

        whole = Report.merge(Report.from_json(shard) for shard in reports)
        console = Console(width=160)
        console.print(report_table(whole, title=""))
        console.print(*reason_summaries(whole), delivery_summary(whole), sep="\n", soft_wrap=True)
        news = {outlet: tally.verdicts["new"] + tally.verdicts["revised"] for outlet, tally in whole.outlets.items()}
        if whole.delivered["articles"]:
            outlet_events[PUBLISHED].add(ARTICLES, extra={outlet: count for outlet, count in news.items() if count})
        silent = len(shards) - len(reports)
        whole.faults.extend([f"{silent} of {len(shards)} shards gave no report"] * bool(silent))
        ti.xcom_push(key="note", value=run_note(whole))
        if whole.problems:
            raise AirflowFailException("; ".join(whole.problems))
        return whole.to_json()

    shards = plan()  # type: ignore[call-arg, misc]  # Airflow passes `ti`
    report(shards, ingest.expand(shard=shards))  # type: ignore[call-arg, arg-type, misc]  # TaskFlow hands XComArg on


news_ingest()
