"""Furnishes visits to known articles by themselves: what `news_ingest` does after its polls, on demand.

`newswire revisit` stands on it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass

from pipeline.app.runs import Newswire, tell, unwrap_exception_group
from pipeline.delivery.deliver import Deliverer
from pipeline.delivery.events import Visit
from pipeline.domain.errors import SettingsError
from pipeline.ingest.revisit import Revisits
from pipeline.reporting.report import Report


@dataclass(frozen=True, slots=True)
class VisitChoice:
    """Which articles: of these feeds (ids, outlet ids or globs; none: all), those that are due or ever will be.

    `named`: these articles instead (ids, URLs, aliases), due or not.
    """

    feeds: tuple[str, ...] = ()
    named: tuple[str, ...] = ()
    force: bool = False


def plan(newswire: Newswire, choice: VisitChoice) -> tuple[Visit, ...]:
    """The visits that a choice means, the longest due first. Raises CatalogueError, SettingsError."""
    if not choice.named:
        feeds = [feed.id for feed in newswire.choose(choice.feeds)]
        return newswire.due_visits(feeds, force=choice.force)
    found = newswire.visits.named(choice.named)
    if not found:
        raise SettingsError(f"no article is known under {', '.join(choice.named)}")
    return tuple(visit for visit in found if visit.entry.outlet_id in newswire.outlets_by_id)


def revisit(
    newswire: Newswire,
    visits: Sequence[Visit],
    *,
    deadline_s: float | None = None,
    watch: Callable[[Report], None] | None = None,
) -> Report:
    """Make these visits, publish what changed, deliver meanwhile; the report. Past the deadline nothing is begun."""
    began, report = time.monotonic(), Report()
    deliverer = newswire.deliverer()
    deliverer.start()
    try:
        if newswire.has_room(report):
            asyncio.run(walk(newswire, visits, report, deliverer, deadline_s=deadline_s, watch=watch))
    finally:
        newswire.finish_delivery(deliverer, report)
    report.seconds = time.monotonic() - began
    newswire.runs.keep(newswire.run_name("revisit"), report, now=newswire.clock())
    return report


async def walk(
    newswire: Newswire,
    visits: Sequence[Visit],
    report: Report,
    deliverer: Deliverer,
    *,
    deadline_s: float | None,
    watch: Callable[[Report], None] | None,
) -> None:
    """Furnish the context and visit."""
    async with AsyncExitStack() as stack:
        context = await newswire.furnish(stack, deliverer, deadline_s=deadline_s)
        watcher = asyncio.create_task(tell(watch, report)) if watch else None
        with unwrap_exception_group():
            await Revisits.of(context, newswire.visits, report).walk(visits)
        if watcher:
            watcher.cancel()
