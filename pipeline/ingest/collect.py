"""The walk's second half: one pending entry, from its page to its verdict.

    entry ─▶ page ─▶ archive ─▶ extract ─▶ fingerprint ─▶ decide ─▶ [verdict + article + messages]
                                                 ▲                      ONE transaction
                                                 └── somebody was faster: look again ──┘

Every entry ends in exactly one verdict, or stays pending with a reason and a time. `collect` is the named border where
an unforeseen error of one entry is caught: it is counted, and after the last attempt becomes a dead letter.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

from pipeline.delivery.events import ArticlePage
from pipeline.domain.errors import ExtractionFailed, FetchError, StoreError
from pipeline.domain.model import Article, FetchKind, Outlet, PendingEntry, Request, Response, Verdict
from pipeline.domain.ports import Slot
from pipeline.extraction.dom.page import check_page, page_in_utf8
from pipeline.extraction.values import Extraction, FeedHints, PageInput
from pipeline.ingest import page_status, retries
from pipeline.ingest.context import RunContext
from pipeline.ingest.retries import Attempt, with_resolution
from pipeline.ingest.settle import settle
from pipeline.ingest.transactions import Deferral, Ending, SettledEntry
from pipeline.reporting.report import Report

log = logging.getLogger("newswire.collect")


async def collect(entry: PendingEntry, context: RunContext, report: Report) -> None:
    """Bring one entry to its end, or put it off; count it either way. Raises StoreError: without it nothing goes."""
    async with context.host_queue.slot(entry.entry.link or entry.outlet_id) as slot:
        with report.stopwatch(entry.outlet_id, context.seconds):
            end = await reach_end(entry, context, slot)
            await write_end(end, context, report)


async def reach_end(entry: PendingEntry, context: RunContext, slot: Slot) -> SettledEntry | Ending | Deferral:
    """The entry's end: the border where one entry's error is caught."""
    attempt = Attempt(
        now=context.clock(),
        outlet=context.outlets[entry.outlet_id],
        max_attempts=context.settings.retry.max_attempts,
        retry_s=context.settings.retry.wait_s,
    )
    end = await try_entry(entry, attempt, context, slot)
    return with_resolution(end, attempt.outlet, now=attempt.now) if isinstance(end, Ending) else end


async def try_entry(
    entry: PendingEntry, attempt: Attempt, context: RunContext, slot: Slot
) -> SettledEntry | Ending | Deferral:
    """The entry's end, or what follows from the error that it met. Raises StoreError."""
    try:
        return await walk_entry(entry, attempt, context, slot)
    except FetchError as error:
        return retries.after_fetch_error(entry, error, attempt)
    except ExtractionFailed as error:
        await keep_evidence(entry, attempt, context)
        return retries.after_failure(entry, error, "extract", attempt)
    except StoreError:
        raise
    except Exception as error:
        log.exception("%s: %s", entry.outlet_id, entry.entry.link)
        await keep_evidence(entry, attempt, context)
        return retries.after_failure(entry, error, "collect", attempt)


async def keep_evidence(entry: PendingEntry, attempt: Attempt, context: RunContext) -> None:
    """Have the page that we could not deal with in the archive, for the dead letter to point at."""
    trail = attempt.trail
    if attempt.is_last(entry) and trail.response is not None and trail.raw_location is None:
        trail.raw_location = await context.in_store(context.archive.keep, trail.response)


async def write_end(end: SettledEntry | Ending | Deferral, context: RunContext, report: Report) -> None:
    """Write what is not written yet, and count it."""
    outlet_id = end.entry.outlet_id
    if isinstance(end, Deferral):
        await context.in_store(context.articles.defer, end)
        report.defer(outlet_id, end.reason)
        return
    if isinstance(end, Ending):
        is_ours = await context.in_store(context.articles.end, end, now=context.clock())
    else:
        is_ours = end.is_ours
    if not is_ours:
        report.saw(outlet_id, -1)  # another worker ended this very entry, and counts it
        return
    report.settle(outlet_id, end.verdict, end.reason)
    context.wake_delivery()


async def walk_entry(
    entry: PendingEntry, attempt: Attempt, context: RunContext, slot: Slot
) -> SettledEntry | Ending | Deferral:
    """Page, text, verdict."""
    if entry.entry.link is None:
        return Ending(entry, Verdict.REJECTED, "no_link")
    response = attempt.trail.response = await context.fetcher.fetch(Request(entry.entry.link, FetchKind.PAGE), slot)
    refusal = page_status.refuse_page(response)
    if refusal is not None:
        return retries.after_refusal(entry, refusal, attempt)
    reading = await read_page(entry, response, attempt.outlet, context, slot)
    if reading.article is None:
        return Ending(entry, Verdict.REJECTED, reading.reason)
    location = attempt.trail.raw_location = await context.in_store(context.archive.keep, reading.response)
    page = ArticlePage(reading.article, reading.extraction, reading.response, location)
    return await settle(entry, page, attempt.outlet, context)


@dataclass(frozen=True, slots=True)
class ExtractedPage:
    """A page as it was understood, and the response it came in."""

    extraction: Extraction
    response: Response

    @property
    def article(self) -> Article | None:
        """The article on the page, if it is one."""
        return self.extraction.article

    @property
    def reason(self) -> str:
        """Why it is none."""
        return self.extraction.rejection.reason if self.extraction.rejection else "no_article"


async def read_page(
    entry: PendingEntry, response: Response, outlet: Outlet, context: RunContext, slot: Slot
) -> ExtractedPage:
    """Extract the page; one step further when it is a meta refresh, or an AMP twin, of a page of the same outlet."""
    extraction = await extract(entry, response, outlet, context)
    further = page_status.better_page(extraction, response, outlet)
    if further is None:
        return ExtractedPage(extraction, response)
    other = await context.fetcher.fetch(Request(further, FetchKind.PAGE), slot)
    if page_status.refuse_page(other) is not None:
        return ExtractedPage(extraction, response)
    return ExtractedPage(await extract(entry, other, outlet, context), other)


async def extract(entry: PendingEntry, response: Response, outlet: Outlet, context: RunContext) -> Extraction:
    """The page's article or rejection, by a worker process; what it taught goes to the outlet's wrapper."""
    content_type = response.header("content-type")
    rejection = check_page(response.body, content_type)
    if rejection is not None:
        return Extraction(article=None, rejection=rejection)
    shown = entry.entry
    page = PageInput(
        url=response.final_url,
        html=page_in_utf8(response.body, content_type),
        outlet_id=outlet.id,
        language=outlet.language,
        zone=outlet.timezone,
        hints=FeedHints(
            title=shown.title,
            summary=shown.summary,
            published=shown.published,
            modified=shown.modified,
            authors=shown.authors,
            content=shown.content,
        ),
        rules=outlet.policy.extract,
    )
    extraction = await context.extractor.extract(page, await context.teaching.wrapper(outlet.id, context))
    if extraction.observation is not None:
        await context.teaching.observe(outlet.id, extraction.observation, context)
    return extraction
