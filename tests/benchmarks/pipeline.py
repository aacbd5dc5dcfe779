"""The whole job under load, beside a bare loop of trafilatura: articles per second, and CPU for an article.

    python -m tests.benchmarks.pipeline [--outlets 20] [--feeds 5] [--entries 20] [--processes 2]

Both on the same pages (tests/newsroom/load.py) with the same number of processes, so that the ratio holds on a noisy
machine. The whole job fetches over loopback, archives, extracts with metadata, decides, commits, and delivers on the
embedded log. Outlets are unknown at first: their first pages teach the wrappers. A second round on new articles of the
same outlets measures known ones. Also prints the peak memory of the run with its workers.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.stack.daemon import without_coverage

ROOT = Path(__file__).parents[2]
COMMAND = (sys.executable, "-c", "from pipeline.cli.main import main; main()")
BARE_PAGES = 60  # enough for a mean within a few per cent


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One run of the whole job."""

    name: str
    articles: int
    seconds: float
    cpu_s: float  # of the command and its workers
    peak_mb: float


def main() -> int:
    """Measure and print."""
    choice = read_options(__doc__, feeds=5)
    with tempfile.TemporaryDirectory() as folder, serving(choice.outlets, choice.feeds, 2 * choice.entries) as port:
        home = Path(folder)
        bare_s = bare_seconds(port, choice.outlets)
        bare_rate = choice.processes / bare_s
        print(f"bare trafilatura with metadata: {1_000 * bare_s:.1f} ms CPU a page, {bare_rate:.1f} pages/s by CPU")
        for name, half in (("outlets unknown at first", True), ("known outlets", False)):
            show(run_round(name, home, port, choice.processes, is_half=half), bare_rate)
    return 0


def read_options(description: str | None, *, feeds: int) -> argparse.Namespace:
    """The size of the load from the command line; `feeds` by default for each outlet."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--outlets", type=int, default=20)
    parser.add_argument("--feeds", type=int, default=feeds, help="of each outlet; the first half is polled first")
    parser.add_argument("--entries", type=int, default=20, help="of each feed")
    parser.add_argument("--processes", type=int, default=2, help="extraction processes, and those of a bare loop")
    return parser.parse_args()


def show(done: Round, bare_rate: float) -> None:
    """Print one round."""
    rate = done.articles / done.seconds
    print(
        f"{done.name}: {done.articles} articles in {done.seconds:.1f} s, {rate:.1f}/s, ratio {rate / bare_rate:.2f}; "
        f"{1_000 * done.cpu_s / done.articles:.1f} ms CPU an article, peak {done.peak_mb:.0f} MB"
    )


@contextmanager
def serving(outlets: int, feeds: int, entries: int) -> Iterator[int]:
    """The load in a process of its own; its port."""
    words = ["--outlets", str(outlets), "--feeds", str(feeds), "--entries", str(entries)]
    command = [sys.executable, "-m", "tests.newsroom.load", *words]
    env = without_coverage(os.environ)
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, env=env) as process:
        assert process.stdout is not None
        yield int(process.stdout.readline().rpartition(":")[2])
        process.terminate()


def prepare(home: Path, port: int, processes: int, *, is_half: bool) -> dict[str, str]:
    """Write the catalogue and make the store; the command's environment."""
    catalogue = fetch(port, "/-/catalogue", "x.test").decode()
    if is_half:
        catalogue = first_feeds(catalogue)
    (home / "feeds.toml").write_text(catalogue, encoding="utf-8")
    environment = {key: value for key, value in os.environ.items() if not key.startswith("NEWSWIRE_")} | {
        "NEWSWIRE_HOME": str(home),
        "NEWSWIRE_CATALOGUE": str(home / "feeds.toml"),
        "NEWSWIRE_NEWSROOM": f"127.0.0.1:{port}",
        "NEWSWIRE_HOST_SPACING_S": "0",
        "NEWSWIRE_HOST_CONNECTIONS": "8",
        "NEWSWIRE_EXTRACT_PROCESSES": str(processes),
        "NEWSWIRE_LOG_LEVEL": "error",
    }
    subprocess.run([*COMMAND, "db", "upgrade"], env=environment, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return environment


def run_round(name: str, home: Path, port: int, processes: int, *, is_half: bool) -> Round:
    """Poll the outlets with their first or with all of their feeds; the second time only the rest is new."""
    environment = prepare(home, port, processes, is_half=is_half)
    known = count_articles(environment)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.monotonic()
    process = subprocess.Popen([*COMMAND, "poll"], env=environment, cwd=ROOT, stdout=subprocess.DEVNULL)
    peak = watch_memory(process)
    seconds = time.monotonic() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Round(
        name=name,
        articles=count_articles(environment) - known,
        seconds=seconds,
        cpu_s=after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        peak_mb=peak,
    )


def first_feeds(catalogue: str) -> str:
    """The catalogue with the first half of each outlet's feeds."""
    outlets = catalogue.split("[[outlet]]")[1:]
    halves = []
    for outlet in outlets:
        head, *feeds = outlet.split("[[outlet.feed]]")
        halves.append("[[outlet.feed]]".join([head, *feeds[: max(1, len(feeds) // 2)]]))
    return "".join(f"[[outlet]]{half}" for half in halves)


def count_articles(environment: dict[str, str]) -> int:
    """Articles and copies on the topics so far."""
    tails = (
        subprocess.run(
            [*COMMAND, "tail", topic, "--json"], env=environment, cwd=ROOT, check=True, capture_output=True
        ).stdout
        for topic in ("articles", "copies")
    )
    return sum(tail.count(b"\n") for tail in tails)


def watch_memory(process: subprocess.Popen[bytes]) -> float:
    """Wait for the process; the peak of its memory with its children, shared pages counted once (PSS), in MB."""
    peak = 0.0
    ended = threading.Event()
    while not ended.wait(1.0) and process.poll() is None:
        try:
            family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
            peak = max(peak, sum(member.memory_full_info().pss for member in family) / 1e6)
        except psutil.NoSuchProcess:
            continue
    if process.returncode:
        raise RuntimeError(f"the poll ended with status {process.returncode}")
    return peak


def bare_seconds(port: int, outlets: int) -> float:
    """CPU seconds for a page of trafilatura with metadata."""
    from trafilatura import bare_extraction

    pages = [
        fetch(port, f"/news/{number}-x.html", f"o{number % outlets}.test").decode() for number in range(BARE_PAGES)
    ]
    bare_extraction(pages[0], with_metadata=True)
    began = time.process_time()
    for page in pages:
        bare_extraction(page, with_metadata=True)
    return (time.process_time() - began) / len(pages)


def fetch(port: int, path: str, host: str) -> bytes:
    """A page of the load."""
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers={"Host": host})
    with urllib.request.urlopen(request, timeout=60) as answer:
        body: bytes = answer.read()
    return body


if __name__ == "__main__":
    sys.exit(main())
