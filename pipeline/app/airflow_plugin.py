"""Airflow plugin: the desk in Airflow's pages, as a navigation button and a tab on each of our DAGs and runs.

Every Airflow process loads this module, so it imports nothing heavy; only the api-server calls the application.
Tested by tests/desk/test_browser.py, in a real Airflow.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

from airflow.plugins_manager import AirflowPlugin

PREFIX = "/newswire"


class LazyDesk:
    """An ASGI application that opens the desk with the first request: a store that is away must not stop Airflow."""

    @cached_property
    def desk(self) -> Any:
        """The application. Raises SettingsError, StoreError."""
        from connectors.desk.airflow_ports import AirflowAccess, AirflowRuns
        from pipeline.app.desk import open_desk

        return open_desk(AirflowAccess(), AirflowRuns())

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        from pipeline.domain.errors import NewswireError

        try:
            desk = self.desk
        except NewswireError as error:
            from starlette.responses import PlainTextResponse

            await PlainTextResponse(f"The desk cannot open its store: {error}", 503)(scope, receive, send)
            return
        await desk(scope, receive, send)


class DeskPlugin(AirflowPlugin):
    """The plugin that Airflow finds by its entry point (pyproject.toml)."""

    name = "newswire_desk"
    external_views = [  # noqa: RUF012 - Airflow's own way to declare them
        {
            "name": "News desk",
            "href": f"{PREFIX}/",
            "destination": "nav",
            "url_route": "news-desk",
            "nav_top_level": True,
            "icon": f"{PREFIX}/assets/icon.svg",
            "icon_dark_mode": f"{PREFIX}/assets/icon-dark.svg",
        },
        {"name": "News", "href": f"{PREFIX}/runs", "destination": "dag", "url_route": "news-runs"},
        {"name": "News", "href": f"{PREFIX}/run?run_id={{RUN_ID}}", "destination": "dag_run", "url_route": "news-run"},
    ]
    # The desk checks Airflow's login itself (connectors/desk/airflow_ports.py).
    fastapi_apps = [{"app": LazyDesk(), "url_prefix": PREFIX, "name": "newswire desk"}]  # noqa: RUF012
