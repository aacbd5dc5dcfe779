"""The tables of near-duplicates: sketches, the keys that lead to them, and what hosts repeat.

On the store's `metadata`; what they mean is in sketches.py and paragraphs.py beside this room. Sizes count here:
twenty-four keys and a dozen paragraphs per article, for every article of the last weeks.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, LargeBinary, SmallInteger, String, Table, Text

from connectors.store.schema import UtcTime, metadata

# One row per article: its last revision. Every revision gets a new `seq`, so what is new can be told from it.
sketches = Table(
    "sketches",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),  # four bytes: they stand in 24 keys per article
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
    sqlite_autoincrement=True,  # a seq is never given twice: old keys must not lead to another article
)

# Key → article. A revision leaves its old keys behind; they lead nowhere and go with their week.
sketch_keys = Table(
    "sketch_keys",
    metadata,
    Column("key", Integer, nullable=False),
    Column("seq", Integer, nullable=False),
    Column("week", SmallInteger, nullable=False),
    Index("sketch_keys_by_key", "key", "seq"),
    postgresql_partition_by="LIST (week)",
)

# Under which URLs of a host a paragraph was seen: three are enough to tell, `more` says that there were others.
# Hosts, paragraphs and URLs stand here by hashes of four bytes.
outlet_shingles = Table(
    "outlet_shingles",
    metadata,
    Column("host", Integer, primary_key=True, autoincrement=False),
    Column("paragraph", Integer, primary_key=True, autoincrement=False),
    Column("url_1", Integer, nullable=False),
    Column("url_2", Integer),
    Column("url_3", Integer),
    Column("week", SmallInteger, nullable=False),  # of the last sighting under a new URL
    Column("more", Boolean, nullable=False),
    sqlite_with_rowid=False,
)
