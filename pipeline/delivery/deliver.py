"""Delivery: the outbox to the topics, each message exactly once.

    open lane ─▶ committed number ─▶ rows ≤ it: delivered ─▶ rows > it: sent again under their number ─▶ next batch …
    fences others                    (crash after commit)    (crash before commit)             stamp, publish, mark

The topics commit messages and batch number atomically, so after a crash at any point the number tells what happened.
A batch is sent again under its own number with the same rows, never mixed with new ones. No number is given twice:
the outbox rejects one that another holder of the lane gave meanwhile, and the topics reject a fenced holder's messages.
`Audit` finds what is missing on a topic, there twice or out of order.
"""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import KW_ONLY, dataclass, field, replace
from datetime import datetime, timedelta
from itertools import groupby

from pipeline.delivery.dead_letters import dead_letter_of_message
from pipeline.domain.errors import LaneFenced, LaneLost, NewswireError
from pipeline.domain.fault_injection import crash_point
from pipeline.domain.model import Message, OutboxRow, ReceivedMessage
from pipeline.domain.ports import Lane, Outbox, OutboxLanes, Topics
from pipeline.reporting.logs import log_batch, log_lane_fenced

# A lane is stalled after so many times the delivery timeout (NEWSWIRE_DELIVERY_TIMEOUT_S) without a delivered message,
# though messages wait. A slow broker alone is never that slow.
OVERTAKE_TIMES = 4
OVERTAKE_AFTER = OVERTAKE_TIMES * timedelta(seconds=30)
PAUSE_AFTER_ERROR_S = 5.0
# At the end of a run, check lanes that other processes drain so many times: for ten seconds.
LAST_CHECKS = 50
CHECK_AGAIN_S = 0.2
# Poll periodically: messages left by a crashed process trigger no wake-up.
POLL_EVERY_S = 5.0

Tally = Callable[[Sequence[OutboxRow]], None]
Shrink = Callable[[Message], Message]


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchLimits:
    """Size of a transaction, how long its first message waits for others, and when a lane is stalled."""

    max_rows: int = 2_000
    max_bytes: int = 16_000_000
    max_age_s: float = 0.25
    overtake_after: timedelta = OVERTAKE_AFTER


