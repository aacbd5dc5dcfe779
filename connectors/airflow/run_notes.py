"""Notes on Airflow's runs: when a run of ours ends, the note that its report task left becomes the note of the run.

A plugin with a listener, because a task cannot write its own run's note (the execution API of Airflow 3.3 has no call
for it). Runs in the scheduler, inside its transaction: one query on a key, and nothing else is imported or decided.
"""

from __future__ import annotations

import sys
from typing import Any

from airflow.listeners import hookimpl
from airflow.plugins_manager import AirflowPlugin

NOTE = "note"  # the XCom key under which a report task leaves it


@hookimpl
def on_dag_run_success(dag_run: Any) -> None:
    """A green run."""
    keep_note(dag_run)


@hookimpl
def on_dag_run_failed(dag_run: Any) -> None:
    """A red run: what is wrong stands first in its note."""
    keep_note(dag_run)


def keep_note(dag_run: Any) -> None:
    """Copy the note: in the scheduler's own transaction, or in one of ours where there is none (`dag.test()`)."""
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session
    from sqlalchemy.orm import object_session

    if not dag_run.dag_id.startswith("news_"):
        return
    session = object_session(dag_run)
    if session is not None:
        write_note(dag_run, session)
        return
    with create_session() as own:
        write_note(own.get(DagRun, dag_run.id), own)


def write_note(dag_run: Any, session: Any) -> None:
    """The note that a task of the run left, unless a person wrote one."""
    from airflow.models.xcom import XComModel
    from sqlalchemy import select

    if dag_run.note:
        return
    left = select(XComModel).where(
        XComModel.dag_id == dag_run.dag_id, XComModel.run_id == dag_run.run_id, XComModel.key == NOTE
    )
    found = session.scalars(left).first()
    if found is not None:
        dag_run.note = str(XComModel.deserialize_value(found))


class RunNotes(AirflowPlugin):
    """The plugin that Airflow finds by its entry point (pyproject.toml)."""

    name = "newswire_run_notes"
    listeners = [sys.modules[__name__]]  # noqa: RUF012 - Airflow's own way to declare them
