"""The first schema

Revision: 0001, after nothing.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from connectors.store.schema import UtcTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:

    op.create_table(
        "aliases",
        sa.Column("outlet_id", sa.String(), nullable=False),
        sa.Column("key", sa.LargeBinary(length=16), nullable=False),
        sa.Column("article_id", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("outlet_id", "key"),
    )
    with op.batch_alter_table("aliases", schema=None) as batch_op:
        batch_op.create_index("aliases_by_article", ["article_id"], unique=False)

    op.create_table(
        "articles",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("outlet_id", sa.String(), nullable=False),
        sa.Column("feed_id", sa.String(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("canonical_url", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("text_hash", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("relation", sa.String(), nullable=True),
        sa.Column("copy_of", sa.String(), nullable=True),
        sa.Column("cluster_id", sa.String(), nullable=False),
        sa.Column("explanation", sa.Text(), nullable=False),
        sa.Column("is_live_blog", sa.Boolean(), nullable=False),
        sa.Column("first_seen_at", UtcTime(), nullable=False),
        sa.Column("last_revised_at", UtcTime(), nullable=False),
        sa.Column("last_fetched_at", UtcTime(), nullable=False),
        sa.Column("next_revisit_at", UtcTime(), nullable=True),
        sa.Column("revisits", sa.Integer(), nullable=False),
        sa.Column("missing_since", UtcTime(), nullable=True),
        sa.Column("etag", sa.Text(), nullable=True),
        sa.Column("last_modified", sa.Text(), nullable=True),
        sa.Column("raw_location", sa.Text(), nullable=True),
        sa.Column("event_id", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("articles", schema=None) as batch_op:
        batch_op.create_index("articles_by_cluster", ["cluster_id"], unique=False)
        batch_op.create_index("articles_by_hash", ["text_hash"], unique=False)
        batch_op.create_index("articles_by_outlet", ["outlet_id", "first_seen_at"], unique=False)
        batch_op.create_index(
            "articles_by_revisit",
            ["next_revisit_at"],
            unique=False,
            postgresql_where=sa.text("next_revisit_at IS NOT NULL"),
        )

    op.create_table(
        "backfills",
        sa.Column("job", sa.String(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("share", sa.Text(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("entries", sa.Integer(), nullable=False),
        sa.Column("is_done", sa.Boolean(), nullable=False),
        sa.Column("updated_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("job", "source"),
    )
    op.create_table(
        "entries",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("outlet_id", sa.String(), nullable=False),
        sa.Column("identity", sa.Text(), nullable=False),
        sa.Column("feed_id", sa.String(), nullable=False),
        sa.Column("entry", sa.Text(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("sighting", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_attempt_at", UtcTime(), nullable=True),
        sa.Column("verdict", sa.String(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("article_id", sa.String(), nullable=True),
        sa.Column("first_seen_at", UtcTime(), nullable=False),
        sa.Column("last_seen_at", UtcTime(), nullable=False),
        sa.Column("settled_at", UtcTime(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("entries", schema=None) as batch_op:
        batch_op.create_index("entries_by_article", ["article_id"], unique=False)
        batch_op.create_index("entries_by_identity", ["outlet_id", "identity"], unique=True)
        batch_op.create_index("entries_by_outlet", ["outlet_id", "settled_at", "verdict", "state"], unique=False)
        batch_op.create_index("entries_by_settled", ["settled_at", "verdict", "state"], unique=False)
        batch_op.create_index(
            "entries_failed",
            ["outlet_id", "settled_at"],
            unique=False,
            postgresql_where=sa.text("verdict = 'failed'"),
            sqlite_where=sa.text("verdict = 'failed'"),
        )
        batch_op.create_index(
            "entries_pending",
            ["feed_id", "next_attempt_at"],
            unique=False,
            postgresql_where=sa.text("state = 'pending'"),
            sqlite_where=sa.text("state = 'pending'"),
        )

    op.create_table(
        "feeds",
        sa.Column("feed_id", sa.String(), nullable=False),
        sa.Column("outlet_id", sa.String(), nullable=False),
        sa.Column("declared_url", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("etag", sa.Text(), nullable=True),
        sa.Column("last_modified", sa.Text(), nullable=True),
        sa.Column("body_hash", sa.String(), nullable=True),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("status_reason", sa.Text(), nullable=True),
        sa.Column("next_poll_at", UtcTime(), nullable=True),
        sa.Column("interval_s", sa.Integer(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("last_poll_at", UtcTime(), nullable=True),
        sa.Column("last_success_at", UtcTime(), nullable=True),
        sa.Column("last_full_at", UtcTime(), nullable=True),
        sa.Column("last_new_entry_at", UtcTime(), nullable=True),
        sa.Column("silence_s", sa.Integer(), nullable=True),
        sa.Column("longest_gap_s", sa.Integer(), nullable=True),
        sa.Column("rhythm", sa.Text(), nullable=True),
        sa.Column("lull_h", sa.Float(), nullable=True),
        sa.Column("not_modified_in_a_row", sa.Integer(), nullable=False),
        sa.Column("validators_lie", sa.Boolean(), nullable=False),
        sa.Column("moved_to", sa.Text(), nullable=True),
        sa.Column("moved_count", sa.Integer(), nullable=False),
        sa.Column("moved_since", UtcTime(), nullable=True),
        sa.Column("gone_count", sa.Integer(), nullable=False),
        sa.Column("gone_since", UtcTime(), nullable=True),
        sa.Column("possible_gaps", sa.Integer(), nullable=False),
        sa.Column("paused", sa.Boolean(), nullable=False),
        sa.Column("interval_override_s", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("feed_id"),
    )
    with op.batch_alter_table("feeds", schema=None) as batch_op:
        batch_op.create_index("feeds_by_next_poll", ["next_poll_at"], unique=False)

    op.create_table(
        "hosts",
        sa.Column("host", sa.String(), nullable=False),
        sa.Column("next_slot_at", UtcTime(), nullable=False),
        sa.Column("held_until", UtcTime(), nullable=True),
        sa.Column("held_reason", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("host"),
    )
    op.create_table(
        "lanes",
        sa.Column("lane", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("stamped_batch", sa.BigInteger(), nullable=False),
        sa.Column("committed_batch", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("lane"),
    )
    op.create_table(
        "outbox",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("lane", sa.Integer(), nullable=False),
        sa.Column("topic", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("event_id", sa.String(), nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("time", UtcTime(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("schema", sa.String(), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=True),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.Column("batch", sa.BigInteger(), nullable=True),
        sa.Column("delivered_at", UtcTime(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("event_id"),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("outbox", schema=None) as batch_op:
        batch_op.create_index("outbox_by_delivery", ["delivered_at"], unique=False)
        batch_op.create_index("outbox_by_key", ["key"], unique=False)
        batch_op.create_index("outbox_by_topic", ["topic", "id"], unique=False)
        batch_op.create_index(
            "outbox_undelivered",
            ["lane", "batch", "id"],
            unique=False,
            postgresql_where=sa.text("delivered_at IS NULL"),
            sqlite_where=sa.text("delivered_at IS NULL"),
        )

    op.create_table(
        "outlet_shingles",
        sa.Column("host", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("paragraph", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("url_1", sa.Integer(), nullable=False),
        sa.Column("url_2", sa.Integer(), nullable=True),
        sa.Column("url_3", sa.Integer(), nullable=True),
        sa.Column("week", sa.SmallInteger(), nullable=False),
        sa.Column("more", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("host", "paragraph"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "polls",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("feed_id", sa.String(), nullable=False),
        sa.Column("outlet_id", sa.String(), nullable=False),
        sa.Column("polled_at", UtcTime(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("http_status", sa.Integer(), nullable=True),
        sa.Column("entries", sa.Integer(), nullable=False),
        sa.Column("new", sa.Integer(), nullable=False),
        sa.Column("changed", sa.Integer(), nullable=False),
        sa.Column("wire_bytes", sa.Integer(), nullable=False),
        sa.Column("elapsed_s", sa.Float(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("polls", schema=None) as batch_op:
        batch_op.create_index("polls_by_feed", ["feed_id", "polled_at"], unique=False)
        batch_op.create_index("polls_by_time", ["polled_at"], unique=False)

    op.create_table(
        "runs",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("finished_at", UtcTime(), nullable=False),
        sa.Column("polls", sa.Integer(), nullable=False),
        sa.Column("entries", sa.Integer(), nullable=False),
        sa.Column("settled", sa.Integer(), nullable=False),
        sa.Column("pending", sa.Integer(), nullable=False),
        sa.Column("published", sa.Integer(), nullable=False),
        sa.Column("delivered", sa.Integer(), nullable=False),
        sa.Column("is_red", sa.Boolean(), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.Column("report", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("runs", schema=None) as batch_op:
        batch_op.create_index("runs_by_run", ["run_id"], unique=False)
        batch_op.create_index("runs_by_time", ["finished_at"], unique=False)

    op.create_table(
        "sketch_keys",
        sa.Column("key", sa.Integer(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("week", sa.SmallInteger(), nullable=False),
        postgresql_partition_by="LIST (week)",
    )
    with op.batch_alter_table("sketch_keys", schema=None) as batch_op:
        batch_op.create_index("sketch_keys_by_key", ["key", "seq"], unique=False)

    op.create_table(
        "sketches",
        sa.Column("seq", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("article_id", sa.String(), nullable=False),
        sa.Column("outlet_id", sa.String(), nullable=False),
        sa.Column("domain", sa.String(), nullable=False),
        sa.Column("cluster_id", sa.String(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("seen_at", UtcTime(), nullable=False),
        sa.Column("last_revised_at", UtcTime(), nullable=False),
        sa.Column("content_key", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("withdrawn", sa.Boolean(), nullable=False),
        sa.Column("is_live_blog", sa.Boolean(), nullable=False),
        sa.Column("relation", sa.String(), nullable=True),
        sa.Column("copy_of", sa.String(), nullable=True),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("sketches", schema=None) as batch_op:
        batch_op.create_index("sketches_by_article", ["article_id"], unique=True)
        batch_op.create_index("sketches_by_content", ["content_key"], unique=False)

    op.create_table(
        "numberings",
        sa.Column("outlet_id", sa.String(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=True),
        sa.Column("learnt_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("outlet_id"),
    )
    op.create_table(
        "wrappers",
        sa.Column("outlet_id", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("wrapper", sa.Text(), nullable=False),
        sa.Column("updated_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("outlet_id"),
    )
    op.create_table(
        "sightings",
        sa.Column("feed_id", sa.String(), nullable=False),
        sa.Column("entry_id", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("last_seen_at", UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(["entry_id"], ["entries.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("feed_id", "entry_id"),
    )
    with op.batch_alter_table("sightings", schema=None) as batch_op:
        batch_op.create_index("sightings_by_entry", ["entry_id"], unique=False)


def downgrade() -> None:

    with op.batch_alter_table("sightings", schema=None) as batch_op:
        batch_op.drop_index("sightings_by_entry")

    op.drop_table("sightings")
    op.drop_table("wrappers")
    op.drop_table("numberings")
    with op.batch_alter_table("sketches", schema=None) as batch_op:
        batch_op.drop_index("sketches_by_content")
        batch_op.drop_index("sketches_by_article")

    op.drop_table("sketches")
    with op.batch_alter_table("sketch_keys", schema=None) as batch_op:
        batch_op.drop_index("sketch_keys_by_key")

    op.drop_table("sketch_keys")
    with op.batch_alter_table("runs", schema=None) as batch_op:
        batch_op.drop_index("runs_by_time")
        batch_op.drop_index("runs_by_run")

    op.drop_table("runs")
    with op.batch_alter_table("polls", schema=None) as batch_op:
        batch_op.drop_index("polls_by_time")
        batch_op.drop_index("polls_by_feed")

    op.drop_table("polls")
    op.drop_table("outlet_shingles")
    with op.batch_alter_table("outbox", schema=None) as batch_op:
        batch_op.drop_index(
            "outbox_undelivered",
            postgresql_where=sa.text("delivered_at IS NULL"),
            sqlite_where=sa.text("delivered_at IS NULL"),
        )
        batch_op.drop_index("outbox_by_topic")
        batch_op.drop_index("outbox_by_key")
        batch_op.drop_index("outbox_by_delivery")

    op.drop_table("outbox")
    op.drop_table("lanes")
    op.drop_table("hosts")
    with op.batch_alter_table("feeds", schema=None) as batch_op:
        batch_op.drop_index("feeds_by_next_poll")

    op.drop_table("feeds")
    with op.batch_alter_table("entries", schema=None) as batch_op:
        batch_op.drop_index(
            "entries_pending", postgresql_where=sa.text("state = 'pending'"), sqlite_where=sa.text("state = 'pending'")
        )
        batch_op.drop_index(
            "entries_failed", postgresql_where=sa.text("verdict = 'failed'"), sqlite_where=sa.text("verdict = 'failed'")
        )
        batch_op.drop_index("entries_by_settled")
        batch_op.drop_index("entries_by_outlet")
        batch_op.drop_index("entries_by_identity")
        batch_op.drop_index("entries_by_article")

    op.drop_table("entries")
    op.drop_table("backfills")
    with op.batch_alter_table("articles", schema=None) as batch_op:
        batch_op.drop_index("articles_by_revisit", postgresql_where=sa.text("next_revisit_at IS NOT NULL"))
        batch_op.drop_index("articles_by_outlet")
        batch_op.drop_index("articles_by_hash")
        batch_op.drop_index("articles_by_cluster")

    op.drop_table("articles")
    with op.batch_alter_table("aliases", schema=None) as batch_op:
        batch_op.drop_index("aliases_by_article")

    op.drop_table("aliases")
