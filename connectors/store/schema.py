"""Table definitions of the store. Migrations (connectors/store/migrations) create the tables.

Promises: times are aware and UTC on both databases. `outbox` and `lanes` are in connectors/store/outbox.py, on the same
`metadata`; what rows mean is left to the modules that read and write them.
"""

from __future__ import annotations

import hashlib
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
    SmallInteger,
    String,
    Table,
    Text,
    text,
)
from sqlalchemy.types import TypeDecorator

metadata = MetaData()

# SQLite numbers a primary key automatically only when it is declared INTEGER.
BigId = BigInteger().with_variant(Integer, "sqlite")


class UtcTime(TypeDecorator[datetime]):
    """Aware UTC time: timestamptz on PostgreSQL, naive UTC text on SQLite (sorts as text)."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"naive time {value!r}: the store takes aware times only")
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


# Pending entries and dead letters. Literals, not parameters: both databases then use the partial indexes on them.
IS_PENDING = text("state = 'pending'")
IS_FAILED = text("verdict = 'failed' AND state = 'settled'")

# State of each feed (model.FeedState); the catalogue declares the feed.
feeds = Table(
    "feeds",
    metadata,
    Column("feed_id", String, primary_key=True),
    Column("outlet_id", String, nullable=False),
    Column("declared_url", Text, nullable=False),  # in the catalogue, when it was last read
    Column("url", Text, nullable=False),  # polled URL: the declared one, or the target of a permanent redirect
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

# One row per (outlet, entry identity). Each entry ends in exactly one verdict.
entries = Table(
    "entries",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("outlet_id", String, nullable=False),
    Column("identity", Text, nullable=False),
    Column("feed_id", String, nullable=False),  # the feed that showed it first
    Column("entry", Text, nullable=False),  # model.Entry as JSON, latest version
    Column("state", String, nullable=False),  # pending | settled
    Column("sighting", Integer, nullable=False),  # how often it became pending: 1, plus one per change
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
    # The desk counts from these indexes alone (index-only scans).
    Index("entries_by_settled", "settled_at", "verdict", "state"),
    Index("entries_by_outlet", "outlet_id", "settled_at", "verdict", "state"),
    Index("entries_waiting", "outlet_id", "first_seen_at", postgresql_where=IS_PENDING, sqlite_where=IS_PENDING),
    Index("entries_dead", "outlet_id", "settled_at", postgresql_where=IS_FAILED, sqlite_where=IS_FAILED),
)

# Which feed shows which entry, with a digest of its fields: a changed digest makes the entry pending again.
feed_entries = Table(
    "feed_entries",
    metadata,
    Column("feed_id", String, primary_key=True),
    Column("entry_id", BigInteger, ForeignKey("entries.id", ondelete="CASCADE"), primary_key=True),
    Column("digest", String, nullable=False),
    Column("last_seen_at", UtcTime, nullable=False),
    Index("feed_entries_by_entry", "entry_id"),
)

# Known articles; their near-duplicate fingerprints are in `sketches`.
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
    Column("explanation", Text, nullable=False),  # reasons of its verdicts as JSON, for `newswire why`
    Column("is_live_blog", Boolean, nullable=False),
    Column("first_seen_at", UtcTime, nullable=False),
    Column("last_revised_at", UtcTime, nullable=False),
    Column("last_fetched_at", UtcTime, nullable=False),
    Column("next_revisit_at", UtcTime),
    Column("revisits", Integer, nullable=False),
    Column("missing_since", UtcTime),  # time of the first 404 or 410
    Column("etag", Text),
    Column("last_modified", Text),
    Column("raw_location", Text),
    Column("event_id", String),  # its last message: the outbox row that has its text
    Index("articles_by_hash", "text_hash"),
    Index("articles_by_cluster", "cluster_id"),
    Index("articles_by_revisit", "next_revisit_at", postgresql_where=text("next_revisit_at IS NOT NULL")),
    Index("articles_by_outlet", "outlet_id", "first_seen_at"),
)

# Every URL, guid and number of an article → the article. The key is a 16-byte hash (`alias_key`): URLs are long.
aliases = Table(
    "aliases",
    metadata,
    Column("outlet_id", String, primary_key=True),
    Column("key", LargeBinary(16), primary_key=True),
    Column("article_id", String, nullable=False),
    Index("aliases_by_article", "article_id"),
)

# One row per poll, for the desk; deleted by age.
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

# One row per run of ingest (per shard): its report.
runs = Table(
    "runs",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("run_id", String, nullable=False),
    Column("finished_at", UtcTime, nullable=False),
    # The report's sums precede the report: SQLite reads a row from the start, and the report is long.
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

# Rate limit per host, shared by all processes.
hosts = Table(
    "hosts",
    metadata,
    Column("host", String, primary_key=True),
    Column("next_slot_at", UtcTime, nullable=False),
    Column("held_until", UtcTime),
    Column("held_reason", Text),
)

# Rule for the article numbers in an outlet's URLs, learnt once (pipeline/identity/article_ids.py).
# A NULL rule: the numbers identify no article.
numberings = Table(
    "numberings",
    metadata,
    Column("outlet_id", String, primary_key=True),
    Column("rule", Text),
    Column("learnt_at", UtcTime, nullable=False),
)

# Learnt wrapper of an outlet (pipeline/extraction/wrapper/wrapper.py) as JSON; `version` resolves two writers.
wrappers = Table(
    "wrappers",
    metadata,
    Column("outlet_id", String, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("wrapper", Text, nullable=False),
    Column("updated_at", UtcTime, nullable=False),
)

# Progress of each backfill by source (a sitemap's URL, a WARC file); the row of source "" is the backfill itself.
backfills = Table(
    "backfills",
    metadata,
    Column("job", String, primary_key=True),
    Column("source", Text, primary_key=True),
    Column("share", Text, nullable=False),  # backfill.Share as JSON, on the row of source ""
    Column("position", BigInteger, nullable=False),  # byte offset in a WARC file
    Column("entries", Integer, nullable=False),
    Column("is_done", Boolean, nullable=False),
    Column("updated_at", UtcTime, nullable=False),
)

# Near-duplicate tables. Size matters: 24 keys and about a dozen paragraphs for every article of the last weeks.

# One row per article: its last revision. Every revision gets a higher `seq`, so newer rows can be selected by it.
sketches = Table(
    "sketches",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),  # 4 bytes, because 24 key rows per article repeat it
    Column("article_id", String, nullable=False),
    Column("outlet_id", String, nullable=False),
    Column("domain", String, nullable=False),
    Column("cluster_id", String, nullable=False),
    Column("title", Text, nullable=False),
    Column("seen_at", UtcTime, nullable=False),
    Column("last_revised_at", UtcTime, nullable=False),
    Column("content_key", BigInteger, nullable=False),  # 8 bytes of the content hash
    Column("revision", Integer, nullable=False),
    Column("withdrawn", Boolean, nullable=False),
    Column("is_live_blog", Boolean, nullable=False),
    Column("relation", String),
    Column("copy_of", String),
    Column("fingerprint", LargeBinary, nullable=False),
    Index("sketches_by_article", "article_id", unique=True),
    Index("sketches_by_content", "content_key"),
    sqlite_autoincrement=True,  # never reuses a seq: old keys must not lead to another article
)

# Key → article. A revision leaves its old keys behind; they match no sketch and are dropped with their week.
sketch_keys = Table(
    "sketch_keys",
    metadata,
    Column("key", Integer, nullable=False),
    Column("seq", Integer, nullable=False),
    Column("week", SmallInteger, nullable=False),
    Index("sketch_keys_by_key", "key", "seq"),
    postgresql_partition_by="LIST (week)",
)

# URLs of a host under which a paragraph was seen: three suffice, `more` says that there were others.
# Hosts, paragraphs and URLs are stored as 4-byte hashes.
outlet_shingles = Table(
    "outlet_shingles",
    metadata,
    Column("host", Integer, primary_key=True, autoincrement=False),
    Column("paragraph", Integer, primary_key=True, autoincrement=False),
    Column("url_1", Integer, nullable=False),
    Column("url_2", Integer),
    Column("url_3", Integer),
    Column("week", SmallInteger, nullable=False),  # when it was last seen under a new URL
    Column("more", Boolean, nullable=False),
    sqlite_with_rowid=False,
)


def alias_key(url: str) -> bytes:
    """16-byte hash of a URL, guid or number: the key in `aliases`."""
    return hashlib.blake2b(url.encode("utf-8", "surrogatepass"), digest_size=16).digest()
