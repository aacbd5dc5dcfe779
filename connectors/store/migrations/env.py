"""Alembic's entry point: runs the migrations on the connection that `Database.upgrade` passes."""

from __future__ import annotations

import logging

from alembic import context

from connectors.store.schema import metadata

# Messages such as "Context impl SQLiteImpl" at every start are useless to operators.
logging.getLogger("alembic.runtime.migration").setLevel(logging.WARNING)
context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite alters a table by copying it
)
with context.begin_transaction():
    context.run_migrations()
