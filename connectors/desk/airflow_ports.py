"""The desk's ports on Airflow: access by its login, and runs of news_ingest for what an operator made due.

Permissions on the DAG news_ingest (view, edit, trigger) are those on the desk.

Imports Airflow's API, so only the api-server loads it.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime

from airflow.api.common.trigger_dag import trigger_dag
from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity, DagDetails
from airflow.api_fastapi.core_api.security import bearer_scheme, get_user
from airflow.configuration import conf
from airflow.models.dag import DagModel
from airflow.models.dagrun import DagRun
from airflow.sdk.exceptions import AirflowException
from airflow.utils.session import create_session
from airflow.utils.state import DagRunState
from airflow.utils.types import DagRunTriggeredByType
from fastapi import HTTPException, Request
from sqlalchemy import select
from sqlalchemy.orm import Session

from connectors.desk.formatting import ago
from connectors.desk.ports import DeskUser

log = logging.getLogger("newswire.desk")

DAG_ID = "news_ingest"
NEXT_RUN = "the next run will process it"


class AirflowAccess:
    """Implements `AccessControl` by Airflow's auth manager."""

    def __init__(self) -> None:
        self.secret = conf.get_mandatory_value("api", "secret_key").encode()

    async def authenticate(self, request: Request) -> DeskUser:
        """The user of Airflow's session cookie or bearer token. Raises HTTPException 401 or 403."""
        user = await get_user(request, None, await bearer_scheme(request))
        manager, details = get_auth_manager(), DagDetails(id=DAG_ID)
        if not manager.is_authorized_dag(method="GET", details=details, user=user):
            raise HTTPException(403, "The desk requires permission to view the DAG news_ingest")
        can_edit = manager.is_authorized_dag(method="PUT", details=details, user=user)
        can_trigger = manager.is_authorized_dag(
            method="POST", access_entity=DagAccessEntity.RUN, details=details, user=user
        )
        return DeskUser(name=str(user.get_name()), can_edit=bool(can_edit), can_trigger=bool(can_trigger))


class AirflowRuns:
    """Implements `RunStarter`."""

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
            if by.can_trigger:
                return start(session, outlet_id, by)
            at = dag.next_dagrun_create_after
            return f"{NEXT_RUN}, {ago(at, datetime.now(UTC))}" if at else NEXT_RUN


def start(session: Session, outlet_id: str, by: DeskUser) -> str:
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
