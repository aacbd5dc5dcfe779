"""Near-duplicate index in the store: look up, claim and expire sketches, as functions on an open connection.

The claim prevents two workers from splitting a story (research measured 24 % splits without it, none with it):

    look_up (any transaction) → decide → in the writing transaction: lock_for_claim, look_up after its `seq`,
    decide again when that found anything, insert_sketches, commit

It works because `seq` is assigned under the lock, and the lock is held until commit. What my look-up could not see
therefore has a higher `seq` than anything it saw. The lock is a statement of its own, so the next statement sees what
was committed before. Promises the same answers on both databases, in one round trip per batch.

Keys expire by the week, by dropping a table. On PostgreSQL these are partitions of `sketch_keys`. SQLite has none:
`sketch_keys` takes the new keys and is moved to tables of the same names after every FILE_EVERY articles. Keys are
random, so inserting each batch into a large index would write one page per key, 24 per article.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Integer, Row, TextualSelect, column, delete, insert, select, table, text

from connectors.store.schema import sketch_keys, sketches
from pipeline.dedup import model
from pipeline.dedup.fingerprint import Fingerprint
from pipeline.dedup.model import ArticleState, Candidate, KnownArticle, NearbyArticles, Relation

MAX_ROWS_PER_EXPIRY = 20_000  # rows per transaction, so that none lasts long
FILE_EVERY = 2048  # articles: at most 200 pages of new keys; moving them rewrites a week's index once for all
# Fields of a known article that `articles` has as columns, and those that `sketches` has.
SAME_IN_ARTICLES = ("outlet_id", "title", "revision", "cluster_id", "last_revised_at", "copy_of", "is_live_blog")
SAME = (*SAME_IN_ARTICLES, "article_id", "domain", "seen_at")

_ASKED = {
    "postgresql": """
        asked AS (SELECT * FROM unnest(CAST(:asking AS integer[]), CAST(:keys AS integer[])) AS a (n, key)),
        named AS (SELECT * FROM unnest(CAST(:article_ids AS text[]), CAST(:content_keys AS bigint[]))
                  WITH ORDINALITY AS b (article_id, content_key, place))""",
    "sqlite": """
        asked AS MATERIALIZED (SELECT of_one.key AS n, keys.value AS key
                               FROM json_each(:keys) of_one, json_each(of_one.value) keys ORDER BY keys.value),
        named AS (SELECT ids.value AS article_id, contents.value AS content_key, ids.key + 1 AS place
                  FROM json_each(:article_ids) ids JOIN json_each(:content_keys) contents ON contents.key = ids.key)""",
}
# No ORDER BY on PostgreSQL: it reads partitions oldest first, and merging five of them per key took twice the time.
# SQLite has a table per week and no LATERAL: the rows of a key are cut at the seq of the last allowed one.
# LIMIT -1 makes SQLite compute that bound once per key, not once per row.
_FOUND = {
    "postgresql": """
        SELECT asked.n, k.seq FROM asked CROSS JOIN LATERAL (
            SELECT seq FROM {table} WHERE {table}.key = asked.key AND seq > :after AND week >= :week
            LIMIT {max_per_key}) k""",
    "sqlite": """
        SELECT bounded.n, k.seq FROM (
            SELECT n, key, coalesce((SELECT p.seq FROM {table} p WHERE p.key = asked.key AND p.seq > :after
                                     ORDER BY p.seq LIMIT 1 OFFSET {max_per_key} - 1), 2147483647) AS last
            FROM asked LIMIT -1) bounded
        JOIN {table} k ON k.key = bounded.key AND k.seq > :after AND k.seq <= bounded.last""",
}
_NEAR = """
    WITH {asked},
    found AS ({found}),
    shared AS (SELECT n, seq, count(*) AS shared FROM found GROUP BY n, seq HAVING count(*) >= {min_shared}),
    ranked AS (SELECT n, seq, shared, row_number() OVER (PARTITION BY n ORDER BY shared DESC, seq DESC) AS place
               FROM shared),
    same AS (SELECT named.place - 1 AS n, s.seq, row_number() OVER (PARTITION BY named.place ORDER BY s.seq) AS place
             FROM named JOIN sketches s ON s.content_key = named.content_key AND s.seq > :after),
    near AS (SELECT n, seq, shared FROM ranked WHERE place <= {max_hits}
             UNION ALL SELECT n, seq, 0 FROM same WHERE place <= {max_hits}
             UNION ALL SELECT named.place - 1, s.seq, 0
                       FROM named JOIN sketches s ON s.article_id = named.article_id AND s.seq > :after)
    SELECT top.seen, near.n, near.shared, s.*
    FROM (SELECT coalesce(max(seq), 0) AS seen FROM sketches) top
    LEFT JOIN near ON 1 = 1
    LEFT JOIN sketches s ON s.seq = near.seq
