"""The two statements that must be fast, in each database's own words: what is near, and the keys of a batch.

One round trip for a whole batch. Promises the same answer from both databases; what is done with it is sketches.py.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache

from sqlalchemy import Connection, Integer, TextualSelect, text

from connectors.store.sketch_partitions import FILE_EVERY, file_keys, week_tables
from connectors.store.sketch_tables import sketches
from pipeline.dedup.decide import Candidate
from pipeline.dedup.fingerprint import Fingerprint
from pipeline.dedup.memory_index import MAX_HITS, MAX_PER_KEY, MIN_SHARED_KEYS

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
# No ORDER BY on PostgreSQL: its partitions are read oldest first, and merging five of them for each key took twice the
# time. SQLite has a table per week, and knows no LATERAL: there the first rows of a key end at the seq of the
# sixty-fourth, and LIMIT -1 has that found once per key, not once per row.
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


def near(
    connection: Connection, candidates: Sequence[Candidate], *, after_seq: int, since_week: int
) -> tuple[TextualSelect, Mapping[str, object]]:
    """The look-up of a batch: a row per hit, `n` the candidate's place, and `seen` on every row."""
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
    """The keys of a batch of articles."""
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
    """A PostgreSQL array as its text form: the driver takes ten times as long over a thousand numbers."""
    return "{" + json.dumps(values, ensure_ascii=False)[1:-1] + "}"


def content_key(fingerprint: Fingerprint) -> int:
    """Eight bytes of the content hash, as a signed integer."""
    return int.from_bytes(bytes.fromhex(fingerprint.content_hash[:16]), "big", signed=True)


@lru_cache(maxsize=16)
def _statement(dialect: str, tables: tuple[str, ...]) -> TextualSelect:
    found = " UNION ALL ".join(_FOUND[dialect].format(table=table, max_per_key=MAX_PER_KEY) for table in tables)
    words = _NEAR.format(asked=_ASKED[dialect], found=found, min_shared=MIN_SHARED_KEYS, max_hits=MAX_HITS)
    return text(words).columns(*sketches.c, seen=Integer, n=Integer, shared=Integer)
