"""Access by Airflow's login: permissions on the DAG news_ingest (view, edit, trigger) are those on the desk.

Imports Airflow's API, so only the api-server loads it.
"""

from __future__ import annotations

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity, DagDetails
from airflow.api_fastapi.core_api.security import bearer_scheme, get_user
from airflow.configuration import conf
from fastapi import HTTPException, Request

from connectors.desk.access import DeskUser

DAG_ID = "news_ingest"


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
