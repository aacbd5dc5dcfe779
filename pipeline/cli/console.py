"""Output of the command line: lines, faults and progress; and the deployment that a command works on.

`open_newswire` imports the application when a command runs, so that `--help` is quick.
Tested by tests/cli/test_main.py, which runs the commands.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import typer

from pipeline.reporting.terminal import status_line, stderr_console, stdout_console

if TYPE_CHECKING:
    from pipeline.app.checks import Line
    from pipeline.app.runs import Newswire
    from pipeline.reporting.report import Report

console = stdout_console()
remarks = stderr_console()  # what is not part of a command's output
STOPPED = "stopped; what was begun is kept and goes on at the next poll"


def open_newswire(*, must_be_current: bool = True) -> Newswire:
    """The deployment that the environment describes; a context manager. Raises SettingsError, StoreError."""
    from pipeline.app.runs import Newswire

    return Newswire.from_env(must_be_current=must_be_current)


def print_lines(lines: Iterable[object]) -> None:
    """Print lines as they are: no markup, not folded."""
    for line in lines:
        console.print(line, soft_wrap=True, markup=False)


def print_faults(faults: Iterable[str]) -> int:
    """Print faults with a cross each; how many there were."""
    lines = [status_line(fault, is_fine=False) for fault in faults]
    for line in lines:
        console.print(line, soft_wrap=True)
    return len(lines)


def print_report(report: Report, *, title: str = "", remarks: Iterable[str] = ()) -> None:
    """Print what a run did: with a title a row per outlet, then reasons, deliveries, remarks and problems."""
    from pipeline.reporting.terminal import delivery_summary, reason_summaries, report_table

    if title:
        console.print(report_table(report, title=title))
    for line in (*reason_summaries(report), delivery_summary(report), *remarks):
        console.print(line, soft_wrap=True)
    print_faults(report.problems)


def print_checks(lines: Iterable[Line]) -> None:
    """Print findings as they come; exit with 1 in the end when one of them is a fault."""
    faults = 0
    for line in lines:
        console.print(status_line(line.text, is_fine=line.is_fine), soft_wrap=True)
        faults += not line.is_fine
    fail_if(faults)


def fail_if(fault: object) -> None:
    """Exit with 1 when something that was printed is wrong."""
    if fault:
        raise typer.Exit(1)
