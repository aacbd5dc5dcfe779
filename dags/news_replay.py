"""
### News replay

Extracts archived raw pages again with the present extractor, and publishes real changes as revisions. Nothing is
fetched. Started by hand, with a form; **by default it only lists** (`dry_run`): the log names the articles that would
change, with the words added and removed.

Use it after the extractor was improved, or after an outlet got a rule in the catalogue. Revisions are decided as for
any page: an unchanged article gives no message, and a second replay changes nothing. The same form resumes an
interrupted replay. At a terminal the same is `newswire replay`.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

from airflow.sdk import Param, dag, get_current_context, task
from airflow.sdk.exceptions import AirflowFailException

from pipeline.app.dag_schedule import dag_options

log = logging.getLogger("newswire.dags")

DEADLINE_S = 5 * 3600  # then it ends between two batches, and the next run goes on


@dag(
    schedule=None,
    params={
        "dry_run": Param(True, type="boolean", title="Only look", description="Log what would change."),
        "outlets": Param([], type="array", title="Outlets", description="Ids of the catalogue; none: all."),
        "since": Param("", type="string", title="First day", description="Of the raw pages (UTC): 7d, or 2026-11-01."),
        "until": Param("", type="string", title="Last day", description="Included; as above."),
    },
    doc_md=__doc__,
    **dag_options(
        "News replay",
        "Archived pages through the present extractor",
        tag="repair",
        run=timedelta(hours=7),
        task=timedelta(hours=6),
        retry_after=timedelta(minutes=1),
        retries=2,
    ),
)
def news_replay() -> None:
    """Replay what the form says."""

    @task
    def replay() -> dict[str, Any]:
        from pipeline.app.repair import replay as replay_pages
        from pipeline.app.repair import replay_choice
        from pipeline.app.runs import Newswire
        from pipeline.domain.errors import SettingsError
        from pipeline.ingest.replay import ReplayedArticle, describe

        def log_revision(replayed: ReplayedArticle) -> None:
            for line in describe(replayed):
                log.info("%s", line)

        params = get_current_context()["params"]
        try:
            with Newswire.from_env() as newswire:
                choice = replay_choice(newswire, params["outlets"] or (), since=params["since"], until=params["until"])
                report = replay_pages(
                    newswire,
                    choice,
                    dry_run=params["dry_run"],
                    deadline_s=DEADLINE_S,
                    show=log_revision,
                    watch=lambda so_far: log.info("%d of %d pages", so_far.articles, so_far.total),
                )
        except SettingsError as error:
            raise AirflowFailException(str(error)) from error  # a retry would read the same form
        if report.faults:
            raise AirflowFailException("; ".join(report.faults))
        return report.to_json()

    replay()


news_replay()
