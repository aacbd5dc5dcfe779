"""`newswire redrive`: list dead letters, then try their entries again.

Tested by tests/cli/test_main.py.
"""

from __future__ import annotations

from collections import Counter
from typing import Annotated

import typer
from rich.table import Table

from pipeline.cli.console import console, open_newswire, print_lines
from pipeline.delivery.dead_letters import DeadEntry, RedriveChoice

SHOWN = 20  # dead letters listed; the rest are counted


def redrive(
    outlet: Annotated[list[str] | None, typer.Option(help="Only of this outlet's id; may be repeated.")] = None,
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
    from pipeline.app import redrive

    with open_newswire() as newswire:
        choice = RedriveChoice(
            outlets=tuple(outlet or ()),
            causes=tuple(cause or ()),
            since=newswire.moment(since, "--since"),
            until=newswire.moment(until, "--until"),
            limit=limit,
        )
        done = redrive.redrive(newswire, choice, dry_run=not yes)
    if done.dead:
        console.print(table_by_cause(done.dead))
    print_lines(f"{each.failed_at:%Y-%m-%d %H:%M} {each.reason} {each.entry.entry.link}" for each in done.dead[:SHOWN])
    if len(done.dead) > SHOWN:
        console.print(f"… and {len(done.dead) - SHOWN} more")
    if done.unknown:
        console.print(f"{done.unknown} of outlets that are not in the catalogue any more are left alone")
    wanted = "" if yes or not done.dead else "; nothing was changed: add --yes to try them again"
    console.print(f"{len(done.dead)} dead letters, {done.redriven} pending again{wanted}")


def table_by_cause(dead: tuple[DeadEntry, ...]) -> Table:
    """Dead letters by outlet and cause."""
    table = Table("outlet", "cause", "dead letters", header_style="bold")
    counts = Counter((each.entry.outlet_id, each.reason) for each in dead)
    for (outlet, reason), count in sorted(counts.items()):
        table.add_row(outlet, reason, str(count))
    return table
