"""The decision: what becomes of an article, from what is known near it. Pure: gathered before, carried out after.

    known under its id or an alias?   (what only a named address leads to must resemble: namesakes.py)
                                      withdrawn → NEW again · two ids → merged · changed → REVISED · else UNCHANGED
    else a copy of another?           same outlet → DUPLICATE · else COPY
    else                              NEW, perhaps a digest, perhaps related

Promises the same decision for the same values, a reason in words, and that deciding again on what was decided gives
UNCHANGED. Races are left to the store: it looks up again under its lock (connectors/store/sketches.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from pipeline.dedup.alias_check import recognise
from pipeline.dedup.changes import RevisionKind, find_change, is_held_back
from pipeline.dedup.fingerprint import METHOD
from pipeline.dedup.matching import Kinship, Pair, kinship
from pipeline.dedup.model import (
    ArticleState,
    Candidate,
    Considered,
    DecidePolicy,
    KnownArticle,
    Relation,
    Sightings,
)
from pipeline.domain.model import Verdict
from pipeline.text.tokens import WordsChanged, words_changed

__all__ = [
    "ArticleState",
    "Candidate",
    "Considered",
    "CopySimilarity",
    "DecidePolicy",
    "Decision",
    "Direction",
    "KnownArticle",
    "Relation",
    "RevisionKind",
    "Sightings",
    "WordsChanged",
    "decide",
    "remembered",
    "words_changed",
]

EQUAL_SHARE = 0.8  # of both texts, for a copy that is neither cut nor expanded


class Direction(StrEnum):
    """What a copy did with its original."""

    EQUAL = "equal"
    CUT = "cut"
    EXPANDED = "expanded"


@dataclass(frozen=True, slots=True)
class CopySimilarity:
    """How alike copy and original are: shares of word-3-grams, estimated within ±0.03."""

    containment_of_copy: float  # share of the copy found in the original
    containment_of_original: float
    jaccard: float


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of the candidate. `article_id` is the id that stays, `merged_id` the one that goes (a tombstone)."""

    verdict: Verdict
    article_id: str
    cluster_id: str
    reason: str
    revision: int = 1
    previous_text_hash: str | None = None
    changed: tuple[str, ...] = ()  # headline, text
    revision_kind: RevisionKind | None = None
    relation: Relation | None = None
    copy_of: str | None = None
    related_to: tuple[str, ...] = ()  # what a digest quotes, or the related article
    similarity: CopySimilarity | None = None
    direction: Direction | None = None
    merged_id: str | None = None
    has_more_to_merge: bool = False  # a third id: an update names one merged id, so the next look merges the next
    namesakes: tuple[str, ...] = ()  # articles that an address in its page leads to, and that it is not
    debounced: bool = False  # a change of a live blog held back: keep the old fingerprint, look again
    considered: tuple[Considered, ...] = ()
    method: str = METHOD


def decide(candidate: Candidate, sightings: Sightings, *, now: datetime, policy: DecidePolicy) -> Decision:
    """The decision on a candidate."""
    recognised = recognise(candidate, sightings, policy)
    decision = _decide(recognised.candidate, recognised.known, sightings, now=now, policy=policy)
    if not recognised.namesakes:
        return decision
    doubt = f"an address it names is {', '.join(recognised.namesakes)}'s, of other words: not believed"
    return replace(decision, reason=f"{decision.reason}; {doubt}", namesakes=recognised.namesakes)


def _decide(
    candidate: Candidate,
    known: Sequence[KnownArticle],
    sightings: Sightings,
    *,
    now: datetime,
    policy: DecidePolicy,
) -> Decision:
    if not known:
        return _decide_unknown(candidate, sightings, policy)
    survivor, *others = sorted(known, key=_survival_order)
    if others:
        return _merge(candidate, survivor, others)
    if survivor.state is ArticleState.WITHDRAWN:
        return _publish_again(survivor)
    return _decide_known(candidate, survivor, sightings, now=now, policy=policy)


def remembered(candidate: Candidate, decision: Decision, before: KnownArticle | None, *, now: datetime) -> KnownArticle:
    """The article as it is known after a decision that changed it; `before` is what was known under its id."""
    return KnownArticle(
        article_id=decision.article_id,
        outlet_id=candidate.outlet_id,
        domain=candidate.domain,
        title=candidate.title,
        fingerprint=candidate.fingerprint,
        seen_at=before.seen_at if before else candidate.seen_at,
        revision=decision.revision,
        cluster_id=decision.cluster_id,
        last_revised_at=now,
        relation=decision.relation,
        copy_of=decision.copy_of,
        is_live_blog=candidate.is_live_blog,
    )


def _survival_order(known: KnownArticle) -> tuple[bool, bool, datetime, str]:
    """Which of several ids stays: one that consumers know, that is not withdrawn, the oldest."""
    unpublished = known.relation is Relation.DUPLICATE
    return unpublished, known.state is ArticleState.WITHDRAWN, known.seen_at, known.article_id


