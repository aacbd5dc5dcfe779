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
from typing import Self

from pipeline.delivery.events import ArticlePage, Visit
from pipeline.delivery.messages import withdrawal
from pipeline.domain.errors import ExtractionFailed, FetchError, RetryAfter, RunDeadlineExceeded, StoreError
from pipeline.domain.model import FetchKind, Outlet, Request, Response, Validators, Verdict
from pipeline.domain.ports import Slot
from pipeline.ingest import page_status
from pipeline.ingest.collect import extract_page
from pipeline.ingest.context import RunContext
from pipeline.ingest.ports import VisitStore
from pipeline.ingest.revisit_policy import MISSING, VisitUpdate, is_confirmed, next_revisit, schedule_confirmation
from pipeline.ingest.settle import decide_and_write, decide_settlement, identify, revisit_after_s
from pipeline.ingest.transactions import Settlement, WriteResult
from pipeline.reporting.logs import log_defect, log_verdict
from pipeline.reporting.report import Report


@dataclass(frozen=True, slots=True)
class Revisits:
    """The visits of a run."""

    context: RunContext
    store: VisitStore
    report: Report

    @classmethod
    def of(cls, context: RunContext, store: VisitStore, report: Report) -> Self:
        """The visits of a run, with frozen wrappers."""
        return cls(replace(context, wrappers=context.wrappers.fresh(is_frozen=True)), store, report)

    async def run(self, visits: Sequence[Visit]) -> None:
        """Make these visits concurrently. Raises StoreError."""
        async with asyncio.TaskGroup() as tasks:
            for visit in visits:
                tasks.create_task(self.visit(visit))

    async def visit(self, visit: Visit) -> None:
        """Visit one article and count the result."""
        outlet_id = visit.entry.outlet_id
        async with self.context.host_queue.slot(visit.url) as slot:
            with self.report.stopwatch(outlet_id, self.context.seconds):
                result = await self.try_visit(visit, slot)
        self.report.record_revisit(outlet_id, result)
        self.context.wake_delivery()

    async def try_visit(self, visit: Visit, slot: Slot) -> str:
        """Visit and schedule the next visit: the border where one article's error is caught. Raises StoreError."""
        try:
            return await self.fetch(visit, slot)
        except RunDeadlineExceeded:
            return "put_off"
        except RetryAfter as error:
            return await self.note(visit, VisitUpdate(error.until, visit.missing_since), "host_waits")
        except StoreError:
            raise
        except (FetchError, ExtractionFailed) as error:
            return await self.note(visit, self.as_planned(visit), error.code)
        except Exception as error:  # noqa: BLE001  the border of one article: counted and logged
            log_defect("revisit", error, outlet=visit.entry.outlet_id, url=visit.url, article=visit.article_id)
            return await self.note(visit, self.as_planned(visit), "revisit_error")

    def outlet(self, visit: Visit) -> Outlet:
        """The article's outlet."""
        return self.context.outlets[visit.entry.outlet_id]

    async def fetch(self, visit: Visit, slot: Slot) -> str:
        """Fetch the page conditionally and handle its status."""
        # A withdrawn article cannot be "not modified".
        validators = Validators() if visit.is_withdrawn else visit.validators
        response = await self.context.fetcher.fetch(Request(visit.url, FetchKind.PAGE, validators), slot)
        if response.status == 304:
            return await self.note(visit, self.as_planned(visit), "not_modified")
        refusal = page_status.refuse_page(response)
        if refusal is not None:
            return await (self.missing(visit) if refusal.reason in MISSING else self.refused(visit, refusal.reason))
        return await self.extract(visit, response, slot)

    async def extract(self, visit: Visit, response: Response, slot: Slot) -> str:
        """Extract the page and settle its article."""
        found = await extract_page(visit.entry, response, self.outlet(visit), self.context, slot)
        if found.article is None:
            return await self.refused(visit, found.reason)
        return await self.settle(visit, found.with_article(found.article, None))

    async def settle(self, visit: Visit, page: ArticlePage) -> str:
        """Decide as for a new entry, and write what changed. Raises StoreError."""
        context = self.context
        identity = identify(visit.entry, page, self.outlet(visit))
        archived: ArticlePage | None = None

        async def write(settlement: Settlement) -> str | None:
            nonlocal archived
            if visit.article_id in settlement.decision.rejected_aliases:
                return await self.missing(visit)  # redirected to another article, which the feed shows by itself
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
                self.log_verdict(visit, verdict)
            return "returned" if visit.is_withdrawn and verdict is Verdict.NEW else verdict.value

        return await decide_and_write(visit.entry, page, identity, context, write)

    async def missing(self, visit: Visit) -> str:
        """A missing page: scheduled for confirmation the first time, withdrawn the second time."""
        context, now = self.context, self.context.clock()
        if visit.is_withdrawn:
            return await self.note(visit, self.as_planned(visit), "still_withdrawn")
        if not is_confirmed(visit, now=now):
            return await self.note(visit, schedule_confirmation(visit, now=now), "missing")
        former = await context.in_store(context.articles.previous_value, visit.article_id)
        messages = withdrawal(
            visit,
            json.loads(former) if former else None,
            self.outlet(visit),
            copies=context.settings.copies,
            now=now,
        )
        if not await context.in_store(self.store.withdraw, visit, self.as_planned(visit), messages, now=now):
            return "overtaken"
        self.log_verdict(visit, Verdict.WITHDRAWN)
        return Verdict.WITHDRAWN.value

    async def refused(self, visit: Visit, reason: str) -> str:
        """A response without information about the article: a bot wall, a server error, a page without an article."""
        return await self.note(visit, self.as_planned(visit), f"refused_{reason}")

    def as_planned(self, visit: Visit) -> VisitUpdate:
        """The next step of the schedule, with the page not missing."""
        after_s = revisit_after_s(self.outlet(visit), self.context.settings)
        return VisitUpdate(next_revisit(visit.first_seen_at, after_s, now=self.context.clock()))

    async def note(self, visit: Visit, update: VisitUpdate, result: str) -> str:
        """Write when to visit again; returns the result."""
        await self.context.in_store(self.store.note, visit, update, now=self.context.clock())
        return result

    def log_verdict(self, visit: Visit, verdict: Verdict) -> None:
        """Log a visit that changed the article."""
        entry = visit.entry
        log_verdict(verdict, feed=entry.feed_id, outlet=entry.outlet_id, url=visit.url, article=visit.article_id)
