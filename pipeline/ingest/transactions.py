"""Inputs and results of the two store transactions of ingest: recording a poll and settling an entry.

A poll is one `PollResult` with its `PollRecord`; the store compares its entries (`EntryCounts`), and the caller decides
the feed's next state (`PollDecision`). An entry ends in a `Settlement` or an `Ending`, or stays pending (`Deferral`).
Values only. Tested by tests/connectors/store/test_feeds.py and tests/connectors/store/test_articles.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from pipeline.dedup.decide import Candidate, Decision, NearbyArticles
from pipeline.delivery.events import ArticlePage
from pipeline.domain.model import Entry, FeedState, Message, PendingEntry, Verdict
from pipeline.scheduling.feed_state import PollOutcome


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryCounts:
    """How a poll's entries compare with known ones; once recorded, with the entries whose page is to be fetched."""

    new: int = 0  # never seen in the outlet
    elsewhere: int = 0  # another feed of the outlet showed it first
    known: int = 0  # shown by this feed before
    changed: int = 0  # of the known: with other content now
    waiting: int = 0  # of the known: still pending, counted where they are settled
    hidden: int = 0  # not shown by this feed before, but dated long before its last poll
    pending: tuple[PendingEntry, ...] = ()

    @property
    def entries(self) -> int:
        """Entries of the poll."""
        return self.known + self.new + self.elsewhere

    @property
    def unchanged(self) -> int:
        """Settled entries that this feed showed before with the same content."""
        return self.known - self.waiting - (len(self.pending) - self.new)


@dataclass(frozen=True, slots=True, kw_only=True)
class PollRecord:
    """The poll as it is stored and shown at the desk."""

    outcome: str
    http_status: int | None = None
    wire_bytes: int = 0
    elapsed_s: float = 0.0
    detail: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PollResult:
    """A finished poll: input of the feed's next state, record to store, entries of the feed."""

    at: datetime
    outcome: PollOutcome
    record: PollRecord
    entries: tuple[Entry, ...] = ()


@dataclass(frozen=True, slots=True)
class PollDecision:
    """What follows from a poll: the feed's next state and the messages about it."""

    state: FeedState
    messages: tuple[Message, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LookupResult:
    """Known articles near a candidate, whose id is now the one that its URLs belong to."""

    candidate: Candidate
    nearby: NearbyArticles
    seen: int  # sequence number of the newest fingerprint seen: newer ones are checked before anything is written
    known_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """An entry's end with an article: everything that one transaction writes."""

    entry: PendingEntry
    looked: LookupResult
    page: ArticlePage
    urls: tuple[str, ...]  # canonical forms of all its URLs: its aliases
    decision: Decision
    messages: tuple[Message, ...]
    now: datetime
    next_revisit_at: datetime | None = None

    @property
    def candidate(self) -> Candidate:
        """The article as the decision saw it."""
        return self.looked.candidate

    @property
    def owner(self) -> str:
        """The article that the entry and its URLs belong to: the known one when the text is identical, else its own.

        A duplicate that is only similar keeps its own id: under one id, visits to two URLs would revise each other.
        """
        decision = self.decision
        has_same_text = decision.similarity is not None and decision.similarity.jaccard == 1.0
        if decision.verdict is Verdict.DUPLICATE and has_same_text and decision.copy_of:
            return decision.copy_of
        return decision.article_id


class WriteResult(StrEnum):
    """Whether a settlement was written."""

    WRITTEN = "written"
    CONFLICT = "conflict"  # a similar article was settled meanwhile: look up and decide again
    TAKEN = "taken"  # another worker ended this entry


@dataclass(frozen=True, slots=True, kw_only=True)
class SettledEntry:
    """An entry with its verdict in the store; `is_ours` is False when another worker wrote it."""

    entry: PendingEntry
    verdict: Verdict
    reason: str
    article_id: str
    is_ours: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """An entry's end without an article: rejected, or failed with a dead letter."""

    entry: PendingEntry
    verdict: Verdict
    reason: str
    messages: tuple[Message, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Deferral:
    """An entry that stays pending: when to try again, and why."""

    entry: PendingEntry
    until: datetime
    reason: str
    counts: bool = True  # as an attempt: waiting for a host or for the next run does not
