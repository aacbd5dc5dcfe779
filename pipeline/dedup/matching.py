"""Near-duplicate matching: whether an article copies another one, quotes several, or is related to one.

Promises thresholds that hold on real feeds. Numbers and headlines guard against template pages, age against notices
repeated each week. Left to others: the verdict on a copy (`decide`).

Tested by tests/dedup/test_decide.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from pipeline.dedup.fingerprint import MAX_NAMES, MAX_NUMBERS, Similarity, compare, count_common, overlap
from pipeline.dedup.model import Candidate, ComparedArticle, DecidePolicy, KnownArticle, NearbyArticles, Relation
from pipeline.text.tokens import headline_tokens

MAX_COMPARED = 16  # the best by shared keys; more never changed an answer
NEVER = 1.01  # more than anything can be contained
SAME_HEADLINE = 0.95  # share of headline words in common; a word of twenty may differ

# Phrases of a headline that announce a digest.
_DIGESTS = (
    "digest, roundup, round up, news in brief, in brief, press review, recap, en bref, revue de presse, récap, "
    "l actu en bref, presseschau, nachrichtenüberblick, kurz notiert, kurzmeldungen, rassegna stampa, in breve, "
    "revista de prensa, en breve, resumen de prensa, przegląd prasy, дайджест, обзор прессы"
)
_DIGEST_PHRASES = tuple(f" {phrase} " for phrase in _DIGESTS.split(", "))


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Candidate and one known article. `similarity` is of candidate (a) and known article (b)."""

    known: KnownArticle
    similarity: Similarity
    title_overlap: float
    same_words: bool  # the normalised texts are equal
    same_host: bool
    same_outlet: bool  # or of one host


@dataclass(frozen=True, slots=True, kw_only=True)
class Matches:
    """Matches of a candidate: the article it copies if any, related articles, and all that were compared."""

    copied: Pair | None = None
    relation: Relation | None = None
    related_to: tuple[str, ...] = ()
    considered: tuple[ComparedArticle, ...] = ()


def find_matches(candidate: Candidate, nearby: NearbyArticles, policy: DecidePolicy) -> Matches:
    """Find the known articles that a new one copies, quotes or is related to."""
    pairs = _pairs(candidate, nearby)
    refusals = [_refusal(candidate, pair, policy) for pair in pairs]
    considered = tuple(_compared(pair, why, policy) for pair, why in zip(pairs, refusals, strict=True))
    if candidate.fingerprint.suspect:
        return Matches(considered=considered)
    accepted = [pair for pair, why in zip(pairs, refusals, strict=True) if why is None]
    if accepted and not _quotes_whole_articles(pairs, policy):
        return Matches(copied=max(accepted, key=_closeness), relation=Relation.COPY, considered=considered)
    quoted = _quoted_clusters(pairs, policy)
    if len(quoted) > 1:
        return Matches(relation=Relation.DIGEST, related_to=quoted, considered=considered)
    related = _related(pairs, policy)
    return Matches(relation=Relation.RELATED if related else None, related_to=related, considered=considered)


def _quotes_whole_articles(pairs: Sequence[Pair], policy: DecidePolicy) -> bool:
    """Whether a candidate consists of several articles: two or more are whole in it, and it is whole in none."""
    if any(pair.similarity.containment_a >= policy.strict_containment for pair in pairs):
        return False
    whole = [pair for pair in pairs if pair.similarity.containment_b >= policy.strict_containment]
    return len(_quoted_clusters(whole, policy)) > 1


def _compared(pair: Pair, refusal: str | None, policy: DecidePolicy) -> ComparedArticle:
    """The pair as `newswire why` shows it."""
    similarity, needed = pair.similarity.rounded(), _needed_containment(pair, policy)
    return ComparedArticle(
        article_id=pair.known.article_id,
        containment_of_copy=similarity.containment_a,
        containment_of_original=similarity.containment_b,
        jaccard=similarity.jaccard,
        title_overlap=round(pair.title_overlap, 3),
        refusal=refusal,
        needed=needed if needed <= 1 else None,
    )


