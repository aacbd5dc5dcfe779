"""Dedup decision: the verdict on an article from the known articles near it. Pure.

    known under its id or an alias?   (an alias that a page only names must resemble it: alias_check.py)
                                      withdrawn → NEW again · two ids → merged · changed → REVISED · else UNCHANGED
    else a copy of another?           same outlet → DUPLICATE · else COPY
    else                              NEW, perhaps a digest, perhaps related

Promises the same decision for the same values, a readable reason, and UNCHANGED when the same article is decided again.
Left to others: races (connectors/store/sketches.py looks up again under its lock).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from pipeline.dedup.alias_check import check_aliases
from pipeline.dedup.changes import RevisionKind, find_change, is_debounced
from pipeline.dedup.fingerprint import METHOD
from pipeline.dedup.matching import Matches, Pair, find_matches
from pipeline.dedup.model import (
    ArticleState,
    Candidate,
    ComparedArticle,
    DecidePolicy,
    KnownArticle,
    NearbyArticles,
    Relation,
)
from pipeline.domain.model import Verdict
from pipeline.text.tokens import WordsChanged, words_changed

__all__ = [
    "ArticleState",
    "Candidate",
    "ComparedArticle",
    "CopySimilarity",
    "DecidePolicy",
    "Decision",
    "Direction",
    "KnownArticle",
    "NearbyArticles",
    "Relation",
    "RevisionKind",
    "WordsChanged",
    "article_after",
    "decide",
    "words_changed",
]

EQUAL_SHARE = 0.8  # shared by both texts when a copy is neither cut nor expanded


class Direction(StrEnum):
    """How a copy relates to the length of its original."""

    EQUAL = "equal"
    CUT = "cut"
    EXPANDED = "expanded"


@dataclass(frozen=True, slots=True)
class CopySimilarity:
    """Similarity of copy and original: shares of word-3-grams, estimated within ±0.03."""

    containment_of_copy: float  # share of the copy found in the original
    containment_of_original: float
    jaccard: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Verdict on a candidate. `article_id` is the id that stays, `merged_id` the one replaced (a tombstone)."""

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
    related_to: tuple[str, ...] = ()  # the articles that a digest quotes, or the related one
    similarity: CopySimilarity | None = None
    direction: Direction | None = None
    merged_id: str | None = None
    has_more_to_merge: bool = False  # a third id: an update names one merged id, so the next visit merges the next
    rejected_aliases: tuple[str, ...] = ()  # ids of addresses that its page names, of other articles
    debounced: bool = False  # change of a live blog not published: keep the old fingerprint and compare again
    considered: tuple[ComparedArticle, ...] = ()
    method: str = METHOD


def decide(candidate: Candidate, nearby: NearbyArticles, *, now: datetime, policy: DecidePolicy) -> Decision:
    """Decide on a candidate."""
    checked = check_aliases(candidate, nearby, policy)
    decision = _decide(checked.candidate, checked.known, nearby, now=now, policy=policy)
    if not checked.rejected_aliases:
        return decision
    doubt = f"an address it names is {', '.join(checked.rejected_aliases)}'s, of other words: not believed"
    return replace(decision, reason=f"{decision.reason}; {doubt}", rejected_aliases=checked.rejected_aliases)


def _decide(
    candidate: Candidate,
    known: Sequence[KnownArticle],
    nearby: NearbyArticles,
    *,
    now: datetime,
    policy: DecidePolicy,
) -> Decision:
    if not known:
        return _decide_unknown(candidate, nearby, policy)
    survivor, *others = sorted(known, key=_survival_order)
    if others:
        return _merge(candidate, survivor, others)
    if survivor.state is ArticleState.WITHDRAWN:
        return _publish_again(survivor)
    return _decide_known(candidate, survivor, nearby, now=now, policy=policy)


def article_after(
    candidate: Candidate, decision: Decision, before: KnownArticle | None, *, now: datetime
) -> KnownArticle:
    """The known article after a decision that changed it; `before` is the one known under its id."""
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
    """Order of ids to keep: known to consumers first, then not withdrawn, then the oldest."""
    unpublished = known.relation is Relation.DUPLICATE
    return unpublished, known.state is ArticleState.WITHDRAWN, known.seen_at, known.article_id