@dataclass(slots=True, kw_only=True)
class LaneDelivery:
    """A lane that this process holds. `recover`: send again what may have been sent, where that cannot be known."""

    lane: Lane
    outbox: Outbox
    number: int
    limits: BatchLimits
    clock: Callable[[], datetime]
    tally: Tally
    shrink: Shrink = dead_letter_of_message
    recover: bool = False
    batch: int = 0  # the last number given in the lane, as far as we know

    def recover_lane(self) -> None:
        """Deliver the rows that earlier holders stamped. Raises DeliveryError, LaneLost."""
        crash_point("lane_opened")
        committed = self.lane.committed_batch()
        self.batch = self.outbox.last_batch(self.number)
        stamped = self.outbox.stamped(self.number)
        # Only the topics themselves show what is on them in two cases: without a number (it expired, or the topics were
        # recreated), and with one that the store never gave (it was restored from an older copy).
        if (committed is None and stamped) or (committed is not None and committed > self.batch):
            self.reconcile_with_topics(above=max(committed or 0, self.batch))
        elif stamped:
            self.resume_after(committed or 0, stamped)

    def resume_after(self, committed: int, stamped: Sequence[OutboxRow]) -> None:
        """Mark the committed rows, and send the others again under their numbers."""
        done = [row for row in stamped if (row.batch or 0) <= committed]
        if done:
            self.outbox.mark_delivered(self.number, up_to_batch=committed)
            self.tally(done)
        unsent = [row for row in stamped if (row.batch or 0) > committed]
        for batch, rows in groupby(unsent, key=lambda row: row.batch or 0):
            self.send(batch, list(rows))

    def reconcile_with_topics(self, *, above: int) -> None:
        """Find the lane's messages on the topics; the others are stamped anew.

        Raises LaneLost when the topics do not reach back far enough, unless `recover`.
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
        """Deliver all waiting rows, batch after batch. Raises DeliveryError; rows that were not sent stay."""
        max_rows, max_bytes = self.limits.max_rows, self.limits.max_bytes
        while rows := self.outbox.stamp(self.number, batch=self.batch + 1, max_rows=max_rows, max_bytes=max_bytes):
            crash_point("batch_stamped")
            self.batch += 1
            self.send(self.batch, rows)

    def send(self, batch: int, rows: Sequence[OutboxRow]) -> None:
        """Publish one batch and mark it."""
        began = self.clock()
        rows = [self.fit(row) for row in rows]
        self.lane.publish(batch, [row.message for row in rows])
        crash_point("before_mark_delivered")
        self.outbox.mark_delivered(self.number, up_to_batch=batch)
        self.tally(rows)
        log_batch(self.number, batch, messages=len(rows), seconds=(self.clock() - began).total_seconds())

    def fit(self, row: OutboxRow) -> OutboxRow:
        """The row, with a smaller message when the topics do not accept its own."""
        if self.lane.fits(row.message):
            return row
        smaller = self.shrink(row.message)
        if not self.lane.fits(smaller):
            smaller = dead_letter_of_message(row.message)
        self.outbox.replace(row.id, smaller)
        return replace(row, message=smaller)


def with_predecessors(messages: Sequence[Message], found: Collection[str]) -> frozenset[str]:
    """Events that must have been on the topics because a later one of the same topic and key is: keys keep their order.

    Compaction and retention delete the earlier one; sent again, it would come after the later one.
    """
    known: set[str] = set()
    has_later: set[tuple[str, str]] = set()
    for message in reversed(messages):
        if message.id in found or (message.topic, message.key) in has_later:
            has_later.add((message.topic, message.key))
            known.add(message.id)
    return frozenset(known)


@dataclass(eq=False)
class Deliverer:
    """Delivers during ingest: woken by every settled entry, it drains the lanes that hold messages.

    Processes share the lanes: one process drains a lane at a time (`Outbox.lease`). A stalled holder is overtaken and
    fenced. After an error it retries while ingest goes on; messages wait in the outbox, and `stop` raises an error that
    remains. Uses one thread, and one per lane being drained.
    """

    topics: Topics
    outbox: Outbox
    limits: BatchLimits
    _: KW_ONLY
    clock: Callable[[], datetime]
    threads: int = 4
    shrink: Shrink = dead_letter_of_message
    recover: bool = False
    sent: Counter[str] = field(default_factory=Counter)
    trouble: str = ""  # the error of the last attempt
    held: dict[int, LaneDelivery] = field(default_factory=dict)
    awake: threading.Event = field(default_factory=threading.Event)
    ending: threading.Event = field(default_factory=threading.Event)
    guard: threading.Lock = field(default_factory=threading.Lock)
    pool: ThreadPoolExecutor = field(init=False)
    thread: threading.Thread = field(init=False)

    def __post_init__(self) -> None:
        self.pool = ThreadPoolExecutor(self.threads, thread_name_prefix="lane")
        self.thread = threading.Thread(target=self.run, name="delivery", daemon=True)

    def start(self) -> None:
        self.thread.start()

    def wake(self) -> None:
        """Signal new messages in the outbox."""
        self.awake.set()

    def run(self) -> None:
        """Drain when woken, until stopped."""
        while not self.ending.is_set():
            if self.awake.wait(POLL_EVERY_S):
                self.ending.wait(self.limits.max_age_s)
            self.awake.clear()
            try:
                pause_s = CHECK_AGAIN_S if self.drain() else 0.0
                self.trouble = ""
            except NewswireError as error:
                self.trouble = str(error)
                pause_s = PAUSE_AFTER_ERROR_S
            if pause_s:
                self.ending.wait(pause_s)
                self.awake.set()

    def drain(self) -> int:
        """Drain every lane with messages, concurrently; returns how many are held by other processes.

        Raises the first lane's error after all have ended.
        """
        outcomes = [self.pool.submit(self.drain_one, lane) for lane in self.outbox.lanes_with_work()]
        errors = [error for outcome in outcomes if (error := outcome.exception())]
        if errors:
            raise errors[0]
        return sum(not outcome.result() for outcome in outcomes)

    def drain_one(self, number: int) -> bool:
        """Drain one lane; False when another process holds it."""
        with self.outbox.lease(number) as is_ours:
            if not is_ours and not self.outbox.is_stalled(number, since=self.clock() - self.limits.overtake_after):
                return False
            try:
                self.drain_held(number)
            except LaneFenced as fenced:
                log_lane_fenced(number, str(fenced))
                if not is_ours:
                    return False  # the holder of the lease is not stalled after all
                self.drain_held(number)  # another process took us for stalled: take the lane back, once
            return True

    def drain_held(self, number: int) -> None:
        """Drain one lane, and keep it open for the next time unless there is an error."""
        with ExitStack() as when_wrong:
            when_wrong.callback(self.give_back, number)
            self.hold(number).drain()
            when_wrong.pop_all()

    def hold(self, number: int) -> LaneDelivery:
        """The lane as we hold it: still ours if no other process gave a number in it, else opened (again)."""
        held = self.held.get(number)
        if held is not None and held.batch == self.outbox.last_batch(number):
            return held
        self.give_back(number)
        lane = self.topics.open_lane(number)
        held = self.held[number] = LaneDelivery(
            lane=lane,
            outbox=self.outbox,
            number=number,
            limits=self.limits,
            clock=self.clock,
            tally=self.count,
            shrink=self.shrink,
            recover=self.recover,
        )
        held.recover_lane()
        return held

    def give_back(self, number: int) -> None:
        """Close the lane if we hold it."""
        held = self.held.pop(number, None)
        if held is not None:
            held.lane.close()

    def count(self, rows: Sequence[OutboxRow]) -> None:
        """Count delivered messages by topic."""
        with self.guard:
            self.sent.update(row.message.topic.value for row in rows)

    def take_count(self) -> Counter[str]:
        """Messages delivered since the last call, by topic."""
        with self.guard:
            sent, self.sent = self.sent, Counter()
        return sent

    def stop(self) -> Counter[str]:
        """Drain what is left and end; messages by topic. Raises the error that prevents a delivery."""
        self.ending.set()
        self.awake.set()
        if self.thread.ident is not None:
            self.thread.join()
        try:
            for _ in range(LAST_CHECKS):
                if not self.drain():
                    break
                threading.Event().wait(CHECK_AGAIN_S)
        finally:
            for number in list(self.held):
                self.give_back(number)
            self.pool.shutdown()
        return self.sent


def keep_numbers(topics: Topics, outbox: OutboxLanes) -> int:
    """Commit every idle lane's batch number again, so that it does not expire; returns how many lanes.

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


