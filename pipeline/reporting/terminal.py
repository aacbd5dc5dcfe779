"""How a report, a message and a fault look to a person at a terminal. Computes text; printing is the CLI's."""

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

WIDE = 150  # of what is not printed to a terminal: a table must not be folded in a log


def terminal() -> Console:
    """Where a command prints."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=WIDE)


def stderr_console() -> Console:
    """Where a command says what is no part of its output."""
    return Console(stderr=True, highlight=False, soft_wrap=True, markup=False)


COLUMNS: tuple[Verdict, ...] = (
    Verdict.NEW,
    Verdict.REVISED,
    Verdict.UNCHANGED,
    Verdict.DUPLICATE,
    Verdict.COPY,
    Verdict.REJECTED,
    Verdict.FAILED,
)


def report_table(report: Report, *, title: str) -> Table:
    """A line per outlet: entries, each verdict, what is pending, polls by outcome, and seconds of work side by side."""
    heading = f"{title} in {report.seconds:.1f} s".lstrip()
    table = Table(title=heading, title_justify="left", show_footer=True, header_style="bold", caption_justify="left")
    table.caption = "work s: seconds of fetching and reading, many at a time"
    table.add_column("outlet", "all", no_wrap=True)
    table.add_column("entries", str(report.entries), justify="right")
    for verdict in COLUMNS:
        table.add_column(verdict.value, shown(report.total(verdict)), justify="right")
    table.add_column("pending", shown(sum(t.pending for t in report.outlets.values())), justify="right")
    table.add_column("revisits", no_wrap=False)
    table.add_column("polls", no_wrap=False)
    table.add_column("work s", f"{sum(t.seconds for t in report.outlets.values()):.1f}", justify="right")
    for outlet, tally in sorted(report.outlets.items()):
        table.add_row(
            outlet,
            str(tally.entries),
            *(shown(tally.verdicts[verdict.value]) for verdict in COLUMNS),
            shown(tally.pending),
            in_words(tally.revisits),
            in_words(tally.polls),
            f"{tally.seconds:.1f}",
        )
    return table


def shown(count: int) -> str:
    """A count, or a dot where there is nothing to see."""
    return str(count) if count else "·"


def in_words(counted: Counter[str]) -> str:
    """`3 parsed, 1 not_modified`, commonest first."""
    return ", ".join(f"{count} {outcome}" for outcome, count in counted.most_common()) or "·"


def reason_summaries(report: Report) -> tuple[str, ...]:
    """A line per outlet that rejected, failed or put off something, with the reasons."""
    return tuple(
        f"{outlet}: " + ", ".join(f"{count} {reason}" for reason, count in tally.reasons.most_common())
        for outlet, tally in sorted(report.outlets.items())
        if tally.reasons
    )


def revisit_summary(report: Report) -> str:
    """`looked at 12 pages again: 10 not_modified, 1 revised, 1 withdrawn`, commonest first."""
    if not report.revisits:
        return "no page is due for another look"
    return f"looked at {report.revisits.total()} pages again: {in_words(report.revisits)}"


def when(moment: datetime | None) -> str:
    """A time for people; empty when there is none."""
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC" if moment else ""


def delivery_summary(report: Report) -> str:
    """How many messages went to which topic, and what is still waiting."""
    sent = ", ".join(f"{count} to {topic}" for topic, count in sorted(report.delivered.items())) or "nothing"
    return f"delivered: {sent}" + (f"; {report.undelivered} still in the outbox" if report.undelivered else "")


def format_message(received: ReceivedMessage, *, text_width: int = 500) -> tuple[str, ...]:
    """A message as a consumer sees it: where it lies, its headers, its value with a long text cut."""
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
    return tuple(marked(problem, is_fine=False) for problem in problems)


def marked(sentence: str, *, is_fine: bool) -> str:
    """A sentence behind a tick or a cross; what it quotes is text, whatever brackets it has."""
    return f"{'[green]✓[/green]' if is_fine else '[red]✗[/red]'} {escape(sentence)}"
