"""Replay of a large archive: pages per second, no network, killed half-way and gone on.

    python -m tests.benchmarks.replay [--pages 10000] [--processes 2]

The pages are made (tests/made_pages.py: the newsroom's looks around invented words) and read once by the walk itself,
which archives them. Then one outlet gets a rule that drops its intertitles. A dry run counts what would change; a real
one is killed (SIGKILL) at two fifths, started again, and must publish exactly that, each once. Every process of it
runs under an audit hook that refuses connections and name look-ups.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from pipeline.app.runs import Newswire
from pipeline.domain.model import Topic
from pipeline.domain.settings import Settings
from tests.ingest.test_replay import NO_NETWORK, ROOT, with_rule
from tests.made_pages import made_pages, read_made_pages

RUN = """
import json, sys, time
from pipeline.app.repair import replay
from pipeline.app.runs import Newswire
from pipeline.ingest.ports import ReplayChoice
def watch(report):
    print(json.dumps(report.to_json()), flush=True)
with Newswire.from_env() as newswire:
    began = time.monotonic()
    report = replay(newswire, ReplayChoice(), dry_run=sys.argv[1] == "dry", watch=watch)
    print(json.dumps(report.to_json() | {"of_this_run_s": time.monotonic() - began}), flush=True)
"""


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, default=10_000)
    parser.add_argument("--processes", type=int, default=2, help="extraction processes")
    choice = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        began = time.monotonic()
        settings = read_made_pages(
            Path(folder) / "home",
            list(made_pages(choice.pages)),
            extraction={"processes": choice.processes},
            delivery={"batch_rows": 5_000},
        )
        took = time.monotonic() - began
        print(
            f"read once by the walk: {choice.pages} pages in {took:.0f} s, {choice.pages / took:.0f} pages/s",
            flush=True,
        )
        variables = silent_environment(with_rule(settings), Path(folder))
        dry = last_line(run(variables, "dry"))
        print(f"dry run: {told(dry)}", flush=True)
        killed_at = kill_at(variables, choice.pages * 2 // 5)
        print(f"real run: killed after {killed_at} pages", flush=True)
        rest = last_line(run(variables, "real"))
        print(f"gone on: {told(rest)}; {choice.pages - killed_at} pages in {rest['of_this_run_s']:.0f} s", flush=True)
        return judge(settings, dry)


def silent_environment(settings: Settings, folder: Path) -> dict[str, str]:
    """The deployment's environment, in which no process reaches a network."""
    (folder / "sitecustomize.py").write_text(NO_NETWORK, encoding="utf-8")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("NEWSWIRE_")}
    return kept | {
        "NEWSWIRE_HOME": str(settings.home),
        "NEWSWIRE_CATALOGUE": str(settings.catalogue),
        "NEWSWIRE_EXTRACT_PROCESSES": str(settings.extraction.processes),
        "PYTHONPATH": f"{folder}{os.pathsep}{ROOT}",
    }


def run(variables: dict[str, str], how: str) -> list[str]:
    """A replay in a process of its own; its lines."""
    done = subprocess.run([sys.executable, "-c", RUN, how], env=variables, capture_output=True, text=True, check=False)
    assert "network:" not in done.stderr, done.stderr
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def last_line(lines: list[str]) -> dict[str, object]:
    """The report at the end."""
    report: dict[str, object] = json.loads(lines[-1])
    return report


def kill_at(variables: dict[str, str], pages: int) -> int:
    """Start a replay, and kill it when it is done with so many pages; how many it was done with."""
    with subprocess.Popen(
        [sys.executable, "-c", RUN, "real"], env=variables, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        for line in child.stdout:
            done = articles(json.loads(line))
            if done >= pages:
                child.kill()
                return done
    raise AssertionError("it ended before it could be killed")


def articles(report: dict[str, object]) -> int:
    """Articles that a report counts."""
    fates = report["fates"]
    assert isinstance(fates, dict)
    return sum(sum(counts.values()) for counts in fates.values())


def told(report: dict[str, object]) -> str:
    """A report as one line of text."""
    fates: Counter[str] = Counter()
    by_outlet = report["fates"]
    assert isinstance(by_outlet, dict)
    for counts in by_outlet.values():
        fates.update(counts)
    seconds = float(str(report["seconds"]))
    pace = articles(report) / seconds
    return f"{dict(fates)}, −{report['words_removed']} words, {seconds:.0f} s in all, {pace:.0f} pages/s"


def judge(settings: Settings, dry: dict[str, object]) -> int:
    """Whether each change that the dry run named is on the topic once."""
    by_outlet = dry["fates"]
    assert isinstance(by_outlet, dict)
    due = sum(counts.get("revised", 0) for counts in by_outlet.values())
    with Newswire(settings) as newswire:
        events = Counter(
            received.headers["ce_id"]
            for received in newswire.topics.read(Topic.ARTICLES)
            if received.headers["ce_type"].endswith("updated.v1")
        )
    twice = sum(count > 1 for count in events.values())
    print(f"revisions due: {due}; on the topic: {len(events)}; more than once: {twice}")
    return 0 if len(events) == due and not twice else 1


if __name__ == "__main__":
    sys.exit(main())
