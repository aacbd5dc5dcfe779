"""`newswire`: everything a DAG does, and everything an operator needs, at a terminal.

Commands parse arguments, call `pipeline.app` and print; they decide nothing. Sister rooms: cli_feeds.py (`newswire
feeds …`), cli_topics.py (`newswire topics|tail|export …`), cli_redrive.py (`newswire redrive`), cli_revisit.py
(`newswire revisit`), cli_archive.py (`newswire archive|replay`), cli_corpus.py (`newswire extract|dedup` on files).
Exit codes: 0 done; 1 done, but something is wrong and was printed; 2 wrong usage, settings or catalogue.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from pipeline import cli_archive, cli_backfill, cli_corpus, cli_feeds, cli_metrics, cli_redrive, cli_revisit, cli_topics
from pipeline.errors import NewswireError
from pipeline.show import terminal

if TYPE_CHECKING:
    from pipeline.app import App
    from pipeline.model import Feed
    from pipeline.report import Report

console = terminal()
app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    help="A news agency's wire out of the open web: feeds in, clean deduplicated articles on Kafka topics out.\n\n"
    "Settings come from NEWSWIRE_* variables; `newswire check --settings` lists them.",
    epilog="Start with: `newswire check`, then `newswire poll franceinfo`, then `newswire tail articles`.",
)
app.add_typer(cli_feeds.app, name="feeds")
app.add_typer(cli_topics.topics, name="topics")
app.command()(cli_topics.tail)
app.command()(cli_topics.export)
app.command()(cli_redrive.redrive)
app.command(epilog=cli_revisit.EXAMPLES)(cli_revisit.revisit)
app.command(epilog=cli_backfill.EXAMPLES)(cli_backfill.backfill)
app.command()(cli_archive.replay)
app.add_typer(cli_archive.archive, name="archive")
app.command(epilog=cli_metrics.EXAMPLES)(cli_metrics.metrics)
app.command()(cli_corpus.extract)
app.command()(cli_corpus.dedup)
database = typer.Typer(no_args_is_help=True, help="The store's schema.")
app.add_typer(database, name="db")


@app.command(epilog="Examples: `newswire poll`, `newswire poll franceinfo lemonde/une`, `newswire poll --follow`")
def poll(
    feeds: Annotated[
        list[str] | None, typer.Argument(help="Feed ids, outlet ids or globs; none: all that are due.")
    ] = None,
    force: Annotated[bool, typer.Option(help="Poll even what is not due yet.")] = False,
    follow: Annotated[bool, typer.Option(help="Go on polling as feeds become due, until Ctrl-C or SIGTERM.")] = False,
    deliver: Annotated[
        bool, typer.Option(help="Deliver while polling (--no-deliver leaves it to another process).")
    ] = True,
) -> None:
    """Poll feeds: fetch, extract, decide, and deliver; prints a line per outlet."""
    from pipeline.app import App
    from pipeline.show import delivered_in_words, problem_lines, reasons_in_words, report_table

    def tell(report: Report) -> None:
        console.print(report_table(report, title="poll"))
        for line in (*reasons_in_words(report), delivered_in_words(report), *problem_lines(report.problems)):
            console.print(line)

    with App.from_env() as newswire:
        chosen = newswire.choose(feeds or [])
        if follow:
            from pipeline.app_follow import follow as poll_on

            poll_on(newswire, chosen, deliver_too=deliver, tell=tell)
            console.print("stopped; what was begun is kept and goes on at the next poll")
            return
        try:
            report = watched_poll(newswire, chosen, force=force, deliver=deliver)
        except KeyboardInterrupt:
            console.print("stopped; what was begun is kept and goes on at the next poll")
            return
        tell(report)
        if report.problems:
            raise typer.Exit(1)


def watched_poll(newswire: App, feeds: Sequence[Feed], *, force: bool, deliver: bool) -> Report:
    """One poll, with a line that tells how far it is."""
    with console.status("polling …") as status:

        def watch(report: Report) -> None:
            polls = sum(sum(tally.polls.values()) for tally in report.outlets.values())
            settled = sum(tally.settled for tally in report.outlets.values())
            status.update(f"{polls} feeds polled, {settled} of {report.entries} entries settled …")

        return newswire.poll_once(feeds, force=force, deliver_too=deliver, watch=watch)


@app.command(epilog="Examples: `newswire deliver`, `newswire deliver --verify`")
def deliver(
    verify: Annotated[bool, typer.Option(help="Audit outbox against topics instead; exit 1 on a difference.")] = False,
) -> None:
    """Drain the outbox to the topics."""
    from pipeline.app import App

    with App.from_env() as newswire:
        if verify:
            differences = newswire.verify_delivery()
            for difference in differences:
                console.print(f"[red]✗[/red] {difference}", soft_wrap=True)
            console.print("outbox and topics agree" if not differences else f"{len(differences)} differences")
            raise typer.Exit(1 if differences else 0)
        delivery = newswire.deliver()
        for topic, count in sorted(delivery.items()):
            console.print(f"{count} messages to {topic}")
        console.print(f"delivered {sum(delivery.values())}; {newswire.undelivered()} left in the outbox")


@app.command(epilog="Examples: `newswire why https://www.franceinfo.fr/politique/x_6433624.html`, `newswire why a3f…`")
def why(url_or_id: Annotated[str, typer.Argument(help="An article's URL, any alias of it, or its id.")]) -> None:
    """How a verdict came about: aliases, candidates, scores, thresholds, revisions."""
    from pipeline.app import App

    with App.from_env() as newswire:
        lines = newswire.why(url_or_id)
        if not lines:
            console.print(f"nothing is known of {url_or_id}")
            raise typer.Exit(1)
        for line in lines:
            console.print(line, soft_wrap=True, markup=False)


@app.command(epilog="Example: `newswire upkeep`, once a night (the DAG news_upkeep does the same)")
def upkeep() -> None:
    """Delete by retention, make late visits, name feeds in trouble, audit; exit 1 when something differs."""
    from pipeline.app import App
    from pipeline.app_upkeep import delete_by_retention, integrity_faults, revisit_the_late, troubled_feeds

    with App.from_env() as newswire:
        deleted = delete_by_retention(newswire)
        console.print("deleted: " + ", ".join(f"{count} {what}" for what, count in deleted.items()))
        visits = revisit_the_late(newswire).revisits
        console.print("visited again: " + (", ".join(f"{count} {said}" for said, count in visits.items()) or "nothing"))
        for trouble in troubled_feeds(newswire):
            console.print(f"[yellow]·[/yellow] {trouble}", soft_wrap=True)
        faults = integrity_faults(newswire)
        for fault in faults:
            console.print(f"[red]✗[/red] {fault}", soft_wrap=True)
        if faults:
            raise typer.Exit(1)
        console.print("store, outbox and topics agree")


@app.command(epilog="Examples: `newswire check`, `newswire check --settings`")
def check(
    settings: Annotated[bool, typer.Option("--settings", help="List every setting with its value.")] = False,
) -> None:
    """Check settings, catalogue, store, topics: all faults in one go; exit 1 when there is one."""
    from pipeline.app_checks import check_everything, setting_lines

    if settings:
        for setting in setting_lines():
            console.print(f"[bold]{setting.name}[/bold]={setting.value}  [dim]{setting.sentence}[/dim]", soft_wrap=True)
        return
    lines = check_everything()
    for line in lines:
        mark = "[green]✓[/green]" if line.is_fine else "[red]✗[/red]"
        console.print(f"{mark} {line.text}", soft_wrap=True)
    if not all(line.is_fine for line in lines):
        raise typer.Exit(1)


@database.command(epilog="Example: `NEWSWIRE_DATABASE_URL=postgresql://… newswire db upgrade`")
def upgrade() -> None:
    """Create the store's tables, or bring them to this version."""
    from pipeline.app import App

    with App.from_env(must_be_current=False) as newswire:
        newswire.database.upgrade()
        console.print(f"store is up to date: {newswire.database.url}")


def main(words: Sequence[str] | None = None) -> None:
    """The console script: errors of ours are a line, not a traceback. Always ends by SystemExit."""
    try:
        app(words)
    except NewswireError as error:
        Console(stderr=True, highlight=False).print(f"[red]error:[/red] {error}", soft_wrap=True)
        sys.exit(2)
    except BrokenPipeError:
        sys.exit(0)  # `newswire tail … | head`: the reader has had enough
