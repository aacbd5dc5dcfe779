"""Polls: which error becomes which outcome, and when polls without entries are written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, ParamSpec, TypeVar

import pytest

from pipeline.domain.errors import ExtractionFailed, NotAFeed, RetryAfter, Unreachable
from pipeline.ingest.poll import MAX_BATCH, MAX_BATCH_AGE_S, PollBatch, failed_poll
from pipeline.ingest.ports import PollDecision, PollResult
from tests.values import NOW, make_polled, make_state

P = ParamSpec("P")
R = TypeVar("R")
URL = "http://www.antenne.test/titres.rss"


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (Unreachable(URL, "dns", "no such host"), "unreachable_dns"),
        (RetryAfter(URL, NOW + timedelta(hours=1), "HTTP 429"), "host_waits"),
        (NotAFeed(URL, "html", alternates=("http://www.antenne.test/feed",)), "not_a_feed"),
        (ExtractionFailed(URL, "timed out"), "not_parsed"),
        (ValueError("a defect of ours"), "poll_error"),
    ],
    ids=["unreachable", "retry after", "not a feed", "worker died", "defect"],
)
def test_error_of_a_poll_is_its_outcome(error: Exception, outcome: str) -> None:
    polled = failed_poll(NOW, error)
    assert (polled.record.outcome, polled.outcome.error) == (outcome, outcome)
    assert str(error) in (polled.record.detail or "")


def test_failed_poll_keeps_retry_time_and_hint() -> None:
    until = NOW + timedelta(hours=1)
    assert failed_poll(NOW, RetryAfter(URL, until, "HTTP 429")).outcome.retry_at == until
    named = failed_poll(NOW, NotAFeed(URL, "html", alternates=("http://www.antenne.test/feed",)))
    assert named.outcome.hint == "the page names these feeds: http://www.antenne.test/feed"


class WrittenBatches:
    """A store that keeps the sizes of the written batches."""

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.now_s = 0.0

    def record_quiet_polls(self, polls: Sequence[tuple[PollResult, PollDecision]]) -> None:
        self.sizes.append(len(polls))

    async def in_store(self, call: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        return call(*args, **kwargs)

    def batch(self) -> PollBatch:
        store: Any = self
        return PollBatch(store=store, in_store=self.in_store, seconds=lambda: self.now_s)


async def test_polls_without_entries_are_written_when_there_are_many() -> None:
    written = WrittenBatches()
    batch = written.batch()
    for _ in range(MAX_BATCH + 1):
        await batch.add(make_polled(), PollDecision(make_state()))
    assert written.sizes == [MAX_BATCH]
    await batch.write()
    await batch.write()
    assert written.sizes == [MAX_BATCH, 1]


async def test_polls_without_entries_are_written_when_the_first_one_waited_for_long() -> None:
    written = WrittenBatches()
    batch = written.batch()
    await batch.add(make_polled(), PollDecision(make_state()))
    written.now_s = MAX_BATCH_AGE_S
    await batch.add(make_polled(), PollDecision(make_state()))
    assert written.sizes == [2]
