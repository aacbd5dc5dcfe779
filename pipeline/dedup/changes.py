"""Change detection: whether a known article changed, in which fields, and how.

Promises that only headline and text count; typography, boilerplate and paragraphs that the host repeats do not. Changes
of live blogs are debounced by policy and never lost: the next visit compares with the old fingerprint again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from pipeline.dedup.fingerprint import MAX_PARAGRAPHS, Fingerprint, Similarity, compare
from pipeline.dedup.model import DecidePolicy, KnownArticle

MIN_KEPT = 0.8  # share of the old text kept by growth and by a correction


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
