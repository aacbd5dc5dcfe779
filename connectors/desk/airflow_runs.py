"""Start runs of the DAG news_ingest from the desk, so that what an operator made due is not left to the schedule.

Imports Airflow's API, so only the api-server loads it.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime

from airflow.api.common.trigger_dag import trigger_dag
from airflow.models.dag import DagModel
from airflow.models.dagrun import DagRun
from airflow.sdk.exceptions import AirflowException
from airflow.utils.session import create_session
from airflow.utils.state import DagRunState
from airflow.utils.types import DagRunTriggeredByType
from sqlalchemy import select
from sqlalchemy.orm import Session

from connectors.desk.access import DeskUser
from connectors.desk.airflow_access import DAG_ID
from connectors.desk.formatting import ago

log = logging.getLogger("newswire.desk")

NEXT_RUN = "the next run will process it"


class AirflowRuns:
    """Implements `connectors.desk.actions.RunStarter`."""

    def ensure_run(self, outlet_id: str, *, by: DeskUser) -> str:
        """Start a run for an outlet if the user may and no queued run covers it; a sentence that says when."""
        with create_session() as session:
            dag = session.get(DagModel, DAG_ID)
            if dag is None:
                return "Airflow has not loaded the DAG news_ingest yet"
            if dag.is_paused:
                return "nothing is polled until the DAG news_ingest is unpaused"
            queued = queued_run(session, outlet_id)
            if queued:
                return f"the queued run {queued} will process it"
            return start(session, outlet_id, by) if by.can_trigger else next_run(dag)


def start(session: Session, outlet_id: str, by: DeskUser) -> str:
    """Start a run of this outlet only."""
    try:
        run = trigger_dag(
            DAG_ID,
            triggered_by=DagRunTriggeredByType.UI,
            triggering_user_name=by.name,
            conf={"outlets": [outlet_id]},
            session=session,
        )
    except (AirflowException, ValueError) as error:
        log.warning("no run could be started for %s: %s", outlet_id, error)
        return f"{NEXT_RUN}; none could be started now: {error}"
    return f"the run {run.run_id} will process it" if run else NEXT_RUN


def queued_run(session: Session, outlet_id: str) -> str | None:
    """The id of a queued run that covers this outlet, if there is one."""
    waiting = select(DagRun).where(DagRun.dag_id == DAG_ID, DagRun.state == DagRunState.QUEUED).order_by(DagRun.id)
    for run in session.scalars(waiting):
        given = dict(run.conf or {})
        if not given.get("dry_run") and outlet_id in (given.get("outlets") or [outlet_id]):
            return str(run.run_id)
    return None


def next_run(dag: DagModel) -> str:
    """When the next scheduled run processes it."""
    at = dag.next_dagrun_create_after
    return f"{NEXT_RUN}, {ago(at, datetime.now(UTC))}" if at else NEXT_RUN
