"""Namesakes: known articles that an address in a page leads to, though the page has nothing of their words.

An address that a page *names* proves less than the one it was read at: systems print one canonical URL on every page,
feeds give all entries one guid, a link leads to today's live page and tomorrow to another. Believed blindly, each of
them would make one article of an outlet's whole output. So what is only named must resemble; what is not recognised by
that stays a known article of its own, and the page is an article of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from pipeline.dedup.fingerprint import compare
from pipeline.dedup.model import Candidate, DecidePolicy, KnownArticle, Sightings
from pipeline.dedup.similarity import overlap


@dataclass(frozen=True, slots=True)
class Recognised:
    """The known articles that the candidate is, the candidate under an id that it may have, and its namesakes' ids."""

    candidate: Candidate
    known: tuple[KnownArticle, ...]
    namesakes: tuple[str, ...] = ()


def recognise(candidate: Candidate, sightings: Sightings, policy: DecidePolicy) -> Recognised:
    """Which of the known articles the candidate is."""
    namesakes = tuple(
        known.article_id
        for known in sightings.known
        if known.article_id in sightings.named and not resembles(candidate, known, policy)
    )
    if not namesakes:
        return Recognised(candidate, sightings.known)
    if candidate.article_id in namesakes:
        candidate = replace(candidate, article_id=candidate.own_id)
    known = tuple(known for known in sightings.known if known.article_id not in namesakes)
    return Recognised(candidate, known, namesakes)


def resembles(candidate: Candidate, known: KnownArticle, policy: DecidePolicy) -> bool:
    """Whether a candidate may be a later state of a known article: by its words, or by its headline's."""
    ours, theirs = candidate.fingerprint, known.fingerprint
    if ours.content_hash == theirs.content_hash or candidate.is_live_blog or known.is_live_blog:
        return True
    if overlap(ours.title_words, theirs.title_words) >= policy.like_titles:
        return True
    return compare(ours, theirs).containment >= policy.resemblance
