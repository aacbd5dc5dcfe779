"""Delivery: the outbox to the topics, each message exactly once (ARCHITECTURE section 4).

    open lane ─▶ committed number ─▶ rows ≤ it: delivered ─▶ rows > it: sent again under their number ─▶ next batch …
    fences others                    (crash after commit)    (crash before commit)             stamp, publish, mark

The topics commit messages and batch number atomically, so after a crash at any point the number tells what happened.
A batch is sent again under its own number and with the same rows, never mixed with new ones.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

from pipeline.crashpoints import crash_point
from pipeline.errors import DeliveryError, LaneFenced, NewswireError
from pipeline.model import OutboxRow
from pipeline.ports import Lane, Outbox, Topics

# A lane whose oldest message waits for longer has a holder that stands still, or a broker that is away.
OVERTAKE_AFTER = timedelta(minutes=2)
PAUSE_AFTER_ERROR_S = 5.0
# At the end of a run, lanes that others are draining are looked at again for this long.
LAST_LOOKS = 50
LOOK_AGAIN_S = 0.2
time_to_wait = threading.Event()  # never set: to wait on


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """How much goes into one transaction."""

    max_rows: int = 500
    max_bytes: int = 4_000_000


def drain_lane(lane: Lane, outbox: Outbox, number: int, limits: BatchLimits) -> Counter[str]:
    """Deliver everything the lane holds; messages by topic. Raises DeliveryError; what was not sent stays."""
    crash_point("lane_opened")
    sent: Counter[str] = Counter()
    committed = settle_the_past(lane, outbox, number, sent)
    while rows := outbox.stamp(number, batch=committed + 1, max_rows=limits.max_rows, max_bytes=limits.max_bytes):
        crash_point("batch_stamped")
        committed += 1
        send(lane, outbox, number, committed, rows, sent)
    return sent


def settle_the_past(lane: Lane, outbox: Outbox, number: int, sent: Counter[str]) -> int:
    """Bring the rows that an earlier holder stamped to their end; the last batch number of the lane."""
    committed = lane.committed_batch()
    last_stamped = outbox.last_batch(number)
    stamped = outbox.stamped(number)
    if committed is None and stamped:
        # The number expired or the topics were made anew: only the topics themselves can tell what is on them.
        return reconcile(lane, outbox, number, sent)
    if committed is not None and committed > last_stamped:
        # The topics know more than the store: it was restored from an older copy.
        return max(committed, reconcile(lane, outbox, number, sent))
    committed = last_stamped if committed is None else committed
    done = [row for row in stamped if (row.batch or 0) <= committed]
    if done:
        outbox.mark_delivered(number, up_to_batch=committed)
        count(sent, done)
    unsent = [row for row in stamped if (row.batch or 0) > committed]
    for batch, rows in groupby(unsent, key=lambda row: row.batch or 0):
        send(lane, outbox, number, batch, list(rows), sent)
        committed = batch
    return committed


def reconcile(lane: Lane, outbox: Outbox, number: int, sent: Counter[str]) -> int:
    """Ask the topics which of the lane's messages they have, and give the others back to be stamped anew.

    Raises LaneLost when the topics do not reach back far enough to tell.
    """
    waiting = outbox.waiting(number)
    known = (
        lane.find_events([row.message.id for row in waiting], since=min(row.created_at for row in waiting))
        if waiting
        else frozenset()
    )
    found = [row for row in waiting if row.message.id in known]
    outbox.settle_events(number, delivered=[row.id for row in found])
    count(sent, found)
    return outbox.last_batch(number)


def send(lane: Lane, outbox: Outbox, number: int, batch: int, rows: Sequence[OutboxRow], sent: Counter[str]) -> None:
    """Publish one batch and mark it."""
    lane.publish(batch, [row.message for row in rows])
    crash_point("before_mark_delivered")
    outbox.mark_delivered(number, up_to_batch=batch)
    count(sent, rows)


def count(sent: Counter[str], rows: Sequence[OutboxRow]) -> None:
    """Count messages by topic."""
    sent.update(row.message.topic.value for row in rows)


class Deliverer:
    """Delivers beside ingestion: woken by every settled entry, it drains the lanes that hold something.

    Processes share the lanes: one drains a lane at a time (`Outbox.lease`), the others leave it to it. A holder that
    stands still for long is overtaken and fenced. An error is kept for the end (`stop` raises it), while ingestion goes
    on: nothing is lost, it waits in the outbox.
    """

    def __init__(
        self,
        topics: Topics,
        outbox: Outbox,
        limits: BatchLimits,
        *,
        clock: Callable[[], datetime],
        threads: int = 4,
    ) -> None:
        self.topics = topics
        self.outbox = outbox
        self.limits = limits
        self.clock = clock
        self.sent: Counter[str] = Counter()
        self.open_lanes: dict[int, Lane] = {}
        self.awake = threading.Event()
        self.ending = threading.Event()
        self.guard = threading.Lock()
        self.pool = ThreadPoolExecutor(threads, thread_name_prefix="lane")
        self.thread = threading.Thread(target=self.run, name="delivery", daemon=True)

    def start(self) -> None:
        """Begin to deliver in a thread of its own."""
        self.thread.start()

    def wake(self) -> None:
        """Something was added to the outbox."""
        self.awake.set()

    def run(self) -> None:
        """Drain when woken, until told to end."""
        while not self.ending.is_set():
            self.awake.wait()
            self.awake.clear()
            try:
                self.drain()
            except NewswireError:
                self.ending.wait(PAUSE_AFTER_ERROR_S)  # `stop` tries once more, and raises what is still wrong

    def drain(self) -> int:
        """Drain every lane that holds something, side by side; how many were left to others.

        Raises the first lane's error after all have ended.
        """
        outcomes = [self.pool.submit(self.drain_one, lane) for lane in self.outbox.lanes_with_work()]
        errors = [error for outcome in outcomes if (error := outcome.exception())]
        if errors:
            raise errors[0]
        return sum(not outcome.result() for outcome in outcomes)

    def drain_one(self, number: int) -> bool:
        """Drain one lane; False when another process is at it."""
        with self.outbox.lease(number) as is_ours:
            if not is_ours and not self.is_overdue(number):
                return False
            try:
                sent = self.drain_held(number)
            except LaneFenced:
                # Somebody else drained it since we last did, as is his right: take it back, once.
                sent = self.drain_held(number)
            with self.guard:
                self.sent.update(sent)
            return True

    def drain_held(self, number: int) -> Counter[str]:
        """Drain one lane, keeping it open for the next time."""
        lane = self.open_lanes.get(number)
        if lane is None:
            lane = self.open_lanes[number] = self.topics.open_lane(number)
        try:
            return drain_lane(lane, self.outbox, number, self.limits)
        except DeliveryError:
            self.open_lanes.pop(number).close()
            raise

    def is_overdue(self, number: int) -> bool:
        """Whether a lane's messages wait so long that its holder must be standing still."""
        oldest = self.outbox.oldest_waiting(number)
        return oldest is not None and self.clock() - oldest > OVERTAKE_AFTER

    def release(self) -> None:
        """Give every lane back."""
        for lane in self.open_lanes.values():
            lane.close()
        self.open_lanes.clear()

    def stop(self) -> Counter[str]:
        """Drain what is left and end; messages by topic. Raises what kept something from being delivered."""
        self.ending.set()
        self.awake.set()
        if self.thread.ident is not None:
            self.thread.join()
        try:
            for _ in range(LAST_LOOKS):
                if not self.drain():
                    break
                time_to_wait.wait(LOOK_AGAIN_S)
        finally:
            self.release()
            self.pool.shutdown()
        return self.sent


def deliver(
    topics: Topics, outbox: Outbox, limits: BatchLimits, *, clock: Callable[[], datetime], threads: int = 4
) -> Counter[str]:
    """Drain the whole outbox once; messages by topic. Raises DeliveryError."""
    return Deliverer(topics, outbox, limits, clock=clock, threads=threads).stop()
