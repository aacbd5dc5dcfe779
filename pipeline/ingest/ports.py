"""Ports of ingest to the store and the extraction workers, split by caller, with what its two transactions write.

A poll is one `PollResult` with its `PollRecord`; the store compares its entries (`EntryCounts`), and the caller decides
the feed's next state (`PollDecision`). An entry ends in a `Settlement` or an `Ending`, or stays pending (`Deferral`).
The connectors implement the ports; tests use hand-written fakes. The store is synchronous: callers use
`RunContext.in_store`. Ports that other packages need too are in pipeline/domain/ports.py.
Tested by tests/connectors/store/test_feeds.py, tests/connectors/store/test_articles.py and
tests/connectors/workers/test_pool.py.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from pipeline.domain.model import Article, Entry, FeedState, Message, PendingEntry, Validators, Verdict

if TYPE_CHECKING:  # every command imports this module, and few read pages
    from pipeline.dedup.decide import Decision
    from pipeline.dedup.fingerprint import Fingerprint
    from pipeline.dedup.model import Candidate, NearbyArticles
    from pipeline.delivery.messages import ArticlePage, Visit
    from pipeline.extraction.wrapper.wrapper import Wrapper
    from pipeline.feeds.parse import FeedInput, NoFeed, ParsedFeed
    from pipeline.ingest.page_reading import PageReading, PageTask
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


@dataclass(frozen=True, slots=True)
class RepeatedQuery:
    """Which of a page's paragraphs does its host repeat under other URLs than this one?"""

    domain: str
    paragraphs: tuple[int, ...]
    url: str


@dataclass(frozen=True, slots=True)
class KnownQuery:
    """Which articles are near a candidate, or under one of these URLs? Which paragraphs does its host repeat?"""

    candidate: Candidate
    urls: tuple[str, ...]
    shown: RepeatedQuery


@dataclass(frozen=True, slots=True, kw_only=True)
class LookupResult:
    """Known articles near a candidate, whose id is now the one that its URLs belong to."""

    candidate: Candidate
    nearby: NearbyArticles
    seen: int  # sequence number of the newest fingerprint seen: newer ones are checked before anything is written
    known_ids: tuple[str, ...]
    repeated: frozenset[int] = frozenset()


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


@dataclass(frozen=True, slots=True)
class VisitUpdate:
    """What a visit changes when it brings no revision."""

    next_revisit_at: datetime | None
    missing_since: datetime | None = None
    validators: Validators | None = None  # None: as before


class Extractor(Protocol):
    """Extracts pages and parses large feeds, within limits of time and memory: `connectors/workers/pool.py`."""

    async def read_page(self, task: PageTask, wrapper: Wrapper | None) -> PageReading:
        """The page's article or rejection. Raises `ExtractionFailed` when the worker died or ran out of time."""

    async def fingerprint(self, article: Article, repeated: frozenset[int]) -> Fingerprint:
        """The article's fingerprint without the paragraphs that its host repeats. Raises `ExtractionFailed`."""

    async def read_feed(self, given: FeedInput) -> ParsedFeed | NoFeed:
        """The feed's entries. Raises `ExtractionFailed` when the worker died or ran out of time."""


class PollStore(Protocol):
    """Writes polls. Implemented by `connectors/store/feeds.py`."""

    def set_number_rule_once(self, outlet_id: str, rule: str | None, *, now: datetime) -> str | None:
        """Store the outlet's article number rule, unless one is set; returns the rule in force."""

    def record_poll(
        self, feed: FeedState, polled: PollResult, decide: Callable[[EntryCounts], PollDecision]
    ) -> EntryCounts:
        """Write entries, the feed's next state and messages in one transaction; returns counts and pending entries."""

    def record_quiet_polls(self, polls: Sequence[tuple[PollResult, PollDecision]]) -> None:
        """Write polls without entries, each feed's next state and messages, all in one transaction."""


class EntryStore(Protocol):
    """Pending entries, and their end without an article. Implemented by `connectors/store/articles.py`."""

    def due_entries(self, feed_ids: Sequence[str], *, now: datetime, limit: int = ...) -> tuple[PendingEntry, ...]:
        """Pending entries of these feeds that are due, oldest first."""

    def end(self, ending: Ending, *, now: datetime) -> bool:
        """Write an entry's end without an article; False when another worker ended it."""

    def defer(self, deferral: Deferral) -> None:
        """Leave an entry pending until a later time."""


class ArticleLookup(Protocol):
    """What is known of articles, for the decision on one. Implemented by `connectors/store/articles.py`."""

    def look_up_all(self, asked: Sequence[KnownQuery]) -> Sequence[LookupResult]:
        """Known articles similar to each candidate or under its URLs, and what its host repeats of its paragraphs."""

    def previous_value(self, article_id: str) -> bytes | None:
        """The last message of an article, which holds its former text; None when it is not kept any more."""


class SettlementStore(ArticleLookup, Protocol):
    """Looks articles up and writes settlements. Implemented by `connectors/store/articles.py`."""

    def settle_all(self, settlements: Sequence[Settlement]) -> Sequence[WriteResult]:
        """Write the ends of entries with articles in one transaction; each result says whether it was written."""


class VisitStore(Protocol):
    """Writes what visits to known articles change. Implemented by `connectors/store/revisits.py`."""

    def settle(self, settlement: Settlement, visit: Visit) -> WriteResult:
        """Write the page as it is now; TAKEN when the article changed since the visit was planned."""

    def note(self, visit: Visit, update: VisitUpdate, *, now: datetime) -> None:
        """Write when to visit again."""

    def withdraw(self, visit: Visit, update: VisitUpdate, messages: Sequence[Message], *, now: datetime) -> bool:
        """Write that the article is withdrawn, with its messages; False when the article changed meanwhile."""


@dataclass(frozen=True, slots=True)
class ReplayChoice:
    """Which articles: of these outlets, whose raw page was archived on these days (UTC, both included)."""

    outlets: tuple[str, ...] = ()
    since: date | None = None
    until: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchivedArticle:
    """An article with the raw page of its last revision."""

    article_id: str
    entry: PendingEntry  # as the feed last showed it; number 0 when it was deleted
    url: str
    raw_location: str


class RevisionStore(Protocol):
    """Writes the revisions of a replay. Implemented by `connectors/store/revisits.py`."""

    def revise(self, settlement: Settlement, *, raw_location: str) -> WriteResult:
        """Write a revision of an article whose last raw page is still this one; TAKEN when it is not."""
