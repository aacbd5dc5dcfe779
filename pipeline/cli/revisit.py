"""`newswire revisit`: pages of known articles looked at again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.reporting.terminal import delivery_summary, format_problems, format_time, revisit_summary, stdout_console

if TYPE_CHECKING:
    from pipeline.app.runs import Newswire
    from pipeline.delivery.events import Visit
    from pipeline.reporting.report import Report

console = stdout_console()
EXAMPLES = (
    "Examples: `newswire revisit` (what is due, as `newswire poll` does after its polls), "
    "`newswire revisit franceinfo --plan --force` (what will be), `newswire revisit lemonde/une --force`, "
    "`newswire revisit --article https://www.franceinfo.fr/politique/x_6433624.html`"
)


def revisit(
    feeds: Annotated[list[str] | None, typer.Argument(help="Feed ids, outlet ids or globs; none: all.")] = None,
    article: Annotated[
        list[str] | None, typer.Option(help="Only this article, by id, URL or alias, due or not; may be repeated.")
    ] = None,
    force: Annotated[bool, typer.Option(help="Look at all that are still on the schedule, due or not.")] = False,
    plan: Annotated[bool, typer.Option("--plan", help="Only print what would be looked at, and when.")] = False,
) -> None:
    """Look at the pages of known articles again: publishes revisions, withdrawals and returns.

    Recent articles are looked at on a schedule that decays (NEWSWIRE_REVISIT_AFTER_S, or `revisit_after_s` in an
    outlet's policy), with the page's validators, within a budget per host and run. A page that is missing is withdrawn
    when it is still missing two hours later.
    """
    from pipeline.app import revisit
    from pipeline.app.runs import Newswire

    with Newswire.from_env() as newswire:
        visits = revisit.plan(newswire, revisit.VisitChoice(tuple(feeds or ()), tuple(article or ()), force))
        if plan:
            for line in plan_lines(visits):
                console.print(line, soft_wrap=True, markup=False)
            return
        report = watched(newswire, visits)
        for line in (revisit_summary(report), delivery_summary(report), *format_problems(report.problems)):
            console.print(line, soft_wrap=True)
        if report.problems:
            raise typer.Exit(1)


def watched(newswire: Newswire, visits: Sequence[Visit]) -> Report:
    """The visits, with a line that tells how far they are."""
    from pipeline.app import revisit

    with console.status(f"looking at {len(visits)} pages …") as status:

        def watch(report: Report) -> None:
            status.update(f"{report.revisits.total()} of {len(visits)} pages looked at …")

        return revisit.revisit(newswire, visits, watch=watch)


def plan_lines(visits: Sequence[Visit]) -> Iterator[str]:
    """A line for each visit: when it is due, what is known, where it goes."""
    for visit in visits:
        state = "withdrawn" if visit.is_withdrawn else "missing" if visit.missing_since else "live"
        due = format_time(visit.due_at) or "not on the schedule"
        yield f"{due}  {visit.article_id} revision {visit.revision}, {state}: {visit.url}"
    yield f"{len(visits)} pages"
