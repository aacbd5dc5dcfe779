"""
### News redrive

Tries dead letters again: entries that FAILED after their last attempt become pending, and the next run of `news_ingest`
settles them. Started by hand, with a form; **by default it only lists** them in its log (`dry_run`).

Each one gets a message on the topic `news.dead-letters`: `redriven` now, then `resolved` by its next verdict, or
`failed` again. Redrive after the cause is gone (an outlet was down, the extractor was corrected), because each attempt
counts. At a terminal the same is `newswire redrive`.
"""

from __future__ import annotations

import logging
from datetime import timedelta

from airflow.sdk import Param, dag, get_current_context, task
from airflow.sdk.exceptions import AirflowFailException

from pipeline.app.dag_schedule import dag_options

log = logging.getLogger("newswire.dags")

SHOWN = 50  # dead letters named in the log; the rest are counted


@dag(
    schedule=None,
    params={
        "dry_run": Param(True, type="boolean", title="Only look", description="Log what would be tried again."),
        "outlets": Param([], type="array", title="Outlets", description="Ids of the catalogue; none: all."),
        "causes": Param(
            [], type="array", title="Causes", description="Reasons or globs: timed_out, unreachable_*; none: all."
        ),
        "since": Param("", type="string", title="Failed since", description="2d, 6h, or 2026-11-23T06:00Z."),
        "until": Param("", type="string", title="Failed before", description="As above."),
    },
    doc_md=__doc__,
    **dag_options(
        "News redrive",
        "Try dead letters again",
        tag="repair",
        run=timedelta(minutes=30),
        task=timedelta(minutes=20),
        retry_after=timedelta(seconds=30),
    ),
)
def news_redrive() -> None:
    """Find dead letters, make their entries pending."""

    @task
    def redrive() -> dict[str, int]:
        from pipeline.app.repair import redrive as redrive_entries
        from pipeline.app.runs import Newswire
        from pipeline.delivery.dead_letters import RedriveChoice
        from pipeline.domain.errors import SettingsError

        params = get_current_context()["params"]
        try:
            with Newswire.from_env() as newswire:
                choice = RedriveChoice(
                    outlets=tuple(params["outlets"] or ()),
                    causes=tuple(params["causes"] or ()),
                    since=newswire.moment(params["since"], "since"),
                    until=newswire.moment(params["until"], "until"),
                )
                done = redrive_entries(newswire, choice, dry_run=params["dry_run"])
        except SettingsError as error:
            raise AirflowFailException(str(error)) from error  # a retry would read the same form
        for each in done.dead[:SHOWN]:
            log.info("%s %s %s", each.entry.outlet_id, each.reason, each.entry.entry.link)
        log.info("%d dead letters, %d pending again", len(done.dead), done.redriven)
        return done.to_json()

    redrive()


news_redrive()
