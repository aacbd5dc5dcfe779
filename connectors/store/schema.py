"""Table definitions of the store. Migrations (connectors/store/migrations) create the tables.

Promises: times are aware and UTC on both databases. What rows mean is left to the modules that read and write them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Column, Dialect, Index, Integer, MetaData, Table, TextClause, text
from sqlalchemy.schema import ForeignKeyConstraint, PrimaryKeyConstraint, UniqueConstraint
from sqlalchemy.types import (
    BigInteger,
    Boolean,
    DateTime,
    Float,
    LargeBinary,
    SmallInteger,
    String,
    Text,
    TypeDecorator,
)

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


# The first migration uses the next four functions too: they must keep their meaning.


def required(*types_and_names: Any, nullable: bool = False) -> Iterator[Column[Any]]:
    """Columns that are never NULL, in order. Each has the type that precedes its name."""
    kind: Any = None
    for part in types_and_names:
        if isinstance(part, str):
            yield Column(part, kind, nullable=nullable)
        else:
            kind = part


def optional(*types_and_names: Any) -> Iterator[Column[Any]]:
    """Columns that may be NULL, in order."""
    return required(*types_and_names, nullable=True)


def index_where(name: str, *columns: str, where: TextClause) -> Index:
    """An index on some of the rows."""
    return Index(name, *columns, postgresql_where=where, sqlite_where=where)


def table(name: str, *parts: Any, key: tuple[str, ...] = (), tables: MetaData = metadata, **options: Any) -> Table:
    """A table with its primary key."""
    return Table(name, tables, *parts, *([PrimaryKeyConstraint(*key)] if key else ()), **options)


# State of each feed (model.FeedState); the catalogue declares the feed.
feeds = table(
    "feeds",
    *required(String, "feed_id", "outlet_id"),
    *required(Text, "declared_url"),  # in the catalogue, when it was last read
    *required(Text, "url"),  # polled URL: the declared one, or the target of a permanent redirect
    *optional(Text, "etag", "last_modified", String, "body_hash"),
    *required(String, "status"),
    *optional(Text, "status_reason", UtcTime, "next_poll_at"),
    *required(Integer, "interval_s", "failures"),
    *optional(UtcTime, "last_poll_at", "last_success_at", "last_full_at", "last_new_entry_at"),
    *optional(Integer, "silence_s", "longest_gap_s", Text, "rhythm", Float, "lull_h"),
    *required(Integer, "not_modified_in_a_row", Boolean, "validators_lie"),
    *optional(Text, "moved_to", UtcTime, "moved_since", "gone_since"),
    *required(Integer, "moved_count", "gone_count", "possible_gaps", Boolean, "paused"),
    *optional(Integer, "interval_override_s"),
    Index("feeds_by_next_poll", "next_poll_at"),
    key=("feed_id",),
)

# One row per (outlet, entry identity). Each entry ends in exactly one verdict.
entries = table(
    "entries",
    *required(BigId, "id", String, "outlet_id", Text, "identity"),
    *required(String, "feed_id"),  # the feed that showed it first
    *required(Text, "entry"),  # model.Entry as JSON, latest version
    *required(String, "state"),  # pending | settled
    Column("sighting", Integer, key="version", nullable=False),  # 1, plus one per change of the entry in its feed
    *required(Integer, "attempts"),
    *optional(UtcTime, "next_attempt_at", String, "verdict", Text, "reason", String, "article_id"),
    *required(UtcTime, "first_seen_at", "last_seen_at"),
    *optional(UtcTime, "settled_at"),
    Index("entries_by_identity", "outlet_id", "identity", unique=True),
    index_where("entries_pending", "feed_id", "next_attempt_at", where=IS_PENDING),
    Index("entries_by_article", "article_id"),
    # The desk counts from these indexes alone (index-only scans).
    Index("entries_by_settled", "settled_at", "verdict", "state"),
    Index("entries_by_outlet", "outlet_id", "settled_at", "verdict", "state"),
    index_where("entries_waiting", "outlet_id", "first_seen_at", where=IS_PENDING),
    index_where("entries_dead", "outlet_id", "settled_at", where=IS_FAILED),
    key=("id",),
)

# Which feed shows which entry, with a digest of its fields: a changed digest makes the entry pending again.
feed_entries = table(
    "feed_entries",
    *required(String, "feed_id", BigInteger, "entry_id", String, "digest", UtcTime, "last_seen_at"),
    ForeignKeyConstraint(["entry_id"], ["entries.id"], ondelete="CASCADE"),
    Index("feed_entries_by_entry", "entry_id"),
    key=("feed_id", "entry_id"),
)

# Known articles; their near-duplicate fingerprints are in `sketches`.
articles = table(
    "articles",
    *required(String, "id", "outlet_id", "feed_id", Text, "url", "canonical_url", "title"),
    *required(Integer, "revision", String, "text_hash"),
    *required(String, "state"),  # live | withdrawn | merged
    *optional(String, "relation", "copy_of"),
    *required(String, "cluster_id"),
    *required(Text, "explanation"),  # reasons of its verdicts as JSON, for `newswire why`
    *required(Boolean, "is_live_blog", UtcTime, "first_seen_at", "last_revised_at", "last_fetched_at"),
    *optional(UtcTime, "next_revisit_at"),
    *required(Integer, "revisits"),
    *optional(UtcTime, "missing_since"),  # time of the first 404 or 410
    *optional(Text, "etag", "last_modified", "raw_location"),
    *optional(String, "event_id"),  # its last message: the outbox row that has its text
    Index("articles_by_hash", "text_hash"),
    Index("articles_by_cluster", "cluster_id"),
    Index("articles_by_revisit", "next_revisit_at", postgresql_where=text("next_revisit_at IS NOT NULL")),
    Index("articles_by_outlet", "outlet_id", "first_seen_at"),
    key=("id",),
)

# Every URL, guid and number of an article → the article. The key is a 16-byte hash (`alias_key`): URLs are long.
aliases = table(
    "aliases",
    *required(String, "outlet_id", LargeBinary(16), "key", String, "article_id"),
    Index("aliases_by_article", "article_id"),
    key=("outlet_id", "key"),
)

# Messages, delivered or waiting (connectors/store/outbox.py).
outbox = table(
    "outbox",
    *required(BigId, "id", Integer, "lane", String, "topic", "key", "event_id", "type", UtcTime, "time"),
    *required(Text, "source", "subject", String, "schema"),
    *optional(LargeBinary, "value"),
    *required(Integer, "size", UtcTime, "created_at"),
    *optional(BigInteger, "batch", UtcTime, "delivered_at"),
    UniqueConstraint("event_id"),
    index_where("outbox_undelivered", "lane", "batch", "id", where=text("delivered_at IS NULL")),
    Index("outbox_by_topic", "topic", "id"),
    Index("outbox_by_key", "key"),
    Index("outbox_by_delivery", "delivered_at"),
    key=("id",),
    sqlite_autoincrement=True,  # an id is an offset of the embedded log: never reused, even after all rows expired
)

# `stamped_batch`: the highest batch number ever given in this lane. When the topics know a higher one, the store was
# restored from an older state. `committed_batch`: the number committed on the embedded log; Kafka stores its own.
lanes = table(
    "lanes",
    Column("lane", Integer, autoincrement=False, nullable=False),
    *required(BigInteger, "stamped_batch"),
    *optional(BigInteger, "committed_batch"),
    key=("lane",),
)

# One row per poll, for the desk; deleted by age.
polls = table(
    "polls",
    *required(BigId, "id", String, "feed_id", "outlet_id", UtcTime, "polled_at", String, "outcome"),
    *optional(Integer, "http_status"),
    *required(Integer, "entries", "new", "changed", "wire_bytes", Float, "elapsed_s"),
    *optional(Text, "detail"),
    Index("polls_by_feed", "feed_id", "polled_at"),
    Index("polls_by_time", "polled_at"),
    key=("id",),
)

# One row per run of ingest (per shard): its report.
runs = table(
    "runs",
    *required(BigId, "id", String, "run_id", UtcTime, "finished_at"),
    # The report's sums precede the report: SQLite reads a row from the start, and the report is long.
    *required(Integer, "polls", "entries", "settled", "pending", "published", "delivered"),
    *required(Boolean, "is_red", Float, "seconds", Text, "report"),
    Index("runs_by_run", "run_id"),
    Index("runs_by_time", "finished_at"),
    key=("id",),
)

# Rate limit per host, shared by all processes.
hosts = table(
    "hosts",
    *required(String, "host", UtcTime, "next_slot_at"),
    *optional(UtcTime, "held_until", Text, "held_reason"),
    key=("host",),
)

# Rule for the article numbers in an outlet's URLs, learnt once (pipeline/identity/urls.py).
# A NULL rule: the numbers identify no article.
numberings = table(
    "numberings", *required(String, "outlet_id", UtcTime, "learnt_at"), *optional(Text, "rule"), key=("outlet_id",)
)

# Learnt wrapper of an outlet (pipeline/extraction/wrapper/wrapper.py) as JSON; `version` resolves two writers.
wrappers = table(
    "wrappers",
    *required(String, "outlet_id", Integer, "version", Text, "wrapper", UtcTime, "updated_at"),
    key=("outlet_id",),
)

# Progress of each backfill by source (a sitemap's URL, a WARC file); the row of source "" is the backfill itself.
backfills = table(
    "backfills",
    *required(String, "job", Text, "source"),
    *required(Text, "share"),  # backfill.Share as JSON, on the row of source ""
    *required(BigInteger, "position"),  # byte offset in a WARC file
    *required(Integer, "entries", Boolean, "is_done", UtcTime, "updated_at"),
    key=("job", "source"),
)

# Near-duplicate tables. Size matters: 24 keys and about a dozen paragraphs for every article of the last weeks.

# One row per article: its last revision. Every revision gets a higher `seq`, so newer rows can be selected by it.
sketches = table(
    "sketches",
    *required(Integer, "seq"),  # 4 bytes, because 24 key rows per article repeat it
    *required(String, "article_id", "outlet_id", "domain", "cluster_id", Text, "title"),
    *required(UtcTime, "seen_at", "last_revised_at"),
    *required(BigInteger, "content_key"),  # 8 bytes of the content hash
    *required(Integer, "revision", Boolean, "withdrawn", "is_live_blog"),
    *optional(String, "relation", "copy_of"),
    *required(LargeBinary, "fingerprint"),
    Index("sketches_by_article", "article_id", unique=True),
    Index("sketches_by_content", "content_key"),
    key=("seq",),
    sqlite_autoincrement=True,  # never reuses a seq: old keys must not lead to another article
)

# Key → article. A revision leaves its old keys behind; they match no sketch and are dropped with their week.
sketch_keys = table(
    "sketch_keys",
    *required(Integer, "key", "seq", SmallInteger, "week"),
    Index("sketch_keys_by_key", "key", "seq"),
    postgresql_partition_by="LIST (week)",
)

# URLs of a host under which a paragraph was seen: three suffice, `more` says that there were others.
# Hosts, paragraphs and URLs are stored as 4-byte hashes.
outlet_shingles = table(
    "outlet_shingles",
    *required(Integer, "host", "paragraph", "url_1"),
    *optional(Integer, "url_2", "url_3"),
    *required(SmallInteger, "week"),  # when it was last seen under a new URL
    *required(Boolean, "more"),
    key=("host", "paragraph"),
    sqlite_with_rowid=False,
)


def alias_key(url: str) -> bytes:
    """16-byte hash of a URL, guid or number: the key in `aliases`."""
    return hashlib.blake2b(url.encode("utf-8", "surrogatepass"), digest_size=16).digest()
