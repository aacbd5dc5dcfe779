"""The tables of the store, in one place. Migrations (connectors/store/migrations) make them.

Times are aware and UTC on both databases. `outbox` and `lanes` live in connectors/store/outbox.py, the near-duplicate
tables in connectors/store/sketches.py; both are on this `metadata`.
"""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    text,
)
from sqlalchemy.types import TypeDecorator

metadata = MetaData()

# SQLite counts a primary key by itself only when it is declared INTEGER.
BigId = BigInteger().with_variant(Integer, "sqlite")


class UtcTime(TypeDecorator[datetime]):
    """An aware UTC time: timestamptz on PostgreSQL, naive UTC text on SQLite (sorts as text)."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"naive time {value!r}: times are aware in this project")
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


# Entries that wait, and dead letters: few among many. Literals, by which both databases find the indexes on them.
IS_PENDING = text("state = 'pending'")
IS_FAILED = text("verdict = 'failed' AND state = 'settled'")

# What happened to each feed; the catalogue declares it, this remembers it (model.FeedState).
feeds = Table(
    "feeds",
    metadata,
    Column("feed_id", String, primary_key=True),
    Column("outlet_id", String, nullable=False),
    Column("declared_url", Text, nullable=False),  # the catalogue's, when it was last read
    Column("url", Text, nullable=False),  # polled now: the declared one, or the one a permanent redirect led to
    Column("etag", Text),
    Column("last_modified", Text),
    Column("body_hash", String),
    Column("status", String, nullable=False),
    Column("status_reason", Text),
    Column("next_poll_at", UtcTime),
    Column("interval_s", Integer, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("last_poll_at", UtcTime),
    Column("last_success_at", UtcTime),
    Column("last_full_at", UtcTime),
    Column("last_new_entry_at", UtcTime),
    Column("silence_s", Integer),
    Column("longest_gap_s", Integer),
    Column("rhythm", Text),
    Column("lull_h", Float),
    Column("not_modified_in_a_row", Integer, nullable=False),
    Column("validators_lie", Boolean, nullable=False),
    Column("moved_to", Text),
    Column("moved_count", Integer, nullable=False),
    Column("moved_since", UtcTime),
    Column("gone_count", Integer, nullable=False),
    Column("gone_since", UtcTime),
    Column("possible_gaps", Integer, nullable=False),
    Column("paused", Boolean, nullable=False),
    Column("interval_override_s", Integer),
    Index("feeds_by_next_poll", "next_poll_at"),
)

# One row per (outlet, entry identity); exactly one verdict in the end.
entries = Table(
    "entries",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("outlet_id", String, nullable=False),
    Column("identity", Text, nullable=False),
    Column("feed_id", String, nullable=False),  # where it was seen first
    Column("entry", Text, nullable=False),  # model.Entry as JSON, as last shown
    Column("state", String, nullable=False),  # pending | settled
    Column("sighting", Integer, nullable=False),  # how often it became pending: 1, then one more for each change
    Column("attempts", Integer, nullable=False),
    Column("next_attempt_at", UtcTime),
    Column("verdict", String),
    Column("reason", Text),
    Column("article_id", String),
    Column("first_seen_at", UtcTime, nullable=False),
    Column("last_seen_at", UtcTime, nullable=False),
    Column("settled_at", UtcTime),
    Index("entries_by_identity", "outlet_id", "identity", unique=True),
    Index("entries_pending", "feed_id", "next_attempt_at", postgresql_where=IS_PENDING, sqlite_where=IS_PENDING),
    Index("entries_by_article", "article_id"),
    # The desk counts by these alone, without reading a row.
    Index("entries_by_settled", "settled_at", "verdict", "state"),
    Index("entries_by_outlet", "outlet_id", "settled_at", "verdict", "state"),
    Index("entries_waiting", "outlet_id", "first_seen_at", postgresql_where=IS_PENDING, sqlite_where=IS_PENDING),
    Index("entries_dead", "outlet_id", "settled_at", postgresql_where=IS_FAILED, sqlite_where=IS_FAILED),
)

# Which feed showed which entry, and with what words: a change there makes the entry pending again.
sightings = Table(
    "sightings",
    metadata,
    Column("feed_id", String, primary_key=True),
    Column("entry_id", BigInteger, ForeignKey("entries.id", ondelete="CASCADE"), primary_key=True),
    Column("digest", String, nullable=False),
    Column("last_seen_at", UtcTime, nullable=False),
    Index("sightings_by_entry", "entry_id"),
)

# What is known of each article; the near-duplicate side of it is in `sketches`.
articles = Table(
    "articles",
    metadata,
    Column("id", String, primary_key=True),
    Column("outlet_id", String, nullable=False),
    Column("feed_id", String, nullable=False),
    Column("url", Text, nullable=False),
    Column("canonical_url", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("text_hash", String, nullable=False),
    Column("state", String, nullable=False),  # live | withdrawn | merged
    Column("relation", String),
    Column("copy_of", String),
    Column("cluster_id", String, nullable=False),
    Column("explanation", Text, nullable=False),  # how the last verdict came about, for `newswire why`
    Column("is_live_blog", Boolean, nullable=False),
    Column("first_seen_at", UtcTime, nullable=False),
    Column("last_revised_at", UtcTime, nullable=False),
    Column("last_fetched_at", UtcTime, nullable=False),
    Column("next_revisit_at", UtcTime),
    Column("revisits", Integer, nullable=False),
    Column("missing_since", UtcTime),  # first 404/410 of a page that was there
    Column("etag", Text),
    Column("last_modified", Text),
    Column("raw_location", Text),
    Column("event_id", String),  # the last message about it: where the outbox has its text
    Index("articles_by_hash", "text_hash"),
    Index("articles_by_cluster", "cluster_id"),
    Index("articles_by_revisit", "next_revisit_at", postgresql_where=text("next_revisit_at IS NOT NULL")),
    Index("articles_by_outlet", "outlet_id", "first_seen_at"),
)

# Every URL, guid and number of an article → the article. The key is 16 bytes of a hash: URLs are long.
aliases = Table(
    "aliases",
    metadata,
    Column("outlet_id", String, primary_key=True),
    Column("key", LargeBinary(16), primary_key=True),
    Column("article_id", String, nullable=False),
    Index("aliases_by_article", "article_id"),
)

# One row per poll, for the desk and for learning; deleted by age.
polls = Table(
    "polls",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("feed_id", String, nullable=False),
    Column("outlet_id", String, nullable=False),
    Column("polled_at", UtcTime, nullable=False),
    Column("outcome", String, nullable=False),
    Column("http_status", Integer),
    Column("entries", Integer, nullable=False),
    Column("new", Integer, nullable=False),
    Column("changed", Integer, nullable=False),
    Column("wire_bytes", Integer, nullable=False),
    Column("elapsed_s", Float, nullable=False),
    Column("detail", Text),
    Index("polls_by_feed", "feed_id", "polled_at"),
    Index("polls_by_time", "polled_at"),
)

# One row per run of ingest: its report.
runs = Table(
    "runs",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("run_id", String, nullable=False),
    Column("finished_at", UtcTime, nullable=False),
    # The report's sums, before the report, which SQLite would have to read through to reach them.
    Column("polls", Integer, nullable=False),
    Column("entries", Integer, nullable=False),
    Column("settled", Integer, nullable=False),
    Column("pending", Integer, nullable=False),
    Column("published", Integer, nullable=False),
    Column("delivered", Integer, nullable=False),
    Column("is_red", Boolean, nullable=False),
    Column("seconds", Float, nullable=False),
    Column("report", Text, nullable=False),
    Index("runs_by_run", "run_id"),
    Index("runs_by_time", "finished_at"),
)

# Spacing and waiting per host, shared by all processes.
hosts = Table(
    "hosts",
    metadata,
    Column("host", String, primary_key=True),
    Column("next_slot_at", UtcTime, nullable=False),
    Column("held_until", UtcTime),
    Column("held_reason", Text),
)

# What the article numbers in an outlet's URLs follow, learnt once
# (pipeline/identity/article_ids.py); no rule: they have none.
numberings = Table(
    "numberings",
    metadata,
    Column("outlet_id", String, primary_key=True),
    Column("rule", Text),
    Column("learnt_at", UtcTime, nullable=False),
)

# What the pages of an outlet taught (pipeline/extraction/wrapper/wrapper.py), as JSON;
# `version` guards against two writers.
wrappers = Table(
    "wrappers",
    metadata,
    Column("outlet_id", String, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("wrapper", Text, nullable=False),
    Column("updated_at", UtcTime, nullable=False),
)

# How far each backfill is, source by source (a sitemap's URL, a WARC file); that of source "" is the backfill.
backfills = Table(
    "backfills",
    metadata,
    Column("job", String, primary_key=True),
    Column("source", Text, primary_key=True),
    Column("share", Text, nullable=False),  # backfill.Share as JSON, on the backfill's own row
    Column("position", BigInteger, nullable=False),  # in bytes, of a WARC file
    Column("entries", Integer, nullable=False),
    Column("is_done", Boolean, nullable=False),
    Column("updated_at", UtcTime, nullable=False),
)