"""
_INSERT_KEYS_POSTGRESQL = text(
    "INSERT INTO sketch_keys (key, seq, week) SELECT key, seq, :week"
    " FROM unnest(CAST(:keys AS integer[]), CAST(:seqs AS integer[])) AS k (key, seq)"
)
_INSERT_KEYS_SQLITE = "INSERT INTO sketch_keys (key, seq, week) VALUES (?, ?, ?)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A known article that resembles a candidate, and what they share."""

    known: KnownArticle
    shared_keys: int
    same_hash: bool
    same_id: bool


@dataclass(frozen=True, slots=True)
class LookUp:
    """Result of a look-up, with the highest `seq` that it could see."""

    hits: tuple[Hit, ...]
    seen: int
    newest_hit: int = 0  # the highest `seq` of the hits

    def nearby(self) -> NearbyArticles:
        """The hits as `decide` takes them."""
        others = [hit for hit in self.hits if not hit.same_id]
        return NearbyArticles(
            known=tuple(hit.known for hit in self.hits if hit.same_id),
            same_hash=tuple(hit.known for hit in others if hit.same_hash),
            sharing_keys=tuple(hit.known for hit in others if hit.shared_keys),
        )


def look_up(
    connection: Connection, candidates: Sequence[Candidate], *, after_seq: int = 0, since: datetime | None = None
) -> tuple[LookUp, ...]:
    """Known articles that resemble each candidate: its own, the same text, or two or more shared keys.

    One round trip. `after_seq`: only what was committed after an earlier look-up that saw up to it (call it under the
    lock then). `since` skips the partitions of older weeks.
    """
    since_week = week_of(since) if since else 0
    statement, values = _near(connection, candidates, after_seq=after_seq, since_week=since_week)
    rows = connection.execute(statement, values).all()
    seen = max((row.seen for row in rows), default=after_seq)
    found: list[dict[int, Hit]] = [{} for _ in candidates]
    # An article that was found in several ways counts with the most shared keys.
    for row in sorted((row for row in rows if row.seq is not None), key=lambda row: (-row.shared, -row.seq)):
        if row.seq not in found[row.n]:
            known, candidate = _known(row), candidates[row.n]
            found[row.n][row.seq] = Hit(
                known=known,
                shared_keys=row.shared,
                same_hash=known.fingerprint.content_hash == candidate.fingerprint.content_hash,
                same_id=known.article_id == candidate.article_id,
            )
    return tuple(LookUp(tuple(near.values()), seen, max(near, default=0)) for near in found)


def lock_for_claim(connection: Connection) -> None:
    """Wait until no other transaction holds the claim; held until commit. SQLite's writers wait at BEGIN."""
    if connection.dialect.name == "postgresql":
        # The key is "sketches" in hexadecimal.
        connection.execute(text("SELECT pg_advisory_xact_lock(x'736b657463686573'::bigint)"))


def insert_sketches(connection: Connection, articles: Sequence[KnownArticle], *, now: datetime) -> tuple[int, ...]:
    """Replace the sketches of these articles by those of new revisions; their `seq`. Call it under the lock."""
    if not articles:
        return ()
    week = week_of(now)
    forget_sketches(connection, [article.article_id for article in articles])
    if connection.dialect.name == "postgresql":
        ensure_partition(connection, week)
    rows = [
        {
            **{name: getattr(article, name) for name in SAME},
            "content_key": content_key(article.fingerprint),
            "withdrawn": article.state is ArticleState.WITHDRAWN,
            "relation": article.relation.value if article.relation else None,
            "fingerprint": article.fingerprint.to_bytes(),
        }
        for article in articles
    ]
    inserting = insert(sketches).returning(sketches.c.seq, sort_by_parameter_order=True)
    seqs = tuple(connection.scalars(inserting, rows))
    insert_keys(connection, seqs, [article.fingerprint.keys for article in articles], week)
    return seqs


