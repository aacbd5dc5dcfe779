"""How often and how many at once we come to one host.

Promises: at most `per_host` requests of this process to a host at a time, starts spaced through the `HostPacer` (which
all processes share), nothing sent to a host that asked us to wait, and nobody waits here longer than `max_wait_s`:
who would have to gets `RetryAfter` and comes back. Leaves robots.txt to robots.py and what a 429 is to http.py.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar

from pipeline.domain.errors import RetryAfter
from pipeline.domain.ports import HostPacer

T = TypeVar("T")  # Python 3.11 is supported: no def f[T] yet

# Slots are taken from the pacer for as many as stand before the door, because each asking is a database transaction;
# not more, because slots that nobody uses (a cancelled run) hold up the other processes.
MAX_LEASED = 10

# A 429 that names no time: 5 minutes, doubling while the host keeps answering so, at most 4 hours.
FIRST_DEFAULT_HOLD_S = 300
MAX_DEFAULT_HOLD_S = 4 * 3600

# A host that cannot be reached is left in peace after so many failures in a row, else its queue of pages, each waiting
# for its deadline, would hold up everybody else's: 1 minute, doubling, at most 10.
FAILURES_BEFORE_REST = 3
FIRST_REST_S = 60
MAX_REST_S = 600

PACER_THREADS = 4  # a stored pacer blocks for a transaction; more threads would only queue at the database


class MemoryPacer:
    """A `HostPacer` for one process: tests and embedded use."""

    def __init__(self) -> None:
        self.slots: dict[str, datetime] = {}
        self.holds: dict[str, datetime] = {}

    def reserve(self, host: str, *, spacing_s: float, now: datetime) -> datetime:
        """Take the host's next free slot: when the request may be sent (≥ now)."""
        slot = max(now, self.slots.get(host, now), self.holds.get(host, now))
        self.slots[host] = slot + timedelta(seconds=spacing_s)
        return slot

    def hold(self, host: str, *, until: datetime, reason: str) -> None:  # noqa: ARG002 # kept by stored pacers
        """Nothing may be sent to this host before `until`; a longer wait already asked for stays."""
        self.holds[host] = max(until, self.holds.get(host, until))

    def held_until(self, host: str) -> datetime | None:
        """Until when the host asked us to wait, if it did."""
        return self.holds.get(host)


@dataclass(frozen=True, slots=True)
class Hold:
    """Until when nothing is sent to a host, and why."""

    until: datetime
    reason: str


@dataclass(slots=True)
class HostGate:
    """One host's door in this process: how many are inside, and who stands before it."""

    places: asyncio.Semaphore
    users: int = 0
    unpaced: int = 0  # of them, those that still need a slot
    leased: int = 0  # slots taken beforehand for them, and when the next of these is
    next_leased: datetime | None = None
    asking: asyncio.Lock = field(default_factory=asyncio.Lock)


