"""The command `newswire`: everything that a DAG does, and everything that an operator needs.

Commands parse arguments, call pipeline/app/ and print; they decide nothing. The others are in feeds.py, topics.py (also
`tail`, `export`), past.py (`backfill`, `redrive`, `replay`, `archive`) and corpus.py (`extract`, `dedup`).
Exit codes: 0 done; 1 done, but something is wrong and was printed; 2 wrong usage, settings or catalogue.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from pipeline.cli import corpus, feeds, past, topics
from pipeline.cli.console import (
    STOPPED,
    console,
    fail_if,
    open_newswire,
    print_checks,
    print_faults,
    print_lines,
    print_report,
    remarks,
)
from pipeline.domain.errors import NewswireError
from pipeline.reporting.terminal import format_time, revisit_summary

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
            with console.status("polling …") as status:
                report = newswire.ingest(
                    [state.feed_id for state in newswire.feed_states(chosen)],
                    force=force,
                    deliver_too=deliver,
                    watch=lambda so_far: status.update(
                        f"{so_far.whole.polls.total()} feeds polled, "
                        f"{so_far.whole.settled} of {so_far.whole.entries} entries settled …"
                    ),
                )
        except KeyboardInterrupt:
            console.print(STOPPED)
            raise typer.Exit(130) from None
        print_poll(report)
        if not report.outlets:
            print_due_feeds(newswire, chosen, force=False)
        fail_if(report.problems)


def print_poll(report: Report) -> None:
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
            count = print_faults(newswire.verify_delivery())
            console.print(f"{count} differences" if count else "outbox and topics agree")
            raise typer.Exit(1 if count else 0)
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
    from pipeline.app.repair import delete_by_retention, feed_problems, integrity_faults, run_overdue_revisits

    with open_newswire() as newswire:
        deleted = delete_by_retention(newswire)
        console.print("deleted: " + ", ".join(f"{count} {what}" for what, count in deleted.items()))
        visits = run_overdue_revisits(newswire).whole.revisits
        console.print("visited again: " + (", ".join(f"{count} {said}" for said, count in visits.items()) or "nothing"))
        for trouble in feed_problems(newswire):
            console.print(f"[yellow]·[/yellow] {escape(trouble)}", soft_wrap=True)
        fail_if(print_faults(integrity_faults(newswire)))
        console.print("store, outbox and topics agree")


@app.command(epilog="Examples: `newswire check`, `newswire check --settings`", rich_help_panel=SET_UP)
def check(
    settings: Annotated[bool, typer.Option("--settings", help="List every setting with its value.")] = False,
) -> None:
    """Check settings, catalogue, store, topics: all faults in one go; exit 1 when there is one."""
    if settings:
        from pipeline.app.environment import load_settings
        from pipeline.domain.settings import describe

        for setting in describe(load_settings()):
            value, sentence = escape(setting.value), escape(setting.sentence)
            console.print(f"[bold]{setting.name}[/bold]={value}  [dim]{sentence}[/dim]", soft_wrap=True)
        return
    from pipeline.app.checks import check_deployment

    print_checks(check_deployment())


database = typer.Typer(no_args_is_help=True, help="The store's schema.")


@database.command(epilog="Example: `NEWSWIRE_DATABASE_URL=postgresql://… newswire db upgrade`")
def upgrade() -> None:
    """Create the store's tables, or bring them to this version."""
    with open_newswire(must_be_current=False) as newswire:
        newswire.database.upgrade()
        console.print(f"store is up to date: {newswire.database.url}")


@app.command(
    epilog="Examples: `newswire revisit` (what is due, as `newswire poll` does after its polls), "
    "`newswire revisit franceinfo --plan --force` (what will be), `newswire revisit lemonde/une --force`, "
    "`newswire revisit --article https://www.franceinfo.fr/politique/x_6433624.html`",
    rich_help_panel=RUN,
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
    from pipeline.app import repair

    with open_newswire() as newswire:
        visits = repair.plan_visits(newswire, feeds or (), article or (), force=force)
        if plan:
            for visit in visits:
                state = "withdrawn" if visit.is_withdrawn else "missing" if visit.missing_since else "live"
                due = format_time(visit.due_at) or "not on the schedule"
                print_lines([f"{due}  {visit.article_id} revision {visit.revision}, {state}: {visit.url}"])
            print_lines([f"{len(visits)} pages"])
            return
        with console.status(f"looking at {len(visits)} pages …") as status:
            report = repair.revisit(
                newswire,
                visits,
                watch=lambda so_far: status.update(
                    f"{so_far.whole.revisits.total()} of {len(visits)} pages looked at …"
                ),
            )
        console.print(revisit_summary(report), soft_wrap=True)
        print_report(report)
        fail_if(report.problems)


app.command(rich_help_panel=READ)(topics.tail)
app.command(rich_help_panel=READ)(topics.export)


@app.command(
    epilog="Examples: `newswire metrics`, `newswire metrics --port 9464 --host 0.0.0.0`, `newswire metrics --list`",
    rich_help_panel=READ,
)
def metrics(
    port: Annotated[int, typer.Option(min=0, max=65_535, help="Port to serve on.")] = 9464,
    host: Annotated[str, typer.Option(help="Address to serve on; 0.0.0.0 for every interface.")] = "127.0.0.1",
    names: Annotated[bool, typer.Option("--list", help="Print every metric with labels and meaning.")] = False,
    once: Annotated[bool, typer.Option("--once", help="Print the metrics as they are now, and end.")] = False,
) -> None:
    """Serve metrics for Prometheus (text format and OpenMetrics) until Ctrl-C. One process for a deployment.

    Counters begin at 0 with this process. A Grafana dashboard and alert rules lie beside the exporter, in
    connectors/metrics/ (dashboard.json, alerts.yml).
    """
    from pipeline.app.metrics import Metrics
    from pipeline.reporting.metrics import METRICS

    if names:
        table = Table("metric", "kind", "labels", "meaning", header_style="bold")
        for metric in METRICS:
            table.add_row(metric.name, metric.kind, ", ".join(metric.labels), metric.sentence)
        console.print(table)
        return
    with open_newswire() as newswire:
        serving = Metrics(newswire)
        if once:
            console.print(serving.expose("").body.decode(), end="", markup=False, soft_wrap=True)
            return
        serving.read()  # counts from now on, and fails here and now when the store is away
        try:
            serving.serve(host=host, port=port, tell=console.print)
        except KeyboardInterrupt:
            console.print("stopped")


app.command(epilog=past.BACKFILL_EXAMPLES, rich_help_panel=MEND)(past.backfill)
app.command(rich_help_panel=MEND)(past.redrive)
app.command(rich_help_panel=MEND)(past.replay)
app.command(rich_help_panel=FILES)(corpus.extract)
app.command(rich_help_panel=FILES)(corpus.dedup)
app.add_typer(feeds.app, name="feeds", rich_help_panel=SET_UP)
app.add_typer(topics.topics, name="topics", rich_help_panel=SET_UP)
app.add_typer(database, name="db", rich_help_panel=SET_UP)
app.add_typer(past.archive, name="archive", rich_help_panel=MEND)


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
