"""Ports of ingest to the store and to the extraction workers, split by caller; each a small Protocol.

The connectors implement them; tests use hand-written fakes. The store is synchronous: callers use
`RunContext.in_store`. Ports that other packages need too are in pipeline/domain/ports.py.
Tested by tests/connectors/store/test_articles.py and tests/connectors/workers/test_pool.py.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol

from pipeline.dedup.decide import Candidate
from pipeline.delivery.events import Visit
from pipeline.domain.model import FeedState, Message, PendingEntry
from pipeline.extraction.values import Extraction, PageInput
from pipeline.extraction.wrapper.wrapper import Wrapper
from pipeline.feeds.parse import FeedInput, NoFeed, ParsedFeed
from pipeline.ingest.revisit_policy import VisitUpdate
from pipeline.ingest.transactions import (
    Deferral,
    Ending,
    EntryCounts,
    LookupResult,
    PollDecision,
    PollResult,
    Settlement,
    WriteResult,
)


class Extractor(Protocol):
    """Extracts pages and parses large feeds, within limits of time and memory: `connectors/workers/pool.py`."""

    async def extract(self, page: PageInput, wrapper: Wrapper | None) -> Extraction:
        """The page's article or rejection. Raises `ExtractionFailed` when the worker died or ran out of time."""

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

    def repeated_paragraphs(self, domain: str, paragraphs: Sequence[int], *, url: str) -> frozenset[int]:
        """Those of a page's paragraphs that its host shows under other URLs too."""

    def look_up(self, candidate: Candidate, urls: Sequence[str]) -> LookupResult:
        """Known articles similar to the candidate or under its URLs."""

    def previous_value(self, article_id: str) -> bytes | None:
        """The last message of an article, which holds its former text; None when it is not kept any more."""


class SettlementStore(ArticleLookup, Protocol):
    """Looks articles up and writes settlements. Implemented by `connectors/store/articles.py`."""

    def settle(self, settlement: Settlement) -> WriteResult:
        """Write an entry's end with an article in one transaction, or return why nothing was written."""


class VisitStore(Protocol):
    """Writes what visits to known articles change. Implemented by `connectors/store/revisits.py`."""

    def settle(self, settlement: Settlement, visit: Visit) -> WriteResult:
        """Write the page as it is now; TAKEN when the article changed since the visit was planned."""

    def note(self, visit: Visit, update: VisitUpdate, *, now: datetime) -> None:
        """Write when to visit again."""

    def withdraw(self, visit: Visit, update: VisitUpdate, messages: Sequence[Message], *, now: datetime) -> bool:
        """Write that the article is withdrawn, with its messages; False when the article changed meanwhile."""


class RevisionStore(Protocol):
    """Writes the revisions of a replay. Implemented by `connectors/store/replays.py`."""

    def revise(self, settlement: Settlement, *, raw_location: str) -> WriteResult:
        """Write a revision of an article whose last raw page is still this one; TAKEN when it is not."""
