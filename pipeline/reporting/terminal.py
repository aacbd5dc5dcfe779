"""How reports, messages and faults look at a terminal. Computes text; printing is the command line's.

Tested by tests/cli/test_main.py, which runs the commands.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from pipeline.domain.model import ReceivedMessage, Verdict
from pipeline.reporting.report import Report

LOG_WIDTH = 150  # columns where stdout is not a terminal: a table must not be folded in a log


def stdout_console() -> Console:
    """Where a command prints its output."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=LOG_WIDTH)


def stderr_console() -> Console:
    """Where a command prints what is not part of its output."""
    return Console(stderr=True, highlight=False, soft_wrap=True, markup=False)


COLUMNS = tuple(verdict for verdict in Verdict if verdict is not Verdict.WITHDRAWN)  # no entry is withdrawn


def report_table(report: Report, *, title: str) -> Table:
    """A row per outlet: entries, each verdict, pending ones, polls by outcome, and seconds of parallel work."""
    heading = f"{title} in {report.seconds:.1f} s".lstrip()
    table = Table(title=heading, title_justify="left", show_footer=True, header_style="bold", caption_justify="left")
    table.caption = "work s: seconds of fetching and reading, many at a time"
    table.add_column("outlet", "all", no_wrap=True)
    table.add_column("entries", str(report.entries), justify="right")
    for verdict in COLUMNS:
        table.add_column(verdict.value, format_count(report.total(verdict)), justify="right")
    table.add_column("pending", format_count(report.pending), justify="right")
    table.add_column("revisits", no_wrap=False)
    table.add_column("polls", no_wrap=False)
    table.add_column("work s", f"{sum(tally.seconds for tally in report.outlets.values()):.1f}", justify="right")
    for outlet, tally in sorted(report.outlets.items()):
        table.add_row(
            outlet,
            str(tally.entries),
            *(format_count(tally.verdicts[verdict.value]) for verdict in COLUMNS),
            format_count(tally.pending),
            format_counts(tally.revisits),
            format_counts(tally.polls),
            f"{tally.seconds:.1f}",
        )
    return table


def format_count(count: int) -> str:
    """A count, or a dot for 0."""
    return str(count) if count else "·"


def format_counts(counts: Counter[str]) -> str:
    """`3 parsed, 1 not_modified`, most frequent first."""
    return ", ".join(f"{count} {name}" for name, count in counts.most_common()) or "·"


def reason_summaries(report: Report) -> tuple[str, ...]:
    """A line per outlet that rejected, failed or put off something, with the reasons."""
    return tuple(
        f"{outlet}: {format_counts(tally.reasons)}" for outlet, tally in sorted(report.outlets.items()) if tally.reasons
    )


def revisit_summary(report: Report) -> str:
    """`looked at 12 pages again: 10 not_modified, 1 revised, 1 withdrawn`."""
    if not report.revisits:
        return "no page is due for another look"
    return f"looked at {report.revisits.total()} pages again: {format_counts(report.revisits)}"


def format_time(moment: datetime | None) -> str:
    """A time for people; empty without one."""
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC" if moment else ""


def delivery_summary(report: Report) -> str:
    """How many messages went to which topic, and how many still wait."""
    sent = ", ".join(f"{count} to {topic}" for topic, count in sorted(report.delivered.items())) or "nothing"
    return f"delivered: {sent}" + (f"; {report.undelivered} still in the outbox" if report.undelivered else "")


def format_message(received: ReceivedMessage, *, text_width: int = 500) -> tuple[str, ...]:
    """A message as a consumer reads it: its position, its headers, its value with a long text cut."""
    head = f"{received.topic} partition {received.partition} offset {received.offset} key {received.key}"
    headers = tuple(f"  {name}: {value}" for name, value in received.headers.items())
    if received.value is None:
        return (head, *headers, "  (tombstone)")
    value = json.loads(received.value)
    if len(value.get("text") or "") > text_width:
        value["text"] = value["text"][:text_width] + " […]"
    return (head, *headers, json.dumps(value, ensure_ascii=False, indent=2))


def format_problems(problems: Sequence[str]) -> tuple[str, ...]:
    """What makes a run red, a line each."""
    return tuple(status_line(problem, is_fine=False) for problem in problems)


def status_line(sentence: str, *, is_fine: bool) -> str:
    """A sentence after a tick or a cross; brackets in it are text, not markup."""
    return f"{'[green]✓[/green]' if is_fine else '[red]✗[/red]'} {escape(sentence)}"
