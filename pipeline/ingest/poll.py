"""The walk, from a due feed to its settled entries.

    feed ─▶ fetch ─▶ parse ─▶ [feed state + entries]  ─▶ collect each ─▶ [verdict + article + messages]
            conditional        ONE transaction            page, text       ONE transaction

`ingest` walks many feeds at once; a feed or an entry that goes wrong costs itself and nothing else, and is counted. The
delivery of the messages runs beside it (pipeline/delivery/deliver.py).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

from pipeline.delivery.messages import feed_status_message
from pipeline.domain.errors import ExtractionFailed, FetchError, NotAFeed, RetryAfter, RunDeadlineExceeded, StoreError
from pipeline.domain.model import (
    Entry,
    FeedState,
    FetchKind,
    Outlet,
    PendingEntry,
    Request,
    Response,
    Validators,
    Verdict,
)
from pipeline.domain.ports import Slot
from pipeline.feeds.parse import FeedInput, NoFeed, ParsedFeed, body_digest, read_feed
from pipeline.identity.article_ids import MIN_ARTICLES, learn_article_number, with_number_rule
from pipeline.ingest.collect import collect
from pipeline.ingest.context import RunContext
from pipeline.ingest.quiet import QuietPolls
from pipeline.ingest.transactions import EntryCounts, PollDecision, PollRecord, PollResult, QuietPoll, Sighted
from pipeline.reporting.report import Report
from pipeline.scheduling import feed_state
from pipeline.scheduling.feed_state import PollKind, PollOutcome
from pipeline.scheduling.freshness import freshness_floor_s

log = logging.getLogger("newswire.poll")

# A larger feed is parsed by a worker: of 161 real feeds 159 have less; the worst of this size takes 0.3 s of CPU.
LARGE_BYTES = 262_144


async def ingest(
    due: Sequence[FeedState], carried: Sequence[PendingEntry], context: RunContext, report: Report
) -> None:
    """Walk these feeds, and the entries carried over from earlier runs, to their verdicts.

    Ends when every entry is settled or put off; past the run's deadline nothing new is begun. Fills the report on the
    way. Raises only what makes going on pointless: StoreError.
    """
    for entry in carried:
        report.saw(entry.outlet_id, 1)
    quiet = QuietPolls(context.feeds)
    async with asyncio.TaskGroup() as tasks:
        for entry in carried:
            tasks.create_task(collect(entry, context, report))
        for feed in sorted(due, key=lambda feed: feed.failures > 0):  # who hangs as last time, hangs behind the others
            tasks.create_task(walk(feed, context, report, quiet))
    await quiet.write(context)


async def walk(feed: FeedState, context: RunContext, report: Report, quiet: QuietPolls) -> None:
    """One feed: poll it, then collect what it brought."""
    pending = await poll(feed, context, report, quiet)
    if not pending:
        return
    async with asyncio.TaskGroup() as tasks:
        for entry in pending:
            tasks.create_task(collect(entry, context, report))


async def poll(feed: FeedState, context: RunContext, report: Report, quiet: QuietPolls) -> tuple[PendingEntry, ...]:
    """Fetch and parse a feed, and record what that was; the entries that now wait for their page."""
    async with context.host_queue.slot(feed.url) as slot:
        if not await context.has_room():
            report.polled(feed.outlet_id, "outbox_full")
            return ()
        try:
            with report.stopwatch(feed.outlet_id, context.seconds):
                polled = await ask(feed, context, slot)
                sighted = await record(feed, polled, context, quiet)
        except RunDeadlineExceeded:
            report.polled(feed.outlet_id, "put_off")
            return ()
    count(feed, polled, sighted, report)
    return sighted.pending


async def record(feed: FeedState, polled: PollResult, context: RunContext, quiet: QuietPolls) -> Sighted:
    """Write the poll down: at once when it showed entries, with others when it was quiet. Raises StoreError."""
    decide = decider(feed, polled, context)
    if polled.outcome.kind is PollKind.PARSED:
        return await context.in_store(context.feeds.record_poll, feed, polled, decide)
    nothing = EntryCounts()
    decision = decide(nothing)
    await quiet.add(QuietPoll(polled.at, polled.line, decision), context)
    return Sighted(shown=nothing, pending=(), state=decision.state)


async def ask(feed: FeedState, context: RunContext, slot: Slot) -> PollResult:
    """The poll itself: what the feed's server answered, understood. The border of one feed: an error is its outcome.

    Raises RunDeadlineExceeded, and StoreError.
    """
    now = context.clock()
    full = feed_state.should_poll_unconditionally(feed, now, context.draw(), policy=context.feed_policy(feed.outlet_id))
    validators = Validators() if full else feed.validators
    try:
        response = await context.fetcher.fetch(Request(feed.url, FetchKind.FEED, validators), slot)
        return await understand(feed, response, context, unconditional=full)
    except RetryAfter as error:
        return broken(now, "host_waits", str(error), retry_at=error.until)
    except (RunDeadlineExceeded, StoreError):
        raise
    except NotAFeed as error:
        return broken(now, error.code, str(error), hint=error.hint)
    except ExtractionFailed as error:
        return broken(now, "not_parsed", str(error))
    except FetchError as error:
        return broken(now, error.code, str(error))
    except Exception as error:  # the border of one feed: counted, logged, never silent
        log.exception("%s", feed.feed_id)
        return broken(now, "poll_error", f"{type(error).__name__}: {error}")


def broken(
    now: datetime, word: str, detail: str, *, retry_at: datetime | None = None, hint: str | None = None
) -> PollResult:
    """A poll that brought no feed."""
    outcome = PollOutcome(kind=PollKind.ERROR, error=word, retry_at=retry_at, hint=hint)
    return PollResult(at=now, outcome=outcome, line=PollRecord(outcome=word, detail=detail))


async def understand(feed: FeedState, response: Response, context: RunContext, *, unconditional: bool) -> PollResult:
    """An answer to a poll as outcome and entries. Raises NotAFeed, ExtractionFailed."""
    outcome = PollOutcome(
        kind=PollKind.NOT_MODIFIED,
        status=response.status,
        validators=response.validators,
        redirects=response.redirects,
        unconditional=unconditional,
        truncated=response.truncated,
        freshness_s=freshness_floor_s(response.headers, response.fetched_at),
    )
    wall = next((note for note in response.notes if note.startswith("bot_wall")), None)
    if response.status != 304 and (response.status != 200 or wall):
        error = wall or f"http_{response.status}"
        return answered(response, replace(outcome, kind=PollKind.ERROR, error=error, blocked=wall is not None))
    if response.status == 304:
        return answered(response, outcome)
    digest = body_digest(response.body)
    if digest == feed.body_hash:
        return answered(response, replace(outcome, kind=PollKind.SAME_BODY, body_hash=digest))
    parsed = await parse(response, context.outlets[feed.outlet_id], context)
    if feed.last_success_at is None and await learn_number(feed.outlet_id, parsed, context):
        parsed = await parse(response, context.outlets[feed.outlet_id], context)
    whole = replace(
        outcome,
        kind=PollKind.PARSED,
        body_hash=digest,
        truncated=response.truncated or parsed.truncated,
        ttl_s=parsed.ttl_s,
        update_period_s=parsed.update_period_s,
        skip_hours=parsed.skip_hours,
        skip_days=parsed.skip_days,
    )
    return answered(response, whole, entries=parsed.entries, faults=parsed.faults)


async def parse(response: Response, outlet: Outlet, context: RunContext) -> ParsedFeed:
    """The feed in a body: a usual one here and now, a large one by a worker. Raises NotAFeed, ExtractionFailed."""
    given = FeedInput(
        response.body,
        url=response.final_url,
        content_type=response.header("content-type"),
        zone=outlet.timezone,
        now=response.fetched_at,
        article_number=outlet.policy.article_number,
    )
    is_large = len(given.body) > LARGE_BYTES
    parsed = await context.extractor.read_feed(given) if is_large else read_feed(given)
    if isinstance(parsed, NoFeed):
        raise NotAFeed(parsed.url, parsed.looks_like, alternates=parsed.alternates)
    return parsed


async def learn_number(outlet_id: str, parsed: ParsedFeed, context: RunContext) -> bool:
    """Whether the outlet has a rule for its article numbers from now on: what its first large enough feed shows.

    Learnt before anything is stored under a URL, and once: an identity that changed would bring every entry again.
    """
    outlet = context.outlets[outlet_id]
    urls = [tuple(url for url in (entry.link, entry.guid) if url) for entry in parsed.entries]
    if outlet.policy.article_number is not None or len(urls) < MIN_ARTICLES:
        return False
    rule = await context.in_store(
        context.feeds.set_number_rule_once, outlet_id, learn_article_number(urls), now=context.clock()
    )
    if rule is None:
        return False
    context.outlets[outlet_id] = with_number_rule(outlet, rule)
    return True


def answered(
    response: Response, outcome: PollOutcome, *, entries: tuple[Entry, ...] = (), faults: tuple[str, ...] = ()
) -> PollResult:
    """A poll that was answered."""
    line = PollRecord(
        outcome=outcome.error or outcome.kind.value,
        http_status=response.status,
        wire_bytes=response.wire_bytes,
        elapsed_s=response.elapsed_s,
        detail="; ".join((*response.notes, *faults)) or None,
    )
    return PollResult(at=response.fetched_at, outcome=outcome, line=line, entries=entries)


def decider(feed: FeedState, polled: PollResult, context: RunContext) -> Callable[[EntryCounts], PollDecision]:
    """What host_queue the entries' comparison into the feed's next state; the store calls it inside its transaction."""

    def decide(shown: EntryCounts) -> PollDecision:
        outcome = replace(
            polled.outcome,
            entries=shown.entries,
            new=shown.new + shown.elsewhere,
            changed=shown.changed,
            hidden=shown.hidden,
        )
        policy = context.feed_policy(feed.outlet_id)
        state = feed_state.decide_poll(feed, outcome, policy=policy, now=polled.at, jitter=context.draw())
        told, now_true = (feed.status, feed.url, feed.validators_lie), (state.status, state.url, state.validators_lie)
        changed = told != now_true or feed.last_poll_at is None
        outlet = context.outlets[feed.outlet_id]
        return PollDecision(state, (feed_status_message(state, outlet, now=polled.at),) if changed else ())

    return decide


def count(feed: FeedState, polled: PollResult, sighted: Sighted, report: Report) -> None:
    """Count the poll, and the entries whose end it is already: unchanged ones, and those another feed showed first."""
    shown = sighted.shown
    report.polled(feed.outlet_id, polled.line.outcome)
    report.saw(feed.outlet_id, shown.entries - shown.waiting)
    report.settle(feed.outlet_id, Verdict.DUPLICATE, count=shown.elsewhere)
    report.settle(feed.outlet_id, Verdict.UNCHANGED, count=sighted.unchanged)