def forget_sketches(connection: Connection, article_ids: Sequence[str]) -> None:
    """Delete the sketches of articles, as when they were merged into others."""
    connection.execute(delete(sketches).where(sketches.c.article_id.in_(article_ids)))


def known_articles(connection: Connection, article_ids: Sequence[str]) -> tuple[KnownArticle, ...]:
    """Those of these articles that have a sketch, earliest first."""
    if not article_ids:
        return ()
    rows = connection.execute(select(sketches).where(sketches.c.article_id.in_(article_ids)).order_by(sketches.c.seq))
    return tuple(_known(row) for row in rows)


def expire(connection: Connection, *, before: datetime) -> int:
    """Delete what was last revised before that time; returns how many weeks and rows. Repeat until it is 0.

    Use a transaction of its own: dropping a partition blocks every look-up until the commit.
    """
    lock_for_claim(connection)  # a concurrent claim may be replacing a row that is deleted here
    weeks = drop_weeks(connection, week_of(before))
    oldest = select(sketches.c.seq, sketches.c.last_revised_at).order_by(sketches.c.seq).limit(MAX_ROWS_PER_EXPIRY)
    gone = [row.seq for row in connection.execute(oldest) if row.last_revised_at < before]
    if gone:
        old = (sketches.c.seq <= gone[-1]) & (sketches.c.last_revised_at < before)
        connection.execute(delete(sketches).where(old))
    return weeks + len(gone)


def week_of(moment: datetime) -> int:
    """Weeks since 1970: the number of a partition."""
    return int(moment.astimezone(UTC).timestamp()) // (7 * 86_400)


def known_article(row: Row[Any], *, names: Sequence[str] = SAME_IN_ARTICLES, **others: Any) -> KnownArticle:
    """A row of `sketches` or `articles` as a known article; `others`: the fields that differ between the two."""
    same = {name: getattr(row, name) for name in names}
    return KnownArticle(**same, relation=Relation(row.relation) if row.relation else None, **others)


def _known(row: Row[Any]) -> KnownArticle:
    return known_article(
        row,
        names=SAME,
        fingerprint=Fingerprint.from_bytes(bytes(row.fingerprint)),
        state=ArticleState.WITHDRAWN if row.withdrawn else ArticleState.LIVE,
    )


def _near(
    connection: Connection, candidates: Sequence[Candidate], *, after_seq: int, since_week: int
) -> tuple[TextualSelect, Mapping[str, object]]:
    """Statement and values of a batch look-up: a row per hit, `n` the candidate's index, `seen` on every row."""
    keys = [candidate.fingerprint.keys for candidate in candidates]
    article_ids = [candidate.article_id for candidate in candidates]
    content_keys = [content_key(candidate.fingerprint) for candidate in candidates]
    if connection.dialect.name == "sqlite":
        lists = {"keys": keys, "article_ids": article_ids, "content_keys": content_keys}
        tables = (*week_tables(connection, since_week=since_week), "sketch_keys")
        packed = {name: json.dumps(values) for name, values in lists.items()}
        return _statement("sqlite", tables), packed | {"after": after_seq}
    arrays = {
        "asking": array_literal([n for n, of_one in enumerate(keys) for _ in of_one]),
        "keys": array_literal([key for of_one in keys for key in of_one]),
        "article_ids": array_literal(article_ids),
        "content_keys": array_literal(content_keys),
    }
    return _statement("postgresql", ("sketch_keys",)), {**arrays, "after": after_seq, "week": since_week}


def insert_keys(connection: Connection, seqs: Sequence[int], keys: Sequence[Sequence[int]], week: int) -> None:
    """Insert the keys of a batch of articles."""
    flat = [(key, seq) for seq, of_one in zip(seqs, keys, strict=True) for key in of_one]
    if not flat:
        return
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(_INSERT_KEYS_SQLITE, [(key, seq, week) for key, seq in flat])
        if seqs[0] // FILE_EVERY != (seqs[-1] + 1) // FILE_EVERY:
            file_keys(connection)
        return
    lists = array_literal([key for key, _ in flat]), array_literal([seq for _, seq in flat])
    connection.execute(_INSERT_KEYS_POSTGRESQL, {"keys": lists[0], "seqs": lists[1], "week": week})


