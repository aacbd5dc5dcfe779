"""Corpus store: batches of rows are deduplicated by claims, so several processes may add to one corpus at once.

Promises: copies claimed at the same moment by several workers end in one cluster; a batch is stored whole or not at
all; a row added again is UNCHANGED under the same ids. Only sketches are stored: messages and aliases are left to
connectors/store/articles.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta

from connectors.store import sketches
from connectors.store.database import Database
from connectors.store.repeated_paragraphs import note_paragraphs, repeated_paragraphs
from connectors.store.sketches import LookUp
from pipeline.dedup.decide import Decision, article_after, decide
from pipeline.dedup.fingerprint import paragraph_hashes
from pipeline.dedup.jsonl import DedupRow, RowDecision, candidate_of
from pipeline.dedup.model import Candidate, DecidePolicy, KnownArticle, MemoryIndex, NearbyArticles
from pipeline.domain.model import Verdict
from pipeline.identity.urls import canonicalise, host
from pipeline.ingest.ports import RepeatedQuery

A_DAY = timedelta(days=1)  # longer than any wait between look-up and lock


class CorpusStore:
    """A corpus on a Database; a row without a date gets the time of its arrival."""

    def __init__(self, database: Database, *, clock: Callable[[], datetime]) -> None:
        self.database = database
        self.clock = clock

    def add_all(self, rows: Sequence[DedupRow]) -> tuple[RowDecision, ...]:
        """Decide on rows in order, in two transactions: first their paragraphs, then the claim. Raises StoreError."""
        now, candidates, texts = self.clock(), [], set[tuple[str, int]]()
        with self.database.writing() as connection:
            sketches.lock_for_claim(connection)  # two processes with rows of one host would deadlock
            for row in rows:
                # Count the paragraphs for the host; the candidate leaves out what the host repeated before.
                shown = RepeatedQuery(host(row.url), paragraph_hashes(row.text), canonicalise(row.url))
                repeated = repeated_paragraphs(connection, [shown])[0]
                candidate = candidate_of(row, repeated, seen_at=row.published or now)
                candidates.append(candidate)
                text = shown.domain, sketches.content_key(candidate.fingerprint)
                if text not in texts and not sketches.has_text(connection, candidate):  # a duplicate repeats an article
                    note_paragraphs(connection, [shown], now=now)
                texts.add(text)
        decisions = claim(self.database, candidates, now=now, policy=DecidePolicy())
        return tuple(RowDecision(row.id, decision) for row, decision in zip(rows, decisions, strict=True))


def claim(
    database: Database, candidates: Sequence[Candidate], *, now: datetime, policy: DecidePolicy
) -> tuple[Decision, ...]:
    """Decide on a batch, in order, and store the outcome in one durable transaction."""
    with database.reading() as connection:
        before = sketches.look_up(connection, candidates)
    both = zip(candidates, before, strict=True)
    early = [decide(candidate, found.nearby(), now=now, policy=policy) for candidate, found in both]
    if all(decision.verdict is Verdict.UNCHANGED for decision in early):
        return tuple(early)
    seen = min((found.seen for found in before), default=0)
    with database.writing() as connection:
        sketches.lock_for_claim(connection)
        since = sketches.look_up(connection, candidates, after_seq=seen, since=now - A_DAY)
        batch = _Batch(now, policy)
        for candidate, *found, decision in zip(candidates, before, since, early, strict=True):
            batch.decide(candidate, found, decision)
        sketches.insert_sketches(connection, tuple(batch.articles.values()), now=now)
    return tuple(batch.decisions)


class _Batch:
    """The decisions of a claim. Each takes the ones before it into account."""

    def __init__(self, now: datetime, policy: DecidePolicy) -> None:
        self.now, self.policy = now, policy
        self.index = MemoryIndex()
        self.articles: dict[str, KnownArticle] = {}  # the last revision of each article
        self.decisions: list[Decision] = []

    def decide(self, candidate: Candidate, found: Sequence[LookUp], early: Decision) -> None:
        """Keep the early decision, unless another worker or this batch stored something similar since."""
        ours = self.index.nearby(candidate)
        nearby = _joined(*(each.nearby() for each in found), ours)
        is_still_valid = not found[-1].hits and ours == NearbyArticles()
        decision = early if is_still_valid else decide(candidate, nearby, now=self.now, policy=self.policy)
        self.decisions.append(decision)
        if decision.verdict is Verdict.UNCHANGED:
            return
        known = next((each for each in nearby.known if each.article_id == decision.article_id), None)
        article = article_after(candidate, decision, known, now=self.now)
        self.articles[article.article_id] = article
        self.index.put(article)


def _joined(*nearby: NearbyArticles) -> NearbyArticles:
    """Several look-up results as one; of an article that occurs in several, the last version."""
    newest = {a.article_id: a for each in nearby for a in (*each.known, *each.same_hash, *each.sharing_keys)}

    def join(groups: Iterable[Sequence[KnownArticle]]) -> tuple[KnownArticle, ...]:
        ids = dict.fromkeys(article.article_id for group in groups for article in group)
        return tuple(newest[article_id] for article_id in ids)

    return NearbyArticles(
        known=join(each.known for each in nearby),
        same_hash=join(each.same_hash for each in nearby),
        sharing_keys=join(each.sharing_keys for each in reversed(nearby)),
    )
