"""The ports: what the core needs of the world, each a small `Protocol` with plain values in and out.

connectors implement them (http.py, store.py, kafka.py, log.py, archive.py); tests use hand-written fakes. Methods that
wait on a network are async; the store, the archive and the topics are synchronous, their callers run them in a thread.
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
    QuietPoll,
    Settlement,
    Sighted,
    WriteResult,
)


class Extractor(Protocol):
    """Pages to articles and large feeds to entries, behind limits of time and memory: `connectors/workers/pool.py`."""

    async def extract(self, page: PageInput, wrapper: Wrapper | None) -> Extraction:
        """What the page gives. Raises `ExtractionFailed` when it cost its worker."""
        ...

    async def read_feed(self, given: FeedInput) -> ParsedFeed | NoFeed:
        """What the feed says. Raises `ExtractionFailed` when it cost its worker."""
        ...


class PollStore(Protocol):
    """What is remembered of feeds. Implemented by `connectors/store/feeds.py`."""

    def set_number_rule_once(self, outlet_id: str, rule: str | None, *, now: datetime) -> str | None:
        """Keep what an outlet's article numbers follow, unless that is settled; the rule in force."""
        ...

    def record_poll(
        self, feed: FeedState, polled: PollResult, decide: Callable[[EntryCounts], PollDecision]
    ) -> Sighted:
        """Write a poll: entries, the feed's next state and messages, in one transaction."""
        ...

    def record_quiet_polls(self, polls: Sequence[QuietPoll]) -> None:
        """Write polls without entries: each feed's next state and messages, all in one transaction."""
        ...


class ArticleBook(Protocol):
    """What is known of articles, and how entries end. Implemented by `connectors/store/articles.py`."""

    def due_entries(self, feed_ids: Sequence[str], *, now: datetime, limit: int = ...) -> tuple[PendingEntry, ...]:
        """Entries first seen in these feeds that wait and may be tried now, oldest first."""
        ...

    def repeated_paragraphs(self, domain: str, paragraphs: Sequence[int], *, url: str) -> frozenset[int]:
        """Those of a page's paragraphs that its host shows under other URLs too."""
        ...

    def look_up(self, candidate: Candidate, urls: Sequence[str]) -> LookupResult:
        """What is known near a candidate."""
        ...

    def settle(self, settlement: Settlement) -> WriteResult:
        """Write an entry's end with an article under the claim, or say why nothing was written."""
        ...

    def end(self, ending: Ending, *, now: datetime) -> bool:
        """Write an entry's end without an article; False when somebody else ended it."""
        ...

    def defer(self, deferral: Deferral) -> None:
        """Leave an entry pending until later."""
        ...

    def previous_value(self, article_id: str) -> bytes | None:
        """The last message about an article that is still kept: where its former text is."""
        ...

    def load_wrapper(self, outlet_id: str) -> str | None:
        """What the outlet's pages taught so far, as JSON."""
        ...

    def save_wrapper(self, outlet_id: str, wrapper: str, *, version: int, now: datetime) -> None:
        """Keep what the outlet's pages taught."""
        ...


class VisitStore(Protocol):
    """What visits to known articles change. Implemented by `connectors/store/revisits.py`."""

    def settle(self, settlement: Settlement, visit: Visit) -> WriteResult:
        """Write what the page is now, under the claim; TAKEN when the article is not as it was."""
        ...

    def note(self, visit: Visit, noted: VisitUpdate, *, now: datetime) -> None:
        """Write when to look again."""
        ...

    def withdraw(self, visit: Visit, noted: VisitUpdate, messages: Sequence[Message], *, now: datetime) -> bool:
        """Write that the article is gone, with its messages; False when it is not as it was."""
        ...