def array_literal(values: Sequence[object]) -> str:
    """A PostgreSQL array as text: ten times as fast as the driver's conversion of a thousand numbers."""
    return "{" + json.dumps(values, ensure_ascii=False)[1:-1] + "}"


def has_text(connection: Connection, candidate: Candidate) -> bool:
    """Whether an article of the candidate's domain has the same text, under another id."""
    same_text = sketches.c.content_key == content_key(candidate.fingerprint), sketches.c.domain == candidate.domain
    known = select(sketches.c.seq).where(*same_text, sketches.c.article_id != candidate.article_id)
    return connection.scalar(known.limit(1)) is not None


def content_key(fingerprint: Fingerprint) -> int:
    """Eight bytes of the content hash, as a signed integer."""
    return int.from_bytes(bytes.fromhex(fingerprint.content_hash[:16]), "big", signed=True)


@lru_cache(maxsize=16)
def _statement(dialect: str, tables: tuple[str, ...]) -> TextualSelect:
    found = " UNION ALL ".join(_FOUND[dialect].format(table=table, max_per_key=model.MAX_PER_KEY) for table in tables)
    words = _NEAR.format(asked=_ASKED[dialect], found=found, min_shared=model.MIN_SHARED_KEYS, max_hits=model.MAX_HITS)
    return text(words).columns(*sketches.c, seen=Integer, n=Integer, shared=Integer)


def week_tables(connection: Connection, *, since_week: int = 0) -> tuple[str, ...]:
    """SQLite's weekly key tables, oldest week first."""
    named = text("SELECT name FROM sqlite_master WHERE type = 'table' AND name GLOB 'sketch_keys_w*'")
    weeks = sorted(week_in(name) for name in connection.scalars(named))
    return tuple(week_table(week) for week in weeks if week >= since_week)


def ensure_partition(connection: Connection, week: int) -> None:
    """Create a week's partition. It is attached afterwards: creating it in place would wait for every reader."""
    name = week_table(week)
    if connection.scalar(text("SELECT to_regclass(:name)"), {"name": name}) is not None:
        return
    connection.execute(text(f"CREATE TABLE {name} (LIKE sketch_keys INCLUDING DEFAULTS)"))
    connection.execute(text(f"ALTER TABLE sketch_keys ATTACH PARTITION {name} FOR VALUES IN ({week})"))


def file_keys(connection: Connection) -> None:
    """Move SQLite's new keys to the tables of their weeks, in index order."""
    for week in connection.scalars(text("SELECT DISTINCT week FROM sketch_keys")).all():
        name = week_table(week)
        columns = "key INTEGER, seq INTEGER, PRIMARY KEY (key, seq)"
        connection.execute(text(f"CREATE TABLE IF NOT EXISTS {name} ({columns}) WITHOUT ROWID"))
        of_week = select(sketch_keys.c.key, sketch_keys.c.seq).where(sketch_keys.c.week == week)
        filing = insert(table(name, column("key"), column("seq"))).prefix_with("OR IGNORE")
        connection.execute(filing.from_select(["key", "seq"], of_week.order_by(sketch_keys.c.key, sketch_keys.c.seq)))
    connection.execute(delete(sketch_keys))


def drop_weeks(connection: Connection, first_kept: int) -> int:
    """Drop the keys of the weeks before that one; returns how many weeks."""
    if connection.dialect.name == "postgresql":
        names = text("SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'sketch_keys'::regclass")
        tables = tuple(connection.scalars(names))
    else:
        tables = week_tables(connection)
        # New keys that were never moved, because few articles came.
        connection.execute(delete(sketch_keys).where(sketch_keys.c.week < first_kept))
    old = [name for name in tables if week_in(name) < first_kept]
    for name in old:
        connection.execute(text(f"DROP TABLE {name}"))
    return len(old)


def week_table(week: int) -> str:
    """Name of a week's table."""
    return f"sketch_keys_w{week}"


def week_in(name: str) -> int:
    """The week of a table's name."""
    return int(name.rpartition("_w")[2])
