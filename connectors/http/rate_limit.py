"""Rate limiter: how often, and with how many requests at once, one host is visited.

Promises: at most `per_host` requests of this process to a host at a time. Their starts are spaced by the `HostPacer`,
which all processes share. Nothing is sent to a host that demanded a wait. No caller waits longer than `max_wait_s`; a
longer wait raises `RetryAfter`. robots.txt is left to robots.py, and the meaning of a 429 to fetcher.py.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from pipeline.domain.errors import RetryAfter
from pipeline.domain.ports import HostPacer

T = TypeVar("T")  # Python 3.11 is supported: no def f[T] yet

# The pacer reserves slots for all waiting requests at once, because each reservation is a database transaction. Not
# more: unused slots (of a cancelled run) delay the other processes.
MAX_LEASED = 10

# A 429 without a time: 5 minutes, doubling with each further one, at most 4 hours.
FIRST_DEFAULT_HOLD_S = 300
MAX_DEFAULT_HOLD_S = 4 * 3600

# An unreachable host is not visited after so many failures in a row: 1 minute, doubling, at most 10. Otherwise its
# queue of pages, each waiting for its deadline, would delay all other hosts.
FAILURES_BEFORE_REST = 3
FIRST_REST_S = 60
MAX_REST_S = 600

ASK_AGAIN = timedelta(seconds=1)  # between two looks whether another process holds a host that has no spacing

PACER_THREADS = 4  # a stored pacer blocks for a transaction; more threads would only queue at the database


class MemoryPacer:
    """A `HostPacer` for one process: tests and embedded use."""

    def __init__(self) -> None:
        self.slots: dict[str, datetime] = {}
        self.holds: dict[str, datetime] = {}

    def reserve(self, host: str, *, spacing_s: float, now: datetime) -> datetime:
        slot = max(now, self.slots.get(host, now), self.holds.get(host, now))
        self.slots[host] = slot + timedelta(seconds=spacing_s)
        return slot

    def hold(self, host: str, *, until: datetime, reason: str) -> None:  # noqa: ARG002 # kept by stored pacers
        self.holds[host] = max(until, self.holds.get(host, until))

    def held_until(self, host: str) -> datetime | None:
        return self.holds.get(host)


@dataclass(slots=True, kw_only=True)
class HostGate:
    """One host's requests in this process: running and waiting."""

    running: asyncio.Semaphore
    users: int = 0
    unpaced: int = 0  # of the users, those without a slot
    leased: int = 0  # reserved slots that are left for them, and the time of the next
    next_leased: datetime | None = None
    reserving: asyncio.Lock = field(default_factory=asyncio.Lock)


