"""The note on a run in Airflow's grid: its report in a few lines of Markdown, problems first."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.domain.model import Verdict
from pipeline.reporting.report import Report
from pipeline.reporting.terminal import delivery_summary

# Outcomes of a poll that are no trouble; every other is an outlet's error.
ANSWERED = frozenset({"not_modified", "same_body", "parsed", "put_off", "outbox_full", "host_waits", "backfilled"})
MAX_OUTLETS = 8  # named with their errors
MAX_NOTE_CHARS = 1000  # what Airflow keeps of a note


def run_note(report: Report) -> str:
    """The note: problems, entries by verdict, deliveries, outlets that had errors."""
    put_off = sum(tally.polls["outbox_full"] for tally in report.outlets.values())
    errors = outlet_errors(report)
    lines = [*(f"**{problem}**" for problem in report.problems), entry_summary(report), delivery_summary(report)]
    if put_off:  # because the broker is too slow
        lines.append(f"**{put_off} polls put off: NEWSWIRE_OUTBOX_BOUND messages wait**")
    if report.reasons:
        lines.append(", ".join(f"{count} {reason}" for reason, count in report.reasons.most_common(MAX_OUTLETS)))
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


def entry_summary(report: Report) -> str:
    """`118 entries: 80 new, 38 unchanged; 3 pending; 12 polls in 9 s`."""
    counts = ", ".join(f"{count} {verdict.value}" for verdict in Verdict if (count := report.total(verdict)))
    entries = f"{report.entries} entries" + (f": {counts}" if counts else "")
    pending = f"; {report.pending} pending" if report.pending else ""
    return f"{entries}{pending}; {report.polls} polls in {report.seconds:.0f} s"


def outlet_errors(report: Report) -> list[str]:
    """A line per outlet whose feeds had errors: which, and how often."""
    lines = []
    for outlet, tally in sorted(report.outlets.items()):
        errors = [f"{count} {outcome}" for outcome, count in tally.polls.most_common() if outcome not in ANSWERED]
        if errors:
            lines.append(f"{outlet}: {', '.join(errors)}")
    return lines
