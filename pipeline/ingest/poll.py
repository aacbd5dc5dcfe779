"""Ingest, from a due feed to its settled entries.

    feed ─▶ fetch ─▶ parse ─▶ [feed state + entries]  ─▶ collect each ─▶ [verdict + article + messages]
            conditional        ONE transaction            page, text       ONE transaction

`ingest` handles many feeds concurrently. A feed or an entry that fails is skipped and counted; everything else
continues. Messages are delivered at the same time by pipeline/delivery/deliver.py.
Tested by tests/ingest/test_poll.py, tests/hostile/ and the sample newsroom.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from operator import attrgetter
from typing import Any

from pipeline.delivery.messages import feed_status_message
from pipeline.domain.errors import ExtractionFailed, FetchError, NotAFeed, RetryAfter, RunDeadlineExceeded, StoreError
from pipeline.domain.model import FeedState, FetchKind, Outlet, PendingEntry, Request, Response, Validators, Verdict
from pipeline.domain.ports import Slot, StoreCall
from pipeline.feeds.parse import FeedInput, NoFeed, ParsedFeed, body_digest, read_feed
from pipeline.identity.urls import MIN_ARTICLES, learn_article_number, with_number_rule
from pipeline.ingest.collect import collect
from pipeline.ingest.context import RunContext
from pipeline.ingest.ports import EntryCounts, Extractor, PollDecision, PollRecord, PollResult, PollStore
from pipeline.reporting.logs import log_defect, log_feed_state, log_poll
from pipeline.reporting.report import Report
from pipeline.scheduling import feed_state
from pipeline.scheduling.feed_state import PollKind, PollOutcome, freshness_floor_s

# A larger feed is parsed by a worker: of 161 real feeds 159 are smaller; the worst of this size takes 0.3 s of CPU.
LARGE_BYTES = 262_144
# What consumers of feed states hear of: a change of it makes a message.
PUBLISHED_PART = attrgetter("health.status", "url", "cache.validators_lie")
MAX_BATCH = 200  # polls in one transaction: enough that the wait for the disk no longer counts
MAX_BATCH_AGE_S = 5.0  # the desk shows polls at most this late, while polls go on


async def ingest(
    due: Sequence[FeedState], carried: Sequence[PendingEntry], context: RunContext, report: Report
) -> None:
    """Poll these feeds, and settle or defer their entries and those carried over from earlier runs.

    Past the run's deadline nothing new begins. Fills the report meanwhile. Raises only StoreError.
    """
    for entry in carried:
        report.count_entries(entry.outlet_id, 1)
    batch = PollBatch(store=context.polls, in_store=context.in_store, seconds=context.seconds)
    async with asyncio.TaskGroup() as tasks:
        for entry in carried:
            tasks.create_task(collect(entry, context, report))
        # Feeds that failed last time go last, so a hanging host does not delay the healthy ones.
        for feed in sorted(due, key=lambda feed: feed.health.failures > 0):
            tasks.create_task(ingest_feed(feed, context, report, batch, tasks))
    await batch.write()


async def ingest_feed(
    feed: FeedState, context: RunContext, report: Report, batch: PollBatch, tasks: asyncio.TaskGroup
) -> None:
    """Fetch and parse a feed, record the poll, and add the tasks that collect its new entries."""
    async with context.host_queue.slot(feed.url) as slot:
        if not await context.has_room():
            report.record_poll(feed.outlet_id, "outbox_full")
            return
        try:
            with report.stopwatch(feed.outlet_id, context.seconds):
                polled = await fetch_feed(feed, context, slot)
                counts = await record(feed, polled, context, batch)
        except RunDeadlineExceeded:
            report.record_poll(feed.outlet_id, "put_off")
            return
    count(feed, polled, counts, report)
    for entry in counts.pending:
        tasks.create_task(collect(entry, context, report))


async def record(feed: FeedState, polled: PollResult, context: RunContext, batch: PollBatch) -> EntryCounts:
    """Write a poll with entries at once, one without entries in a batch. Raises StoreError."""

    def decide(counts: EntryCounts) -> PollDecision:
        """The feed's next state; the store calls this inside its transaction."""
        outcome = replace(
            polled.outcome,
            entries=counts.entries,
            new=counts.new + counts.elsewhere,
            changed=counts.changed,
            hidden=counts.hidden,
        )
        policy = context.feed_policy(feed.outlet_id)
        state = feed_state.decide_poll(feed, outcome, policy=policy, now=polled.at, jitter=context.draw())
        log_feed_state(feed, state)
        if feed.schedule.last_poll_at is not None and PUBLISHED_PART(state) == PUBLISHED_PART(feed):
            return PollDecision(state)
        outlet = context.outlets[feed.outlet_id]
        return PollDecision(state, (feed_status_message(state, outlet, now=polled.at),))

    if polled.outcome.kind is PollKind.PARSED:
        return await context.in_store(context.polls.record_poll, feed, polled, decide)
    counts = EntryCounts()
    await batch.add(polled, decide(counts))
    return counts


