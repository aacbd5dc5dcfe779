"""What the walk's steps hand to the store and get back: the values of its two transactions.

A poll is recorded with what it showed (`PollLine`, `PollDecision` → `Sighted`); an entry is settled with its verdict
(`Settlement`). They decide nothing; `pipeline/poll.py` and `pipeline/collect.py` fill them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pipeline.decide import Candidate, Decision
from pipeline.model import Article, FeedState, Message, PendingEntry, Validators, Verdict


@dataclass(frozen=True, slots=True)
class Shown:
    """How the entries of a poll compare with what was known: the input of the feed's next state."""

    new: int = 0  # never seen in the outlet
    elsewhere: int = 0  # another feed of the outlet showed it first
    known: int = 0  # shown by this feed before
    changed: int = 0  # of the known: the feed says something else of it now
    waiting: int = 0  # of the known: still pending from before, counted where it is settled

    @property
    def entries(self) -> int:
        """Entries of the poll."""
        return self.known + self.new + self.elsewhere


@dataclass(frozen=True, slots=True)
class PollLine:
    """The poll as the desk will read it."""

    outcome: str
    http_status: int | None = None
    wire_bytes: int = 0
    elapsed_s: float = 0.0
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class PollDecision:
    """What the caller's decision makes of the poll: the feed's next state and the messages that tell of it."""

    state: FeedState
    messages: tuple[Message, ...] = ()


@dataclass(frozen=True, slots=True)
class Sighted:
    """What a recorded poll brought: its comparison, and the entries that now wait for their page."""

    shown: Shown
    pending: tuple[PendingEntry, ...]
    state: FeedState

    @property
    def unchanged(self) -> int:
        """Entries that this feed showed before, settled, in the same words."""
        return self.shown.known - self.shown.waiting - (len(self.pending) - self.shown.new)


@dataclass(frozen=True, slots=True)
class Fetched:
    """Where and when an article's page was had, for the message and for the next visit."""

    at: datetime
    raw_location: str | None
    validators: Validators


@dataclass(frozen=True, slots=True)
class Settlement:
    """An entry's end with an article: everything that one transaction writes."""

    entry: PendingEntry
    candidate: Candidate
    article: Article
    decision: Decision
    fetched: Fetched
    messages: tuple[Message, ...]
    seen: int  # the sketches' sequence number at look-up: what is newer is looked at again before this is written
    next_revisit_at: datetime | None = None


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
