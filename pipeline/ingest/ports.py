"""The ports: what the core needs of the world, each a small `Protocol` with plain values in and out.

connectors implement them (http.py, store.py, kafka.py, log.py, archive.py); tests use hand-written fakes. Methods that
wait on a network are async; the store, the archive and the topics are synchronous, their callers run them in a thread.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol

from pipeline.dedup.decide import Candidate
from pipeline.domain.model import FeedState, Message, OutboxRow, PendingEntry, Received, Request, Response, Topic
from pipeline.extraction.values import Extraction, PageInput
from pipeline.extraction.wrapper.wrapper import Wrapper
from pipeline.feeds.parse import FeedInput, NoFeed, ParsedFeed
from pipeline.ingest.revisit_policy import Noted, Visit
from pipeline.ingest.transactions import (
    Deferral,
    Ending,
    Looked,
    Outcome,
    PollDecision,
    Polled,
    QuietPoll,
    Settlement,
    Shown,
    Sighted,
)


class Place(Protocol):
    """A place among those at work, given back by whoever made it. Implemented by `pipeline/ingest/host_queue.py`."""

    async def take(self) -> None:
        """Wait for it, unless it is taken already. Raises `RunEnds` when that was too long."""
        ...

    def give_back(self) -> None:
        """Let somebody else have it. Idempotent."""
        ...


class Fetcher(Protocol):
    """One verb: get a URL by every rule we have. Implemented by `connectors/http/fetcher.py`."""

    async def fetch(self, request: Request, place: Place | None = None) -> Response:
        """The answer, whatever its status. Raises a `FetchError` (pipeline/domain/errors.py) when there is none.

        The place is taken when the request goes out, never while it waits for its host, and is still held at the end.
        """
        ...


class HostPacer(Protocol):
    """Spacing and waiting per host, shared by every process on the store. Implemented by `connectors/store.py`."""

    def reserve(self, host: str, *, spacing_s: float, now: datetime) -> datetime:
        """Take the host's next free slot, `spacing_s` after the one before: when the request may be sent (≥ now)."""
        ...

    def hold(self, host: str, *, until: datetime, reason: str) -> None:
        """Nothing may be sent to this host before `until` (Retry-After, robots 5xx)."""
        ...

    def held_until(self, host: str) -> datetime | None:
        """Until when the host asked us to wait, if it did."""
        ...


class Extractor(Protocol):
    """Pages to articles and large feeds to entries, behind limits of time and memory: `connectors/workers/pool.py`."""

    async def extract(self, page: PageInput, wrapper: Wrapper | None) -> Extraction:
        """What the page gives. Raises `ExtractionFailed` when it cost its worker."""
        ...

    async def read_feed(self, given: FeedInput) -> ParsedFeed | NoFeed:
        """What the feed says. Raises `ExtractionFailed` when it cost its worker."""
        ...


class FeedBook(Protocol):
    """What is remembered of feeds. Implemented by `connectors/store/feeds.py`."""

    def settle_number_rule(self, outlet_id: str, rule: str | None, *, now: datetime) -> str | None:
        """Keep what an outlet's article numbers follow, unless that is settled; the rule in force."""
        ...

    def record_poll(self, feed: FeedState, polled: Polled, decide: Callable[[Shown], PollDecision]) -> Sighted:
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

    def look_up(self, candidate: Candidate, urls: Sequence[str]) -> Looked:
        """What is known near a candidate."""
        ...

    def settle(self, settlement: Settlement) -> Outcome:
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


class VisitBook(Protocol):
    """What visits to known articles change. Implemented by `connectors/store/revisits.py`."""

    def settle(self, settlement: Settlement, visit: Visit) -> Outcome:
        """Write what the page is now, under the claim; TAKEN when the article is not as it was."""
        ...

    def note(self, visit: Visit, noted: Noted, *, now: datetime) -> None:
        """Write when to look again."""
        ...

    def withdraw(self, visit: Visit, noted: Noted, messages: Sequence[Message], *, now: datetime) -> bool:
        """Write that the article is gone, with its messages; False when it is not as it was."""
        ...