@dataclass(slots=True, kw_only=True)
class PollBatch:
    """Polls without entries, written many at a time.

    In a quiet hour nearly all polls are such, and a transaction each would be most of their cost. A crash before the
    write costs the same conditional requests again and loses nothing.
    """

    store: PollStore
    in_store: StoreCall
    seconds: Callable[[], float]
    polls: list[tuple[PollResult, PollDecision]] = field(default_factory=list)
    since_s: float = 0.0

    async def add(self, polled: PollResult, decision: PollDecision) -> None:
        """Add a poll; write all when there are many or the first one waited for long. Raises StoreError."""
        if not self.polls:
            self.since_s = self.seconds()
        self.polls.append((polled, decision))
        if len(self.polls) >= MAX_BATCH or self.seconds() - self.since_s >= MAX_BATCH_AGE_S:
            await self.write()

    async def write(self) -> None:
        """Write the waiting polls. Raises StoreError."""
        batch, self.polls = self.polls, []
        if batch:
            await self.in_store(self.store.record_quiet_polls, batch)


async def fetch_feed(feed: FeedState, context: RunContext, slot: Slot) -> PollResult:
    """Fetch and parse a feed: the border where one feed's error is caught, which is its outcome.

    Raises RunDeadlineExceeded, and StoreError.
    """
    now = context.clock()
    policy = context.feed_policy(feed.outlet_id)
    unconditional = feed_state.should_poll_unconditionally(feed, now, context.draw(), policy=policy)
    validators = Validators() if unconditional else feed.cache.validators
    try:
        response = await context.fetcher.fetch(Request(feed.url, FetchKind.FEED, validators), slot)
        return await parse_response(feed, response, context, unconditional=unconditional)
    except (RunDeadlineExceeded, StoreError):
        raise
    except (FetchError, NotAFeed, ExtractionFailed) as error:
        return failed_poll(now, error)
    except Exception as error:  # noqa: BLE001  the border of one feed: counted and logged
        log_defect("poll", error, feed=feed.feed_id, outlet=feed.outlet_id, url=feed.url)
        return failed_poll(now, error)


def failed_poll(now: datetime, error: Exception) -> PollResult:
    code, detail = "poll_error", f"{type(error).__name__}: {error}"
    if isinstance(error, ExtractionFailed):
        code, detail = "not_parsed", str(error)
    elif isinstance(error, FetchError | NotAFeed):
        code, detail = error.code, str(error)
    outcome = PollOutcome(
        kind=PollKind.ERROR,
        error=code,
        retry_at=error.until if isinstance(error, RetryAfter) else None,
        hint=error.hint if isinstance(error, NotAFeed) else None,
    )
    return PollResult(at=now, outcome=outcome, record=PollRecord(outcome=code, detail=detail))


