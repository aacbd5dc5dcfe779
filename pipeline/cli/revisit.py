"""`newswire revisit`: fetch the pages of known articles again.

Tested by tests/cli/test_main.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.console import console, open_newswire, print_lines, print_report
from pipeline.reporting.terminal import format_time, revisit_summary

if TYPE_CHECKING:
    from pipeline.app.runs import Newswire
    from pipeline.delivery.events import Visit
    from pipeline.reporting.report import Report

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
    """Fetch the pages of known articles again: publishes revisions, withdrawals and returns.

    Recent articles are fetched on a schedule that decays: NEWSWIRE_REVISIT_AFTER_S, or `revisit_after_s` in an outlet's
    policy. Requests are conditional, within a budget per host and run. An article is withdrawn when its page is still
    missing two hours after it was first missing.
    """
    from pipeline.app import revisit

    with open_newswire() as newswire:
        visits = revisit.plan(newswire, revisit.VisitChoice(tuple(feeds or ()), tuple(article or ()), force))
        if plan:
            print_lines(plan_lines(visits))
            return
        report = watched(newswire, visits)
        console.print(revisit_summary(report), soft_wrap=True)
        print_report(report)
        if report.problems:
            raise typer.Exit(1)


def watched(newswire: Newswire, visits: Sequence[Visit]) -> Report:
    """The visits, with a progress line."""
    from pipeline.app import revisit

    with console.status(f"looking at {len(visits)} pages …") as status:

        def watch(report: Report) -> None:
            status.update(f"{report.revisits.total()} of {len(visits)} pages looked at …")

        return revisit.revisit(newswire, visits, watch=watch)


def plan_lines(visits: Sequence[Visit]) -> Iterator[str]:
    """A line for each visit: when it is due, what is known, its URL."""
    for visit in visits:
        state = "withdrawn" if visit.is_withdrawn else "missing" if visit.missing_since else "live"
        due = format_time(visit.due_at) or "not on the schedule"
        yield f"{due}  {visit.article_id} revision {visit.revision}, {state}: {visit.url}"
    yield f"{len(visits)} pages"
