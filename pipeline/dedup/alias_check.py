"""Alias check: whether a known article under an address that the page only names really is the candidate.

An address that a page *names* proves less than the URL it was fetched from. Some systems print one canonical URL on
every page, feeds give all entries one guid, and a link may lead to another page tomorrow. Trusting them blindly would
merge an outlet's whole output into one article. So a named article must resemble the candidate; else it stays a known
article of its own, and so does the page.

Tested by tests/dedup/test_decide.py.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from pipeline.dedup.fingerprint import compare
from pipeline.dedup.model import Candidate, DecidePolicy, KnownArticle, NearbyArticles
from pipeline.dedup.similarity import overlap


@dataclass(frozen=True, slots=True)
class AliasCheck:
    """Known articles that are the candidate, the candidate under a valid id, and the ids of rejected aliases."""

    candidate: Candidate
    known: tuple[KnownArticle, ...]
    rejected_aliases: tuple[str, ...] = ()


def check_aliases(candidate: Candidate, nearby: NearbyArticles, policy: DecidePolicy) -> AliasCheck:
    """Select the known articles that are the candidate."""
    rejected_aliases = tuple(
        known.article_id
        for known in nearby.known
        if known.article_id in nearby.named and not resembles(candidate, known, policy)
    )
    if not rejected_aliases:
        return AliasCheck(candidate, nearby.known)
    if candidate.article_id in rejected_aliases:
        candidate = replace(candidate, article_id=candidate.own_id)
    known = tuple(known for known in nearby.known if known.article_id not in rejected_aliases)
    return AliasCheck(candidate, known, rejected_aliases)


def resembles(candidate: Candidate, known: KnownArticle, policy: DecidePolicy) -> bool:
    """Whether a candidate may be a later revision of a known article, by its text or its headline."""
    ours, theirs = candidate.fingerprint, known.fingerprint
    if ours.content_hash == theirs.content_hash or candidate.is_live_blog or known.is_live_blog:
        return True
    if overlap(ours.title_words, theirs.title_words) >= policy.like_titles:
        return True
    return compare(ours, theirs).containment >= policy.resemblance
