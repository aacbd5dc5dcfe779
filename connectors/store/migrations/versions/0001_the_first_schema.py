"""The first schema. Frozen: `connectors/store/schema.py` moves on, and later revisions follow it.

Revision: 0001, after nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy import BigInteger, Boolean, Column, Float, Integer, LargeBinary, SmallInteger, String, Text

from connectors.store.schema import UtcTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

ID = BigInteger().with_variant(Integer(), "sqlite")
tables = sa.MetaData()


def table(name: str, *parts: Any, key: tuple[str, ...] = (), **options: Any) -> None:
    """Declare a table, with its primary key."""
    sa.Table(name, tables, *parts, *([sa.PrimaryKeyConstraint(*key)] if key else ()), **options)


def some(*types_and_names: Any, nullable: bool = False) -> Iterator[Column[Any]]:
    """Columns without NULL, in order. Each has the type that precedes its name."""
    kind: Any = None
    for part in types_and_names:
        if isinstance(part, str):
            yield Column(part, kind, nullable=nullable)
        else:
            kind = part


def optional(*types_and_names: Any) -> Iterator[Column[Any]]:
    """Columns that may be NULL."""
    return some(*types_and_names, nullable=True)


def index_where(name: str, *columns: str, where: str) -> sa.Index:
    """An index on some of the rows."""
    return sa.Index(name, *columns, postgresql_where=sa.text(where), sqlite_where=sa.text(where))


table(
    "aliases",
    *some(String, "outlet_id", LargeBinary(length=16), "key", String, "article_id"),
    sa.Index("aliases_by_article", "article_id"),
    key=("outlet_id", "key"),
)
table(
    "articles",
    *some(String, "id", "outlet_id", "feed_id", Text, "url", "canonical_url", "title", Integer, "revision"),
    *some(String, "text_hash", "state"),
    *optional(String, "relation", "copy_of"),
    *some(String, "cluster_id", Text, "explanation", Boolean, "is_live_blog"),
    *some(UtcTime, "first_seen_at", "last_revised_at", "last_fetched_at"),
    *optional(UtcTime, "next_revisit_at"),
    *some(Integer, "revisits"),
    *optional(UtcTime, "missing_since", Text, "etag", "last_modified", "raw_location", String, "event_id"),
    sa.Index("articles_by_cluster", "cluster_id"),
    sa.Index("articles_by_hash", "text_hash"),
    sa.Index("articles_by_outlet", "outlet_id", "first_seen_at"),
    sa.Index("articles_by_revisit", "next_revisit_at", postgresql_where=sa.text("next_revisit_at IS NOT NULL")),
    key=("id",),
)
table(
    "backfills",
    *some(String, "job", Text, "source", "share", BigInteger, "position", Integer, "entries"),
    *some(Boolean, "is_done", UtcTime, "updated_at"),
    key=("job", "source"),
)
table(
    "entries",
    *some(ID, "id", String, "outlet_id", Text, "identity", String, "feed_id", Text, "entry", String, "state"),
    *some(Integer, "sighting", "attempts"),
    *optional(UtcTime, "next_attempt_at", String, "verdict", Text, "reason", String, "article_id"),
    *some(UtcTime, "first_seen_at", "last_seen_at"),
    *optional(UtcTime, "settled_at"),
    sa.Index("entries_by_article", "article_id"),
    sa.Index("entries_by_identity", "outlet_id", "identity", unique=True),
    sa.Index("entries_by_outlet", "outlet_id", "settled_at", "verdict", "state"),
    sa.Index("entries_by_settled", "settled_at", "verdict", "state"),
    index_where("entries_failed", "outlet_id", "settled_at", where="verdict = 'failed'"),
    index_where("entries_pending", "feed_id", "next_attempt_at", where="state = 'pending'"),
    key=("id",),
)
table(
    "feeds",
    *some(String, "feed_id", "outlet_id", Text, "declared_url", "url"),
    *optional(Text, "etag", "last_modified", String, "body_hash"),
    *some(String, "status"),
    *optional(Text, "status_reason", UtcTime, "next_poll_at"),
    *some(Integer, "interval_s", "failures"),
    *optional(UtcTime, "last_poll_at", "last_success_at", "last_full_at", "last_new_entry_at"),
    *optional(Integer, "silence_s", "longest_gap_s", Text, "rhythm", Float, "lull_h"),
    *some(Integer, "not_modified_in_a_row", Boolean, "validators_lie"),
    *optional(Text, "moved_to"),
    *some(Integer, "moved_count"),
    *optional(UtcTime, "moved_since"),
    *some(Integer, "gone_count"),
    *optional(UtcTime, "gone_since"),
    *some(Integer, "possible_gaps", Boolean, "paused"),
    *optional(Integer, "interval_override_s"),
    sa.Index("feeds_by_next_poll", "next_poll_at"),
    key=("feed_id",),
)
table(
    "hosts",
    *some(String, "host", UtcTime, "next_slot_at"),
    *optional(UtcTime, "held_until", Text, "held_reason"),
    key=("host",),
)
table(
    "lanes",
    Column("lane", Integer, autoincrement=False, nullable=False),
    *some(BigInteger, "stamped_batch"),
    *optional(BigInteger, "committed_batch"),
    key=("lane",),
)
table(
    "outbox",
    *some(ID, "id", Integer, "lane", String, "topic", "key", "event_id", "type", UtcTime, "time"),
    *some(Text, "source", "subject", String, "schema"),
    *optional(LargeBinary, "value"),
    *some(Integer, "size", UtcTime, "created_at"),
    *optional(BigInteger, "batch", UtcTime, "delivered_at"),
    sa.UniqueConstraint("event_id"),
    sa.Index("outbox_by_delivery", "delivered_at"),
    sa.Index("outbox_by_key", "key"),
    sa.Index("outbox_by_topic", "topic", "id"),
    index_where("outbox_undelivered", "lane", "batch", "id", where="delivered_at IS NULL"),
    key=("id",),
    sqlite_autoincrement=True,
)
table(
    "outlet_shingles",
    *some(Integer, "host", "paragraph", "url_1"),
    *optional(Integer, "url_2", "url_3"),
    *some(SmallInteger, "week", Boolean, "more"),
    key=("host", "paragraph"),
    sqlite_with_rowid=False,
)
table(
    "polls",
    *some(ID, "id", String, "feed_id", "outlet_id", UtcTime, "polled_at", String, "outcome"),
    *optional(Integer, "http_status"),
    *some(Integer, "entries", "new", "changed", "wire_bytes", Float, "elapsed_s"),
    *optional(Text, "detail"),
    sa.Index("polls_by_feed", "feed_id", "polled_at"),
    sa.Index("polls_by_time", "polled_at"),
    key=("id",),
)
table(
    "runs",
    *some(ID, "id", String, "run_id", UtcTime, "finished_at"),
    *some(Integer, "polls", "entries", "settled", "pending", "published", "delivered"),
    *some(Boolean, "is_red", Float, "seconds", Text, "report"),
    sa.Index("runs_by_run", "run_id"),
    sa.Index("runs_by_time", "finished_at"),
    key=("id",),
)
table(
    "sketch_keys",
    *some(Integer, "key", "seq", SmallInteger, "week"),
    sa.Index("sketch_keys_by_key", "key", "seq"),
    postgresql_partition_by="LIST (week)",
)
table(
    "sketches",
    *some(Integer, "seq", String, "article_id", "outlet_id", "domain", "cluster_id", Text, "title"),
    *some(UtcTime, "seen_at", "last_revised_at", BigInteger, "content_key", Integer, "revision"),
    *some(Boolean, "withdrawn", "is_live_blog"),
    *optional(String, "relation", "copy_of"),
    *some(LargeBinary, "fingerprint"),
    sa.Index("sketches_by_article", "article_id", unique=True),
    sa.Index("sketches_by_content", "content_key"),
    key=("seq",),
    sqlite_autoincrement=True,
)
table(
    "numberings",
    *some(String, "outlet_id"),
    *optional(Text, "rule"),
    *some(UtcTime, "learnt_at"),
    key=("outlet_id",),
)
table(
    "wrappers",
    *some(String, "outlet_id", Integer, "version", Text, "wrapper", UtcTime, "updated_at"),
    key=("outlet_id",),
)
table(
    "sightings",
    *some(String, "feed_id", BigInteger, "entry_id", String, "digest", UtcTime, "last_seen_at"),
    sa.ForeignKeyConstraint(["entry_id"], ["entries.id"], ondelete="CASCADE"),
    sa.Index("sightings_by_entry", "entry_id"),
    key=("feed_id", "entry_id"),
)


def upgrade() -> None:
    tables.create_all(op.get_bind(), checkfirst=False)


def downgrade() -> None:
    tables.drop_all(op.get_bind(), checkfirst=False)
