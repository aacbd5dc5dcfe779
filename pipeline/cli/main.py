"""The command `newswire`: everything that a DAG does, and everything that an operator needs.

Commands parse arguments, call pipeline/app/ and print; they decide nothing. The others are in feeds.py, topics.py (also
`tail`, `export`), archive.py (also `replay`), corpus.py (`extract`, `dedup`) and the modules of their names.
Exit codes: 0 done; 1 done, but something is wrong and was printed; 2 wrong usage, settings or catalogue.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from pipeline.cli import archive, backfill, corpus, feeds, metrics, redrive, revisit, topics
from pipeline.cli.console import STOPPED, console, open_newswire, print_faults, print_lines, print_report, remarks
from pipeline.domain.errors import NewswireError
from pipeline.reporting.terminal import format_time, status_line

if TYPE_CHECKING:
    from pipeline.app.runs import Newswire
    from pipeline.domain.model import Feed
    from pipeline.reporting.report import Report

RUN = "Fetch and deliver"
READ = "Read the results"
MEND = "The past, and what went wrong"
SET_UP = "Set up and maintain"
FILES = "The same code on your own files"
app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    help="A news agency's wire out of the open web: feeds in, clean deduplicated articles on Kafka topics out.\n\n"
    "Settings come from NEWSWIRE_* variables; `newswire check --settings` lists them.",
    epilog="Start with: `newswire check`, then `newswire poll franceinfo`, then `newswire tail articles`.",
)


@app.callback()
def start() -> None:
    """Every command logs to stderr, as NEWSWIRE_LOG_FORMAT and NEWSWIRE_LOG_LEVEL say."""
    from pipeline.app.logging import configure_logging

    configure_logging()


@app.command(
    epilog="Examples: `newswire poll`, `newswire poll franceinfo lemonde/une`, `newswire poll --follow`, "
    "`newswire poll --dry-run`",
    rich_help_panel=RUN,
)
def poll(
    feeds: Annotated[
        list[str] | None, typer.Argument(help="Feed ids, outlet ids or globs; none: all that are due.")
    ] = None,
    force: Annotated[bool, typer.Option(help="Poll even what is not due yet.")] = False,
    follow: Annotated[bool, typer.Option(help="Go on polling as feeds become due, until Ctrl-C or SIGTERM.")] = False,
    deliver: Annotated[
        bool, typer.Option(help="Deliver while polling (--no-deliver leaves it to another process).")
    ] = True,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say which feeds would be polled.")] = False,
) -> None:
    """Poll feeds: fetch, extract, decide and deliver; prints a row per outlet."""
    with open_newswire() as newswire:
        chosen = newswire.choose(feeds or [])
        if dry_run:
            print_due_feeds(newswire, chosen, force=force)
            return
        if follow:
            from pipeline.app.follow import follow as poll_on
            from pipeline.app.logging import configure_logging

            configure_logging(is_service=True)
            poll_on(newswire, chosen, deliver_too=deliver, show=print_poll)
            console.print(STOPPED)
            return
        try:
            report = poll_with_progress(newswire, chosen, force=force, deliver=deliver)
        except KeyboardInterrupt:
            console.print(STOPPED)
            raise typer.Exit(130) from None
        print_poll(report)
        if not report.outlets:
            print_due_feeds(newswire, chosen, force=False)
        if report.problems:
            raise typer.Exit(1)


def print_poll(report: Report) -> None:
    """Print what a poll did."""
    print_report(report, title="poll" if report.outlets else "")


def print_due_feeds(newswire: Newswire, chosen: Sequence[Feed], *, force: bool) -> None:
    """The feeds that a poll would fetch now, and when the next one is due."""
    states = newswire.feed_states(chosen)
    due = newswire.due_of(states, force=force)
    print_lines(f"{state.feed_id} {state.url}" for state in due)
    waiting = len(newswire.feeds_with_work([state.feed_id for state in states]))
    also = f"; {waiting} have entries that wait, or articles to look at again" if waiting else ""
    after = newswire.next_due_of(states)
    following = f"; the next one at {format_time(after)}, --force polls now" if after else ""
    console.print(f"{len(due)} of {len(states)} feeds are due{also}{following}")


def poll_with_progress(newswire: Newswire, feeds: Sequence[Feed], *, force: bool, deliver: bool) -> Report:
    """One poll, with a progress line."""
    with console.status("polling …") as status:

        def watch(report: Report) -> None:
            status.update(f"{report.polls} feeds polled, {report.settled} of {report.entries} entries settled …")

        return newswire.poll_once(feeds, force=force, deliver_too=deliver, watch=watch)


@app.command(epilog="Examples: `newswire deliver`, `newswire deliver --verify`", rich_help_panel=RUN)
def deliver(
    verify: Annotated[
        bool, typer.Option("--verify", help="Audit outbox against topics instead; exit 1 on a difference.")
    ] = False,
    recover: Annotated[
        bool, typer.Option("--recover", help="Send again messages of which it is unknown whether they were sent.")
    ] = False,
) -> None:
    """Drain the outbox to the topics.

    A lane is refused when it is unknown whether its waiting messages were sent: the topics no longer have the lane's
    batch number (no delivery for a week) nor messages of that time. With --recover they are sent, with the same ids.
    """
    with open_newswire() as newswire:
        if verify:
            differences = newswire.verify_delivery()
            print_faults(differences)
            console.print("outbox and topics agree" if not differences else f"{len(differences)} differences")
            raise typer.Exit(1 if differences else 0)
        delivery = newswire.deliver(recover=recover)
        for topic, count in sorted(delivery.items()):
            console.print(f"{count} messages to {topic}")
        console.print(f"delivered {sum(delivery.values())}; {newswire.outbox.undelivered()} left in the outbox")


@app.command(
    epilog="Examples: `newswire why https://www.franceinfo.fr/politique/x_6433624.html`, `newswire why a3f…`",
    rich_help_panel=READ,
)
def why(url_or_id: Annotated[str, typer.Argument(help="An article's URL, any alias of it, or its id.")]) -> None:
    """Explain a verdict: aliases, candidates, scores, thresholds, revisions."""
    with open_newswire() as newswire:
        lines = newswire.why(url_or_id)
        if not lines:
            console.print(f"nothing is known of {url_or_id}", markup=False)
            raise typer.Exit(1)
        print_lines(lines)


@app.command(
    epilog="Example: `newswire upkeep`, once a night (the DAG news_upkeep does the same)", rich_help_panel=SET_UP
)
def upkeep() -> None:
    """Delete by retention, make overdue revisits, list feeds in trouble, audit; exit 1 when something differs."""
    from pipeline.app.upkeep import delete_by_retention, feed_problems, integrity_faults, run_overdue_revisits

    with open_newswire() as newswire:
        deleted = delete_by_retention(newswire)
        console.print("deleted: " + ", ".join(f"{count} {what}" for what, count in deleted.items()))
        visits = run_overdue_revisits(newswire).revisits
        console.print("visited again: " + (", ".join(f"{count} {said}" for said, count in visits.items()) or "nothing"))
        for trouble in feed_problems(newswire):
            console.print(f"[yellow]·[/yellow] {escape(trouble)}", soft_wrap=True)
        if print_faults(integrity_faults(newswire)):
            raise typer.Exit(1)
        console.print("store, outbox and topics agree")


@app.command(epilog="Examples: `newswire check`, `newswire check --settings`", rich_help_panel=SET_UP)
def check(
    settings: Annotated[bool, typer.Option("--settings", help="List every setting with its value.")] = False,
) -> None:
    """Check settings, catalogue, store, topics: all faults in one go; exit 1 when there is one."""
    from pipeline.app.checks import check_deployment, describe_settings

    if settings:
        for setting in describe_settings():
            value, sentence = escape(setting.value), escape(setting.sentence)
            console.print(f"[bold]{setting.name}[/bold]={value}  [dim]{sentence}[/dim]", soft_wrap=True)
        return
    faults = 0
    for line in check_deployment():
        console.print(status_line(line.text, is_fine=line.is_fine), soft_wrap=True)
        faults += not line.is_fine
    if faults:
        raise typer.Exit(1)


database = typer.Typer(no_args_is_help=True, help="The store's schema.")


@database.command(epilog="Example: `NEWSWIRE_DATABASE_URL=postgresql://… newswire db upgrade`")
def upgrade() -> None:
    """Create the store's tables, or bring them to this version."""
    with open_newswire(must_be_current=False) as newswire:
        newswire.database.upgrade()
        console.print(f"store is up to date: {newswire.database.url}")


