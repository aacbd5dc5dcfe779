"""What the walk's steps hand to the store and get back: the values of its two transactions.

A poll is recorded with what it showed (`PollRecord`, `PollDecision` → `Sighted`); an entry is settled with its verdict
(`Settlement`). They decide nothing; `pipeline/ingest/poll.py` and `pipeline/ingest/collect.py` fill them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from pipeline.dedup.decide import Candidate, Decision, Sightings
from pipeline.delivery.events import ArticlePage
from pipeline.domain.model import Entry, FeedState, Message, PendingEntry, Verdict
from pipeline.scheduling.feed_state import PollOutcome


@dataclass(frozen=True, slots=True)
class EntryCounts:
    """How the entries of a poll compare with what was known: the input of the feed's next state."""

    new: int = 0  # never seen in the outlet
    elsewhere: int = 0  # another feed of the outlet showed it first
    known: int = 0  # shown by this feed before
    changed: int = 0  # of the known: the feed says something else of it now
    waiting: int = 0  # of the known: still pending from before, counted where it is settled
    hidden: int = 0  # of those this feed never showed: dated long before its last poll

    @property
    def entries(self) -> int:
        """Entries of the poll."""
        return self.known + self.new + self.elsewhere


@dataclass(frozen=True, slots=True)
class PollRecord:
    """The poll as the desk will read it."""

    outcome: str
    http_status: int | None = None
    wire_bytes: int = 0
    elapsed_s: float = 0.0
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class PollResult:
    """A poll as it ended: its outcome for the feed's life, its line for the desk, the entries it showed."""

    at: datetime
    outcome: PollOutcome
    line: PollRecord
    entries: tuple[Entry, ...] = ()


@dataclass(frozen=True, slots=True)
class PollDecision:
    """What the caller's decision makes of the poll: the feed's next state and the messages that tell of it."""

    state: FeedState
    messages: tuple[Message, ...] = ()


@dataclass(frozen=True, slots=True)
class QuietPoll:
    """A poll without entries, decided: what is left is to write it down."""

    at: datetime
    line: PollRecord
    decision: PollDecision


@dataclass(frozen=True, slots=True)
class Sighted:
    """What a recorded poll brought: its comparison, and the entries that now wait for their page."""

    shown: EntryCounts
    pending: tuple[PendingEntry, ...]
    state: FeedState

    @property
    def unchanged(self) -> int:
        """Entries that this feed showed before, settled, in the same words."""
        return self.shown.known - self.shown.waiting - (len(self.pending) - self.shown.new)


@dataclass(frozen=True, slots=True)
class LookupResult:
    """What a look-up found near a candidate, whose id is now the one its URLs belong to; and how far it reached."""

    candidate: Candidate
    sightings: Sightings
    seen: int  # the sketches' sequence number: what is newer is looked at again before anything is written
    known_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Settlement:
    """An entry's end with an article: everything that one transaction writes."""

    entry: PendingEntry
    looked: LookupResult
    page: ArticlePage
    urls: tuple[str, ...]  # canonical forms of every URL of it: its aliases
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
        """The article that the entry and its URLs belong to: the known one when this is its very text, else its own.

        A duplicate that only resembles it keeps its own id: under one id, visits to two URLs would revise each other.
        """
        decision = self.decision
        is_its_text = decision.similarity is not None and decision.similarity.jaccard == 1.0
        if decision.verdict is Verdict.DUPLICATE and is_its_text and decision.copy_of:
            return decision.copy_of
        return decision.article_id


class WriteResult(StrEnum):
    """What became of a settlement."""

    WRITTEN = "written"
    CONFLICT = "look_again"  # something alike was settled meanwhile
    TAKEN = "taken"  # another worker ended this very entry


@dataclass(frozen=True, slots=True)
class SettledEntry:
    """An entry that has its verdict in the store; `is_ours` is False when another worker wrote it."""

    entry: PendingEntry
    verdict: Verdict
    reason: str
    is_ours: bool


@dataclass(frozen=True, slots=True)
class Ending:
    """An entry's end without an article: rejected, or failed with the dead letter that tells of it."""

    entry: PendingEntry
    verdict: Verdict
    reason: str
    messages: tuple[Message, ...] = ()


@dataclass(frozen=True, slots=True)
class Deferral:
    """An entry that stays pending: when to try again, and why."""

    entry: PendingEntry
    until: datetime
    reason: str
    counts: bool = True  # whether it was an attempt: waiting for a host or a deadline is none
