"""Alembic's entry: runs the revisions on the connection that `Database.upgrade` hands over."""

from __future__ import annotations

import logging

from alembic import context

import connectors.store.outbox
import connectors.store.sketch_tables  # noqa: F401 # both for their tables: autogenerate compares the database with all
from connectors.store.schema import metadata

# "Context impl SQLiteImpl" and the like, at every start, tell an operator nothing.
logging.getLogger("alembic.runtime.migration").setLevel(logging.WARNING)
context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite alters a table by making a new one
)
with context.begin_transaction():
    context.run_migrations()
