"""The whole run against a bare loop: articles per second from feed to topic, beside `trafilatura.extract` alone.

    python -m tests.benchmarks.pipeline [--processes 2] [--rounds 3]

Both in the same run on the same pages with the same number of processes, so that the ratio holds on a noisy machine.
The whole run fetches over loopback, archives, extracts with metadata, decides, and delivers on the embedded log. Also
prints the peak memory of the run (its process and its workers).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import psutil

from tests.demo import ask, newsroom

ROOT = Path(__file__).parents[2]

RUN = """
import json, sys, time
from pipeline.app.runs import Newswire
with Newswire.from_env() as newswire:
    ids = [state.feed_id for state in newswire.feed_states(newswire.choose([]))]
    began = time.monotonic()
    report = newswire.ingest(ids)
    print(json.dumps({"seconds": time.monotonic() - began, "entries": report.whole.entries,
                      "problems": list(report.problems), "delivered": dict(report.delivered)}))
"""


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--processes", type=int, default=2, help="extraction processes, ours and the bare loop's")
    parser.add_argument("--rounds", type=int, default=3, help="repetitions; the fastest of each counts")
    choice = parser.parse_args()
    ours: list[float] = []
    bare: list[float] = []
    peak_mb = 0.0
    articles = pages = 0
    with newsroom() as address:
        for _ in range(choice.rounds):
            with tempfile.TemporaryDirectory() as folder:
                result, peak = run_whole(address, Path(folder), choice.processes)
                articles = result["delivered"].get("articles", 0) + result["delivered"].get("copies", 0)
                ours.append(result["seconds"])
                peak_mb = max(peak_mb, peak)
                html = kept_pages(Path(folder))
                pages = len(html)
                bare.append(run_bare(html, choice.processes))
    print(
        f"whole run: {articles} articles in {min(ours):.1f} s, {articles / min(ours):.1f} articles/s, "
        f"peak {peak_mb:.0f} MB with its workers"
    )
    print(f"bare trafilatura.extract: {pages} pages in {min(bare):.1f} s, {pages / min(bare):.1f} pages/s")
    print(f"ratio: {(articles / min(ours)) / (pages / min(bare)):.2f} ({choice.processes} processes each)")
    return 0


def run_whole(address: str, home: Path, processes: int) -> tuple[dict[str, Any], float]:
    """One run from nothing; its result and its peak memory in MB."""
    (home / "feeds.toml").write_text(healthy(ask(address, "catalogue")), encoding="utf-8")
    environment = {key: value for key, value in os.environ.items() if not key.startswith("NEWSWIRE_")} | {
        "NEWSWIRE_HOME": str(home),
        "NEWSWIRE_CATALOGUE": str(home / "feeds.toml"),
        "NEWSWIRE_NEWSROOM": address,
        "NEWSWIRE_HOST_SPACING_S": "0",
        "NEWSWIRE_HOST_CONNECTIONS": "8",
        "NEWSWIRE_EXTRACT_PROCESSES": str(processes),
    }
    process = subprocess.Popen(
        [sys.executable, "-c", RUN], env=environment, cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    peak = 0.0
    while process.poll() is None:
        peak = max(peak, memory_mb(process.pid))
        time.sleep(0.1)
    assert process.stdout is not None
    return json.loads(process.stdout.read()), peak


def healthy(catalogue: str) -> str:
    """The catalogue without the outlet of odd servers: its slow feed would be all that is measured."""
    outlets = catalogue.split("[[outlet]]")
    return "[[outlet]]".join(part for part in outlets if 'id = "bizarreries"' not in part)


def memory_mb(pid: int) -> float:
    """Memory of a process and its children, shared pages counted once (PSS)."""
    try:
        family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
        return sum(member.memory_full_info().pss for member in family) / 1e6
    except psutil.NoSuchProcess:
        return 0.0


def kept_pages(home: Path) -> list[str]:
    """The pages that the run archived, as text."""
    from warcio.archiveiterator import ArchiveIterator

    from pipeline.extraction.dom.page import page_in_utf8

    pages: list[str] = []
    for path in sorted((home / "archive").rglob("*.warc.gz")):
        with path.open("rb") as file:
            pages += [
                page_in_utf8(record.content_stream().read(), record.http_headers.get_header("content-type")).decode()
                for record in ArchiveIterator(file)
            ]
    return pages


def extract(page: str) -> int:
    """What the bare loop does to a page."""
    import trafilatura

    return len(trafilatura.extract(page) or "")


def run_bare(pages: list[str], processes: int) -> float:
    """Seconds of a bare loop, the start of its processes included, as our run includes that of its workers."""
    began = time.monotonic()
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        list(pool.map(extract, pages, chunksize=4))
    return time.monotonic() - began


if __name__ == "__main__":
    sys.exit(main())
