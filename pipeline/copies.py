"""Copies: whether an article carries another one's words, and which one's.

Promises thresholds that hold on real feeds: numbers and headlines guard against template pages, age against notices
that come back each week. What becomes of a copy is left to `decide`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pipeline.fingerprint import Fingerprint, compare
from pipeline.sightings import Candidate, Considered, DecidePolicy, KnownArticle, Relation, Sightings
from pipeline.similarity import Similarity, overlap

MAX_COMPARED = 16  # the best by shared keys; more never changed an answer


@dataclass(frozen=True, slots=True)
class Pair:
    """The candidate beside one known article. `similarity` is of candidate (a) and known article (b)."""

    known: KnownArticle
    similarity: Similarity
    title_overlap: float
    same_words: bool = False  # the normalised texts are equal

    def considered(self, refusal: str | None) -> Considered:
        """This pair as `newswire why` tells it."""
        likeness = self.similarity
        return Considered(
            self.known.article_id,
            round(likeness.containment_a, 3),
            round(likeness.containment_b, 3),
            round(likeness.jaccard, 3),
            round(self.title_overlap, 3),
            refusal,
        )


@dataclass(frozen=True, slots=True)
class Kinship:
    """What was found: the article it copies if any, those it is related to, and all that was looked at."""

    copied: Pair | None = None
    relation: Relation | None = None
    related_to: tuple[str, ...] = ()
    considered: tuple[Considered, ...] = ()


def kinship(candidate: Candidate, sightings: Sightings, policy: DecidePolicy) -> Kinship:
    """How a new article stands to those already known."""
    pairs = _pairs(candidate, sightings)
    refusals = [refusal(candidate, pair, policy) for pair in pairs]
    considered = tuple(pair.considered(why) for pair, why in zip(pairs, refusals, strict=True))
    if candidate.fingerprint.suspect:
        return Kinship(considered=considered)
    accepted = [pair for pair, why in zip(pairs, refusals, strict=True) if why is None]
    quoted = _quoted_clusters(pairs, policy)
    if len(quoted) > 1 and not _is_mostly_one(accepted, policy):
        return Kinship(None, Relation.DIGEST, quoted, considered)
    if accepted:
        return Kinship(max(accepted, key=_closeness), Relation.COPY, (), considered)
    related = _related(pairs, policy)
    return Kinship(None, Relation.RELATED if related else None, related, considered)


def refusal(candidate: Candidate, pair: Pair, policy: DecidePolicy) -> str | None:
    """Why the pair is not copy and original, in words; None when it is."""
    known, ours, theirs = pair.known, candidate.fingerprint, pair.known.fingerprint
    if ours.suspect or theirs.suspect:
        return "extraction doubted: little is left beside what the host repeats"
    if pair.same_words:
        return _refuse_same_words(candidate, pair, policy)
    if min(ours.tokens, theirs.tokens) < policy.min_tokens:
        return f"under {policy.min_tokens} words, too short to compare"
    return (
        _refuse_containment(pair, policy)
        or _refuse_digest(pair, policy)
        or _refuse_age(candidate, pair, policy)
        or _refuse_numbers(ours, theirs, pair.similarity.containment)
        or _refuse_host_furniture(candidate, known, pair, policy)
    )


def _refuse_same_words(candidate: Candidate, pair: Pair, policy: DecidePolicy) -> str | None:
    if pair.title_overlap >= policy.like_titles:
        return None
    if candidate.fingerprint.tokens < policy.min_tokens:
        return f"same text, but under {policy.min_tokens} words and headlines unlike"
    if candidate.domain == pair.known.domain and candidate.fingerprint.title_words and pair.title_overlap == 0:
        return "same text at the same outlet under unlike headlines: extraction doubted"
    return None


def _refuse_containment(pair: Pair, policy: DecidePolicy) -> str | None:
    alike = pair.title_overlap >= policy.like_titles
    needed = policy.min_containment if alike else policy.min_containment_unlike_titles
    if pair.similarity.containment >= needed:
        return None
    titles = "" if alike else ", headlines unlike"
    return f"shares {pair.similarity.containment:.0%}, {needed:.0%} needed{titles}"


def _refuse_digest(pair: Pair, policy: DecidePolicy) -> str | None:
    if pair.known.relation is not Relation.DIGEST or pair.similarity.jaccard >= policy.min_containment:
        return None
    return "the other one is a digest"


def _refuse_age(candidate: Candidate, pair: Pair, policy: DecidePolicy) -> str | None:
    age = abs(candidate.seen_at - pair.known.seen_at)
    if age <= policy.full_window:
        return None
    if age > policy.strict_window:
        return f"{age.days} days apart"
    if pair.similarity.containment >= policy.strict_containment and pair.title_overlap >= policy.strict_titles:
        return None
    return f"{age.days} days apart: {policy.strict_containment:.0%} and like headlines needed"


def _refuse_numbers(ours: Fingerprint, theirs: Fingerprint, containment: float) -> str | None:
    """Template pages (quakes, matches, stocks) share their words and differ in their numbers."""
    fewest = min(len(ours.numbers), len(theirs.numbers))
    shared = len(set(ours.numbers) & set(theirs.numbers))
    if fewest >= 4 and shared < 0.5 * fewest:
        return f"a template: {shared} of {fewest} numbers in common"
    if fewest >= 2 and not shared and containment < 0.9:
        return "a template: no number in common"
    return None


def _refuse_host_furniture(candidate: Candidate, known: KnownArticle, pair: Pair, policy: DecidePolicy) -> str | None:
    """Before a host's furniture is learnt, its first pages share nothing else: unlike headlines give that away."""
    if candidate.domain != known.domain or pair.title_overlap >= policy.like_titles:
        return None
    if pair.similarity.jaccard >= policy.strict_containment:
        return None
    return "same host, headlines unlike: shared text may be the host's own"


