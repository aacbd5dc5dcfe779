"""Sketches: the near-duplicate side of the store, as tables and as functions on an open connection.

The claim, so that two workers never split a story (research measured 24 % splits without, none with it):

    look_up (any transaction) → decide → in the writing transaction: lock_for_claim, changed_since,
    decide again when that found anything, insert_sketches, commit

It holds because `seq` is given inside the lock and the lock is held until commit: what my look-up could not see has a
higher `seq` than anything it saw. The lock is a statement of its own, so that what follows it sees what was committed
before. What is known of pages' furniture lives in connectors/store/repeated_paragraphs.py; what an article is, in the
store.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, text, update

from connectors.store import sketch_queries
from connectors.store.sketch_partitions import drop_weeks, ensure_partition
from connectors.store.sketch_tables import outlet_shingles, sketch_keys, sketches
from pipeline.dedup.decide import ArticleState, Candidate, KnownArticle, Relation, Sightings
from pipeline.dedup.fingerprint import Fingerprint

__all__ = [
    "Hit",
    "LookUp",
    "changed_since",
    "expire",
    "forget_sketches",
    "insert_sketch",
    "insert_sketches",
    "known_articles",
    "lock_for_claim",
    "look_up",
    "look_up_all",
    "move_cluster",
    "outlet_shingles",
    "set_state",
    "sketch_keys",
    "sketches",
    "week_of",
]

MAX_ROWS_PER_EXPIRY = 20_000  # rows per call, so that no transaction lasts


@dataclass(frozen=True, slots=True)
class Hit:
    """A known article near a candidate, and why it was found."""

    known: KnownArticle
    seq: int
    shared_keys: int
    same_hash: bool
    same_id: bool


@dataclass(frozen=True, slots=True)
class LookUp:
    """What a look-up found, and the highest `seq` that it could see."""

    hits: tuple[Hit, ...]
    seen: int

    def sightings(self, repeated: frozenset[int] = frozenset()) -> Sightings:
        """The hits as `decide` wants them."""
        others = [hit for hit in self.hits if not hit.same_id]
        return Sightings(
            known=tuple(hit.known for hit in self.hits if hit.same_id),
            same_hash=tuple(hit.known for hit in others if hit.same_hash),
            sharing_keys=tuple(hit.known for hit in others if hit.shared_keys),
            repeated=repeated,
        )


def look_up(connection: Connection, candidate: Candidate, *, after_seq: int = 0) -> LookUp:
    """What is known near a candidate: its own article, the same text, two or more shared keys."""
    return look_up_all(connection, (candidate,), after_seq=after_seq)[0]


def look_up_all(
    connection: Connection, candidates: Sequence[Candidate], *, after_seq: int = 0, since: datetime | None = None
) -> tuple[LookUp, ...]:
    """`look_up` for several candidates in one round trip; `since` spares the partitions of older weeks."""
    since_week = week_of(since) if since else 0
    statement, values = sketch_queries.near(connection, candidates, after_seq=after_seq, since_week=since_week)
    rows = connection.execute(statement, values).all()
    seen = max((row.seen for row in rows), default=after_seq)
    found: list[dict[int, Hit]] = [{} for _ in candidates]
    for row in sorted((row for row in rows if row.seq is not None), key=_best_first):
        near = found[row.n]
        before = near.get(row.seq)
        near[row.seq] = _hit(row, candidates[row.n], before)
    return tuple(LookUp(tuple(near.values()), seen) for near in found)


def lock_for_claim(connection: Connection) -> None:
    """Wait until no other transaction is between its own lock and its commit. SQLite's writers wait at BEGIN."""
    if connection.dialect.name == "postgresql":
        # The key is "sketches" in hexadecimal.
        connection.execute(text("SELECT pg_advisory_xact_lock(x'736b657463686573'::bigint)"))


def changed_since(connection: Connection, candidate: Candidate, seen: int) -> LookUp:
    """What was committed near the candidate after a look-up that had seen so much. Call it under the lock."""
    return look_up(connection, candidate, after_seq=seen)


def insert_sketch(connection: Connection, article: KnownArticle, *, now: datetime) -> int:
    """Remember an article's revision in place of the one before; its `seq`. Call it under the lock."""
    return insert_sketches(connection, (article,), now=now)[0]