def _refusal(candidate: Candidate, pair: Pair, policy: DecidePolicy) -> str | None:
    """Why the pair is not copy and original; None when it is."""
    ours, theirs = candidate.fingerprint, pair.known.fingerprint
    if ours.suspect or theirs.suspect:
        return "extraction doubted: little is left beside what the host repeats"
    if pair.same_words:
        return _refuse_same_words(candidate, pair, policy)
    # Less for a teaser, which has the same headline and is contained in the other text.
    is_teaser = pair.title_overlap >= SAME_HEADLINE and pair.similarity.containment >= policy.strict_containment
    if min(ours.tokens, theirs.tokens) < (policy.min_tokens_teaser if is_teaser else policy.min_tokens):
        return f"under {policy.min_tokens} words, too short to compare"
    return (
        _refuse_containment(pair, policy)
        or _refuse_digest(candidate, pair, policy)
        or _refuse_age(candidate, pair, policy)
        or _refuse_numbers(candidate, pair)
        or _refuse_names(candidate, pair, policy)
        or _refuse_own(candidate, pair, policy)
    )


def _refuse_same_words(candidate: Candidate, pair: Pair, policy: DecidePolicy) -> str | None:
    if pair.title_overlap >= policy.like_titles:
        return None
    needed = policy.min_tokens_unlike if pair.same_host and candidate.fingerprint.title_words else policy.min_tokens
    if candidate.fingerprint.tokens < needed:
        return f"same text, but under {needed} words and headlines unlike"
    return None


def _refuse_own(candidate: Candidate, pair: Pair, policy: DecidePolicy) -> str | None:
    """Why a pair of one outlet is two articles: a daily bulletin differs from yesterday's in a number or a name.

    Without two of either there is no proof that a text is not such a template: then only the same words are one.
    """
    if not pair.same_outlet:
        return None
    if furniture := _refuse_host_furniture(pair, policy):
        return furniture
    ours, theirs = candidate.fingerprint, pair.known.fingerprint
    numbers = count_common(ours.numbers, theirs.numbers, kept=MAX_NUMBERS)
    names = count_common(ours.names, theirs.names, kept=MAX_NAMES)
    if numbers.shared < numbers.of_fewer or names.shared < names.of_fewer:
        return "same outlet: other numbers or names, as in a bulletin"
    if max(numbers.of_fewer, names.of_fewer) < policy.min_names:
        return "same outlet: no numbers or names that prove the same text"
    return None


def _refuse_containment(pair: Pair, policy: DecidePolicy) -> str | None:
    needed = _needed_containment(pair, policy)
    if pair.similarity.containment >= needed:
        return None
    shared = f"shares {pair.similarity.containment:.0%}, headlines {pair.title_overlap:.0%}"
    return f"{shared}: {needed:.0%} needed" if needed <= 1 else f"{shared}: too small a part of the longer text"


def _needed_containment(pair: Pair, policy: DecidePolicy) -> float:
    """Containment needed for copy and original: the less the headlines share, the higher."""
    one_sided = pair.similarity.smaller < policy.one_sided
    by_titles = policy.containment_one_sided if one_sided else policy.containment
    if pair.title_overlap >= policy.same_titles:
        needed = by_titles.same_titles
    elif pair.title_overlap >= policy.like_titles:
        needed = by_titles.like_titles
    elif pair.similarity.smaller >= policy.unlike_titles_smaller:
        needed = by_titles.unlike_titles
    else:
        needed = NEVER
    return (
        max(needed, policy.containment_same_host) if pair.same_host and pair.title_overlap < SAME_HEADLINE else needed
    )


def _refuse_digest(candidate: Candidate, pair: Pair, policy: DecidePolicy) -> str | None:
    """A digest is no copy of the articles it quotes, nor are they copies of it."""
    ours = is_digest_headline(candidate.title)
    theirs = pair.known.relation is Relation.DIGEST or is_digest_headline(pair.known.title)
    if ours == theirs or pair.similarity.smaller >= policy.containment_same_host:
        return None
    return "by its headline a digest" if ours else "the other one is a digest"


def _refuse_age(candidate: Candidate, pair: Pair, policy: DecidePolicy) -> str | None:
    age = abs(candidate.seen_at - pair.known.seen_at)
    if age <= policy.full_window:
        return None
    if age > policy.strict_window:
        return f"{age.days} days apart"
    if pair.similarity.containment >= policy.strict_containment and pair.title_overlap >= policy.strict_titles:
        return None
    return f"{age.days} days apart: {policy.strict_containment:.0%} and like headlines needed"


def _refuse_numbers(candidate: Candidate, pair: Pair) -> str | None:
    """Template pages (quakes, matches, stocks) share words and differ in numbers; most are of one host."""
    found = count_common(candidate.fingerprint.numbers, pair.known.fingerprint.numbers, kept=MAX_NUMBERS)
    if not pair.same_host and pair.similarity.containment >= 0.80:
        return _refuse_sister_template(candidate, pair) if found.of_fewer >= 2 and not found.shared else None
    if found.of_fewer >= 4 and found.shared < (0.7 if pair.same_host else 0.5) * found.of_fewer:
        return f"a template: {found.shared} of {found.of_fewer} numbers in common"
    if found.of_fewer >= 2 and not found.shared and pair.similarity.containment < 0.9:
        return "a template: no number in common"
    return None


