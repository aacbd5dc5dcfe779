"""How reports, messages and faults look at a terminal, and a report as the note on a run in Airflow's grid.

Computes text; printing is the command line's. Tested by tests/cli/test_main.py, which runs the commands.
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

# Outcomes of a poll that are no trouble; every other is an outlet's error.
ANSWERED = frozenset({"not_modified", "same_body", "parsed", "put_off", "outbox_full", "host_waits", "backfilled"})
MAX_OUTLETS = 8  # named with their errors
MAX_NOTE_CHARS = 1000  # what Airflow keeps of a note
COLUMNS = tuple(verdict for verdict in Verdict if verdict is not Verdict.WITHDRAWN)  # no entry is withdrawn
LOG_WIDTH = 150  # columns where stdout is not a terminal: a table must not be folded in a log


def stdout_console() -> Console:
    """Where a command prints its output."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=LOG_WIDTH)


def stderr_console() -> Console:
    """Where a command prints what is not part of its output."""
    return Console(stderr=True, highlight=False, soft_wrap=True, markup=False)


def report_table(report: Report, *, title: str) -> Table:
    """A row per outlet: entries, each verdict, pending ones, polls by outcome, and seconds of parallel work."""
    whole, heading = report.whole, f"{title} in {report.seconds:.1f} s".lstrip()
    table = Table(title=heading, title_justify="left", show_footer=True, header_style="bold", caption_justify="left")
    table.caption = "work s: seconds of fetching and reading, many at a time"
    table.add_column("outlet", "all", no_wrap=True)
    table.add_column("entries", str(whole.entries), justify="right")
    for verdict in COLUMNS:
        table.add_column(verdict.value, format_count(whole.verdicts[verdict.value]), justify="right")
    table.add_column("pending", format_count(whole.pending), justify="right")
    table.add_column("revisits", no_wrap=False)
    table.add_column("polls", no_wrap=False)
    table.add_column("work s", f"{whole.seconds:.1f}", justify="right")
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
    revisits = report.whole.revisits
    if not revisits:
        return "no page is due for another look"
    return f"looked at {revisits.total()} pages again: {format_counts(revisits)}"


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


def status_line(sentence: str, *, is_fine: bool) -> str:
    """A sentence after a tick or a cross; brackets in it are text, not markup."""
    return f"{'[green]✓[/green]' if is_fine else '[red]✗[/red]'} {escape(sentence)}"


def run_note(report: Report) -> str:
    """The note on a run, in Markdown: problems first, entries by verdict, deliveries, outlets that had errors."""
    whole = report.whole
    counts = ", ".join(f"{count} {verdict.value}" for verdict in Verdict if (count := report.total(verdict)))
    entries = f"{whole.entries} entries" + (f": {counts}" if counts else "")
    pending = f"; {whole.pending} pending" if whole.pending else ""
    lines = [f"**{problem}**" for problem in report.problems]
    lines += [f"{entries}{pending}; {whole.polls.total()} polls in {report.seconds:.0f} s", delivery_summary(report)]
    if put_off := whole.polls["outbox_full"]:  # because the broker is too slow
        lines.append(f"**{put_off} polls put off: NEWSWIRE_OUTBOX_BOUND messages wait**")
    if whole.reasons:
        lines.append(", ".join(f"{count} {reason}" for reason, count in whole.reasons.most_common(MAX_OUTLETS)))
    errors = outlet_errors(report)
    lines += errors[:MAX_OUTLETS]
    if len(errors) > MAX_OUTLETS:
        lines.append(f"… and {len(errors) - MAX_OUTLETS} more outlets with errors")
    return fit_note(lines)


def upkeep_note(faults: Sequence[str], troubles: Sequence[str]) -> str:
    """The note of a night's upkeep: what does not agree, then the feeds in trouble."""
    lines = [f"**{fault}**" for fault in faults] or ["store, outbox and topics agree"]
    lines.append(f"{len(troubles)} feeds in trouble" if troubles else "no feed is in trouble")
    return fit_note([*lines, *troubles[:MAX_OUTLETS]])


def fit_note(lines: Sequence[str]) -> str:
    """The lines as paragraphs, cut to what Airflow keeps."""
    note = "\n\n".join(lines)
    return note if len(note) <= MAX_NOTE_CHARS else note[: MAX_NOTE_CHARS - 1] + "…"


def outlet_errors(report: Report) -> list[str]:
    """A line per outlet whose feeds had errors: which, and how often."""
    lines = []
    for outlet, tally in sorted(report.outlets.items()):
        errors = [f"{count} {outcome}" for outcome, count in tally.polls.most_common() if outcome not in ANSWERED]
        if errors:
            lines.append(f"{outlet}: {', '.join(errors)}")
    return lines
