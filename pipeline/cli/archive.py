"""`newswire archive|replay`: the archived raw pages, and extracting them again with the present extractor.

Tested by tests/cli/test_main.py.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from pipeline.cli.console import console, open_newswire, print_faults, print_lines
from pipeline.reporting.terminal import format_count

if TYPE_CHECKING:
    from pipeline.ingest.replay import ReplayedArticle, ReplayReport

archive = typer.Typer(no_args_is_help=True, help="The raw pages: WARC files by day, each with its CDXJ index.")

Since = Annotated[str | None, typer.Option(help="Only raw pages of this day on (UTC): 2d, or 2026-11-23.")]
Until = Annotated[str | None, typer.Option(help="Only raw pages up to this day, which is included.")]


def replay(
    since: Since = None,
    until: Until = None,
    outlet: Annotated[list[str] | None, typer.Option(help="Only of this outlet's id; may be repeated.")] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show which articles would change and how; change nothing.")
    ] = False,
    diff: Annotated[bool, typer.Option("--diff", help="Show the paragraphs that go and come, too.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="A JSON line for each article that changes.")] = False,
    restart: Annotated[bool, typer.Option("--restart", help="Start over where one was interrupted.")] = False,
) -> None:
    """Extract archived pages again with the present extractor, and publish real changes as revisions.

    Nothing is fetched: the raw pages of the articles' last revisions are read. Revisions are decided as for any page.
    The same command resumes an interrupted replay.

    Examples: `newswire replay --since 7d --dry-run`, `newswire replay --outlet franceinfo --diff --dry-run`,
    `newswire replay --since 2026-11-01 --until 2026-11-07`
    """
    from pipeline.app import replay
    from pipeline.ingest.replay import ReplayOutcome

    def tell(replayed: ReplayedArticle) -> None:
        if replayed.fate is ReplayOutcome.REVISED:
            print_change(replayed, as_json=as_json, diff=diff)

    with open_newswire() as newswire, console.status("reading the archive …") as status:

        def watch(report: ReplayReport) -> None:
            status.update(format_progress(report))

        choice = replay.choice_of(newswire, outlet or (), since=since, until=until)
        report = replay.replay(newswire, choice, dry_run=dry_run, restart=restart, show=tell, watch=watch)
    if not as_json:
        print_report(report, dry_run=dry_run)
    if report.faults or report.of(ReplayOutcome.LOST) or report.of(ReplayOutcome.FAILED):
        raise typer.Exit(1)


def print_change(replayed: ReplayedArticle, *, as_json: bool, diff: bool) -> None:
    """An article that changes, for a program or for a person."""
    if as_json:
        sys.stdout.write(json.dumps(asdict(replayed), ensure_ascii=False) + "\n")
        return
    from pipeline.ingest.replay import describe

    paragraphs = (f"    {line}" for line in (replayed.difference if diff else ()))
    print_lines((*describe(replayed), *paragraphs))


def format_progress(report: ReplayReport) -> str:
    """A progress line."""
    from pipeline.ingest.replay import ReplayOutcome

    pace = report.articles / report.seconds if report.seconds else 0
    return (
        f"{report.articles} of {report.total} pages, {report.of(ReplayOutcome.REVISED)} changed, {pace:.0f} pages/s …"
    )


def print_report(report: ReplayReport, *, dry_run: bool) -> None:
    """The replay's outcome: a line per outlet, and what could not be read."""
    from pipeline.ingest.replay import ReplayOutcome

    table = Table("outlet", *(f"{fate}" for fate in ReplayOutcome), header_style="bold")
    for outlet, counts in sorted(report.fates.items()):
        table.add_row(outlet, *(format_count(counts[fate.value]) for fate in ReplayOutcome))
    console.print(table)
    print_lines(f"{count} {reason}" for reason, count in report.reasons.most_common(20))
    print_faults(report.faults)
    would = "would be revised" if dry_run else "revised"
    console.print(
        f"{report.articles} of {report.total} articles in {report.seconds:.0f} s, "
        f"{report.of(ReplayOutcome.REVISED)} {would}: "
        f"+{report.words_added} −{report.words_removed} words"
        + (f"; {report.undelivered} messages wait in the outbox" if report.undelivered else "")
    )


@archive.command(epilog="Examples: `newswire archive check`, `newswire archive check --since 2d`")
def check(since: Since = None, until: Until = None) -> None:
    """Check the WARC files: every record's checksums, and whether index and file agree; exit 1 on a fault.

    A file that is being written at this moment may look torn at its end.
    """
    from pipeline.app.archive import check_archive

    files = records = faults = 0
    with open_newswire() as newswire:
        for each in check_archive(newswire, since=since, until=until):
            files, records, faults = files + 1, records + each.records, faults + len(each.faults)
            print_faults(each.faults)
    console.print(f"{files} files, {records} raw pages, {faults} faults")
    if faults:
        raise typer.Exit(1)


@archive.command(epilog="Example: `newswire archive index --since 2d`")
def index(since: Since = None, until: Until = None) -> None:
    """Rebuild the index of WARC files, from what can be read of them."""
    from pipeline.app.archive import index_archive

    with open_newswire() as newswire:
        for each in index_archive(newswire, since=since, until=until):
            console.print(f"{each.name}: {each.records} raw pages")


@archive.command(epilog="Example: `newswire archive find https://www.franceinfo.fr/politique/x_6433624.html`")
def find(url: Annotated[str, typer.Argument(help="A page's URL, as it was fetched.")]) -> None:
    """List the raw pages of a URL: when, status, location; exit 1 when there is none."""
    from pipeline.app.archive import find_pages

    with open_newswire() as newswire:
        captures = list(find_pages(newswire, url))
    print_lines(
        f"{capture.at:%Y-%m-%d %H:%M:%S} {capture.status} {capture.location} {capture.url}" for capture in captures
    )
    if not captures:
        print_lines([f"the archive has no page of {url}"])
        raise typer.Exit(1)
