"""Airflow plugin: when a run of ours ends, the note that its report task left becomes the run's note.

A listener does it, because a task cannot write its own run's note (the execution API of Airflow 3.3 has no call for
it). It runs in the scheduler, inside its transaction: one query by key, without imports of ours.
"""

from __future__ import annotations

import sys
from contextlib import nullcontext
from typing import Any

from airflow.listeners import hookimpl
from airflow.plugins_manager import AirflowPlugin

NOTE = "note"  # the XCom key of a report task's note


@hookimpl
def on_dag_run_success(dag_run: Any) -> None:
    """Copy the note that a task of the run left, unless a person wrote one.

    In the scheduler's own transaction, or in a new one where there is none (`dag.test()`).
    """
    from airflow.models.dagrun import DagRun
    from airflow.models.xcom import XComModel
    from airflow.utils.session import create_session
    from sqlalchemy import select
    from sqlalchemy.orm import object_session

    if not dag_run.dag_id.startswith("news_"):
        return
    own = object_session(dag_run)
    with create_session() if own is None else nullcontext(own) as session:
        run: Any = session.get(DagRun, dag_run.id) if own is None else dag_run
        of_run = (XComModel.dag_id == run.dag_id, XComModel.run_id == run.run_id, XComModel.key == NOTE)
        found = None if run.note else session.scalars(select(XComModel).where(*of_run)).first()
        if found is not None:
            run.note = str(XComModel.deserialize_value(found))


on_dag_run_failed = on_dag_run_success  # its note begins with the fault


class RunNotes(AirflowPlugin):
    """The plugin, which Airflow finds by its entry point (pyproject.toml)."""

    name = "newswire_run_notes"
    listeners = [sys.modules[__name__]]  # noqa: RUF012 - Airflow's own way to declare them
