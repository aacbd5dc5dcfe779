"""Ports that several packages need: HTTP, rate limiter, store calls, outbox, topics, archive; each a small Protocol.

The connectors implement them; tests use hand-written fakes. Methods that wait for a network are async. The archive, the
outbox and the topics are synchronous: callers run them in a thread. Other ports are in pipeline/ingest/ports.py.
Tested by tests/delivery/test_deliver.py and tests/connectors/.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import ParamSpec, Protocol, TypeVar

from pipeline.domain.model import ArchiveRecord, Message, OutboxRow, ReceivedMessage, Request, Response, Topic

P = ParamSpec("P")
R = TypeVar("R")


class Slot(Protocol):
    """A slot of the run's concurrency limit. Implemented by `pipeline/ingest/context.py`, which also releases it."""

    async def take(self) -> None:
        """Acquire the slot, unless it is held already. Raises `RunDeadlineExceeded`."""

    def give_back(self) -> None:
        """Release the slot. Idempotent."""


class Fetcher(Protocol):
    """GET a URL within every rule and limit. Implemented by `connectors/http/fetcher.py`."""

    async def fetch(self, request: Request, slot: Slot | None = None) -> Response:
        """Return the response, whatever its status. Raises `FetchError` (pipeline/domain/errors.py) if there is none.

        Acquires the slot just before sending (not while waiting for the host's rate limit). The caller releases it.
        """


class HostPacer(Protocol):
    """Rate limit per host, shared by every process. Implemented by `connectors/store/host_slots.py`."""

    def reserve(self, host: str, *, spacing_s: float, now: datetime) -> datetime:
        """Reserve the host's next time, `spacing_s` after the one before: when to send the request (not before now)."""

    def hold(self, host: str, *, until: datetime, reason: str) -> None:
        """Send nothing to this host before `until` (Retry-After, robots 5xx)."""

    def held_until(self, host: str) -> datetime | None:
        """Until when requests to this host are held, if they are."""


class StoreCall(Protocol):
    """Runs a synchronous store call outside the event loop. Implemented by `pipeline/ingest/context.py`."""

    def __call__(self, call: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> Awaitable[R]:
        """Await the call's result."""


class WrapperStore(Protocol):
    """Stored wrappers, one per outlet. Implemented by `connectors/store/articles.py`."""

    def load_wrapper(self, outlet_id: str) -> str | None:
        """The outlet's wrapper as JSON, if there is one."""

    def save_wrapper(self, outlet_id: str, wrapper: str, *, version: int, now: datetime) -> None:
        """Store the outlet's wrapper."""


class OutboxLanes(Protocol):
    """Which lanes have messages and which process drains them. Implemented by `connectors/store/outbox.py`."""

    def lease(self, lane: int) -> AbstractContextManager[bool]:
        """Whether this process may drain the lane while the context lasts, because no other process does."""

    def is_stalled(self, lane: int, *, since: datetime) -> bool:
        """Whether a message of the lane waits since before then, and no message was delivered after."""

    def known_lanes(self) -> Sequence[int]:
        """Every lane that was ever delivered from."""

    def lanes_with_work(self) -> Sequence[int]:
        """Lanes that hold undelivered rows."""

    def last_batch(self, lane: int) -> int:
        """The highest batch number that was ever stamped for the lane; 0 before the first."""


class Outbox(OutboxLanes, Protocol):
    """The whole delivery side of the store: also draining a lane, and what an earlier holder of it left."""

    def stamp(self, lane: int, *, batch: int, max_rows: int, max_bytes: int) -> Sequence[OutboxRow]:
        """Give the lane's next unstamped rows this batch number, committed; at most so many rows and bytes.

        Raises LaneFenced when the number, or a higher one, was given before: another process drains the lane.
        """

    def mark_delivered(self, lane: int, *, up_to_batch: int) -> int:
        """Mark the lane's rows of this batch and of lower ones as delivered; returns how many."""

    def replace(self, row_id: int, message: Message) -> None:
        """Replace a row's message, under the same event id."""

    def stamped(self, lane: int) -> Sequence[OutboxRow]:
        """Undelivered rows with a batch number, in order."""

    def waiting(self, lane: int) -> Sequence[OutboxRow]:
        """Every undelivered row of the lane, stamped or not, in order."""

    def reconcile_events(self, lane: int, *, batch: int, delivered: Sequence[int]) -> None:
        """Mark these rows (ids) as delivered; every other undelivered row of the lane loses its batch number.

        Claims this batch number, without rows. Raises LaneFenced as `stamp` does.
        """


class Lane(Protocol):
    """A lane held by this process. Raises `LaneFenced` when another process took it."""

    def committed_batch(self) -> int | None:
        """The last batch number committed to the topics for this lane; None if none ever was, or it expired."""

    def publish(self, batch: int, messages: Sequence[Message]) -> None:
        """Append the messages and the batch number atomically. Raises `DeliveryError`; nothing is visible then."""

    def fits(self, message: Message) -> bool:
        """Whether the topics accept a message of this size."""

    def find_events(self, messages: Sequence[Message]) -> frozenset[str]:
        """Which of these messages are on the topics, by event id. Raises `LaneLost` when that cannot be known."""

    def close(self) -> None:
        """Release the lane. Idempotent."""


class Topics(Protocol):
    """Topics of a broker or of the embedded log: `connectors/kafka/producer.py`, `connectors/store/outbox.py`."""

    def open_lane(self, lane: int) -> Lane:
        """Open the lane, fencing any other holder of it."""

    def read(
        self,
        topic: Topic,
        *,
        since: datetime | None = None,
        follow: bool = False,
        after: Mapping[int, int] | None = None,
    ) -> Iterator[ReceivedMessage]:
        """Committed messages of a topic by partition and offset; ends at the present end unless `follow`.

        `after`: the last offset read of each partition, to resume from. Raises DeliveryError when the following
        messages are not kept any more.
        """

    def close(self) -> None:
        """Release connections. Idempotent."""


class Archive(Protocol):
    """Raw pages, by day. Implemented by `connectors/archive/warc_archive.py` (WARC)."""

    def keep(self, response: Response) -> str:
        """Write the response; returns its stable location, `<file>#<offset>`. Raises `StoreError`, retriable."""

    def append_all(self, records: Sequence[ArchiveRecord]) -> Sequence[str]:
        """The same for responses that workers packed."""

    def sync(self) -> None:
        """Return when everything written so far is on the disk. Raises `StoreError`, retriable."""

    def read(self, location: str) -> Response:
        """The response at this location. Raises `StoreError` when it was deleted by retention, or is damaged."""