class Outbox(Protocol):
    """The delivery's side of the store (ARCHITECTURE section 4). Implemented by `connectors/store/outbox.py`."""

    def lease(self, lane: int) -> AbstractContextManager[bool]:
        """Whether this process may drain the lane while the context lasts: no other process does."""
        ...

    def stands_still(self, lane: int, *, since: datetime) -> bool:
        """Whether a message of the lane waits since before then, and none of it was delivered after."""
        ...

    def known_lanes(self) -> Sequence[int]:
        """Every lane that was ever delivered from."""
        ...

    def lanes_with_work(self) -> Sequence[int]:
        """Lanes that hold undelivered rows."""
        ...

    def stamped(self, lane: int) -> Sequence[OutboxRow]:
        """Undelivered rows that a batch number was given to, in order."""
        ...

    def stamp(self, lane: int, *, batch: int, max_rows: int, max_bytes: int) -> Sequence[OutboxRow]:
        """Give the lane's next unstamped rows this batch number, committed; at most so many rows and bytes.

        Raises LaneFenced when the number, or a higher one, was given before: another process is at the lane.
        """
        ...

    def mark_delivered(self, lane: int, *, up_to_batch: int) -> int:
        """Rows of the lane stamped with this batch or a lower one are delivered; how many that were."""
        ...

    def last_batch(self, lane: int) -> int:
        """The highest batch number that was ever stamped for the lane; 0 before the first."""
        ...

    def waiting(self, lane: int) -> Sequence[OutboxRow]:
        """Every undelivered row of the lane, stamped or not, in order."""
        ...

    def settle_events(self, lane: int, *, batch: int, delivered: Sequence[int]) -> None:
        """These rows (ids) are on the topics; every other undelivered row of the lane loses its batch number.

        Takes up this batch number, without rows; raises LaneFenced as `stamp` does.
        """
        ...

    def replace(self, row_id: int, message: Message) -> None:
        """Put another message in a row's place, under the same event id."""
        ...


class Lane(Protocol):
    """A lane held by this process. Leaving its context gives it back; being fenced raises `LaneFenced`."""

    def committed_batch(self) -> int | None:
        """The last batch number that the topics committed for this lane; None if none was ever, or it is gone."""
        ...

    def publish(self, batch: int, messages: Sequence[Message]) -> None:
        """Append the messages and the batch number atomically. Raises `DeliveryError`; nothing is visible then."""
        ...

    def fits(self, message: Message) -> bool:
        """Whether the topics take a message of this size."""
        ...

    def find_events(self, messages: Sequence[Message]) -> frozenset[str]:
        """Which of these messages the topics have, by event id. Raises `LaneLost` when they cannot tell."""
        ...

    def close(self) -> None:
        """Give the lane back. Idempotent."""
        ...


class Topics(Protocol):
    """Where messages go. Implemented by `connectors/kafka/topics.py` and `connectors/store/topic_log.py` (embedded)."""

    def open_lane(self, lane: int) -> Lane:
        """Take the lane, fencing any other holder of it."""
        ...

    def read(
        self,
        topic: Topic,
        *,
        since: datetime | None = None,
        follow: bool = False,
        after: Mapping[int, int] | None = None,
    ) -> Iterator[Received]:
        """Committed messages of a topic in order of partition and offset; ends at the present end unless `follow`.

        `after`: the offset last read of each partition, to go on from. Raises DeliveryError when what came next to it
        is not kept any more.
        """
        ...

    def close(self) -> None:
        """Release connections. Idempotent."""
        ...


class Archive(Protocol):
    """Raw pages as they came, by day. Implemented by `connectors/archive/warc_archive.py` (WARC)."""

    def keep(self, response: Response) -> str:
        """Write the response; its location, stable for ever: `<file>#<offset>`. Raises `StoreError`, retriable."""
        ...

    def read(self, location: str) -> Response:
        """The response kept there. Raises `StoreError` when it is gone by retention or damaged."""
        ...
