"""Claims: a batch of articles decided on and remembered as if nobody else were deciding.

Promises that copies claimed at the same moment by several workers end in one cluster, that a claim is remembered whole
or not at all, and that claiming the same again gives UNCHANGED. What else a verdict writes is the store's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from connectors.store import sketches
from connectors.store.database import Database
from connectors.store.sketches import LookUp
from pipeline.dedup.decide import Candidate, DecidePolicy, Decision, KnownArticle, Sightings, decide, remembered
from pipeline.dedup.memory_index import Nearby
from pipeline.domain.model import Verdict

A_DAY = timedelta(days=1)  # nobody waits so long between look-up and lock


def claim(
    database: Database, candidates: Sequence[Candidate], *, now: datetime, policy: DecidePolicy
) -> tuple[Decision, ...]:
    """Decide on a batch, in order, and remember the outcome in one durable transaction."""
    with database.reading() as connection:
        before = sketches.look_up_all(connection, candidates)
    early = [decide(each, found.sightings(), now=now, policy=policy) for each, found in _paired(candidates, before)]
    if all(decision.verdict is Verdict.UNCHANGED for decision in early):
        return tuple(early)
    with database.writing() as connection:
        sketches.lock_for_claim(connection)
        since = sketches.look_up_all(connection, candidates, after_seq=_seen(before), since=now - A_DAY)
        batch = _Batch(now, policy)
        for candidate, *found, decision in zip(candidates, before, since, early, strict=True):
            batch.decide(candidate, found, decision)
        sketches.insert_sketches(connection, batch.articles, now=now)
    return tuple(batch.decisions)


class _Batch:
    """The decisions of a claim: each sees what the ones before it decided."""

    def __init__(self, now: datetime, policy: DecidePolicy) -> None:
        self._now, self._policy = now, policy
        self._nearby = Nearby()
        self._articles: dict[str, KnownArticle] = {}
        self.decisions: list[Decision] = []

    @property
    def articles(self) -> tuple[KnownArticle, ...]:
        """What is to be remembered: the last revision of each article."""
        return tuple(self._articles.values())

    def decide(self, candidate: Candidate, found: Sequence[LookUp], early: Decision) -> None:
        """Keep the early decision unless somebody, or this batch, was faster."""
        ours = self._nearby.sightings(candidate)
        sightings = _joined(*(each.sightings() for each in found), ours)
        is_early_enough = not found[-1].hits and ours == Sightings()
        decision = early if is_early_enough else decide(candidate, sightings, now=self._now, policy=self._policy)
        self.decisions.append(decision)
        if decision.verdict is Verdict.UNCHANGED:
            return
        known = next((each for each in sightings.known if each.article_id == decision.article_id), None)
        article = remembered(candidate, decision, known, now=self._now)
        self._articles[article.article_id] = article
        self._nearby.put(article)


def _paired(candidates: Sequence[Candidate], found: Sequence[LookUp]) -> zip[tuple[Candidate, LookUp]]:
    return zip(candidates, found, strict=True)


def _seen(found: Sequence[LookUp]) -> int:
    return min((each.seen for each in found), default=0)


def _joined(*sightings: Sightings) -> Sightings:
    """Several sightings as one; of an article that is in more than one of them, the last."""
    newest = {a.article_id: a for each in sightings for a in (*each.known, *each.same_hash, *each.sharing_keys)}
    return Sightings(
        known=_newest((each.known for each in sightings), newest),
        same_hash=_newest((each.same_hash for each in sightings), newest),
        sharing_keys=_newest((each.sharing_keys for each in reversed(sightings)), newest),
    )


def _newest(groups: Iterable[Sequence[KnownArticle]], newest: Mapping[str, KnownArticle]) -> tuple[KnownArticle, ...]:
    ids = dict.fromkeys(article.article_id for group in groups for article in group)
    return tuple(newest[article_id] for article_id in ids)