def _refuse_sister_template(candidate: Candidate, pair: Pair) -> str | None:
    """Sister outlets print one template, each with its own figures and towns; a copy's figures may be corrected."""
    if pair.similarity.smaller < 0.80 or pair.title_overlap >= SAME_HEADLINE:
        return None
    names = count_common(candidate.fingerprint.names, pair.known.fingerprint.names, kept=MAX_NAMES)
    return "a template of two outlets: other numbers and names" if names.shared < names.of_fewer else None


def _refuse_names(candidate: Candidate, pair: Pair, policy: DecidePolicy) -> str | None:
    """Template pages (accidents, obituaries, offers) share words and differ in people and places."""
    found = count_common(candidate.fingerprint.names, pair.known.fingerprint.names, kept=MAX_NAMES)
    needed = policy.names_same_host if pair.same_host else policy.names
    if found.of_fewer >= policy.min_names and found.shared < needed * found.of_fewer:
        return f"a template: {found.shared} of {found.of_fewer} names in common"
    return None


def _refuse_host_furniture(pair: Pair, policy: DecidePolicy) -> str | None:
    """Before a host's boilerplate is learnt, its first pages share only that; their headlines differ."""
    is_other = not pair.same_host or pair.title_overlap >= policy.like_titles
    if is_other or pair.similarity.jaccard >= policy.strict_containment:
        return None
    return "same host, headlines unlike: shared text may be the host's own"


def _pairs(candidate: Candidate, nearby: NearbyArticles) -> list[Pair]:
    same = {known.article_id for known in nearby.same_hash}
    others = [known for known in nearby.sharing_keys if known.article_id not in same]
    ours = candidate.fingerprint
    return [
        Pair(
            known=known,
            similarity=compare(ours, known.fingerprint),
            title_overlap=overlap(ours.title_words, known.fingerprint.title_words),
            same_words=ours.content_hash == known.fingerprint.content_hash,
            same_host=candidate.domain == known.domain,
            same_outlet=candidate.domain == known.domain or candidate.outlet_id == known.outlet_id,
        )
        for known in (*nearby.same_hash, *others[:MAX_COMPARED])
        if known.article_id != candidate.article_id
    ]


def _closeness(pair: Pair) -> tuple[bool, float, float, bool, float]:
    """Order of originals: same words, highest containment, highest similarity, an original, the earliest."""
    similarity = pair.similarity
    original = pair.known.relation not in (Relation.COPY, Relation.DUPLICATE)
    earliest = -pair.known.seen_at.timestamp()
    return pair.same_words, round(similarity.containment, 1), round(similarity.jaccard, 1), original, earliest


def _quoted_clusters(pairs: Sequence[Pair], policy: DecidePolicy) -> tuple[str, ...]:
    """The clusters (by an article of each) that hold a good part of the candidate, each a story of its own."""
    quoted: list[Pair] = []
    for pair in sorted(pairs, key=lambda each: -each.similarity.containment_a):
        similarity = pair.similarity
        quotes = similarity.containment_a >= policy.digest_share and similarity.containment_b >= policy.digest_quote
        if not quotes or pair.known.relation is Relation.DIGEST:
            continue
        if not any(_same_story(pair.known, other.known, policy) for other in quoted):
            quoted.append(pair)
    return tuple(pair.known.article_id for pair in quoted)


def _same_story(a: KnownArticle, b: KnownArticle, policy: DecidePolicy) -> bool:
    similarity = compare(a.fingerprint, b.fingerprint)
    return a.cluster_id == b.cluster_id or similarity.containment >= policy.related_containment


def _related(pairs: Sequence[Pair], policy: DecidePolicy) -> tuple[str, ...]:
    whole = (pair for pair in pairs if not pair.known.fingerprint.suspect)
    likely = [pair for pair in whole if pair.similarity.containment >= policy.related_containment]
    return (max(likely, key=_closeness).known.article_id,) if likely else ()


@lru_cache(maxsize=4096)
def is_digest_headline(title: str) -> bool:
    """Whether a headline announces a digest: a press review, a roundup, the news in brief."""
    words = f" {' '.join(headline_tokens(title))} "
    return any(phrase in words for phrase in _DIGEST_PHRASES)