app.command(epilog=revisit.EXAMPLES, rich_help_panel=RUN)(revisit.revisit)
app.command(rich_help_panel=READ)(topics.tail)
app.command(rich_help_panel=READ)(topics.export)
app.command(epilog=metrics.EXAMPLES, rich_help_panel=READ)(metrics.metrics)
app.command(epilog=backfill.EXAMPLES, rich_help_panel=MEND)(backfill.backfill)
app.command(rich_help_panel=MEND)(redrive.redrive)
app.command(rich_help_panel=MEND)(archive.replay)
app.command(rich_help_panel=FILES)(corpus.extract)
app.command(rich_help_panel=FILES)(corpus.dedup)
app.add_typer(feeds.app, name="feeds", rich_help_panel=SET_UP)
app.add_typer(topics.topics, name="topics", rich_help_panel=SET_UP)
app.add_typer(database, name="db", rich_help_panel=SET_UP)
app.add_typer(archive.archive, name="archive", rich_help_panel=MEND)


def main(words: Sequence[str] | None = None) -> None:
    """Entry point of the console script: errors of ours and of the system are one line. Always raises SystemExit."""
    try:
        app(words)
    except NewswireError as error:
        fault = str(error)
    except OSError as error:  # a file that is not there, a disk that is full
        fault = f"{error.filename}: {error.strerror}" if error.filename else str(error)
    except SystemExit as ended:
        if isinstance(ended.__context__, BrokenPipeError):
            sys.exit(0)  # `newswire tail … | head`: the reader closed the pipe
        if isinstance(getattr(ended.__context__, "__cause__", None), KeyboardInterrupt):
            remarks.print("stopped; what was done is kept")
        raise
    remarks.print(f"error: {fault}")
    sys.exit(2)
