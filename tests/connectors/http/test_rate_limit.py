"""How often and how many at once we come to one host, in this process and beside others."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from connectors.http.rate_limit import MemoryPacer, RateLimiter
from pipeline.domain.errors import RetryAfter

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
URL = "http://gazette.test/"
HOST = "gazette.test"


class RecordingPacer:
    """A pacer shared with other processes: remembers what it was asked, and answers with a slot of the test's."""

    def __init__(self, slot: datetime = NOON) -> None:
        self.slot = slot
        self.reserved_s: list[float] = []
        self.holds: list[datetime] = []

    def reserve(self, host: str, *, spacing_s: float, now: datetime) -> datetime:
        self.reserved_s.append(spacing_s)
        return self.slot

    def hold(self, host: str, *, until: datetime, reason: str) -> None:
        self.holds.append(until)

    def held_until(self, host: str) -> datetime | None:
        return None


def limiter_with(pacer: RecordingPacer | MemoryPacer, now: datetime = NOON, **choices: object) -> RateLimiter:
    return RateLimiter(pacer=pacer, clock=lambda: now, **choices)  # type: ignore[arg-type]


async def visit(rate_limiter: RateLimiter, **choices: object) -> None:
    async with rate_limiter.visit(HOST, URL, **choices):  # type: ignore[arg-type]
        await asyncio.sleep(0)


# ---------------------------------------------------------------- the pacer for one process


def test_slots_are_spaced_per_host() -> None:
    pacer = MemoryPacer()
    slots = [pacer.reserve(HOST, spacing_s=2, now=NOON) for _ in range(3)]
    assert [(slot - NOON).total_seconds() for slot in slots] == [0, 2, 4]
    assert pacer.reserve("another.test", spacing_s=2, now=NOON) == NOON


def test_hold_delays_slots_and_the_longer_hold_wins() -> None:
    pacer = MemoryPacer()
    pacer.hold(HOST, until=NOON + timedelta(hours=2), reason="429")
    pacer.hold(HOST, until=NOON + timedelta(hours=1), reason="503")
    assert pacer.held_until(HOST) == pacer.reserve(HOST, spacing_s=1, now=NOON) == NOON + timedelta(hours=2)


# ---------------------------------------------------------------- the doors


async def test_spacing_is_the_hosts_the_default_or_the_crawl_delay() -> None:
    pacer = RecordingPacer()
    rate_limiter = limiter_with(pacer, default_spacing_s=1, spacing_for=lambda host: 3 if host == "slow.test" else None)
    await visit(rate_limiter)
    await visit(rate_limiter, min_spacing_s=10)
    async with rate_limiter.visit("slow.test", URL):
        pass
    assert pacer.reserved_s == [1, 10, 3]


async def test_unspaced_visit_takes_no_slot() -> None:
    pacer = RecordingPacer()
    await visit(limiter_with(pacer), spaced=False)
    assert pacer.reserved_s == []


async def test_too_late_slot_raises_retry_after_and_is_not_reserved_again() -> None:
    pacer = RecordingPacer(slot=NOON + timedelta(hours=1))
    rate_limiter = limiter_with(pacer)
    for _ in range(3):
        with pytest.raises(RetryAfter) as caught:
            await visit(rate_limiter)
        assert caught.value.until == NOON + timedelta(hours=1)
    assert len(pacer.reserved_s) == 1


async def test_waiting_requests_share_one_reservation() -> None:
    pacer = RecordingPacer()
    await asyncio.gather(*(visit(rate_limiter) for rate_limiter in [limiter_with(pacer, default_spacing_s=0.001)] * 8))
    assert len(pacer.reserved_s) < 8
    assert sum(pacer.reserved_s) == pytest.approx(0.008)


async def test_leased_slots_are_spaced() -> None:
    pacer = MemoryPacer()
    rate_limiter = limiter_with(pacer, default_spacing_s=0.01, per_host=4)
    await asyncio.gather(*(visit(rate_limiter) for _ in range(4)))
    assert pacer.reserve(HOST, spacing_s=0, now=NOON) == NOON + timedelta(seconds=0.04)


