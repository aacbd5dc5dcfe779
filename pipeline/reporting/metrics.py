"""Metrics: each with name, labels and sentence, and how it is computed from reports and the store's state.

Names follow Prometheus: prefix `newswire_`, base units, counters end in `_total`. Counters are views of the reports
(pipeline/reporting/report.py) written since the exporter started, gauges views of the store. Reading and serving is
left to connectors/metrics/, which has a dashboard and alerts with these names. `newswire metrics --list` prints them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from pipeline.domain.model import FeedState, FeedStatus, Topic, Verdict
from pipeline.reporting.report import LATE, Report

QUANTILES = (0.5, 0.95, 1.0)  # median, slow, slowest


class Metric(NamedTuple):
    """A metric's name, kind, meaning and labels."""

    name: str
    kind: str  # counter, gauge or info
    sentence: str
    labels: tuple[str, ...] = ()


METRICS: tuple[Metric, ...] = (
    Metric("newswire_build_info", "gauge", "1; version and deployment are in the labels.", ("version", "deployment")),
    Metric("newswire_store_up", "gauge", "1 when the store answered, else 0 and most other metrics are absent."),
    # runs
    Metric("newswire_entries_total", "counter", "Entries that ended in a verdict.", ("outlet", "verdict")),
    Metric("newswire_entries_seen_total", "counter", "Entries seen in feeds or carried over.", ("outlet",)),
    Metric("newswire_entries_reasons_total", "counter", "Rejected, failed and put off entries.", ("outcome", "reason")),
    Metric(
        "newswire_polls_total", "counter", "Polls by outcome: not_modified, parsed, an error.", ("outlet", "outcome")
    ),
    Metric("newswire_revisits_total", "counter", "Known articles looked at again, by result.", ("outlet", "result")),
    Metric("newswire_messages_delivered_total", "counter", "Messages committed on a topic.", ("topic",)),
    Metric("newswire_shards_total", "counter", "Shards of runs: fine, or with a problem (red).", ("result",)),
    Metric("newswire_shard_seconds_total", "counter", "Wall seconds of these shards."),
    Metric("newswire_late_runs_total", "counter", "Runs that were not over in time (deadline alert)."),
    Metric("newswire_last_report_timestamp_seconds", "gauge", "When the last shard of a run ended (Unix time)."),
    # feeds
    Metric("newswire_feeds", "gauge", "Feeds of the catalogue by status, the desk's words.", ("status",)),
    Metric("newswire_feeds_overdue", "gauge", "Feeds whose poll is late by more than twice their interval."),
    Metric("newswire_feed_up", "gauge", "0 when a feed is failing, gone or blocked, else 1.", ("outlet", "feed")),
    Metric("newswire_feed_silent", "gauge", "1 when silent for longer than it ever is.", ("outlet", "feed")),
    Metric(
        "newswire_feed_last_new_entry_timestamp_seconds",
        "gauge",
        "When a feed last showed something new (Unix time).",
        ("outlet", "feed"),
    ),
    Metric(
        "newswire_feed_silence_threshold_seconds",
        "gauge",
        "The silence, learnt from its history, after which a feed is called silent.",
        ("outlet", "feed"),
    ),
    # backlog
    Metric("newswire_entries_pending", "gauge", "Entries without a verdict: due now, or put off.", ("state",)),
    Metric("newswire_entries_pending_oldest_seconds", "gauge", "Age of the oldest entry that is due now."),
    Metric("newswire_dead_letters", "gauge", "Entries that failed after their last attempt."),
    Metric("newswire_outbox_messages", "gauge", "Messages that wait for delivery.", ("lane",)),
    Metric("newswire_outbox_oldest_seconds", "gauge", "Age of the oldest of them."),
    # delays over the last 15 minutes
    Metric(
        "newswire_verdict_delay_seconds",
        "gauge",
        "From an entry first seen to its verdict, over the last 15 minutes.",
        ("quantile",),
    ),
    Metric(
        "newswire_delivery_delay_seconds",
        "gauge",
        "From a message written to its delivery, over the last 15 minutes.",
        ("quantile",),
    ),
)


@dataclass(frozen=True, slots=True)
class Sample:
    """One value of a metric; `labels` in the order in which the metric names them."""

    name: str
    value: float
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LaneBacklog:
    """Undelivered messages of one lane."""

    lane: int
    messages: int
    oldest_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """State of the store at one moment."""

    at: datetime
    feeds: tuple[FeedState, ...]
    pending_due: int
    pending_later: int
    oldest_due_at: datetime | None
    dead_letters: int
    lanes: tuple[LaneBacklog, ...]
    last_report_at: datetime | None
    verdict_delays_s: tuple[float, ...] = ()
    delivery_delays_s: tuple[float, ...] = ()


