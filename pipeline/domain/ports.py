"""Ports that more than one stage needs: HTTP, rate limiter, outbox, topics, archive; each a small Protocol.

The connectors implement them; tests use hand-written fakes. Methods that wait for a network are async. The archive, the
outbox and the topics are synchronous: callers run them in a thread. The store's ports are in pipeline/ingest/ports.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol

from pipeline.domain.model import Message, OutboxRow, ReceivedMessage, Request, Response, Topic


class Slot(Protocol):
    """A place among those at work, given back by whoever made it. Implemented by `pipeline/ingest/host_queue.py`."""

    async def take(self) -> None:
        """Wait for it, unless it is taken already. Raises `RunDeadlineExceeded` when that was too long."""
        ...

    def give_back(self) -> None:
        """Let somebody else have it. Idempotent."""
        ...


class Fetcher(Protocol):
    """One verb: get a URL by every rule we have. Implemented by `connectors/http/fetcher.py`."""

    async def fetch(self, request: Request, slot: Slot | None = None) -> Response:
        """The answer, whatever its status. Raises a `FetchError` (pipeline/domain/errors.py) when there is none.

        The slot is taken when the request goes out, never while it waits for its host, and is still held at the end.
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


class Outbox(Protocol):
    """The delivery's side of the store (ARCHITECTURE section 4). Implemented by `connectors/store/outbox.py`."""

    def lease(self, lane: int) -> AbstractContextManager[bool]:
        """Whether this process may drain the lane while the context lasts: no other process does."""
        ...

    def is_stalled(self, lane: int, *, since: datetime) -> bool:
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

    def reconcile_events(self, lane: int, *, batch: int, delivered: Sequence[int]) -> None:
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
    ) -> Iterator[ReceivedMessage]:
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