@dataclass(slots=True)
class RateLimiter:
    """The doors of all hosts."""

    pacer: HostPacer
    clock: Callable[[], datetime]
    per_host: int = 2
    default_spacing_s: float = 1.0
    spacing_for: Callable[[str], float | None] | None = None
    max_wait_s: float = 60.0
    gates: dict[str, HostGate] = field(default_factory=dict)
    known_holds: dict[str, Hold] = field(default_factory=dict)
    waits_in_a_row: dict[str, int] = field(default_factory=dict)
    failures_in_a_row: dict[str, int] = field(default_factory=dict)
    threads: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(PACER_THREADS, thread_name_prefix="pacer")
    )

    def spacing_s(self, host: str) -> float:
        """Seconds between the starts of two requests to this host."""
        chosen = self.spacing_for(host) if self.spacing_for else None
        return self.default_spacing_s if chosen is None else chosen

    @asynccontextmanager
    async def visit(self, host: str, url: str, *, min_spacing_s: float = 0, spaced: bool = True) -> AsyncIterator[None]:
        """A place at the host, when its turn has come. `spaced=False`: the host was paced already in this fetch."""
        spacing_s = max(self.spacing_s(host), min_spacing_s)
        self.refuse_held(host, url)
        gate = self.gates.get(host)
        if gate is None:
            gate = self.gates[host] = HostGate(asyncio.Semaphore(self.per_host))
        if gate.users > self.per_host:
            self.refuse_long_queue(gate, url, spacing_s)
        gate.users += 1
        gate.unpaced += spaced
        try:
            try:
                await self.enter(gate, url)
            finally:
                gate.unpaced -= spaced
            try:
                self.refuse_held(host, url)  # it may have become known to those before us in the queue
                if spaced:
                    await self.await_slot(gate, host, url, spacing_s)
                yield
            finally:
                gate.places.release()
        finally:
            gate.users -= 1
            if gate.users == 0:
                self.gates.pop(host, None)

    def refuse_long_queue(self, gate: HostGate, url: str, spacing_s: float) -> None:
        """Raises `RetryAfter` when those already waiting take longer than anyone may wait."""
        wait_s = (gate.users - self.per_host) * spacing_s
        if wait_s > self.max_wait_s:
            raise RetryAfter(url, self.clock() + timedelta(seconds=wait_s), f"{gate.users} requests wait for this host")

    async def enter(self, gate: HostGate, url: str) -> None:
        """Take a place; raises `RetryAfter` when none comes free in time."""
        if not gate.places.locked():
            await gate.places.acquire()
            return
        try:
            async with asyncio.timeout(self.max_wait_s):
                await gate.places.acquire()
        except TimeoutError as error:
            until = self.clock() + timedelta(seconds=self.max_wait_s)
            raise RetryAfter(url, until, "the host is busy with our other requests") from error

    async def await_slot(self, gate: HostGate, host: str, url: str, spacing_s: float) -> None:
        """Wait for the host's next slot; raises `RetryAfter` when it is far off."""
        now = self.clock()
        async with gate.asking:
            slot = await self.next_slot(gate, host, spacing_s, now)
        wait_s = (slot - now).total_seconds()
        if wait_s > self.max_wait_s:
            # Known from now on, so that the next one does not take a slot it cannot use.
            self.know_hold(host, Hold(slot, "the host asked us to wait"))
            self.refuse_held(host, url)
        if wait_s > 0:
            await asyncio.sleep(wait_s)

    async def next_slot(self, gate: HostGate, host: str, spacing_s: float, now: datetime) -> datetime:
        """The next slot of this host: one of those taken beforehand, or as many new ones as are wanted now."""
        if spacing_s <= 0:  # nothing to take, only to heed
            return await self.ask_pacer(lambda: self.pacer.held_until(host)) or now
        step = timedelta(seconds=spacing_s)
        if gate.leased and gate.next_leased is not None and now < gate.next_leased + step:
            slot = max(now, gate.next_leased)
            gate.leased -= 1
        else:
            await asyncio.sleep(0)  # those who come in this same moment line up, and are asked for together
            # Who comes one at a time takes one slot at a time: a backfill must leave the next one to live news.
            wanted = min(1 + gate.unpaced, MAX_LEASED if self.per_host > 1 else 1)
            slot = await self.ask_pacer(lambda: self.pacer.reserve(host, spacing_s=spacing_s * wanted, now=now))
            gate.leased = wanted - 1
        gate.next_leased = slot + step
        return slot

    def refuse_held(self, host: str, url: str) -> None:
        """Raises `RetryAfter` while this process knows that the host waits."""
        hold = self.known_holds.get(host)
        if hold is None:
            return
        if hold.until > self.clock():
            raise RetryAfter(url, hold.until, hold.reason)
        del self.known_holds[host]

    def know_hold(self, host: str, hold: Hold) -> None:
        """Remember a hold; a longer one already known stays."""
        known = self.known_holds.get(host)
        if known is None or known.until < hold.until:
            self.known_holds[host] = hold

    async def hold(self, host: str, *, asked: datetime | None, reason: str) -> datetime:
        """The host said to wait, until `asked` or without a time: held for every process; until when."""
        in_a_row = self.waits_in_a_row.get(host, 0)
        self.waits_in_a_row[host] = in_a_row + 1
        unasked_s = min(FIRST_DEFAULT_HOLD_S * 2 ** min(in_a_row, 10), MAX_DEFAULT_HOLD_S)
        until = asked or self.clock() + timedelta(seconds=unasked_s)
        self.know_hold(host, Hold(until, f"the host asked us to wait: {reason}"))
        await self.ask_pacer(lambda: self.pacer.hold(host, until=until, reason=reason))
        return until

    def answered(self, host: str) -> None:
        """The host answered otherwise than with a wait."""
        if self.waits_in_a_row:
            self.waits_in_a_row.pop(host, None)
        if self.failures_in_a_row:
            self.failures_in_a_row.pop(host, None)

    def failed(self, host: str, reason: str) -> None:
        """The host could not be reached or was silent: after some of these it rests, in this process."""
        failures = self.failures_in_a_row.get(host, 0) + 1
        self.failures_in_a_row[host] = failures
        beyond = failures - FAILURES_BEFORE_REST
        if beyond >= 0:
            rest_s = min(FIRST_REST_S * 2 ** min(beyond, 10), MAX_REST_S)
            until = self.clock() + timedelta(seconds=rest_s)
            self.know_hold(host, Hold(until, f"{failures} failures in a row, the last: {reason}"))

    async def ask_pacer(self, call: Callable[[], T]) -> T:
        """The pacer's answer; a stored one is asked in a thread, because it waits for its database."""
        if isinstance(self.pacer, MemoryPacer):
            return call()
        return await asyncio.get_running_loop().run_in_executor(self.threads, call)

    def close(self) -> None:
        """Give the threads back."""
        self.threads.shutdown(wait=False, cancel_futures=True)