@dataclass(slots=True, kw_only=True)
class RateLimiter:
    """The rate limits of all hosts."""

    pacer: HostPacer
    clock: Callable[[], datetime]
    per_host: int = 2
    default_spacing_s: float = 1.0
    spacing_for: Callable[[str], float | None] | None = None
    max_wait_s: float = 60.0
    gates: dict[str, HostGate] = field(default_factory=dict)
    known_holds: dict[str, tuple[datetime, str]] = field(default_factory=dict)  # until when nothing is sent, and why
    waits_in_a_row: Counter[str] = field(default_factory=Counter)
    failures_in_a_row: Counter[str] = field(default_factory=Counter)
    unheld_at: dict[str, datetime] = field(default_factory=dict)  # when the store knew of no hold, by host
    threads: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(PACER_THREADS, thread_name_prefix="pacer")
    )

    @asynccontextmanager
    async def visit(self, host: str, url: str, *, min_spacing_s: float = 0, spaced: bool = True) -> AsyncIterator[None]:
        """Wait until a request may be sent. `spaced=False`: this fetch has had a slot of the host already."""
        chosen = self.spacing_for(host) if self.spacing_for else None
        spacing_s = max(self.default_spacing_s if chosen is None else chosen, min_spacing_s)
        self.refuse_held(host, url)
        gate = self.gates.setdefault(host, HostGate(running=asyncio.Semaphore(self.per_host)))
        wait_s = (gate.users - self.per_host) * spacing_s
        if wait_s > self.max_wait_s:
            raise RetryAfter(url, self.clock() + timedelta(seconds=wait_s), f"{gate.users} requests wait for this host")
        gate.users += 1
        gate.unpaced += spaced
        try:
            try:
                await self.acquire(gate, url)
            finally:
                gate.unpaced -= spaced
            try:
                self.refuse_held(host, url)  # an earlier request of the queue may have learnt of a hold
                if spaced:
                    await self.await_slot(gate, host, url, spacing_s)
                yield
            finally:
                gate.running.release()
        finally:
            gate.users -= 1
            if gate.users == 0:
                self.gates.pop(host, None)

    async def acquire(self, gate: HostGate, url: str) -> None:
        """Wait for one of the host's running requests to end. Raises `RetryAfter` when none ends in time."""
        try:
            async with asyncio.timeout(self.max_wait_s if gate.running.locked() else None):
                await gate.running.acquire()
        except TimeoutError as error:
            until = self.clock() + timedelta(seconds=self.max_wait_s)
            raise RetryAfter(url, until, "the host is busy with our other requests") from error

    async def await_slot(self, gate: HostGate, host: str, url: str, spacing_s: float) -> None:
        """Wait for the host's next slot. Raises `RetryAfter` when it is too late."""
        now = self.clock()
        async with gate.reserving:
            slot = await self.next_slot(gate, host, spacing_s, now)
        wait_s = (slot - now).total_seconds()
        if wait_s > self.max_wait_s:
            # Kept, so that the next request does not take a slot that it cannot use.
            self.keep_hold(host, slot, "the host asked us to wait")
            self.refuse_held(host, url)
        if wait_s > 0:
            await asyncio.sleep(wait_s)

    async def next_slot(self, gate: HostGate, host: str, spacing_s: float, now: datetime) -> datetime:
        """The host's next slot: a reserved one, or the first of as many new ones as requests wait."""
        if spacing_s <= 0:  # no slots, only holds
            if now - self.unheld_at.get(host, datetime.min.replace(tzinfo=UTC)) < ASK_AGAIN:
                return now
            until = await self.call_pacer(lambda: self.pacer.held_until(host))
            if until is None:
                self.unheld_at[host] = now
            return until or now
        step = timedelta(seconds=spacing_s)
        if gate.leased and gate.next_leased is not None and now < gate.next_leased + step:
            slot = max(now, gate.next_leased)
            gate.leased -= 1
        else:
            await asyncio.sleep(0)  # requests of the same moment queue up first, and get their slots together
            # One request at a time takes one slot at a time: a backfill must leave the next one to live news.
            count = min(1 + gate.unpaced, MAX_LEASED if self.per_host > 1 else 1)
            slot = await self.call_pacer(lambda: self.pacer.reserve(host, spacing_s=spacing_s * count, now=now))
            gate.leased = count - 1
        gate.next_leased = slot + step
        return slot

    def refuse_held(self, host: str, url: str) -> None:
        """Raises `RetryAfter` while this process knows of a hold."""
        if host in self.known_holds:
            until, reason = self.known_holds[host]
            if until > self.clock():
                raise RetryAfter(url, until, reason)
            del self.known_holds[host]

    def keep_hold(self, host: str, until: datetime, reason: str) -> None:
        """Keep a hold in this process; a longer one stays."""
        if host not in self.known_holds or self.known_holds[host][0] < until:
            self.known_holds[host] = until, reason

    async def hold(self, host: str, *, asked: datetime | None, reason: str) -> datetime:
        """Hold the host for every process, until `asked` or for a default time; until when."""
        until = asked or self.clock() + backoff(FIRST_DEFAULT_HOLD_S, self.waits_in_a_row[host], MAX_DEFAULT_HOLD_S)
        self.waits_in_a_row[host] += 1
        self.keep_hold(host, until, f"the host asked us to wait: {reason}")
        await self.call_pacer(lambda: self.pacer.hold(host, until=until, reason=reason))
        return until

    def answered(self, host: str) -> None:
        """Count a response that demands no wait: both rows of failures end."""
        self.waits_in_a_row.pop(host, None)
        self.failures_in_a_row.pop(host, None)

    def failed(self, host: str, reason: str) -> None:
        """Count a failure to reach the host; after some in a row this process holds it."""
        self.failures_in_a_row[host] += 1
        failures = self.failures_in_a_row[host]
        if failures >= FAILURES_BEFORE_REST:
            until = self.clock() + backoff(FIRST_REST_S, failures - FAILURES_BEFORE_REST, MAX_REST_S)
            self.keep_hold(host, until, f"{failures} failures in a row, the last: {reason}")

    async def call_pacer(self, call: Callable[[], T]) -> T:
        """Call the pacer; a stored one in a thread, because it waits for its database."""
        if isinstance(self.pacer, MemoryPacer):
            return call()
        return await asyncio.get_running_loop().run_in_executor(self.threads, call)


def backoff(first_s: float, doublings: int, max_s: float) -> timedelta:
    return timedelta(seconds=min(first_s * 2 ** min(doublings, 10), max_s))
