"""Where the time of an article goes: the whole job under load, sampled over all its processes.

    python -m tests.benchmarks.profile [--outlets 20] [--feeds 4] [--entries 20] [--processes 2]

Outlets are known: a first poll, which is not sampled, teaches their wrappers. py-spy samples each thread that runs, 200
times a second. A sample belongs to the stage of the innermost function of ours on its stack. Milliseconds are scaled so
that they add up to the CPU time of the run.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.benchmarks.pipeline import COMMAND, ROOT, count_articles, prepare, read_options, serving

RATE = 200  # samples a second
# Folders and modules of ours with their stage, the most specific first.
STAGES = (
    ("connectors/archive/", "archive"),
    ("connectors/http/", "HTTP"),
    ("connectors/store/outbox", "deliver"),
    ("connectors/store/", "store"),
    ("connectors/workers/", "hand pages over"),
    ("pipeline/delivery/messages", "messages"),
    ("pipeline/delivery/", "deliver"),
    ("pipeline/extraction/", "extract"),
    ("pipeline/text/languages", "language"),
    ("pipeline/text/", "fingerprint"),
    ("pipeline/dedup/fingerprint", "fingerprint"),
    ("pipeline/dedup/shingles", "fingerprint"),
    ("pipeline/dedup/", "decide"),
    ("pipeline/identity/", "addresses"),
    ("pipeline/feeds/", "parse feeds"),
    ("pipeline/reporting/", "log and report"),
    ("pipeline/app/logging", "log and report"),
    ("pipeline/ingest/", "order the work"),
)
OTHER = "start, and the event loop"
# Innermost functions of a thread that waits: for work, a lock, a socket, the disk. py-spy takes some of them for busy.
WAITS = re.compile(
    r"(?:_worker \(concurrent/futures/thread|wait \(threading|select \(selectors|_recv \(multiprocessing/connection"
    r"|Database\.writing \(|do_commit \(sqlalchemy|WarcArchive\.sync \()[^;]*$"
)
FRAME = re.compile(r"\(((?:pipeline|connectors)/[^():]+)")


def main() -> int:
    """Measure and print."""
    choice = read_options(__doc__, feeds=4)
    with tempfile.TemporaryDirectory() as folder, serving(choice.outlets, choice.feeds, choice.entries) as port:
        home, samples = Path(folder), Path(folder) / "samples"
        environment = prepare(home, port, choice.processes, is_half=True)
        print("· learn the outlets", file=sys.stderr)
        subprocess.run([*COMMAND, "poll"], env=environment, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        known = count_articles(environment)
        environment = prepare(home, port, choice.processes, is_half=False)
        print("· sample the poll of their new articles", file=sys.stderr)
        spent_s = sample_poll(environment, samples)
        articles = count_articles(environment) - known
        show(count_stages(samples.read_text().splitlines()), articles=articles, spent_s=spent_s)
    return 0


def sample_poll(environment: dict[str, str], samples: Path) -> float:
    """Poll with py-spy attached, which writes its samples to the file; the poll's CPU seconds with its workers."""
    poll = subprocess.Popen([*COMMAND, "poll"], env=environment, cwd=ROOT, stdout=subprocess.DEVNULL)
    py_spy = [str(Path(sys.executable).parent / "py-spy"), "record", "--subprocesses", "--threads", "--format", "raw"]
    with subprocess.Popen(
        [*py_spy, "--rate", str(RATE), "--output", str(samples), "--pid", str(poll.pid)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ):
        _, status, used = os.wait4(poll.pid, 0)
    if status:
        raise RuntimeError(f"the poll ended with status {status}")
    return used.ru_utime + used.ru_stime


def count_stages(stacks: Iterable[str]) -> Counter[tuple[str, str]]:
    """Samples by stage and process, of py-spy's collapsed stacks."""
    found: Counter[tuple[str, str]] = Counter()
    for line in stacks:
        stack, _, count = line.rpartition(" ")
        if count.isdigit() and not WAITS.search(stack):
            process = "worker" if "connectors/workers/child.py" in stack else "main"
            found[stage_of(stack), process] += int(count)
    return found


def stage_of(stack: str) -> str:
    """The stage of the innermost frame that has one."""
    for module in reversed(FRAME.findall(stack)):
        for beginning, stage in STAGES:
            if module.startswith(beginning):
                return stage
    return OTHER


def show(stages: Counter[tuple[str, str]], *, articles: int, spent_s: float) -> None:
    """Print the table, the dearest stage first."""
    table = Table("stage", "process", "ms an article", "share", header_style="bold")
    whole = stages.total()
    for (stage, process), count in stages.most_common():
        table.add_row(
            stage, process, f"{1_000 * spent_s * count / whole / articles:.2f}", f"{100 * count / whole:.0f} %"
        )
    table.add_row("whole", "", f"{1_000 * spent_s / articles:.2f}", "100 %")
    Console().print(table)
    print(f"{articles} articles of known outlets, {spent_s:.1f} CPU seconds, {whole} samples")


if __name__ == "__main__":
    sys.exit(main())