def insert_sketches(connection: Connection, articles: Sequence[KnownArticle], *, now: datetime) -> tuple[int, ...]:
    """`insert_sketch` for several articles of different ids."""
    if not articles:
        return ()
    week = week_of(now)
    forget_sketches(connection, [article.article_id for article in articles])
    if connection.dialect.name == "postgresql":
        ensure_partition(connection, week)
    rows = [_row(article) for article in articles]
    inserting = insert(sketches).returning(sketches.c.seq, sort_by_parameter_order=True)
    seqs = tuple(connection.scalars(inserting, rows))
    sketch_queries.insert_keys(connection, seqs, [article.fingerprint.keys for article in articles], week)
    return seqs


def forget_sketches(connection: Connection, article_ids: Sequence[str]) -> None:
    """Forget articles that were merged into others."""
    connection.execute(delete(sketches).where(sketches.c.article_id.in_(article_ids)))


def known_articles(connection: Connection, article_ids: Sequence[str]) -> tuple[KnownArticle, ...]:
    """The articles of these ids that are remembered, the earliest first."""
    rows = connection.execute(select(sketches).where(sketches.c.article_id.in_(article_ids)).order_by(sketches.c.seq))
    return tuple(_known(row) for row in rows)


def set_state(connection: Connection, article_id: str, state: ArticleState) -> None:
    """Note that an article was withdrawn, or came back."""
    withdrawn = state is ArticleState.WITHDRAWN
    connection.execute(update(sketches).where(sketches.c.article_id == article_id).values(withdrawn=withdrawn))


def move_cluster(connection: Connection, article_id: str, cluster_id: str) -> None:
    """Put an article under another cluster: the survivor's, when two ids were merged."""
    connection.execute(update(sketches).where(sketches.c.article_id == article_id).values(cluster_id=cluster_id))


def expire(connection: Connection, *, before: datetime) -> int:
    """Forget what was last revised before that time; how many weeks and rows went. Repeat until it is 0.

    In a transaction of its own: dropping a partition makes every look-up wait until the commit.
    """
    lock_for_claim(connection)  # a claim may be replacing a row that goes here
    weeks = drop_weeks(connection, week_of(before))
    oldest = select(sketches.c.seq, sketches.c.last_revised_at).order_by(sketches.c.seq).limit(MAX_ROWS_PER_EXPIRY)
    gone = [row.seq for row in connection.execute(oldest) if row.last_revised_at < before]
    if gone:
        old = (sketches.c.seq <= gone[-1]) & (sketches.c.last_revised_at < before)
        connection.execute(delete(sketches).where(old))
    return weeks + len(gone)


def week_of(moment: datetime) -> int:
    """Weeks since 1970: the name of a partition."""
    return int(moment.astimezone(UTC).timestamp()) // (7 * 86_400)


def _best_first(row: Row[Any]) -> tuple[int, int]:
    return -row.shared, -row.seq


def _hit(row: Row[Any], candidate: Candidate, before: Hit | None) -> Hit:
    known = before.known if before else _known(row)
    return Hit(
        known,
        row.seq,
        shared_keys=max(row.shared, before.shared_keys if before else 0),
        same_hash=known.fingerprint.content_hash == candidate.fingerprint.content_hash,
        same_id=known.article_id == candidate.article_id,
    )


def _known(row: Row[Any]) -> KnownArticle:
    return KnownArticle(
        article_id=row.article_id,
        outlet_id=row.outlet_id,
        domain=row.domain,
        title=row.title,
        fingerprint=Fingerprint.from_bytes(bytes(row.fingerprint)),
        seen_at=row.seen_at,
        revision=row.revision,
        cluster_id=row.cluster_id,
        last_revised_at=row.last_revised_at,
        state=ArticleState.WITHDRAWN if row.withdrawn else ArticleState.LIVE,
        relation=Relation(row.relation) if row.relation else None,
        copy_of=row.copy_of,
        is_live_blog=row.is_live_blog,
    )


def _row(article: KnownArticle) -> dict[str, object]:
    return {
        "article_id": article.article_id,
        "outlet_id": article.outlet_id,
        "domain": article.domain,
        "cluster_id": article.cluster_id,
        "title": article.title,
        "seen_at": article.seen_at,
        "last_revised_at": article.last_revised_at,
        "content_key": sketch_queries.content_key(article.fingerprint),
        "revision": article.revision,
        "withdrawn": article.state is ArticleState.WITHDRAWN,
        "is_live_blog": article.is_live_blog,
        "relation": article.relation.value if article.relation else None,
        "copy_of": article.copy_of,
        "fingerprint": article.fingerprint.to_bytes(),
    }
