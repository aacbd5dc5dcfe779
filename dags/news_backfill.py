"""
### News backfill

Fetches what was published in the past and publishes it: from the outlets' sitemaps by days, or from WARC files such as
those of CC-NEWS. Old news are entries like all others, with the same verdicts; known articles are not published again.

| task | what it does | when it is red |
|---|---|---|
| `plan` | a share per outlet, or per WARC file; remembered until it is done | wrong days, no such outlet |
| `fill` | a share, named by outlet and days: sitemaps, pages, verdicts, delivery | store or broker stayed away |
| `report` | adds the shares up; the note of the run | a sitemap or file was not read, a message not published |

**By hand**: trigger with `outlets` and `since` (and `until`). With *dry run* only sitemaps are fetched, and the log of
`fill` counts their pages. `WARC files` are paths that the workers can read. Triggered without any of these, as each
night, it resumes what earlier backfills left: unfinished shares, entries put off.

**Live news come first**: backfills run one at a time in the pool `news_backfill`, fetch one page of a host at a time,
and extract in one process. A share stops after five hours and resumes in the next run. It is safe to clear any task.

At a terminal: `newswire backfill OUTLET --since 2026-03-01 --until 2026-03-08`.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

from airflow.sdk import Param, dag, task
from airflow.sdk.exceptions import AirflowFailException

from pipeline.app.dag_schedule import dag_options

log = logging.getLogger("newswire.dags")

SHARE_DEADLINE = timedelta(hours=5)  # a share then ends, and resumes in the next run


@dag(
    schedule="47 4 * * *",  # at night, after upkeep, when live news are few
    doc_md=__doc__,
    params={
        "outlets": Param(
            [],
            type="array",
            items={"type": "string", "pattern": "^[a-z0-9-]+$"},
            title="Outlets",
            description="Fill these, by id; empty: go on with what is left.",
        ),
        "since": Param("", type="string", pattern=r"^(\d{4}-\d{2}-\d{2})?$", title="Since", description="First day."),
        "until": Param(
            "",
            type="string",
            pattern=r"^(\d{4}-\d{2}-\d{2})?$",
            title="Until",
            description="Day after the last one; empty: today, whose news come by the live feeds.",
        ),
        "sitemaps": Param(
            [],
            type="array",
            items={"type": "string", "pattern": "^https?://"},
            title="Sitemaps",
            description="Begin at these, with one outlet; empty: at what its robots.txt names.",
        ),
        "warcs": Param(
            [],
            type="array",
            items={"type": "string"},
            title="WARC files",
            description="Paths on the workers, in place of sitemaps; the days are those of the crawl.",
        ),
        "again": Param(False, type="boolean", title="Again", description="Read also the sitemaps that are done."),
        "dry_run": Param(
            False, type="boolean", title="Dry run", description="Read the sitemaps and count their pages, no more."
        ),
    },
    **dag_options(
        "News backfill",
        "News of the past, from sitemaps and WARC files",
        tag="backfill",
        run=timedelta(hours=23),
        task=SHARE_DEADLINE + timedelta(hours=1),
        retry_after=timedelta(minutes=2),
    ),
)
def news_backfill() -> None:
    """Plan, fill share by share, report."""

    @task
    def plan(params: dict[str, Any]) -> list[dict[str, Any]]:
        from pipeline.app.backfill import Backfill

        with Backfill.from_env() as past:
            given = {name: params[name] for name in ("outlets", "since", "until", "sitemaps", "warcs", "again")}
            shares = past.plan(**given, begin=not params["dry_run"])
        return [share.to_json() | {"name": share.name} for share in shares]

    @task(map_index_template="{{ task.op_kwargs['share']['name'] }}", pool="news_backfill", priority_weight=1)
    def fill(share: dict[str, Any], params: dict[str, Any], run_id: str) -> dict[str, Any]:
        from pipeline.app.backfill import Backfill
        from pipeline.ingest.backfill import Share
        from pipeline.reporting.report import Report

        with Backfill.from_env() as past:
            if params["dry_run"]:
                for found in past.preview(Share.from_json(share)):
                    log.info("%s", found)
                return Report().to_json()
            filled = past.fill(
                Share.from_json(share),
                deadline_s=SHARE_DEADLINE.total_seconds(),
                run_id=run_id,
                watch=lambda so_far: log.debug("%d entries so far", so_far.whole.entries),
            )
        for remark in filled.remarks:
            log.info("%s", remark)
        return filled.report.to_json()

    @task(trigger_rule="all_done_min_one_success", retries=0)
    def report(reports: list[dict[str, Any]], ti: Any) -> dict[str, Any]:
        from pipeline.reporting.report import Report
        from pipeline.reporting.terminal import run_note

        whole = Report.merge(Report.from_json(share) for share in reports)
        log.info("%s", run_note(whole))
        ti.xcom_push(key="note", value=run_note(whole))
        if whole.problems:
            raise AirflowFailException("; ".join(whole.problems))
        return whole.to_json()

    report(fill.expand(share=plan()))  # type: ignore[call-arg, arg-type, misc]  # TaskFlow hands XComArg on


news_backfill()