@dataclass(slots=True, kw_only=True)
class Totals:
    """Sums of the reports since the exporter started."""

    report: Report = field(default_factory=Report)
    shards: Counter[str] = field(default_factory=lambda: Counter(fine=0, red=0))
    seconds: float = 0.0
    late_runs: int = 0

    def add(self, report: Report) -> None:
        """Add a shard's report."""
        if report.faults and report.faults[0].startswith(LATE):
            self.late_runs += 1
            return
        self.report = Report.merge((self.report, report))
        self.report.faults.clear()
        self.shards["red" if report.problems else "fine"] += 1
        self.seconds += report.seconds

    def samples(self) -> Iterator[Sample]:
        """The counters."""
        delivered = {topic.value: 0 for topic in Topic} | self.report.delivered
        for topic, count in delivered.items():
            yield Sample("newswire_messages_delivered_total", count, (topic,))
        for result, count in self.shards.items():
            yield Sample("newswire_shards_total", count, (result,))
        yield Sample("newswire_shard_seconds_total", self.seconds)
        yield Sample("newswire_late_runs_total", self.late_runs)
        for outlet, tally in sorted(self.report.outlets.items()):
            yield Sample("newswire_entries_seen_total", tally.entries, (outlet,))
            for verdict in Verdict:
                yield Sample("newswire_entries_total", tally.verdicts[verdict.value], (outlet, verdict.value))
            for outcome, count in sorted(tally.polls.items()):
                yield Sample("newswire_polls_total", count, (outlet, outcome))
            for result, count in sorted(tally.revisits.items()):
                yield Sample("newswire_revisits_total", count, (outlet, result))
        for reason, count in sorted(self.report.whole.reasons.items()):
            outcome, _, word = reason.partition(":")
            yield Sample("newswire_entries_reasons_total", count, (outcome, word))


def gauge_samples(snapshot: Snapshot) -> Iterator[Sample]:
    """The gauges."""
    yield from feed_gauges(snapshot)
    yield from backlog_gauges(snapshot)
    if snapshot.last_report_at is not None:
        yield Sample("newswire_last_report_timestamp_seconds", snapshot.last_report_at.timestamp())
    for name, delays in (
        ("newswire_verdict_delay_seconds", snapshot.verdict_delays_s),
        ("newswire_delivery_delay_seconds", snapshot.delivery_delays_s),
    ):
        for share in QUANTILES if delays else ():
            yield Sample(name, quantile(delays, share), (f"{share:g}",))


def feed_gauges(snapshot: Snapshot) -> Iterator[Sample]:
    """Feeds by status, and the gauges of each feed."""
    by_status = Counter(feed.health.status for feed in snapshot.feeds)
    for status in FeedStatus:
        yield Sample("newswire_feeds", by_status[status], (status.value,))
    yield Sample("newswire_feeds_overdue", sum(is_overdue(feed, snapshot.at) for feed in snapshot.feeds))
    for feed in snapshot.feeds:
        labels = (feed.outlet_id, feed.feed_id)
        down = feed.health.status in (FeedStatus.FAILING, FeedStatus.GONE, FeedStatus.BLOCKED)
        yield Sample("newswire_feed_up", float(not down), labels)
        yield Sample("newswire_feed_silent", float(feed.health.status is FeedStatus.SILENT), labels)
        if feed.health.last_new_entry_at is not None:
            at = feed.health.last_new_entry_at.timestamp()
            yield Sample("newswire_feed_last_new_entry_timestamp_seconds", at, labels)
        if feed.silence.silence_s is not None:
            yield Sample("newswire_feed_silence_threshold_seconds", feed.silence.silence_s, labels)


def is_overdue(feed: FeedState, at: datetime) -> bool:
    """Whether it was not polled although it became due long ago."""
    if feed.schedule.paused or feed.health.status is FeedStatus.GONE or feed.schedule.next_poll_at is None:
        return False
    return (at - feed.schedule.next_poll_at).total_seconds() > 2 * max(feed.schedule.interval_s, 60)


def backlog_gauges(snapshot: Snapshot) -> Iterator[Sample]:
    """Pending entries, dead letters, undelivered messages."""
    yield Sample("newswire_entries_pending", snapshot.pending_due, ("due",))
    yield Sample("newswire_entries_pending", snapshot.pending_later, ("later",))
    yield Sample("newswire_entries_pending_oldest_seconds", age_s(snapshot.oldest_due_at, snapshot.at))
    yield Sample("newswire_dead_letters", snapshot.dead_letters)
    for lane in snapshot.lanes:
        yield Sample("newswire_outbox_messages", lane.messages, (str(lane.lane),))
    oldest = min((lane.oldest_at for lane in snapshot.lanes if lane.messages), default=None)
    yield Sample("newswire_outbox_oldest_seconds", age_s(oldest, snapshot.at))


def age_s(since: datetime | None, at: datetime) -> float:
    """Seconds since then; 0 without a time."""
    return max((at - since).total_seconds(), 0.0) if since else 0.0


def quantile(values: Sequence[float], share: float) -> float:
    """Quantile by nearest rank."""
    ordered = sorted(values)
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)]
