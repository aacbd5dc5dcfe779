"""Seconds from an entry's appearance in a newsroom's feed to a consumer's read of the article.

    python -m tests.benchmarks.latency [--articles 60] [--every 4] [--scheduled-minutes 0]

A broker and a PostgreSQL of its own, a newsroom that prints an article every few seconds, and an independent consumer
(confluent-kafka, `read_committed`). First with `newswire poll --follow`, feeds polled every second or two as their
policy allows; then, for so many minutes, with a `newswire poll` started every 60 s, as a schedule would.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from statistics import quantiles

from confluent_kafka import Consumer

from tests.torture.run import COMMAND, PREFIX, ROOT, Plan, Torture, kill_session

SCHEDULE_S = 60.0


class Reader:
    """A consumer that notes when it read each article, by URL."""

    def __init__(self, bootstrap: str) -> None:
        self.read_at: dict[str, float] = {}
        self.ending = threading.Event()
        settings = {"bootstrap.servers": bootstrap, "group.id": "latency", "isolation.level": "read_committed"}
        self.consumer = Consumer({**settings, "auto.offset.reset": "earliest"})
        self.consumer.subscribe([PREFIX + "articles", PREFIX + "copies"])
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self) -> None:
        """Read until told to end."""
        while not self.ending.is_set():
            message = self.consumer.poll(0.1)
            value = message.value() if message is not None and message.error() is None else None
            if value:
                self.read_at.setdefault(json.loads(value)["canonical_url"], time.monotonic())
        self.consumer.close()

    def close(self) -> None:
        """End the thread."""
        self.ending.set()
        self.thread.join()


def print_articles(torture: Torture, count: int, *, every_s: float) -> Mapping[str, float]:
    """Have the newsroom print articles; when each appeared in its feed."""
    newsroom = torture.newsroom
    appeared: dict[str, float] = {}
    for number in range(count):
        before = set(newsroom.printed)
        with newsroom.moving:
            newsroom.add(newsroom.outlets[number % len(newsroom.outlets)])
        appeared |= dict.fromkeys(newsroom.printed.keys() - before, time.monotonic())
        time.sleep(every_s)
    return appeared


@contextmanager
def following(torture: Torture) -> Iterator[None]:
    """`newswire poll --follow` over every outlet."""
    daemon = torture.start_command("follow", "poll", "--follow")
    try:
        yield
    finally:
        daemon.stop(grace_s=30)
        kill_session(daemon)


@contextmanager
def scheduled(torture: Torture) -> Iterator[None]:
    """`newswire poll` every 60 s: runs that begin when the last one is over and the minute is."""
    ending = threading.Event()

    def run() -> None:
        while not ending.is_set():
            began = time.monotonic()
            subprocess.run(
                [*COMMAND, "poll"], env=torture.environment(), cwd=ROOT, check=False, stdout=subprocess.DEVNULL
            )
            ending.wait(max(0.0, SCHEDULE_S - (time.monotonic() - began)))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ending.set()
        thread.join()


def measure(torture: Torture, reader: Reader, count: int, *, every_s: float, wait_s: float, what: str) -> None:
    """Print articles, wait until they were read, tell how long it took."""
    warm = list(torture.newsroom.printed)
    until = time.monotonic() + 180
    while any(url not in reader.read_at for url in warm) and time.monotonic() < until:
        time.sleep(0.2)
    appeared = print_articles(torture, count, every_s=every_s)
    until = time.monotonic() + wait_s
    while any(url not in reader.read_at for url in appeared) and time.monotonic() < until:
        time.sleep(0.1)
    took = sorted(reader.read_at[url] - at for url, at in appeared.items() if url in reader.read_at)
    cuts = quantiles(took, n=100)
    print(
        f"{what}: {len(took)} of {len(appeared)} articles read; "
        f"p50 {cuts[49]:.1f} s, p95 {cuts[94]:.1f} s, max {took[-1]:.1f} s",
        flush=True,
    )


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--articles", type=int, default=60)
    parser.add_argument("--every", type=float, default=4.0, help="seconds between two articles")
    parser.add_argument("--scheduled-minutes", type=float, default=4.0)
    choice = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="newswire-latency-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)
        plan = Plan(faults=0, seed=1, pause_s=1, beat_s=1, delivery_timeout_s=30)
        with Torture(folder, plan, say=print) as torture:
            reader = Reader(torture.broker.bootstrap)
            with following(torture):
                measure(torture, reader, choice.articles, every_s=choice.every, wait_s=60, what="poll --follow")
            if choice.scheduled_minutes:
                count = max(2, int(choice.scheduled_minutes * 60 / choice.every))
                with scheduled(torture):
                    measure(torture, reader, count, every_s=choice.every, wait_s=180, what="poll every 60 s")
            reader.close()


if __name__ == "__main__":
    main()
