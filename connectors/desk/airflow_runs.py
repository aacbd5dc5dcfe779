"""Runs of the DAG news_ingest, begun from the desk: what an operator made due is polled now, not at the next full hour.

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


class AirflowRuns:
    """Implements `connectors.desk.actions.Runs`."""

    def ensure_run(self, outlet_id: str, *, by: DeskUser) -> str:
        """Begin a run for an outlet, if the visitor may and none is queued that will see to it; a sentence of when."""
        with create_session() as session:
            dag = session.get(DagModel, DAG_ID)
            if dag is None:
                return "Airflow does not know the DAG news_ingest yet"
            if dag.is_paused:
                return "nothing is polled until the DAG news_ingest is unpaused"
            queued = queued_run(session, outlet_id)
            if queued:
                return f"the queued run {queued} takes it up"
            return begin(session, outlet_id, by) if by.can_trigger else next_run(dag)


def begin(session: Session, outlet_id: str, by: DeskUser) -> str:
    """Begin a run of this outlet alone."""
    try:
        run = trigger_dag(
            DAG_ID,
            triggered_by=DagRunTriggeredByType.UI,
            triggering_user_name=by.name,
            conf={"outlets": [outlet_id]},
            session=session,
        )
    except (AirflowException, ValueError) as error:
        log.warning("no run could be begun for %s: %s", outlet_id, error)
        return f"the next run takes it up; none could be begun now: {error}"
    return f"the run {run.run_id} takes it up" if run else "the next run takes it up"


def queued_run(session: Session, outlet_id: str) -> str | None:
    """A run that has not begun and will look at this outlet, if there is one."""
    waiting = select(DagRun).where(DagRun.dag_id == DAG_ID, DagRun.state == DagRunState.QUEUED).order_by(DagRun.id)
    for run in session.scalars(waiting):
        asked = dict(run.conf or {})
        if not asked.get("dry_run") and outlet_id in (asked.get("outlets") or [outlet_id]):
            return str(run.run_id)
    return None


def next_run(dag: DagModel) -> str:
    """When the schedule takes it up."""
    at = dag.next_dagrun_create_after
    return f"the next run takes it up, {ago(at, datetime.now(UTC))}" if at else "the next run takes it up"