def _pairs(candidate: Candidate, sightings: Sightings) -> list[Pair]:
    same = {known.article_id for known in sightings.same_hash}
    others = [known for known in sightings.sharing_keys if known.article_id not in same]
    pairs = (_pair(candidate, known) for known in (*sightings.same_hash, *others[:MAX_COMPARED]))
    return [pair for pair in pairs if pair.known.article_id != candidate.article_id]


def _pair(candidate: Candidate, known: KnownArticle) -> Pair:
    ours, theirs = candidate.fingerprint, known.fingerprint
    return Pair(
        known,
        compare(ours, theirs),
        overlap(ours.title_words, theirs.title_words),
        ours.content_hash == theirs.content_hash,
    )


def _closeness(pair: Pair) -> tuple[bool, float, float, bool, float]:
    """The best to link to: same words, then most contained, then most alike, then an original, then the earliest."""
    likeness = pair.similarity
    original = pair.known.relation not in (Relation.COPY, Relation.DUPLICATE)
    earliest = -pair.known.seen_at.timestamp()
    return pair.same_words, round(likeness.containment, 1), round(likeness.jaccard, 1), original, earliest


def _quoted_clusters(pairs: Sequence[Pair], policy: DecidePolicy) -> tuple[str, ...]:
    """The clusters (by an article of each) that hold a good part of the candidate, each a story of its own."""
    quoted: list[Pair] = []
    for pair in sorted(pairs, key=lambda each: -each.similarity.containment_a):
        if pair.similarity.containment_a < policy.digest_share or pair.known.relation is Relation.DIGEST:
            continue
        if not any(_same_story(pair.known, other.known, policy) for other in quoted):
            quoted.append(pair)
    return tuple(pair.known.article_id for pair in quoted)


def _same_story(a: KnownArticle, b: KnownArticle, policy: DecidePolicy) -> bool:
    if a.cluster_id == b.cluster_id:
        return True
    return compare(a.fingerprint, b.fingerprint).containment >= policy.related_containment


def _is_mostly_one(accepted: Iterable[Pair], policy: DecidePolicy) -> bool:
    return any(pair.same_words or pair.similarity.containment >= policy.digest_whole for pair in accepted)


def _related(pairs: Sequence[Pair], policy: DecidePolicy) -> tuple[str, ...]:
    likely = [
        pair
        for pair in pairs
        if policy.related_containment <= pair.similarity.containment and not pair.known.fingerprint.suspect
    ]
    return (max(likely, key=_closeness).known.article_id,) if likely else ()
