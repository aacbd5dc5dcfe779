"""`newswire backfill|redrive|replay|archive`: news of the past again. Tested by tests/cli/test_main.py."""

from __future__ import annotations

import json
import sys
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from pipeline.cli.console import console, fail_if, open_newswire, print_faults, print_lines, print_report
from pipeline.reporting.terminal import format_count, status_line

if TYPE_CHECKING:
    from pipeline.app.backfill import Backfill
    from pipeline.ingest.backfill import Share
    from pipeline.ingest.replay import ReplayedArticle, ReplayReport

SHOWN = 20  # dead letters listed; the rest are counted
BACKFILL_EXAMPLES = (
    "Examples: `newswire backfill lemonde --since 2026-03-01 --until 2026-03-08`, "
    "`newswire backfill lemonde --since 2026-03-01 --dry-run`, "
    "`newswire backfill --warc CC-NEWS-20260301.warc.gz`, `newswire backfill` (go on with what is not done)"
)
archive = typer.Typer(no_args_is_help=True, help="The raw pages: WARC files by day, each with its CDXJ index.")

Since = Annotated[str | None, typer.Option(help="Only raw pages of this day on (UTC): 2d, or 2026-11-23.")]
Until = Annotated[str | None, typer.Option(help="Only raw pages up to this day, which is included.")]
OfOutlets = Annotated[list[str] | None, typer.Option(help="Only of this outlet's id; may be repeated.")]


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
        looks = [preview(past, share) if dry_run else fill(past, share, hours) for share in shares]
        fail_if(not all(looks))


def preview(past: Backfill, share: Share) -> bool:
    """A dry run's table; whether every sitemap could be read."""
    table = Table("sitemap", "pages in the span", "without a date", title=share.name, title_justify="left")
    found = past.preview(share)
    for each in found:
        name = status_line(each.fault, is_fine=False) if each.fault else each.url
        table.add_row(name, str(each.in_span), str(each.undated))
    console.print(table)
    return not any(each.fault for each in found)


def fill(past: Backfill, share: Share, hours: float | None) -> bool:
    """Fill a share; whether nothing is wrong."""
    with console.status(share.name) as status:
        filled = past.fill(
            share,
            deadline_s=hours * 3600 if hours else None,
            watch=lambda so_far: status.update(
                f"{share.name}: {so_far.whole.settled} of {so_far.whole.entries} entries settled …"
            ),
        )
    print_report(filled.report, title=share.name, remarks=filled.remarks)
    return not filled.report.problems


def redrive(
    outlet: OfOutlets = None,
    cause: Annotated[
        list[str] | None,
        typer.Option(help="Only with this reason, or a glob such as 'unreachable_*'; may be repeated."),
    ] = None,
    since: Annotated[str | None, typer.Option(help="Only failed since: 90s, 15m, 6h, 2d, or an RFC 3339 time.")] = None,
    until: Annotated[str | None, typer.Option(help="Only failed before.")] = None,
    limit: Annotated[int | None, typer.Option("--limit", "-n", min=1, help="At most so many, oldest first.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do it. Without it the dead letters are only shown.")] = False,
) -> None:
    """Try dead letters again: their entries become pending, and the next run settles them.

    Lists them without --yes. Each one gets a message on the topic dead-letters: `redriven` now, then `resolved` by its
    next verdict, or `failed` again.

    Examples: `newswire redrive`, `newswire redrive --cause 'timed_out' --since 2d --yes`
    """
    from pipeline.app import repair
    from pipeline.delivery.dead_letters import RedriveChoice

    with open_newswire() as newswire:
        choice = RedriveChoice(
            outlets=tuple(outlet or ()),
            causes=tuple(cause or ()),
            since=newswire.moment(since, "--since"),
            until=newswire.moment(until, "--until"),
            limit=limit,
        )
        done = repair.redrive(newswire, choice, dry_run=not yes)
    if done.dead:
        table = Table("outlet", "cause", "dead letters", header_style="bold")
        counts = Counter((each.entry.outlet_id, each.reason) for each in done.dead)
        for (outlet_id, reason), count in sorted(counts.items()):
            table.add_row(outlet_id, reason, str(count))
        console.print(table)
    print_lines(f"{each.failed_at:%Y-%m-%d %H:%M} {each.reason} {each.entry.entry.link}" for each in done.dead[:SHOWN])
    if len(done.dead) > SHOWN:
        console.print(f"… and {len(done.dead) - SHOWN} more")
    if done.unknown:
        console.print(f"{done.unknown} of outlets that are not in the catalogue any more are left alone")
    wanted = "" if yes or not done.dead else "; nothing was changed: add --yes to try them again"
    console.print(f"{len(done.dead)} dead letters, {done.redriven} pending again{wanted}")


def replay(
    since: Since = None,
    until: Until = None,
    outlet: OfOutlets = None,
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
    from pipeline.app import repair
    from pipeline.ingest.replay import ReplayOutcome, describe

    def tell(replayed: ReplayedArticle) -> None:
        if replayed.fate is not ReplayOutcome.REVISED:
            return
        if as_json:
            sys.stdout.write(json.dumps(asdict(replayed), ensure_ascii=False) + "\n")
        else:
            print_lines((*describe(replayed), *(f"    {line}" for line in replayed.difference if diff)))

    with open_newswire() as newswire, console.status("reading the archive …") as status:

        def watch(report: ReplayReport) -> None:
            pace = report.articles / report.seconds if report.seconds else 0
            changed = f"{report.of(ReplayOutcome.REVISED)} changed"
            status.update(f"{report.articles} of {report.total} pages, {changed}, {pace:.0f} pages/s …")

        choice = repair.replay_choice(newswire, outlet or (), since=since, until=until)
        report = repair.replay(newswire, choice, dry_run=dry_run, restart=restart, show=tell, watch=watch)
    if not as_json:
        print_replay(report, dry_run=dry_run)
    fail_if(report.faults or report.of(ReplayOutcome.LOST) or report.of(ReplayOutcome.FAILED))


def print_replay(report: ReplayReport, *, dry_run: bool) -> None:
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
    from connectors.archive.cdxj_index import check_file
    from pipeline.app.repair import archive_files

    files = records = faults = 0
    with open_newswire() as newswire:
        for path in archive_files(newswire, since=since, until=until):
            found = check_file(path)
            files, records, faults = files + 1, records + found.records, faults + print_faults(found.faults)
    console.print(f"{files} files, {records} raw pages, {faults} faults")
    fail_if(faults)


@archive.command(epilog="Example: `newswire archive index --since 2d`")
def index(since: Since = None, until: Until = None) -> None:
    """Rebuild the index of WARC files, from what can be read of them."""
    from connectors.archive.cdxj_index import write_index
    from pipeline.app.repair import archive_files

    with open_newswire() as newswire:
        for path in archive_files(newswire, since=since, until=until):
            name = path.relative_to(newswire.settings.archive_folder)
            console.print(f"{name}: {write_index(path)} raw pages")


@archive.command(epilog="Example: `newswire archive find https://www.franceinfo.fr/politique/x_6433624.html`")
def find(url: Annotated[str, typer.Argument(help="A page's URL, as it was fetched.")]) -> None:
    """List the raw pages of a URL: when, status, location; exit 1 when there is none."""
    from connectors.archive.cdxj_index import find_captures

    with open_newswire() as newswire:
        captures = list(find_captures(newswire.settings.archive_folder, url))
    lines = [f"{found.at:%Y-%m-%d %H:%M:%S} {found.status} {found.location} {found.url}" for found in captures]
    print_lines(lines or [f"the archive has no page of {url}"])
    fail_if(not lines)
