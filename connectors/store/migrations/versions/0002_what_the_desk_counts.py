"""What the desk counts, counted from indexes alone: entries that wait, and dead letters

Revision: 0002, after 0001.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.drop_index("entries_failed", "entries")
    make("entries_dead", "settled_at", where="verdict = 'failed' AND state = 'settled'")
    make("entries_waiting", "first_seen_at", where="state = 'pending'")


def downgrade() -> None:
    op.drop_index("entries_waiting", "entries")
    op.drop_index("entries_dead", "entries")
    make("entries_failed", "settled_at", where="verdict = 'failed'")


def make(name: str, time: str, *, where: str) -> None:
    """An index on some of the entries, by outlet and time."""
    some = sa.text(where)
    op.create_index(name, "entries", ["outlet_id", time], postgresql_where=some, sqlite_where=some)
