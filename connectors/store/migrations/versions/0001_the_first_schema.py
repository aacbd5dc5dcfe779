"""The first schema. Frozen: `connectors/store/schema.py` moves on, and later revisions follow it.

Revision: 0001, after nothing.
"""

from __future__ import annotations

from functools import partial

import sqlalchemy as sa
from alembic import op
from sqlalchemy import BigInteger, Boolean, Column, Float, Integer, LargeBinary, SmallInteger, String, Text

from connectors.store import schema
from connectors.store.schema import BigId, UtcTime, index_where, optional, required

revision = "0001"
down_revision = None

tables = sa.MetaData()
table = partial(schema.table, tables=tables)

table(
    "aliases",
    *required(String, "outlet_id", LargeBinary(length=16), "key", String, "article_id"),
    sa.Index("aliases_by_article", "article_id"),
    key=("outlet_id", "key"),
)
table(
    "articles",
    *required(String, "id", "outlet_id", "feed_id", Text, "url", "canonical_url", "title", Integer, "revision"),
    *required(String, "text_hash", "state"),
    *optional(String, "relation", "copy_of"),
    *required(String, "cluster_id", Text, "explanation", Boolean, "is_live_blog"),
    *required(UtcTime, "first_seen_at", "last_revised_at", "last_fetched_at"),
    *optional(UtcTime, "next_revisit_at"),
    *required(Integer, "revisits"),
    *optional(UtcTime, "missing_since", Text, "etag", "last_modified", "raw_location", String, "event_id"),
    sa.Index("articles_by_cluster", "cluster_id"),
    sa.Index("articles_by_hash", "text_hash"),
    sa.Index("articles_by_outlet", "outlet_id", "first_seen_at"),
    sa.Index("articles_by_revisit", "next_revisit_at", postgresql_where=sa.text("next_revisit_at IS NOT NULL")),
    key=("id",),
)
table(
    "backfills",
    *required(String, "job", Text, "source", "share", BigInteger, "position", Integer, "entries"),
    *required(Boolean, "is_done", UtcTime, "updated_at"),
    key=("job", "source"),
)
table(
    "entries",
    *required(BigId, "id", String, "outlet_id", Text, "identity", String, "feed_id", Text, "entry", String, "state"),
    *required(Integer, "sighting", "attempts"),
    *optional(UtcTime, "next_attempt_at", String, "verdict", Text, "reason", String, "article_id"),
    *required(UtcTime, "first_seen_at", "last_seen_at"),
    *optional(UtcTime, "settled_at"),
    sa.Index("entries_by_article", "article_id"),
    sa.Index("entries_by_identity", "outlet_id", "identity", unique=True),
    sa.Index("entries_by_outlet", "outlet_id", "settled_at", "verdict", "state"),
    sa.Index("entries_by_settled", "settled_at", "verdict", "state"),
    index_where("entries_failed", "outlet_id", "settled_at", where=sa.text("verdict = 'failed'")),
    index_where("entries_pending", "feed_id", "next_attempt_at", where=sa.text("state = 'pending'")),
    key=("id",),
)
table(
    "feeds",
    *required(String, "feed_id", "outlet_id", Text, "declared_url", "url"),
    *optional(Text, "etag", "last_modified", String, "body_hash"),
    *required(String, "status"),
    *optional(Text, "status_reason", UtcTime, "next_poll_at"),
    *required(Integer, "interval_s", "failures"),
    *optional(UtcTime, "last_poll_at", "last_success_at", "last_full_at", "last_new_entry_at"),
    *optional(Integer, "silence_s", "longest_gap_s", Text, "rhythm", Float, "lull_h"),
    *required(Integer, "not_modified_in_a_row", Boolean, "validators_lie"),
    *optional(Text, "moved_to"),
    *required(Integer, "moved_count"),
    *optional(UtcTime, "moved_since"),
    *required(Integer, "gone_count"),
    *optional(UtcTime, "gone_since"),
    *required(Integer, "possible_gaps", Boolean, "paused"),
    *optional(Integer, "interval_override_s"),
    sa.Index("feeds_by_next_poll", "next_poll_at"),
    key=("feed_id",),
)
table(
    "hosts",
    *required(String, "host", UtcTime, "next_slot_at"),
    *optional(UtcTime, "held_until", Text, "held_reason"),
    key=("host",),
)
table(
    "lanes",
    Column("lane", Integer, autoincrement=False, nullable=False),
    *required(BigInteger, "stamped_batch"),
    *optional(BigInteger, "committed_batch"),
    key=("lane",),
)
table(
    "outbox",
    *required(BigId, "id", Integer, "lane", String, "topic", "key", "event_id", "type", UtcTime, "time"),
    *required(Text, "source", "subject", String, "schema"),
    *optional(LargeBinary, "value"),
    *required(Integer, "size", UtcTime, "created_at"),
    *optional(BigInteger, "batch", UtcTime, "delivered_at"),
    sa.UniqueConstraint("event_id"),
    sa.Index("outbox_by_delivery", "delivered_at"),
    sa.Index("outbox_by_key", "key"),
    sa.Index("outbox_by_topic", "topic", "id"),
    index_where("outbox_undelivered", "lane", "batch", "id", where=sa.text("delivered_at IS NULL")),
    key=("id",),
    sqlite_autoincrement=True,
)
table(
    "outlet_shingles",
    *required(Integer, "host", "paragraph", "url_1"),
    *optional(Integer, "url_2", "url_3"),
    *required(SmallInteger, "week", Boolean, "more"),
    key=("host", "paragraph"),
    sqlite_with_rowid=False,
)
table(
    "polls",
    *required(BigId, "id", String, "feed_id", "outlet_id", UtcTime, "polled_at", String, "outcome"),
    *optional(Integer, "http_status"),
    *required(Integer, "entries", "new", "changed", "wire_bytes", Float, "elapsed_s"),
    *optional(Text, "detail"),
    sa.Index("polls_by_feed", "feed_id", "polled_at"),
    sa.Index("polls_by_time", "polled_at"),
    key=("id",),
)
table(
    "runs",
    *required(BigId, "id", String, "run_id", UtcTime, "finished_at"),
    *required(Integer, "polls", "entries", "settled", "pending", "published", "delivered"),
    *required(Boolean, "is_red", Float, "seconds", Text, "report"),
    sa.Index("runs_by_run", "run_id"),
    sa.Index("runs_by_time", "finished_at"),
    key=("id",),
)
table(
    "sketch_keys",
    *required(Integer, "key", "seq", SmallInteger, "week"),
    sa.Index("sketch_keys_by_key", "key", "seq"),
    postgresql_partition_by="LIST (week)",
)
table(
    "sketches",
    *required(Integer, "seq", String, "article_id", "outlet_id", "domain", "cluster_id", Text, "title"),
    *required(UtcTime, "seen_at", "last_revised_at", BigInteger, "content_key", Integer, "revision"),
    *required(Boolean, "withdrawn", "is_live_blog"),
    *optional(String, "relation", "copy_of"),
    *required(LargeBinary, "fingerprint"),
    sa.Index("sketches_by_article", "article_id", unique=True),
    sa.Index("sketches_by_content", "content_key"),
    key=("seq",),
    sqlite_autoincrement=True,
)
table(
    "numberings",
    *required(String, "outlet_id"),
    *optional(Text, "rule"),
    *required(UtcTime, "learnt_at"),
    key=("outlet_id",),
)
table(
    "wrappers",
    *required(String, "outlet_id", Integer, "version", Text, "wrapper", UtcTime, "updated_at"),
    key=("outlet_id",),
)
table(
    "sightings",
    *required(String, "feed_id", BigInteger, "entry_id", String, "digest", UtcTime, "last_seen_at"),
    sa.ForeignKeyConstraint(["entry_id"], ["entries.id"], ondelete="CASCADE"),
    sa.Index("sightings_by_entry", "entry_id"),
    key=("feed_id", "entry_id"),
)


def upgrade() -> None:
    tables.create_all(op.get_bind(), checkfirst=False)


def downgrade() -> None:
    tables.drop_all(op.get_bind(), checkfirst=False)
