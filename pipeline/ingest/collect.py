"""One pending entry, from its page to its verdict: the second half of ingest.

    entry ─▶ page ─▶ archive ─▶ extract ─▶ fingerprint ─▶ decide ─▶ [verdict + article + messages]
                                                 ▲                      ONE transaction
                                                 └── conflict with a similar article: look up again ──┘

Every entry ends in exactly one verdict, or stays pending with a reason and a time. `try_entry` is the border where an
unexpected error of one entry is caught: it is counted, and after the last attempt becomes a dead letter.
Tested by tests/ingest/test_revisit.py, tests/app/test_redrive.py and the sample newsroom.
"""

from __future__ import annotations

from dataclasses import fields, replace

from pipeline.delivery.messages import ArticlePage
from pipeline.domain.errors import ExtractionFailed, FetchError, StoreError
from pipeline.domain.model import FetchKind, Outlet, PendingEntry, Request, Response
from pipeline.domain.ports import Slot
from pipeline.extraction.values import FeedHints
from pipeline.extraction.wrapper.wrapper import WrapperSession
from pipeline.ingest.context import RunContext
from pipeline.ingest.page_reading import PageReading, PageTask
from pipeline.ingest.ports import Deferral, Ending, Extractor, SettledEntry
from pipeline.ingest.retries import Attempt, better_page, refuse_page, with_resolution
from pipeline.ingest.settle import settle
from pipeline.reporting.logs import log_defect, log_verdict
from pipeline.reporting.report import Report


async def collect(entry: PendingEntry, context: RunContext, report: Report) -> None:
    """Fetch, extract and settle one entry, or defer it; count it either way. Raises StoreError."""
    async with context.host_queue.slot(entry.entry.link or entry.outlet_id) as slot:
        with report.stopwatch(entry.outlet_id, context.seconds):
            attempt = Attempt(
                entry=entry,
                outlet=context.outlets[entry.outlet_id],
                now=context.clock(),
                max_attempts=context.settings.retry.max_attempts,
                retry_s=context.settings.retry.wait_s,
            )
            end = await try_entry(attempt, context, slot)
            if isinstance(end, Ending):
                end = with_resolution(end, attempt.outlet, now=attempt.now)
            await write_end(end, context, report)


async def try_entry(attempt: Attempt, context: RunContext, slot: Slot) -> SettledEntry | Ending | Deferral:
    """The entry's end, or what follows from the error that occurred. Raises StoreError."""
    try:
        return await collect_page(attempt, context, slot)
    except FetchError as error:
        return attempt.after_fetch_error(error)
    except StoreError:
        raise
    except Exception as error:  # noqa: BLE001  the border of one entry: counted and logged
        stage = "extract" if isinstance(error, ExtractionFailed) else "collect"
        entry = attempt.entry
        if stage == "collect":
            log_defect(stage, error, feed=entry.feed_id, outlet=entry.outlet_id, url=entry.entry.link)
        # Archive the page after the last failed attempt, so that the dead letter can point at it.
        if attempt.is_last and attempt.response is not None and attempt.raw_location is None:
            attempt.raw_location = await context.in_store(context.archive.keep, attempt.response)
        return attempt.after_failure(error, stage)


async def write_end(end: SettledEntry | Ending | Deferral, context: RunContext, report: Report) -> None:
    """Write the entry's end, unless `settle` wrote it, and count it."""
    outlet_id = end.entry.outlet_id
    if isinstance(end, Deferral):
        await context.in_store(context.entries.defer, end)
        report.record_pending(outlet_id, end.reason)
        return
    if isinstance(end, Ending):
        is_ours = await context.in_store(context.entries.end, end, now=context.clock())
    else:
        is_ours = end.is_ours
    if not is_ours:
        report.count_entries(outlet_id, -1)  # another worker ended this entry, and counts it
        return
    report.record_verdict(outlet_id, end.verdict, end.reason)
    log_verdict(
        end.verdict,
        feed=end.entry.feed_id,
        outlet=outlet_id,
        url=end.entry.entry.link,
        reason=end.reason,
        article=end.article_id if isinstance(end, SettledEntry) else None,
    )
    context.wake_delivery()


async def collect_page(attempt: Attempt, context: RunContext, slot: Slot) -> SettledEntry | Ending | Deferral:
    """Fetch the page, check its status, extract, archive, settle."""
    entry, outlet = attempt.entry, attempt.outlet
    if entry.entry.link is None:
        return attempt.reject("no_link")
    response = attempt.response = await context.fetcher.fetch(Request(entry.entry.link, FetchKind.PAGE), slot)
    refusal = refuse_page(response)
    if refusal is not None:
        return attempt.after_refusal(refusal)
    found = await extract_page(entry, response, outlet, context, slot, is_archived=True)
    if isinstance(found, str):
        return attempt.reject(found)
    assert found.record is not None  # it was asked for
    attempt.raw_location = await context.grouped.archive(found.record)
    return await settle(entry, replace(found, raw_location=attempt.raw_location), outlet, context)


def article_page(reading: PageReading, response: Response) -> ArticlePage | str:
    """The article with its page, not archived yet; the reason when there is no article."""
    extraction = reading.extraction
    if extraction.article is None or reading.marks is None:
        return extraction.rejection.reason if extraction.rejection else "no_article"
    return ArticlePage(
        article=extraction.article,
        extraction=extraction,
        marks=reading.marks,
        response=response,
        record=reading.record,
        raw_location=None,
    )


async def extract_page(
    entry: PendingEntry,
    response: Response,
    outlet: Outlet,
    context: RunContext,
    slot: Slot,
    *,
    is_archived: bool = False,
) -> ArticlePage | str:
    """The article of the page; for a meta refresh or an AMP twin, of the page of the same outlet that it points to."""
    task = page_task(entry, response, outlet, is_archived=is_archived)
    reading = await read_page(task, context.extractor, context.wrappers)
    twin = better_page(reading.extraction, response, outlet)
    if twin is None:
        return article_page(reading, response)
    other = await context.fetcher.fetch(Request(twin, FetchKind.PAGE), slot)
    if refuse_page(other) is not None:
        return article_page(reading, response)
    task = page_task(entry, other, outlet, is_archived=is_archived)
    return article_page(await read_page(task, context.extractor, context.wrappers), other)


def page_task(entry: PendingEntry, response: Response, outlet: Outlet, *, is_archived: bool = False) -> PageTask:
    """The task of reading an entry's page."""
    return PageTask(
        response=response,
        outlet_id=outlet.id,
        language=outlet.language,
        zone=outlet.timezone,
        hints=FeedHints(**{hint.name: getattr(entry.entry, hint.name) for hint in fields(FeedHints)}),
        rules=outlet.policy.extract,
        is_compared=True,
        is_archived=is_archived,
    )


async def read_page(task: PageTask, extractor: Extractor, wrappers: WrapperSession) -> PageReading:
    """Read the page in a worker process; the observation goes to the outlet's wrapper."""
    reading = await extractor.read_page(task, await wrappers.wrapper(task.outlet_id))
    if reading.extraction.observation is not None:
        await wrappers.observe(task.outlet_id, reading.extraction.observation)
    return reading