def _decide_known(
    candidate: Candidate, known: KnownArticle, sightings: Sightings, *, now: datetime, policy: DecidePolicy
) -> Decision:
    repeated = sightings.repeated | candidate.repeated
    change = find_change(known.fingerprint, candidate.fingerprint, repeated=repeated)
    if change is None:
        return _stays(known, "headline and text as before")
    is_live_blog = candidate.is_live_blog or known.is_live_blog
    if is_live_blog and is_held_back(change, known, now=now, policy=policy):
        return _stays(known, "a live blog that changed little since its last revision", debounced=True)
    likeness = f"{change.similarity.containment_a:.0%} of the old text kept" if change.kind else "its sketch expired"
    return Decision(
        Verdict.REVISED,
        known.article_id,
        known.cluster_id,
        f"{' and '.join(change.fields)} changed ({change.kind or 'how is not known'}, {likeness})",
        revision=known.revision + 1,
        previous_text_hash=known.fingerprint.content_hash,
        changed=change.fields,
        revision_kind=change.kind,
        relation=known.relation,
        copy_of=known.copy_of,
    )


def _stays(known: KnownArticle, reason: str, *, debounced: bool = False) -> Decision:
    return Decision(
        Verdict.UNCHANGED,
        known.article_id,
        known.cluster_id,
        reason,
        revision=known.revision,
        relation=known.relation,
        copy_of=known.copy_of,
        debounced=debounced,
    )


def _publish_again(known: KnownArticle) -> Decision:
    return Decision(
        Verdict.NEW,
        known.article_id,
        known.cluster_id,
        "came back after it was withdrawn",
        revision=known.revision + 1,
        previous_text_hash=known.fingerprint.content_hash,
        relation=known.relation,
        copy_of=known.copy_of,
    )


def _merge(candidate: Candidate, survivor: KnownArticle, others: Sequence[KnownArticle]) -> Decision:
    other = others[0]
    change = find_change(survivor.fingerprint, candidate.fingerprint)
    return Decision(
        Verdict.REVISED,
        survivor.article_id,
        survivor.cluster_id,
        f"this page proves that {other.article_id} is the same article",
        revision=max(survivor.revision, other.revision) + 1,
        previous_text_hash=survivor.fingerprint.content_hash,
        changed=change.fields if change else (),
        revision_kind=change.kind if change else None,
        relation=survivor.relation,
        copy_of=survivor.copy_of,
        merged_id=other.article_id,
        has_more_to_merge=len(others) > 1,
    )


def _decide_unknown(candidate: Candidate, sightings: Sightings, policy: DecidePolicy) -> Decision:
    kin = kinship(candidate, sightings, policy)
    return _decide_copy(candidate, kin, kin.copied) if kin.copied else _decide_new(candidate, kin)


def _decide_copy(candidate: Candidate, kin: Kinship, pair: Pair) -> Decision:
    original = pair.known
    likeness = CopySimilarity(
        round(pair.similarity.containment_a, 3),
        round(pair.similarity.containment_b, 3),
        round(pair.similarity.jaccard, 3),
    )
    direction = _direction(likeness)
    same_outlet = candidate.outlet_id == original.outlet_id or candidate.domain == original.domain
    # An outlet's fuller version of its own brief must not be hidden as a duplicate of the brief.
    relation = Relation.DUPLICATE if same_outlet and direction is not Direction.EXPANDED else Relation.COPY
    return Decision(
        Verdict.DUPLICATE if relation is Relation.DUPLICATE else Verdict.COPY,
        candidate.article_id,
        original.cluster_id,
        _copy_reason(pair, likeness),
        relation=relation,
        copy_of=original.article_id,
        similarity=likeness,
        direction=direction,
        considered=kin.considered,
    )


def _copy_reason(pair: Pair, likeness: CopySimilarity) -> str:
    if pair.same_words:
        return f"same text as {pair.known.article_id}"
    copy, original = likeness.containment_of_copy, likeness.containment_of_original
    found = f"{copy:.0%} of it is in {pair.known.article_id}, {original:.0%} of that in it"
    return f"{found}; headlines share {pair.title_overlap:.0%}"


def _direction(likeness: CopySimilarity) -> Direction:
    if min(likeness.containment_of_copy, likeness.containment_of_original) >= EQUAL_SHARE:
        return Direction.EQUAL
    return Direction.CUT if likeness.containment_of_copy >= likeness.containment_of_original else Direction.EXPANDED


def _decide_new(candidate: Candidate, kin: Kinship) -> Decision:
    reasons = {
        None: "no known article shares enough of its words",
        Relation.DIGEST: f"quotes {len(kin.related_to)} articles at length",
        Relation.RELATED: f"shares a part with {', '.join(kin.related_to)}",
    }
    reason = "extraction doubted: not compared" if candidate.fingerprint.suspect else reasons[kin.relation]
    return Decision(
        Verdict.NEW,
        candidate.article_id,
        candidate.article_id,
        reason,
        relation=kin.relation,
        related_to=kin.related_to,
        considered=kin.considered,
    )