async def test_too_long_queue_raises_retry_after() -> None:
    rate_limiter = limiter_with(RecordingPacer(), per_host=1, default_spacing_s=30, max_wait_s=60)
    inside = asyncio.Event()
    leave = asyncio.Event()

    async def stay() -> None:
        async with rate_limiter.visit(HOST, URL):
            inside.set()
            await leave.wait()

    first = asyncio.create_task(stay())
    await inside.wait()
    queue = [asyncio.create_task(stay()) for _ in range(3)]
    await asyncio.sleep(0)
    with pytest.raises(RetryAfter, match="4 requests"):
        await visit(rate_limiter)
    for task in queue:
        task.cancel()
    leave.set()
    await asyncio.gather(first, *queue, return_exceptions=True)
    assert rate_limiter.gates == {}


async def test_busy_host_raises_retry_after_in_time() -> None:
    rate_limiter = limiter_with(RecordingPacer(), per_host=1, default_spacing_s=0, max_wait_s=0.01)
    async with rate_limiter.visit(HOST, URL):
        with pytest.raises(RetryAfter, match="busy"):
            await visit(rate_limiter)
    await visit(rate_limiter)


# ---------------------------------------------------------------- holds that a host demands


async def test_hold_is_stored_by_the_pacer_and_known_locally() -> None:
    pacer = RecordingPacer()
    rate_limiter = limiter_with(pacer)
    until = NOON + timedelta(minutes=7)
    assert await rate_limiter.hold(HOST, asked=until, reason="429") == until
    assert pacer.holds == [until]
    with pytest.raises(RetryAfter):
        await visit(rate_limiter)


async def test_default_hold_doubles_until_the_host_answers() -> None:
    rate_limiter = limiter_with(MemoryPacer())
    waits = [await rate_limiter.hold(HOST, asked=None, reason="429") - NOON for _ in range(8)]
    assert [wait.total_seconds() / 60 for wait in waits] == [5, 10, 20, 40, 80, 160, 240, 240]
    rate_limiter.answered(HOST)
    assert await rate_limiter.hold(HOST, asked=None, reason="429") - NOON == timedelta(minutes=5)


async def test_hold_ends() -> None:
    rate_limiter = limiter_with(MemoryPacer())
    await rate_limiter.hold(HOST, asked=NOON + timedelta(minutes=1), reason="503")
    rate_limiter.clock = lambda: NOON + timedelta(minutes=2)
    await visit(rate_limiter)


# ---------------------------------------------------------------- hosts that cannot be reached


async def test_failing_host_is_held_for_a_doubling_time() -> None:
    rate_limiter = limiter_with(MemoryPacer())
    rate_limiter.failed(HOST, "no answer")
    rate_limiter.failed(HOST, "no answer")
    await visit(rate_limiter)
    rests = []
    for _ in range(6):
        rate_limiter.failed(HOST, "no answer")
        with pytest.raises(RetryAfter, match="in a row, the last: no answer") as caught:
            await visit(rate_limiter)
        rests.append((caught.value.until - NOON).total_seconds() / 60)
    assert rests == [1, 2, 4, 8, 10, 10]


async def test_answer_resets_the_failure_count() -> None:
    rate_limiter = limiter_with(MemoryPacer())
    for _ in range(2):
        rate_limiter.failed(HOST, "no answer")
    rate_limiter.answered(HOST)
    rate_limiter.failed(HOST, "no answer")
    await visit(rate_limiter)


async def test_queued_requests_are_refused_when_the_hold_begins() -> None:
    rate_limiter = limiter_with(MemoryPacer(), per_host=1, default_spacing_s=0)
    async with rate_limiter.visit(HOST, URL):
        queue = [asyncio.create_task(visit(rate_limiter)) for _ in range(5)]
        await asyncio.sleep(0)
        for _ in range(3):
            rate_limiter.failed(HOST, "no answer")
    ends = await asyncio.gather(*queue, return_exceptions=True)
    assert [type(end) for end in ends] == [RetryAfter] * 5
