"""`newswire backfill`: news of the past, from sitemaps or WARC files.

Tested by tests/cli/test_faults.py.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from pipeline.cli.console import console, print_report
from pipeline.reporting.terminal import status_line

if TYPE_CHECKING:
    from pipeline.app.backfill import Backfill
    from pipeline.ingest.backfill import Share
    from pipeline.reporting.report import Report

EXAMPLES = (
    "Examples: `newswire backfill lemonde --since 2026-03-01 --until 2026-03-08`, "
    "`newswire backfill lemonde --since 2026-03-01 --dry-run`, "
    "`newswire backfill --warc CC-NEWS-20260301.warc.gz`, `newswire backfill` (go on with what is not done)"
)


def backfill(
    outlets: Annotated[list[str] | None, typer.Argument(help="Outlet ids; with --warc none means all.")] = None,
    since: Annotated[str, typer.Option(help="First day, 2026-03-01; empty: as far back as there is something.")] = "",
    until: Annotated[str, typer.Option(help="Day after the last one; at most today, which is the live feeds'.")] = "",
    sitemap: Annotated[
        list[str] | None, typer.Option(help="Begin at this sitemap or index; none: what robots.txt names.")
    ] = None,
    warc: Annotated[
        list[Path] | None, typer.Option(help="Pages from this WARC file (.warc, .warc.gz), by the day of their crawl.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Read the sitemaps, count their pages, no more.")] = False,
    again: Annotated[bool, typer.Option("--again", help="Read also the sitemaps that are done.")] = False,
    hours: Annotated[float | None, typer.Option(help="Begin nothing new after so many hours.", min=0.01)] = None,
) -> None:
    """Fetch what was published in the past, gently, and publish it: from sitemaps by days, or from WARC files.

    May be stopped at any time: the same words, or `newswire backfill` alone, go on where it was. Runs beside live polls
    without delaying them: one request at a time to a host, and one process that extracts.
    """
    from pipeline.app.backfill import Backfill

    with Backfill.from_env() as past:
        shares = past.plan(
            outlets=outlets or [],
            since=since,
            until=until,
            sitemaps=sitemap or [],
            warcs=[str(path) for path in warc or []],
            again=again,
            begin=not dry_run,
        )
        if not shares:
            console.print("nothing is left of earlier backfills; name outlets, or a WARC file (--help has examples)")
        looks = [show(past, share) if dry_run else run(past, share, hours) for share in shares]
        if not all(looks):
            raise typer.Exit(1)


def show(past: Backfill, share: Share) -> bool:
    """A dry run's table; whether every sitemap could be read."""
    table = Table("sitemap", "pages in the span", "without a date", title=share.name, title_justify="left")
    found = list(past.preview(share))
    for each in found:
        table.add_row(
            each.url if not each.fault else status_line(each.fault, is_fine=False), str(each.in_span), str(each.undated)
        )
    console.print(table)
    return not any(each.fault for each in found)


def run(past: Backfill, share: Share, hours: float | None) -> bool:
    """Fill a share; whether nothing is wrong."""
    with console.status(share.name) as status:

        def watch(report: Report) -> None:
            status.update(f"{share.name}: {report.settled} of {report.entries} entries settled …")

        filled = past.fill(share, deadline_s=hours * 3600 if hours else None, watch=watch)
    print_report(filled.report, title=share.name, remarks=filled.remarks)
    return not filled.report.problems
