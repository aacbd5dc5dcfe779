"""Airflow's login as the desk's door: who may see the DAG news_ingest may look, who may edit it may act,
who may trigger it begins runs.

Imports Airflow's API, so only the api-server loads it.
"""

from __future__ import annotations

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity, DagDetails
from airflow.api_fastapi.core_api.security import bearer_scheme, get_user
from airflow.configuration import conf
from fastapi import HTTPException, Request

from connectors.desk.access import Visitor

DAG_ID = "news_ingest"


class AirflowDoor:
    """Asks Airflow's auth manager."""

    def __init__(self) -> None:
        self.secret = conf.get_mandatory_value("api", "secret_key").encode()

    async def let_in(self, request: Request) -> Visitor:
        """The user of Airflow's session cookie or bearer token. Raises HTTPException 401 or 403."""
        user = await get_user(request, None, await bearer_scheme(request))
        manager, details = get_auth_manager(), DagDetails(id=DAG_ID)
        if not manager.is_authorized_dag(method="GET", details=details, user=user):
            raise HTTPException(403, "Whoever may see the DAG news_ingest may see the desk")
        may_act = manager.is_authorized_dag(method="PUT", details=details, user=user)
        may_run = manager.is_authorized_dag(
            method="POST", access_entity=DagAccessEntity.RUN, details=details, user=user
        )
        return Visitor(name=str(user.get_name()), may_act=bool(may_act), may_run=bool(may_run))
