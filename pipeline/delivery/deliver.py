"""Delivery: the outbox to the topics, each message exactly once (ARCHITECTURE section 4).

    open lane ─▶ committed number ─▶ rows ≤ it: delivered ─▶ rows > it: sent again under their number ─▶ next batch …
    fences others                    (crash after commit)    (crash before commit)             stamp, publish, mark

The topics commit messages and batch number atomically, so after a crash at any point the number tells what happened.
A batch is sent again under its own number and with the same rows, never mixed with new ones. No number is given twice:
the outbox refuses one that another holder of the lane gave meanwhile, as the topics refuse a fenced holder's messages.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby

from pipeline.delivery.claim_check import dead_letter_of_message
from pipeline.domain.errors import LaneFenced, LaneLost, NewswireError
from pipeline.domain.fault_injection import crash_point
from pipeline.domain.model import Message, OutboxRow
from pipeline.domain.ports import Lane, Outbox, Topics

# A lane that delivered nothing for so long, though messages wait, has a holder that stands still: so many times what a
# delivery may take (NEWSWIRE_DELIVERY_TIMEOUT_S), so that a slow broker alone never looks like one.
OVERTAKE_TIMES = 4
OVERTAKE_AFTER = OVERTAKE_TIMES * timedelta(seconds=30)
PAUSE_AFTER_ERROR_S = 5.0
# At the end of a run, lanes that others are draining are looked at again for this long.
LAST_LOOKS = 50
LOOK_AGAIN_S = 0.2
# Nobody wakes us for messages that a process left that died.
LOOK_FOR_OTHERS_S = 5.0
time_to_wait = threading.Event()  # never set: to wait on

Tally = Callable[[Sequence[OutboxRow]], None]
Shrink = Callable[[Message], Message]


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """How much goes into a transaction, how long its first message waits for company, and for a holder that stands."""

    max_rows: int = 2_000
    max_bytes: int = 16_000_000
    max_age_s: float = 0.5
    overtake_after: timedelta = OVERTAKE_AFTER


class LaneDelivery:
    """One lane in our hands. `batch` is the last number given in it, as far as we know."""

    def __init__(
        self,
        lane: Lane,
        outbox: Outbox,
        number: int,
        *,
        limits: BatchLimits,
        tally: Tally,
        shrink: Shrink = dead_letter_of_message,
        recover: bool = False,
    ) -> None:
        """`recover`: send what may have been sent, where nothing can tell."""
        self.lane = lane
        self.outbox = outbox
        self.number = number
        self.limits = limits
        self.tally = tally
        self.shrink = shrink
        self.recover = recover
        self.batch = 0

    def recover_lane(self) -> None:
        """Bring the rows that earlier holders stamped to their end. Raises DeliveryError, LaneLost."""
        crash_point("lane_opened")
        committed = self.lane.committed_batch()
        self.batch = self.outbox.last_batch(self.number)
        stamped = self.outbox.stamped(self.number)
        # Without a number (it expired, or the topics were made anew) and with one that the store never gave (it was
        # restored from an older copy), only the topics themselves can tell what is on them.
        if (committed is None and stamped) or (committed is not None and committed > self.batch):
            self.reconcile_with_topics(above=max(committed or 0, self.batch))
        elif stamped:
            self.resume_after(committed or 0, stamped)

    def resume_after(self, committed: int, stamped: Sequence[OutboxRow]) -> None:
        """Mark the rows that were committed, and send the others again under their numbers."""
        done = [row for row in stamped if (row.batch or 0) <= committed]
        if done:
            self.outbox.mark_delivered(self.number, up_to_batch=committed)
            self.tally(done)
        unsent = [row for row in stamped if (row.batch or 0) > committed]
        for batch, rows in groupby(unsent, key=lambda row: row.batch or 0):
            self.send(batch, list(rows))

    def reconcile_with_topics(self, *, above: int) -> None:
        """Learn from the topics which of the lane's messages they have; the others will be stamped anew.

        Raises LaneLost when the topics do not reach back far enough to tell, unless told to `recover`.
        """
        waiting = self.outbox.waiting(self.number)
        try:
            found = self.lane.find_events([row.message for row in waiting])
        except LaneLost as lost:
            if not self.recover:
                raise
            found = lost.found
        known = with_predecessors([row.message for row in waiting], found)
        done = [row for row in waiting if row.message.id in known]
        self.outbox.reconcile_events(self.number, batch=above + 1, delivered=[row.id for row in done])
        self.batch = above + 1
        self.tally(done)

    def drain(self) -> None:
        """Deliver everything that waits, batch after batch. Raises DeliveryError; what was not sent stays."""
        max_rows, max_bytes = self.limits.max_rows, self.limits.max_bytes
        while rows := self.outbox.stamp(self.number, batch=self.batch + 1, max_rows=max_rows, max_bytes=max_bytes):
            crash_point("batch_stamped")
            self.batch += 1
            self.send(self.batch, rows)

    def send(self, batch: int, rows: Sequence[OutboxRow]) -> None:
        """Publish one batch and mark it."""
        rows = [self.fit(row) for row in rows]
        self.lane.publish(batch, [row.message for row in rows])
        crash_point("before_mark_delivered")
        self.outbox.mark_delivered(self.number, up_to_batch=batch)
        self.tally(rows)

    def fit(self, row: OutboxRow) -> OutboxRow:
        """The row, with a message in its place that the topics take if they refuse its own."""
        if self.lane.fits(row.message):
            return row
        smaller = self.shrink(row.message)
        if not self.lane.fits(smaller):
            smaller = dead_letter_of_message(row.message)
        self.outbox.replace(row.id, smaller)
        return replace(row, message=smaller)


def with_predecessors(messages: Sequence[Message], found: Collection[str]) -> frozenset[str]:
    """Events that must be on the topics because a later one of the same topic and key is: each key is in order.

    Compaction and retention take the earlier one away; sent again, it would stand after the later one.
    """
    known: set[str] = set()
    has_later: set[tuple[str, str]] = set()
    for message in reversed(messages):
        if message.id in found or (message.topic, message.key) in has_later:
            has_later.add((message.topic, message.key))
            known.add(message.id)
    return frozenset(known)


class Deliverer:
    """Delivers beside ingestion: woken by every settled entry, it drains the lanes that hold something.

    Processes share the lanes: one drains a lane at a time (`Outbox.lease`), the others leave it to it. A holder that
    stands still for long is overtaken and fenced. After an error it tries again, while ingestion goes on: nothing is
    lost, it waits in the outbox; `stop` raises what is still wrong at the end. Threads it uses: one, and one per lane
    being drained.
    """

    def __init__(
        self,
        topics: Topics,
        outbox: Outbox,
        limits: BatchLimits,
        *,
        clock: Callable[[], datetime],
        threads: int = 4,
        shrink: Shrink = dead_letter_of_message,
        recover: bool = False,
    ) -> None:
        self.topics = topics
        self.outbox = outbox
        self.limits = limits
        self.clock = clock
        self.shrink = shrink
        self.recover = recover
        self.sent: Counter[str] = Counter()
        self.trouble = ""  # what went wrong at the last try
        self.held: dict[int, LaneDelivery] = {}
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
            if self.awake.wait(LOOK_FOR_OTHERS_S):
                self.ending.wait(self.limits.max_age_s)
            self.awake.clear()
            try:
                pause_s = LOOK_AGAIN_S if self.drain() else 0.0
                self.trouble = ""
            except NewswireError as error:
                self.trouble = str(error)
                pause_s = PAUSE_AFTER_ERROR_S
            if pause_s:
                self.ending.wait(pause_s)
                self.awake.set()

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
            if not is_ours and not self.outbox.is_stalled(number, since=self.clock() - self.limits.overtake_after):
                return False
            try:
                self.drain_held(number)
            except LaneFenced:
                if not is_ours:
                    return False  # whoever has the lease is moving after all
                self.drain_held(number)  # somebody held us for standing still: take it back, once
            return True

    def drain_held(self, number: int) -> None:
        """Drain one lane, keeping it open for the next time unless something goes wrong."""
        with ExitStack() as when_wrong:
            when_wrong.callback(self.give_back, number)
            self.hold(number).drain()
            when_wrong.pop_all()

    def hold(self, number: int) -> LaneDelivery:
        """The lane in our hands: still ours if nobody gave a number in it since, else taken (again)."""
        held = self.held.get(number)
        if held is not None and held.batch == self.outbox.last_batch(number):
            return held
        self.give_back(number)
        lane = self.topics.open_lane(number)
        held = self.held[number] = LaneDelivery(
            lane,
            self.outbox,
            number,
            limits=self.limits,
            tally=self.count,
            shrink=self.shrink,
            recover=self.recover,
        )
        held.recover_lane()
        return held

    def give_back(self, number: int) -> None:
        """Close the lane if we have it."""
        held = self.held.pop(number, None)
        if held is not None:
            held.lane.close()

    def count(self, rows: Sequence[OutboxRow]) -> None:
        """Count delivered messages by topic."""
        with self.guard:
            self.sent.update(row.message.topic.value for row in rows)

    def take_count(self) -> Counter[str]:
        """What was delivered since this was last asked, by topic."""
        with self.guard:
            sent, self.sent = self.sent, Counter()
        return sent

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
            for number in list(self.held):
                self.give_back(number)
            self.pool.shutdown()
        return self.sent


def deliver(
    topics: Topics, outbox: Outbox, limits: BatchLimits, *, clock: Callable[[], datetime], threads: int = 4
) -> Counter[str]:
    """Drain the whole outbox once; messages by topic. Raises DeliveryError."""
    return Deliverer(topics, outbox, limits, clock=clock, threads=threads).stop()


def keep_numbers(topics: Topics, outbox: Outbox) -> int:
    """Commit every idle lane's batch number again, so that the topics do not forget it; how many lanes.

    A consumer group's offsets expire after `offsets.retention.minutes` (7 days by default) without a commit.
    """
    kept = 0
    for number in outbox.known_lanes():
        with outbox.lease(number) as is_ours:
            if not is_ours:
                continue
            with closing(topics.open_lane(number)) as lane:
                batch = lane.committed_batch()
                if batch is not None:
                    lane.publish(batch, ())
                    kept += 1
    return kept