def _decide_known(
    candidate: Candidate, known: KnownArticle, nearby: NearbyArticles, *, now: datetime, policy: DecidePolicy
) -> Decision:
    repeated = nearby.repeated | candidate.repeated
    change = find_change(known.fingerprint, candidate.fingerprint, repeated=repeated)
    if change is None:
        return _unchanged(known, "headline and text as before")
    is_live_blog = candidate.is_live_blog or known.is_live_blog
    if is_live_blog and is_debounced(change, known, now=now, policy=policy):
        return _unchanged(known, "a live blog that changed little since its last revision", debounced=True)
    kept = f"{change.similarity.containment_a:.0%} of the old text kept" if change.kind else "its sketch expired"
    return replace(
        _unchanged(known, f"{' and '.join(change.fields)} changed ({change.kind or 'how is not known'}, {kept})"),
        verdict=Verdict.REVISED,
        revision=known.revision + 1,
        previous_text_hash=known.fingerprint.content_hash,
        changed=change.fields,
        revision_kind=change.kind,
    )


def _unchanged(known: KnownArticle, reason: str, *, debounced: bool = False) -> Decision:
    return Decision(
        verdict=Verdict.UNCHANGED,
        article_id=known.article_id,
        cluster_id=known.cluster_id,
        reason=reason,
        revision=known.revision,
        relation=known.relation,
        copy_of=known.copy_of,
        debounced=debounced,
    )


def _publish_again(known: KnownArticle) -> Decision:
    return replace(
        _unchanged(known, "came back after it was withdrawn"),
        verdict=Verdict.NEW,
        revision=known.revision + 1,
        previous_text_hash=known.fingerprint.content_hash,
    )


def _merge(candidate: Candidate, survivor: KnownArticle, others: Sequence[KnownArticle]) -> Decision:
    other = others[0]
    change = find_change(survivor.fingerprint, candidate.fingerprint)
    return replace(
        _unchanged(survivor, f"this page proves that {other.article_id} is the same article"),
        verdict=Verdict.REVISED,
        revision=max(survivor.revision, other.revision) + 1,
        previous_text_hash=survivor.fingerprint.content_hash,
        changed=change.fields if change else (),
        revision_kind=change.kind if change else None,
        merged_id=other.article_id,
        has_more_to_merge=len(others) > 1,
    )


def _decide_unknown(candidate: Candidate, nearby: NearbyArticles, policy: DecidePolicy) -> Decision:
    matches = find_matches(candidate, nearby, policy)
    return _decide_copy(candidate, matches, matches.copied) if matches.copied else _decide_new(candidate, matches)


def _decide_copy(candidate: Candidate, matches: Matches, pair: Pair) -> Decision:
    original = pair.known
    similarity = CopySimilarity(
        round(pair.similarity.containment_a, 3),
        round(pair.similarity.containment_b, 3),
        round(pair.similarity.jaccard, 3),
    )
    direction = _direction(similarity)
    same_outlet = candidate.outlet_id == original.outlet_id or candidate.domain == original.domain
    # An outlet's full report must not be suppressed as a duplicate of its own brief.
    relation = Relation.DUPLICATE if same_outlet and direction is not Direction.EXPANDED else Relation.COPY
    return Decision(
        verdict=Verdict.DUPLICATE if relation is Relation.DUPLICATE else Verdict.COPY,
        article_id=candidate.article_id,
        cluster_id=original.cluster_id,
        reason=_copy_reason(pair, similarity),
        relation=relation,
        copy_of=original.article_id,
        similarity=similarity,
        direction=direction,
        considered=matches.considered,
    )


def _copy_reason(pair: Pair, similarity: CopySimilarity) -> str:
    if pair.same_words:
        return f"same text as {pair.known.article_id}"
    copy, original = similarity.containment_of_copy, similarity.containment_of_original
    found = f"{copy:.0%} of it is in {pair.known.article_id}, {original:.0%} of that in it"
    return f"{found}; headlines share {pair.title_overlap:.0%}"


def _direction(similarity: CopySimilarity) -> Direction:
    if min(similarity.containment_of_copy, similarity.containment_of_original) >= EQUAL_SHARE:
        return Direction.EQUAL
    return Direction.CUT if similarity.containment_of_copy >= similarity.containment_of_original else Direction.EXPANDED


def _decide_new(candidate: Candidate, matches: Matches) -> Decision:
    reasons = {
        None: "no known article shares enough of its words",
        Relation.DIGEST: f"quotes {len(matches.related_to)} articles at length",
        Relation.RELATED: f"shares a part with {', '.join(matches.related_to)}",
    }
    reason = "extraction doubted: not compared" if candidate.fingerprint.suspect else reasons[matches.relation]
    return Decision(
        verdict=Verdict.NEW,
        article_id=candidate.article_id,
        cluster_id=candidate.article_id,
        reason=reason,
        relation=matches.relation,
        related_to=matches.related_to,
        considered=matches.considered,
    )
