"""Rename table sightings to feed_entries, the standard term for which feed shows which entry

Revision: 0003, after 0002.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    rename("sightings", "feed_entries")


def downgrade() -> None:
    rename("feed_entries", "sightings")


def rename(old: str, new: str) -> None:
    """A table with its index and, on PostgreSQL, its constraints. No row is rewritten; SQLite rebuilds the index."""
    op.rename_table(old, new)
    if op.get_bind().dialect.name == "sqlite":
        op.drop_index(f"{old}_by_entry", new)
        op.create_index(f"{new}_by_entry", new, ["entry_id"])
        return
    op.execute(sa.text(f"ALTER INDEX {old}_by_entry RENAME TO {new}_by_entry"))
    for suffix in ("pkey", "entry_id_fkey"):
        op.execute(sa.text(f"ALTER TABLE {new} RENAME CONSTRAINT {old}_{suffix} TO {new}_{suffix}"))
