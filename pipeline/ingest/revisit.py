"""Revisits: fetch known articles again, after the new entries of a run.

    article ─▶ page, conditionally ─▶ 304: unchanged
                                   ─▶ 404, 410, redirected to a section ─▶ missing; twice, hours apart ─▶ [withdrawn]
                                   ─▶ extract ─▶ decide ─▶ [revision or return, article, messages]   ONE transaction

Visits are no entries: the report counts them apart, each under one result.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

from pipeline.delivery.messages import ArticlePage, Visit, withdrawal
from pipeline.domain.errors import ExtractionFailed, FetchError, RetryAfter, RunDeadlineExceeded, StoreError
from pipeline.domain.model import FetchKind, Outlet, Request, Validators, Verdict
from pipeline.domain.ports import Slot
from pipeline.ingest.collect import extract_page
from pipeline.ingest.context import RunContext
from pipeline.ingest.ports import Settlement, VisitStore, VisitUpdate, WriteResult
from pipeline.ingest.retries import refuse_page
from pipeline.ingest.settle import (
    MISSING,
    decide_and_write,
    decide_settlement,
    identify,
    is_confirmed,
    next_revisit,
    revisit_after_s,
    schedule_confirmation,
)
from pipeline.reporting.logs import log_defect, log_verdict
from pipeline.reporting.report import Report


async def revisit(visits: Sequence[Visit], context: RunContext, store: VisitStore, report: Report) -> None:
    """Make these visits concurrently, with frozen wrappers. Raises StoreError."""
    frozen = replace(context, wrappers=context.wrappers.fresh(is_frozen=True))
    async with asyncio.TaskGroup() as tasks:
        for visit in visits:
            tasks.create_task(Revisit(context=frozen, store=store, report=report, visit=visit).run())


@dataclass(frozen=True, slots=True, kw_only=True)
class Revisit:
    """One visit to a known article."""

    context: RunContext
    store: VisitStore
    report: Report
    visit: Visit

    @property
    def outlet(self) -> Outlet:
        return self.context.outlets[self.visit.entry.outlet_id]

    async def run(self) -> None:
        """Visit the article and count the result."""
        async with self.context.host_queue.slot(self.visit.url) as slot:
            with self.report.stopwatch(self.outlet.id, self.context.seconds):
                result = await self.try_visit(slot)
        self.report.record_revisit(self.outlet.id, result)
        self.context.wake_delivery()

    async def try_visit(self, slot: Slot) -> str:
        """Visit and schedule the next visit: the border where one article's error is caught. Raises StoreError."""
        visit = self.visit
        try:
            return await self.fetch(slot)
        except RunDeadlineExceeded:
            return "put_off"
        except RetryAfter as error:
            return await self.note("host_waits", VisitUpdate(error.until, visit.missing_since))
        except StoreError:
            raise
        except (FetchError, ExtractionFailed) as error:
            return await self.note(error.code)
        except Exception as error:  # noqa: BLE001  the border of one article: counted and logged
            log_defect("revisit", error, outlet=self.outlet.id, url=visit.url, article=visit.article_id)
            return await self.note("revisit_error")

    async def fetch(self, slot: Slot) -> str:
        """Fetch the page conditionally, handle its status, extract the page and settle its article."""
        visit = self.visit
        # A withdrawn article cannot be "not modified".
        validators = Validators() if visit.is_withdrawn else visit.validators
        response = await self.context.fetcher.fetch(Request(visit.url, FetchKind.PAGE, validators), slot)
        if response.status == 304:
            return await self.note("not_modified")
        refusal = refuse_page(response)
        if refusal is not None and refusal.reason in MISSING:
            return await self.missing()
        found = (
            refusal.reason if refusal else await extract_page(visit.entry, response, self.outlet, self.context, slot)
        )
        if isinstance(found, str):
            # No information about the article: a bot wall, a server error, a page without an article.
            return await self.note(f"refused_{found}")
        return await self.settle(found)

    async def settle(self, page: ArticlePage) -> str:
        """Decide as for a new entry, and write what changed. Raises StoreError."""
        context, visit = self.context, self.visit
        identity = identify(visit.entry, page, self.outlet)
        archived: ArticlePage | None = None

        async def write(settlement: Settlement) -> str | None:
            nonlocal archived
            if visit.article_id in settlement.decision.rejected_aliases:
                return await self.missing()  # redirected to another article, which the feed shows by itself
            if settlement.decision.verdict is not Verdict.UNCHANGED:
                # Only a changed page is archived, and only once.
                archived = archived or replace(
                    page, raw_location=await context.in_store(context.archive.keep, page.response)
                )
                settlement = await decide_settlement(visit.entry, archived, identity, settlement.looked, context)
            result = await context.in_store(self.store.settle, settlement, visit)
            if result is not WriteResult.WRITTEN:
                return "overtaken" if result is WriteResult.TAKEN else None
            verdict = settlement.decision.verdict
            if verdict is not Verdict.UNCHANGED:
                self.log_verdict(verdict)
            return "returned" if visit.is_withdrawn and verdict is Verdict.NEW else verdict.value

        return await decide_and_write(visit.entry, page, identity, context, write)

    async def missing(self) -> str:
        """A missing page: scheduled for confirmation the first time, withdrawn the second time."""
        context, visit, now = self.context, self.visit, self.context.clock()
        if visit.is_withdrawn:
            return await self.note("still_withdrawn")
        if not is_confirmed(visit, now=now):
            return await self.note("missing", schedule_confirmation(visit, now=now))
        last = await context.in_store(context.articles.previous_value, visit.article_id)
        former = json.loads(last) if last else None
        messages = withdrawal(visit, former, self.outlet, copies=context.settings.copies, now=now)
        if not await context.in_store(self.store.withdraw, visit, self.as_planned(), messages, now=now):
            return "overtaken"
        self.log_verdict(Verdict.WITHDRAWN)
        return Verdict.WITHDRAWN.value

    def as_planned(self) -> VisitUpdate:
        """The next step of the schedule, with the page not missing."""
        after_s = revisit_after_s(self.outlet, self.context.settings)
        return VisitUpdate(next_revisit(self.visit.first_seen_at, after_s, now=self.context.clock()))

    async def note(self, result: str, update: VisitUpdate | None = None) -> str:
        """Write when to visit again, by the schedule if nothing else is given; returns the result."""
        update = update or self.as_planned()
        await self.context.in_store(self.store.note, self.visit, update, now=self.context.clock())
        return result

    def log_verdict(self, verdict: Verdict) -> None:
        """Log a visit that changed the article."""
        visit = self.visit
        log_verdict(verdict, feed=visit.entry.feed_id, outlet=self.outlet.id, url=visit.url, article=visit.article_id)
