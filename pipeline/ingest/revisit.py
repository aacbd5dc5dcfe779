"""Looking again at articles that are known: the walk's third part, after the new entries.

    article ─▶ page, conditionally ─▶ 304: as before
                                   ─▶ 404, 410, sent to a section ─▶ missing; twice, hours apart ─▶ [withdrawn]
                                   ─▶ extract ─▶ decide ─▶ [revision or return, article, messages]   ONE transaction

No entry is seen or settled here: the report counts visits apart, each under one word.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

from pipeline.delivery.events import ArticlePage, Visit
from pipeline.delivery.routing import withdrawal
from pipeline.domain.errors import ExtractionFailed, FetchError, RetryAfter, RunDeadlineExceeded, StoreError
from pipeline.domain.model import FetchKind, Request, Response, Validators, Verdict
from pipeline.domain.ports import Slot
from pipeline.extraction.wrapper.session import FrozenWrapperSession
from pipeline.ingest import page_status
from pipeline.ingest.collect import read_page
from pipeline.ingest.context import RunContext
from pipeline.ingest.ports import VisitStore
from pipeline.ingest.revisit_policy import MISSING, VisitUpdate, is_confirmed, next_revisit, schedule_confirmation
from pipeline.ingest.settle import MAX_CONFLICTS, decide_settlement, identify, revisit_after_s, view
from pipeline.ingest.transactions import WriteResult
from pipeline.reporting.report import Report

log = logging.getLogger("newswire.revisit")


@dataclass(frozen=True, slots=True)
class Revisits:
    """The visits of a run, with what they are written to."""

    context: RunContext
    book: VisitStore
    report: Report

    @classmethod
    def of(cls, context: RunContext, book: VisitStore, report: Report) -> Self:
        """The visits of a run. Wrappers learn nothing: they learnt from these pages before."""
        return cls(replace(context, teaching=FrozenWrapperSession()), book, report)

    async def walk(self, visits: Sequence[Visit]) -> None:
        """Make these visits, side by side. Raises StoreError."""
        async with asyncio.TaskGroup() as tasks:
            for visit in visits:
                tasks.create_task(self.visit(visit))

    async def visit(self, visit: Visit) -> None:
        """One article, to the word that the report counts it under."""
        outlet_id = visit.entry.outlet_id
        async with self.context.host_queue.slot(visit.url) as slot:
            with self.report.stopwatch(outlet_id, self.context.seconds):
                said = await self.look(visit, slot)
        self.report.revisited(outlet_id, said)
        self.context.wake_delivery()

    async def look(self, visit: Visit, slot: Slot) -> str:
        """Visit, and note what follows: the border where one article's error is caught. Raises StoreError."""
        try:
            return await self.look_again(visit, slot)
        except RunDeadlineExceeded:
            return "put_off"
        except RetryAfter as error:
            return await self.note(visit, VisitUpdate(error.until, visit.missing_since), "host_waits")
        except StoreError:
            raise
        except (FetchError, ExtractionFailed) as error:
            return await self.note(visit, self.as_planned(visit), error.code)
        except Exception:
            log.exception("%s: %s", visit.article_id, visit.url)
            return await self.note(visit, self.as_planned(visit), "revisit_error")

    async def look_again(self, visit: Visit, slot: Slot) -> str:
        """The page as it is now, against what is known of it."""
        # Of a withdrawn article there is nothing that could be "not modified".
        validators = Validators() if visit.is_withdrawn else visit.validators
        response = await self.context.fetcher.fetch(Request(visit.url, FetchKind.PAGE, validators), slot)
        if response.status == 304:
            return await self.note(visit, self.as_planned(visit), "not_modified")
        refusal = page_status.refuse_page(response)
        if refusal is not None:
            return await (self.missing(visit) if refusal.reason in MISSING else self.refused(visit, refusal.reason))
        return await self.read(visit, response, slot)

    async def read(self, visit: Visit, response: Response, slot: Slot) -> str:
        """A page that is there."""
        context = self.context
        reading = await read_page(visit.entry, response, context.outlets[visit.entry.outlet_id], context, slot)
        if reading.article is None:
            return await self.refused(visit, reading.reason)
        return await self.settle(visit, ArticlePage(reading.article, reading.extraction, reading.response, None))

    async def settle(self, visit: Visit, page: ArticlePage) -> str:
        """Decide as the walk does, and write what changed. Raises StoreError."""
        context = self.context
        identity = identify(visit.entry, page, context.outlets[visit.entry.outlet_id])
        candidate = await view(visit.entry, page, identity, context)
        for _ in range(MAX_CONFLICTS):
            looked = await context.in_store(context.articles.look_up, candidate, identity.urls)
            settlement = await decide_settlement(visit.entry, page, identity, looked, context)
            if visit.article_id in settlement.decision.namesakes:
                return await self.missing(visit)  # sent on to another article, which the feed shows by itself
            if settlement.decision.verdict is not Verdict.UNCHANGED and page.raw_location is None:
                # Only what changed is worth a place in the archive.
                page = replace(page, raw_location=await context.in_store(context.archive.keep, page.response))
                settlement = await decide_settlement(visit.entry, page, identity, looked, context)
            outcome = await context.in_store(self.book.settle, settlement, visit)
            if outcome is WriteResult.TAKEN:
                return "overtaken"
            if outcome is WriteResult.WRITTEN:
                verdict = settlement.decision.verdict
                return "returned" if visit.is_withdrawn and verdict is Verdict.NEW else verdict.value
        raise StoreError(f"{visit.url}: others settled something alike {MAX_CONFLICTS} times", retriable=True)

    async def missing(self, visit: Visit) -> str:
        """A page that is not there: remembered the first time, a withdrawal the second."""
        context, now = self.context, self.context.clock()
        if visit.is_withdrawn:
            return await self.note(visit, self.as_planned(visit), "still_withdrawn")
        if not is_confirmed(visit, now=now):
            return await self.note(visit, schedule_confirmation(visit, now=now), "missing")
        former = await context.in_store(context.articles.previous_value, visit.article_id)
        messages = withdrawal(
            visit,
            json.loads(former) if former else None,
            context.outlets[visit.entry.outlet_id],
            copies=context.settings.copies,
            now=now,
        )
        noted = self.as_planned(visit)
        is_ours = await context.in_store(self.book.withdraw, visit, noted, messages, now=now)
        return Verdict.WITHDRAWN.value if is_ours else "overtaken"

    async def refused(self, visit: Visit, reason: str) -> str:
        """An answer that says nothing of the article: a wall, a server's trouble, a page that is none."""
        return await self.note(visit, self.as_planned(visit), f"refused_{reason}")

    def as_planned(self, visit: Visit) -> VisitUpdate:
        """The next step of the schedule, nothing missing."""
        outlet = self.context.outlets[visit.entry.outlet_id]
        after_s = revisit_after_s(outlet, self.context.settings)
        return VisitUpdate(next_revisit(visit.first_seen_at, after_s, now=self.context.clock()))

    async def note(self, visit: Visit, noted: VisitUpdate, said: str) -> str:
        """Write when to look again."""
        await self.context.in_store(self.book.note, visit, noted, now=self.context.clock())
        return said
