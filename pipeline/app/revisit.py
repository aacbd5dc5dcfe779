"""`newswire revisit`: visits to known articles on demand, as an ingest run makes them after its polls.

Tested by tests/ingest/test_revisit.py.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pipeline.app.runs import Newswire
from pipeline.delivery.events import Visit
from pipeline.domain.errors import SettingsError
from pipeline.ingest.context import RunContext
from pipeline.ingest.revisit import revisit as make_visits
from pipeline.reporting.report import Report


@dataclass(frozen=True, slots=True)
class VisitChoice:
    """Which articles: those due of these feeds (ids, outlet ids or globs; all without any), or when forced, all.

    `named`: these articles instead (ids, URLs, aliases), due or not.
    """

    feeds: tuple[str, ...] = ()
    named: tuple[str, ...] = ()
    force: bool = False


def plan(newswire: Newswire, choice: VisitChoice) -> tuple[Visit, ...]:
    """The visits of a choice, the longest due first. Raises CatalogueError, SettingsError."""
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
    """Make these visits, publish what changed, deliver meanwhile. Past the deadline nothing new begins."""

    async def work(context: RunContext, report: Report) -> None:
        await make_visits(visits, context, newswire.visits, report)

    return newswire.run(work, "revisit", deadline_s=deadline_s, watch=watch)