@dataclass(slots=True, kw_only=True)
class Audit:
    """Compares a topic's outbox rows with its messages. Of a compacted topic, only the last state of a key counts."""

    topic: str
    is_compacted: bool
    found: Counter[str] = field(default_factory=Counter)  # by event id
    order: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))  # key → event ids, as read

    def read(self, messages: Iterable[ReceivedMessage]) -> None:
        for received in messages:
            event = received.headers.get("ce_id", "")
            self.found[event] += 1
            self.order[received.key].append(event)

    def due(self, rows: Sequence[OutboxRow]) -> list[OutboxRow]:
        """The rows that the topic must have: delivered ones; of a compacted topic each key's last one, no tombstone."""
        delivered = [row for row in rows if row.delivered_at is not None]
        if not self.is_compacted:
            return delivered
        last = {row.message.key: row for row in delivered}
        return [row for row in last.values() if row.message.value is not None]

    def differences(self, rows: Sequence[OutboxRow]) -> Iterator[str]:
        """A sentence for each difference. Undelivered rows are not missing."""
        events: defaultdict[str, list[str]] = defaultdict(list)
        for row in self.due(rows):
            events[row.message.key].append(row.message.id)
            if not self.found[row.message.id]:
                yield f"{self.topic}: {row.message.id} was delivered, but is missing"
        for event, count in self.found.items():
            if count > 1:
                yield f"{self.topic}: {event} is there {count} times"
        for key, ids in events.items():
            if self.is_disordered(key, ids):
                yield f"{self.topic}: the events of {key} are out of order"

    def is_disordered(self, key: str, events: Sequence[str]) -> bool:
        """Whether a key's events are in another order than that of the outbox."""
        ours = set(events)
        read = [event for event in dict.fromkeys(self.order[key]) if event in ours]
        return read != [event for event in events if self.found[event]]