async def parse_response(
    feed: FeedState, response: Response, context: RunContext, *, unconditional: bool
) -> PollResult:
    """The response to a poll as outcome and entries. Raises NotAFeed, ExtractionFailed."""
    answer = PollOutcome(
        kind=PollKind.NOT_MODIFIED,
        status=response.status,
        validators=response.validators,
        redirects=response.redirects,
        unconditional=unconditional,
        truncated=response.truncated,
        freshness_s=freshness_floor_s(response.headers, response.fetched_at),
    )
    if response.status == 304:
        return poll_result(response, answer)
    wall = next((note for note in response.notes if note.startswith("bot_wall")), None)
    if wall or response.status != 200:
        error = wall or f"http_{response.status}"
        return poll_result(response, replace(answer, kind=PollKind.ERROR, error=error, blocked=wall is not None))
    digest = body_digest(response.body)
    if digest == feed.cache.body_hash:
        return poll_result(response, replace(answer, kind=PollKind.SAME_BODY, body_hash=digest))
    parsed = await parse(response, context.outlets[feed.outlet_id], context.extractor)
    if feed.health.last_success_at is None and await learn_number(feed.outlet_id, parsed, context):
        parsed = await parse(response, context.outlets[feed.outlet_id], context.extractor)
    return poll_result(response, replace(answer, kind=PollKind.PARSED, body_hash=digest), parsed)


def poll_result(response: Response, answer: PollOutcome, parsed: ParsedFeed | None = None) -> PollResult:
    """A poll that was answered, with the feed if it was parsed."""
    of_feed: dict[str, Any] = {}
    if parsed is not None:
        same_names = ("ttl_s", "update_period_s", "skip_hours", "skip_days")
        of_feed = {name: getattr(parsed, name) for name in same_names}
        of_feed["truncated"] = response.truncated or parsed.truncated
    return PollResult(
        at=response.fetched_at,
        outcome=replace(answer, **of_feed),
        record=PollRecord(
            outcome=answer.error or answer.kind.value,
            http_status=response.status,
            wire_bytes=response.wire_bytes,
            elapsed_s=response.elapsed_s,
            detail="; ".join((*response.notes, *(parsed.faults if parsed else ()))) or None,
        ),
        entries=parsed.entries if parsed else (),
    )


async def parse(response: Response, outlet: Outlet, extractor: Extractor) -> ParsedFeed:
    """Parse a feed: here, or in a worker when it is large. Raises NotAFeed, ExtractionFailed."""
    given = FeedInput(
        response.body,
        url=response.final_url,
        content_type=response.header("content-type"),
        zone=outlet.timezone,
        now=response.fetched_at,
        article_number=outlet.policy.article_number,
    )
    is_large = len(given.body) > LARGE_BYTES
    parsed = await extractor.read_feed(given) if is_large else read_feed(given)
    if isinstance(parsed, NoFeed):
        raise NotAFeed(parsed.url, parsed.looks_like, alternates=parsed.alternates)
    return parsed


async def learn_number(outlet_id: str, parsed: ParsedFeed, context: RunContext) -> bool:
    """Learn the outlet's article number rule from its first large enough feed; whether it has one from now on.

    Learnt once and before anything is stored under a URL: another identity would make every entry new again.
    """
    outlet = context.outlets[outlet_id]
    urls = [tuple(url for url in (entry.link, entry.guid) if url) for entry in parsed.entries]
    if outlet.policy.article_number is not None or len(urls) < MIN_ARTICLES:
        return False
    learnt = learn_article_number(urls)
    rule = await context.in_store(context.polls.set_number_rule_once, outlet_id, learnt, now=context.clock())
    if rule is None:
        return False
    context.outlets[outlet_id] = with_number_rule(outlet, rule)
    return True


def count(feed: FeedState, polled: PollResult, counts: EntryCounts, report: Report) -> None:
    """Count the poll, and the entries that are settled by it: unchanged ones, and those another feed showed first."""
    outcome = polled.record.outcome
    log_poll(feed, outcome, reason=polled.record.detail or "", entries=counts.entries, new=counts.new)
    report.record_poll(feed.outlet_id, outcome)
    report.count_entries(feed.outlet_id, counts.entries - counts.waiting)
    report.record_verdict(feed.outlet_id, Verdict.DUPLICATE, count=counts.elsewhere)
    report.record_verdict(feed.outlet_id, Verdict.UNCHANGED, count=counts.unchanged)
