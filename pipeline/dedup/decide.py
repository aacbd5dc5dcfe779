"""Dedup decision: the verdict on an article from the known articles near it. Pure.

    known under its id or an alias?   (an alias that a page only names must resemble it)
                                      withdrawn → NEW again · two ids → merged · changed → REVISED · else UNCHANGED
    else a copy of another?           same outlet → DUPLICATE · else COPY
    else                              NEW, perhaps a digest, perhaps related

Promises the same decision for the same values, a readable reason, and UNCHANGED when the same article is decided again.
Left to others: races (connectors/store/sketches.py looks up again under its lock).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from pipeline.dedup.fingerprint import MAX_PARAGRAPHS, METHOD, Fingerprint, Similarity, compare, overlap
from pipeline.dedup.matching import Pair, find_matches
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

MIN_KEPT = 0.8  # share of the old text kept by growth and by a correction
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
    """Decide on a candidate.

    An address that a page *names* proves less than the URL it was fetched from. Some systems print one canonical URL on
    every page, feeds give all entries one guid, and a link may lead to another page tomorrow. Trusting them blindly
    would merge an outlet's whole output into one article. So a named article must resemble the candidate; else it stays
    a known article of its own, and so does the page.
    """
    rejected = tuple(
        known.article_id
        for known in nearby.known
        if known.article_id in nearby.named and not _resembles(candidate, known, policy)
    )
    if candidate.article_id in rejected:
        candidate = replace(candidate, article_id=candidate.own_id)
    known = sorted((known for known in nearby.known if known.article_id not in rejected), key=_survival_order)
    if not known:
        decision = _decide_unknown(candidate, nearby, policy)
    elif len(known) > 1:
        decision = _merge(candidate, *known)
    else:
        decision = _decide_known(candidate, known[0], nearby, now=now, policy=policy)
    if not rejected:
        return decision
    doubt = f"an address it names is {', '.join(rejected)}'s, of other words: not believed"
    return replace(decision, reason=f"{decision.reason}; {doubt}", rejected_aliases=rejected)


def _resembles(candidate: Candidate, known: KnownArticle, policy: DecidePolicy) -> bool:
    """Whether a candidate may be a later revision of a known article, by its text or its headline."""
    ours, theirs = candidate.fingerprint, known.fingerprint
    if ours.content_hash == theirs.content_hash or candidate.is_live_blog or known.is_live_blog:
        return True
    shared = compare(ours, theirs).containment
    if overlap(ours.title_words, theirs.title_words) >= policy.like_titles:
        return shared >= policy.resemblance  # a site's slogan or prefix makes all headlines alike
    return shared >= policy.resemblance_unlike and ours.paragraphs[:1] == theirs.paragraphs[:1]


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
    if known.state is ArticleState.WITHDRAWN:
        return _revised(known, "came back after it was withdrawn", verdict=Verdict.NEW)
    change = find_change(known.fingerprint, candidate.fingerprint, repeated=nearby.repeated | candidate.repeated)
    if change is None:
        return _unchanged(known, "headline and text as before")
    is_live_blog = candidate.is_live_blog or known.is_live_blog
    if is_live_blog and is_debounced(change, known, now=now, policy=policy):
        reason = "a live blog that changed little since its last revision"
        return replace(_unchanged(known, reason), debounced=True)
    kept = f"{change.similarity.containment_a:.0%} of the old text kept" if change.kind else "its sketch expired"
    reason = f"{' and '.join(change.fields)} changed ({change.kind or 'how is not known'}, {kept})"
    return replace(_revised(known, reason), changed=change.fields, revision_kind=change.kind)


def _unchanged(known: KnownArticle, reason: str) -> Decision:
    return Decision(
        verdict=Verdict.UNCHANGED,
        article_id=known.article_id,
        cluster_id=known.cluster_id,
        reason=reason,
        revision=known.revision,
        relation=known.relation,
        copy_of=known.copy_of,
    )


def _revised(known: KnownArticle, reason: str, *, verdict: Verdict = Verdict.REVISED) -> Decision:
    return replace(
        _unchanged(known, reason),
        verdict=verdict,
        revision=known.revision + 1,
        previous_text_hash=known.fingerprint.content_hash,
    )


def _merge(candidate: Candidate, survivor: KnownArticle, other: KnownArticle, *more: KnownArticle) -> Decision:
    change = find_change(survivor.fingerprint, candidate.fingerprint)
    return replace(
        _revised(survivor, f"this page proves that {other.article_id} is the same article"),
        revision=max(survivor.revision, other.revision) + 1,
        changed=change.fields if change else (),
        revision_kind=change.kind if change else None,
        merged_id=other.article_id,
        has_more_to_merge=bool(more),
    )


def _decide_unknown(candidate: Candidate, nearby: NearbyArticles, policy: DecidePolicy) -> Decision:
    matches = find_matches(candidate, nearby, policy)
    if matches.copied:
        return replace(_decide_copy(candidate, matches.copied, policy), considered=matches.considered)
    reasons = {
        None: "no known article shares enough of its words",
        Relation.DIGEST: f"quotes {len(matches.related_to)} articles at length",
        Relation.RELATED: f"shares a part with {', '.join(matches.related_to)}",
    }
    return Decision(
        verdict=Verdict.NEW,
        article_id=candidate.article_id,
        cluster_id=candidate.article_id,
        reason="extraction doubted: not compared" if candidate.fingerprint.suspect else reasons[matches.relation],
        relation=matches.relation,
        related_to=matches.related_to,
        considered=matches.considered,
    )


def _decide_copy(candidate: Candidate, pair: Pair, policy: DecidePolicy) -> Decision:
    original, rounded = pair.known, pair.similarity.rounded()
    similarity = CopySimilarity(rounded.containment_a, rounded.containment_b, rounded.jaccard)
    of_copy, of_original = similarity.containment_of_copy, similarity.containment_of_original
    if min(of_copy, of_original) >= EQUAL_SHARE:
        direction = Direction.EQUAL
    else:
        direction = Direction.CUT if of_copy >= of_original else Direction.EXPANDED
    # A duplicate is published nowhere. So an outlet's shorter or fuller report on the same is a copy.
    is_duplicate = pair.same_outlet and (pair.same_words or pair.similarity.smaller >= policy.strict_containment)
    shares = f"{of_copy:.0%} of it is in {original.article_id}, {of_original:.0%} of that in it"
    reason = f"{shares}; headlines share {pair.title_overlap:.0%}"
    return Decision(
        verdict=Verdict.DUPLICATE if is_duplicate else Verdict.COPY,
        article_id=candidate.article_id,
        cluster_id=original.cluster_id,
        reason=f"same text as {original.article_id}" if pair.same_words else reason,
        relation=Relation.DUPLICATE if is_duplicate else Relation.COPY,
        copy_of=original.article_id,
        similarity=similarity,
        direction=direction,
    )


class RevisionKind(StrEnum):
    """How a text changed."""

    CORRECTION = "correction"  # most of it stayed: a word, a figure, the headline
    GROWTH = "growth"  # what was there stayed, more came: live blogs, developing news
    REWRITE = "rewrite"


@dataclass(frozen=True, slots=True)
class Change:
    """Difference between two revisions; `similarity` is of the old one (a) and the new one (b)."""

    fields: tuple[str, ...]  # headline, text
    kind: RevisionKind | None  # None: the sketch of the old text expired, only its hash is known
    similarity: Similarity


def find_change(old: Fingerprint, new: Fingerprint, *, repeated: frozenset[int] = frozenset()) -> Change | None:
    """The change, or None when a reader would see the same article."""
    text_changed = old.content_hash != new.content_hash and not _only_repeated(old, new, repeated)
    title_changed = old.title_hash != new.title_hash
    fields = (*(("headline",) if title_changed else ()), *(("text",) if text_changed else ()))
    if not fields:
        return None
    similarity = compare(old, new)
    return Change(fields, _kind(old, new, similarity) if text_changed else RevisionKind.CORRECTION, similarity)


def is_debounced(change: Change, known: KnownArticle, *, now: datetime, policy: DecidePolicy) -> bool:
    """Whether a live blog changed too little, too soon after its last revision, to justify a message."""
    if "headline" in change.fields:
        return False
    too_soon = now - known.last_revised_at < policy.live_blog_min_gap
    return too_soon and 1 - change.similarity.jaccard < policy.live_blog_min_change


def _only_repeated(old: Fingerprint, new: Fingerprint, repeated: frozenset[int]) -> bool:
    """Whether only paragraphs changed that the host shows under other URLs too."""
    if max(len(old.paragraphs), len(new.paragraphs)) == MAX_PARAGRAPHS:
        return False  # the fingerprint may have cut off others
    before = [paragraph for paragraph in old.paragraphs if paragraph not in repeated]
    return bool(before) and before == [paragraph for paragraph in new.paragraphs if paragraph not in repeated]


def _kind(old: Fingerprint, new: Fingerprint, similarity: Similarity) -> RevisionKind | None:
    if not old.sketch:
        return None
    if similarity.containment_a < MIN_KEPT:
        return RevisionKind.REWRITE
    grew = new.tokens > old.tokens and similarity.containment_b < MIN_KEPT + 0.1
    return RevisionKind.GROWTH if grew else RevisionKind.CORRECTION
