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

from pipeline.delivery.events import Read, Visit
from pipeline.delivery.routing import withdrawal
from pipeline.domain.errors import ExtractionFailed, FetchError, RetryAfter, RunDeadlineExceeded, StoreError
from pipeline.domain.model import FetchKind, Request, Response, Validators, Verdict
from pipeline.domain.ports import Slot
from pipeline.extraction.wrapper.session import FrozenTeaching
from pipeline.ingest import page_status
from pipeline.ingest.collect import read_page
from pipeline.ingest.context import RunContext
from pipeline.ingest.ports import VisitBook
from pipeline.ingest.revisit_policy import MISSING, Noted, is_confirmed, next_revisit, note_missing
from pipeline.ingest.settle import MOST_LOOKS, conclude, identify, revisit_after_s, view
from pipeline.ingest.transactions import Outcome
from pipeline.reporting.report import Report

log = logging.getLogger("newswire.revisit")


@dataclass(frozen=True, slots=True)
class Revisits:
    """The visits of a run, with what they are written to."""

    rooms: RunContext
    book: VisitBook
    report: Report

    @classmethod
    def of(cls, rooms: RunContext, book: VisitBook, report: Report) -> Self:
        """The visits of a run in these rooms; they teach the wrappers nothing, which learnt from these pages before."""
        return cls(replace(rooms, teaching=FrozenTeaching()), book, report)

    async def walk(self, visits: Sequence[Visit]) -> None:
        """Make these visits, side by side. Raises StoreError."""
        async with asyncio.TaskGroup() as tasks:
            for visit in visits:
                tasks.create_task(self.visit(visit))

    async def visit(self, visit: Visit) -> None:
        """One article, to the word that the report counts it under."""
        outlet_id = visit.entry.outlet_id
        async with self.rooms.turns.turn(visit.url) as place:
            with self.report.stopwatch(outlet_id, self.rooms.seconds):
                said = await self.look(visit, place)
        self.report.revisited(outlet_id, said)
        self.rooms.wake_delivery()

    async def look(self, visit: Visit, place: Slot) -> str:
        """Visit, and note what follows: the border where one article's error is caught. Raises StoreError."""
        try:
            return await self.look_again(visit, place)
        except RunDeadlineExceeded:
            return "put_off"
        except RetryAfter as error:
            return await self.note(visit, Noted(error.until, visit.missing_since), "host_waits")
        except StoreError:
            raise
        except (FetchError, ExtractionFailed) as error:
            return await self.note(visit, self.as_planned(visit), error.code)
        except Exception:
            log.exception("%s: %s", visit.article_id, visit.url)
            return await self.note(visit, self.as_planned(visit), "revisit_error")

    async def look_again(self, visit: Visit, place: Slot) -> str:
        """The page as it is now, against what is known of it."""
        # Of a withdrawn article there is nothing that could be "not modified".
        validators = Validators() if visit.is_withdrawn else visit.validators
        response = await self.rooms.fetcher.fetch(Request(visit.url, FetchKind.PAGE, validators), place)
        if response.status == 304:
            return await self.note(visit, self.as_planned(visit), "not_modified")
        refusal = page_status.refuse_page(response)
        if refusal is not None:
            return await (self.missing(visit) if refusal.reason in MISSING else self.refused(visit, refusal.reason))
        return await self.read(visit, response, place)

    async def read(self, visit: Visit, response: Response, place: Slot) -> str:
        """A page that is there."""
        rooms = self.rooms
        reading = await read_page(visit.entry, response, rooms.outlets[visit.entry.outlet_id], rooms, place)
        if reading.article is None:
            return await self.refused(visit, reading.reason)
        return await self.settle(visit, Read(reading.article, reading.extraction, reading.response, None))

    async def settle(self, visit: Visit, read: Read) -> str:
        """Decide as the walk does, and write what changed. Raises StoreError."""
        rooms = self.rooms
        identity = identify(visit.entry, read, rooms.outlets[visit.entry.outlet_id])
        candidate = await view(visit.entry, read, identity, rooms)
        for _ in range(MOST_LOOKS):
            looked = await rooms.in_store(rooms.articles.look_up, candidate, identity.urls)
            settlement = await conclude(visit.entry, read, identity, looked, rooms)
            if visit.article_id in settlement.decision.namesakes:
                return await self.missing(visit)  # sent on to another article, which the feed shows by itself
            if settlement.decision.verdict is not Verdict.UNCHANGED and read.raw_location is None:
                # Only what changed is worth a place in the archive.
                read = replace(read, raw_location=await rooms.in_store(rooms.archive.keep, read.response))
                settlement = await conclude(visit.entry, read, identity, looked, rooms)
            outcome = await rooms.in_store(self.book.settle, settlement, visit)
            if outcome is Outcome.TAKEN:
                return "overtaken"
            if outcome is Outcome.WRITTEN:
                verdict = settlement.decision.verdict
                return "returned" if visit.is_withdrawn and verdict is Verdict.NEW else verdict.value
        raise StoreError(f"{visit.url}: others settled something alike {MOST_LOOKS} times", retriable=True)

    async def missing(self, visit: Visit) -> str:
        """A page that is not there: remembered the first time, a withdrawal the second."""
        rooms, now = self.rooms, self.rooms.clock()
        if visit.is_withdrawn:
            return await self.note(visit, self.as_planned(visit), "still_withdrawn")
        if not is_confirmed(visit, now=now):
            return await self.note(visit, note_missing(visit, now=now), "missing")
        former = await rooms.in_store(rooms.articles.previous_value, visit.article_id)
        messages = withdrawal(
            visit,
            json.loads(former) if former else None,
            rooms.outlets[visit.entry.outlet_id],
            copies=rooms.settings.copies,
            now=now,
        )
        noted = self.as_planned(visit)
        is_ours = await rooms.in_store(self.book.withdraw, visit, noted, messages, now=now)
        return Verdict.WITHDRAWN.value if is_ours else "overtaken"

    async def refused(self, visit: Visit, reason: str) -> str:
        """An answer that says nothing of the article: a wall, a server's trouble, a page that is none."""
        return await self.note(visit, self.as_planned(visit), f"refused_{reason}")

    def as_planned(self, visit: Visit) -> Noted:
        """The next step of the schedule, nothing missing."""
        outlet = self.rooms.outlets[visit.entry.outlet_id]
        after_s = revisit_after_s(outlet, self.rooms.settings)
        return Noted(next_revisit(visit.first_seen_at, after_s, now=self.rooms.clock()))

    async def note(self, visit: Visit, noted: Noted, said: str) -> str:
        """Write when to look again."""
        await self.rooms.in_store(self.book.note, visit, noted, now=self.rooms.clock())
        return said
