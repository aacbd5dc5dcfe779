"""What the desk counts, counted from indexes alone: entries that wait, and dead letters

Revision: 0002, after 0001.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

PENDING = sa.text("state = 'pending'")
DEAD = sa.text("verdict = 'failed' AND state = 'settled'")
FAILED = sa.text("verdict = 'failed'")


def upgrade() -> None:
    op.drop_index("entries_failed", "entries")
    make("entries_dead", ["outlet_id", "settled_at"], DEAD)
    make("entries_waiting", ["outlet_id", "first_seen_at"], PENDING)


def downgrade() -> None:
    op.drop_index("entries_waiting", "entries")
    op.drop_index("entries_dead", "entries")
    make("entries_failed", ["outlet_id", "settled_at"], FAILED)


def make(name: str, columns: list[str], where: sa.TextClause) -> None:
    """An index on some of the entries."""
    op.create_index(name, "entries", columns, postgresql_where=where, sqlite_where=where)
