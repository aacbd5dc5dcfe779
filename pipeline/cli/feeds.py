"""`newswire feeds …`: the catalogue, and actions on feeds. Tested by tests/cli/test_main.py."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from pipeline.cli.console import console, open_newswire, print_checks
from pipeline.reporting.report import duration

if TYPE_CHECKING:
    from pipeline.app.runs import Newswire

app = typer.Typer(no_args_is_help=True, help="The catalogue (dags/feeds.toml), and what a feed looks like.")


@app.command("list", epilog="Examples: `newswire feeds list`, `newswire feeds list 'franceinfo/*'`")
def list_feeds(
    patterns: Annotated[list[str] | None, typer.Argument(help="Feed ids, outlet ids or globs; none: all.")] = None,
) -> None:
    """List feeds with status, last new entry, interval, possibly missed entries, learnt silence and next poll."""
    with open_newswire() as newswire:
        columns = "feed", "status", "last new entry", "interval", "gaps", "silent after", "next poll", "url"
        table = Table(*columns, header_style="bold")
        for state in newswire.feed_states(newswire.choose(patterns or [])):
            reason = f" ({state.health.status_reason})" if state.health.status_reason else ""
            by_hand = state.schedule.interval_override_s
            table.add_row(
                state.feed_id,
                state.health.status.value + reason,
                f"{state.health.last_new_entry_at:%Y-%m-%d %H:%M}" if state.health.last_new_entry_at else "never",
                f"{by_hand} s by hand" if by_hand else f"{state.schedule.interval_s} s",
                str(state.health.possible_gaps),
                duration(state.silence.silence_s) if state.silence.silence_s else "not learnt yet",
                f"{state.schedule.next_poll_at:%Y-%m-%d %H:%M}" if state.schedule.next_poll_at else "now",
                state.url,
            )
        console.print(table)


FeedPattern = Annotated[str, typer.Argument(help="A feed's id, an outlet's id or a glob.")]


def ids_of(newswire: Newswire, pattern: str) -> list[str]:
    """The ids of the feeds that a pattern names, each with its row in the store."""
    return [state.feed_id for state in newswire.feed_states(newswire.choose([pattern]))]


@app.command(
    epilog="Examples: `newswire feeds interval franceinfo/titres 60`, `newswire feeds interval 'lemonde/*' auto`"
)
def interval(
    feed: FeedPattern,
    seconds: Annotated[str, typer.Argument(help="Seconds between two polls, or auto: as learnt from the feed.")],
) -> None:
    """Set the polling interval of feeds by hand, or return to the learnt one."""
    if seconds != "auto" and not (seconds.isdecimal() and int(seconds) > 0):
        raise typer.BadParameter(f"{seconds}: a number of seconds, or auto")
    with open_newswire() as newswire:
        count = newswire.feeds.override(ids_of(newswire, feed), interval_s=None if seconds == "auto" else int(seconds))
    console.print(f"{count} feeds: {'as learnt' if seconds == 'auto' else f'every {seconds} s'}")


@app.command(epilog="Example: `newswire feeds pause lemonde/une --why 'asked by the outlet'`")
def pause(
    feed: FeedPattern, why: Annotated[str, typer.Option(help="What the desk shows as the reason.")] = "by hand"
) -> None:
    """Stop polling feeds until `newswire feeds resume`."""
    with open_newswire() as newswire:
        console.print(f"{newswire.feeds.pause(ids_of(newswire, feed), reason=why)} feeds paused")


@app.command(epilog="Example: `newswire feeds resume lemonde/une`")
def resume(feed: FeedPattern) -> None:
    """Resume polling of feeds that are paused or gone (410)."""
    with open_newswire() as newswire:
        console.print(f"{newswire.feeds.go_on(ids_of(newswire, feed))} feeds are polled again")


@app.command(epilog="Example: `newswire feeds check https://www.francetvinfo.fr/titres.rss`")
def check(
    url: Annotated[str, typer.Argument(help="A feed's URL.")],
    entries: Annotated[int, typer.Option("--entries", "-n", help="Fetch the pages of so many entries.")] = 3,
    zone: Annotated[str, typer.Option(help="IANA zone of dates that name none.")] = "Europe/Paris",
) -> None:
    """Check a feed: what it has, what would be extracted from its first entries, and why not. Writes nothing."""
    from pipeline.app.checks import check_feed

    print_checks(check_feed(url, entries=entries, zone=zone))


@app.command(epilog="Example: `newswire feeds parse tests/data/*.xml`")
def parse(files: Annotated[list[Path], typer.Argument(help="Feed files.")]) -> None:
    """Parse feed files, a JSON line each: title, entries with id, link, dates, authors, text."""
    from pipeline.app.deployment import now
    from pipeline.feeds.parse import feed_line

    for path in files:
        sys.stdout.write(feed_line(str(path), path.read_bytes(), now=now()) + "\n")


@app.command(epilog="Example: `newswire feeds add leprogres https://www.leprogres.fr/rss --name Progrès --country FR`")
def add(
    outlet: Annotated[str, typer.Argument(help="The outlet's id; a new one is made when the catalogue has none such.")],
    url: Annotated[str, typer.Argument(help="The feed's URL.")],
    feed: Annotated[str, typer.Option(help="The feed's name within the outlet.")] = "main",
    section: Annotated[str | None, typer.Option(help="The section it carries.")] = None,
    name: Annotated[str | None, typer.Option(help="A new outlet's name.")] = None,
    homepage: Annotated[str | None, typer.Option(help="A new outlet's homepage; none: the feed's origin.")] = None,
    country: Annotated[str, typer.Option(help="A new outlet's country, ISO 3166-1.")] = "FR",
    language: Annotated[str, typer.Option(help="A new outlet's language, BCP 47.")] = "fr",
) -> None:
    """Add a feed to the catalogue, keeping its comments and order."""
    from pipeline.app.files import edit_catalogue
    from pipeline.catalogue.catalogue import NewFeed, add_feed

    new = NewFeed(
        outlet_id=outlet,
        feed=feed,
        url=url,
        section=section,
        name=name,
        homepage=homepage,
        country=country,
        language=language,
    )
    path = edit_catalogue(lambda text: add_feed(text, new))
    console.print(f"added {outlet}/{feed} to {path}; `newswire poll {outlet}/{feed}` polls it now")


@app.command("export", epilog="Example: `newswire feeds export > newswire.opml`")
def export_opml() -> None:
    """The catalogue as OPML 2.0, for any feed reader."""
    from pipeline.catalogue.catalogue import to_opml

    with open_newswire() as newswire:
        sys.stdout.write(to_opml(newswire.outlets))


@app.command("import", epilog="Example: `newswire feeds import subscriptions.opml`")
def import_opml(file: Annotated[Path, typer.Argument(help="An OPML file.")]) -> None:
    """Add an OPML file's feeds to the catalogue; those it has already are left alone."""
    from pipeline.app.files import edit_catalogue
    from pipeline.catalogue.catalogue import merge_opml

    opml = file.read_text(encoding="utf-8")
    path = edit_catalogue(lambda text: merge_opml(text, opml))
    console.print(f"imported {file} into {path}")
