"""What Airflow and a run with nothing new cost: CPU seconds, memory of the whole local stack, seconds to a message.

    python -m tests.benchmarks.airflow [--feeds 1000] [--hosts 200] [--runs 3] [--skip-newsroom]

Starts the stack of `make up` twice, in a folder of its own. With the sample newsroom: seconds from nothing to healthy,
from schedule to the first message on Kafka, memory by service. Then with many feeds that all answer 304: CPU seconds of
one run of `news_ingest`, of the whole stack, less what the idle stack takes in the same time; and beside it the same
polls by `newswire poll` alone, so that it shows what is Airflow's. Of several runs the cheapest counts.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import psutil
from confluent_kafka import Consumer

from tests.benchmarks import polls
from tests.stack.airflow import Airflow, AirflowPlace
from tests.stack.daemon import Daemon
from tests.stack.ports import free_port

ROOT = Path(__file__).parents[2]
EMPTY = b"<rss version='2.0'><channel><title>Gazette</title></channel></rss>"


class QuietServer(polls.FeedServer):
    """Feeds without entries: what is measured is the polling."""

    whole = (
        f"HTTP/1.1 200 OK\r\nETag: {polls.ETAG}\r\nContent-Type: application/rss+xml; charset=utf-8\r\n"
        f"Content-Length: {len(EMPTY)}\r\n\r\n"
    ).encode() + EMPTY


def serve(port_to: Any) -> None:
    """The feeds' server, in a process of its own."""
    polls.FeedServer = QuietServer  # type: ignore[misc]
    polls.serve(port_to)


@dataclass(frozen=True, slots=True)
class Up:
    """A stack that is up."""

    folder: Path
    ports: Mapping[str, int]
    seconds: float

    @property
    def airflow(self) -> Airflow:
        """Its Airflow."""
        home = self.folder / "airflow" / "sqlite"
        return Airflow(AirflowPlace(home=home, logs=self.folder / "log", port=self.ports["airflow"]))

    @property
    def daemons(self) -> list[Daemon]:
        """Its programs."""
        return [Daemon(**one) for one in json.loads((self.folder / "stack.json").read_text())["daemons"]]

    def cpu_s(self) -> float:
        """Processor seconds so far, of all programs and of what they started."""
        return sum(spent_s(process) for one in self.daemons for process in one.processes())


def spent_s(process: psutil.Process) -> float:
    """A process's time and that of its children that are gone."""
    try:
        times = process.cpu_times()
    except psutil.Error:
        return 0.0
    return float(times.user + times.system + times.children_user + times.children_system)


@contextmanager
def stack(feeds: str, variables: Mapping[str, str]) -> Iterator[Up]:
    """`make up` in a folder of its own; `make down` whatever happens."""
    with tempfile.TemporaryDirectory(prefix="newswire-airflow-bench-") as name:
        ports = {port: free_port() for port in ("airflow", "kafka", "newsroom")}
        given = {key: value for key, value in os.environ.items() if not key.startswith(("AIRFLOW", "NEWSWIRE_"))}
        environment = {**given, "STACK_FOLDER": name, **variables}
        options = [word for port, number in ports.items() for word in (f"--{port}-port", str(number))]
        say = [sys.executable, "-m", "tests.stack"]
        began = time.monotonic()
        try:
            up = subprocess.run([*say, "up", "--feeds", feeds, *options], cwd=ROOT, env=environment, check=False)
            if up.returncode:
                raise SystemExit("the stack did not come up")
            yield Up(Path(name), ports, time.monotonic() - began)
        finally:
            began = time.monotonic()
            subprocess.run([*say, "down"], cwd=ROOT, env=environment, check=False, stdout=subprocess.DEVNULL)
            print(f"  down in {time.monotonic() - began:.0f} s")


def until(holds: Callable[[], Any], *, timeout_s: float = 600) -> Any:
    """What `holds` gives once it is true."""
    end = time.monotonic() + timeout_s
    while not (found := holds()):
        if time.monotonic() > end:
            raise TimeoutError("it took too long")
        time.sleep(0.25)
    return found


def ended(airflow: Airflow, run_id: str) -> dict[str, Any]:
    """A run when it is over; one that failed is no measurement."""

    def over() -> dict[str, Any] | None:
        run: dict[str, Any] = airflow.api("GET", f"/api/v2/dags/news_ingest/dagRuns/{run_id}")
        return run if run["state"] in ("success", "failed") else None

    run = dict(until(over))
    if run["state"] != "success":
        raise SystemExit(f"run {run_id} failed: {run['note'] or 'see the log of its tasks'}")
    return run


def first_run(airflow: Airflow) -> dict[str, Any]:
    """The run that the schedule began."""
    runs = until(lambda: airflow.api("GET", "/api/v2/dags/news_ingest/dagRuns")["dag_runs"])
    return dict(runs[-1])


def measure_newsroom() -> None:
    """Seconds to the first message, and memory."""
    print("the sample newsroom, by `make up FEEDS=newsroom`")
    with stack("newsroom", {"NEWSWIRE_EVERY_MINUTES": "15"}) as up:
        consumer = consumer_of(up, offset="earliest")
        message = until(lambda: consumer.poll(0.1))
        got = datetime.fromtimestamp(message.timestamp()[1] / 1000).astimezone()
        consumer.close()
        run = first_run(up.airflow)
        queued = datetime.fromisoformat(run["queued_at"])
        print(f"  {up.seconds:6.1f} s from nothing to healthy")
        print(f"  {(got - queued).total_seconds():6.1f} s from schedule to the first message on the topic")
        ended(up.airflow, run["dag_run_id"])
        print(f"  {from_trigger(up):6.1f} s from a trigger to its first message, all being up")
        tell_memory(up)


def from_trigger(up: Up) -> float:
    """Seconds from a triggered run to the first message of it: the newsroom has moved on."""
    with urlopen(f"http://127.0.0.1:{up.ports['newsroom']}/-/act/2", data=b"", timeout=10):
        consumer = consumer_of(up, offset="latest")
    until(lambda: consumer.poll(0.1) is not None or consumer.assignment())
    began = time.time()
    run_id = trigger(up)
    message = until(lambda: consumer.poll(0.05))
    consumer.close()
    ended(up.airflow, run_id)
    return float(message.timestamp()[1] / 1000 - began)


def trigger(up: Up) -> str:
    """A run that polls whatever is due or not; its id."""
    body = {"logical_date": None, "conf": {"force": True, "shards": 4}}
    return str(up.airflow.api("POST", "/api/v2/dags/news_ingest/dagRuns", body)["dag_run_id"])


def consumer_of(up: Up, *, offset: str) -> Consumer:
    """A reader of the articles that sees what is committed."""
    consumer = Consumer(
        {
            "bootstrap.servers": f"127.0.0.1:{up.ports['kafka']}",
            "group.id": f"benchmark-{offset}",
            "auto.offset.reset": offset,
            "isolation.level": "read_committed",
        }
    )
    consumer.subscribe(["news.articles"])
    return consumer


def tell_memory(up: Up) -> None:
    """Memory of every program, shared pages by its share of them."""
    whole = 0.0
    for one in up.daemons:
        mb = sum(process.memory_full_info().pss for process in one.processes()) / 1e6
        whole += mb
        print(f"  {mb:6.0f} MB  {one.name} ({len(one.processes())} processes)")
    print(f"  {whole:6.0f} MB  the whole stack")


def measure_nothing_new(choice: argparse.Namespace, port: int) -> None:
    """CPU seconds of a run in which every feed answers 304."""
    print(f"{choice.feeds} feeds on {choice.hosts} hosts, all 304")
    with tempfile.TemporaryDirectory() as folder:
        catalogue = Path(folder) / "feeds.toml"
        catalogue.write_text(catalogue_toml(choice.feeds, choice.hosts), encoding="utf-8")
        variables = {
            "NEWSWIRE_NEWSROOM": f"127.0.0.1:{port}",
            "NEWSWIRE_HOST_SPACING_S": "0.01",
            "NEWSWIRE_EVERY_MINUTES": "15",
        }
        alone = {**variables, "NEWSWIRE_HOME": folder, "NEWSWIRE_CATALOGUE": str(catalogue)}
        by_command = [poll_alone(alone) for _ in range(choice.runs + 1)][1:]
        print(f"  {min(by_command):6.1f} CPU s by `newswire poll` alone (of {shown(by_command)})")
        with stack(str(catalogue), variables) as up:
            ended(up.airflow, first_run(up.airflow)["dag_run_id"])
            by_airflow = [run_by_airflow(up) for _ in range(choice.runs)]
        print(f"  {min(by_airflow):6.1f} CPU s by a run of news_ingest, the whole stack (of {shown(by_airflow)})")


def shown(values: list[float]) -> str:
    """All values, for who wants to know how they scatter."""
    return ", ".join(f"{value:.1f}" for value in sorted(values))


def poll_alone(variables: Mapping[str, str]) -> float:
    """CPU seconds of a poll of all feeds at the command line, its start included."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    program = "from pipeline.cli.main import main; main(['poll', '--force'])"
    environment = {**os.environ, **variables}
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, env=environment, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def run_by_airflow(up: Up) -> float:
    """CPU seconds of a triggered run, less those of the idle stack."""
    idle_s = 15.0
    before = up.cpu_s()
    time.sleep(idle_s)
    idle = (up.cpu_s() - before) / idle_s
    began, before = time.monotonic(), up.cpu_s()
    run = ended(up.airflow, trigger(up))
    time.sleep(3)  # the last processes of the run end, and their time comes to their parents
    seconds, spent = time.monotonic() - began, up.cpu_s() - before
    print(f"    run {run['state']} in {seconds - 3:.0f} s, {spent:.1f} CPU s, idle would be {idle * seconds:.1f}")
    return spent - idle * seconds


def catalogue_toml(feeds: int, hosts: int) -> str:
    """Outlets with a host each, and the feeds shared out among them."""
    outlets = []
    for outlet in polls.made_outlets(feeds=feeds, hosts=hosts).values():
        outlets.append(
            f'[[outlet]]\nid = "{outlet.id}"\nname = "{outlet.name}"\nhomepage = "{outlet.homepage}"\ncountry = "FR"\n'
            'language = "fr"\ntimezone = "Europe/Paris"\n'
        )
        outlets += [
            f'[[outlet.feed]]\nname = "{feed.id.partition("/")[2]}"\nurl = "{feed.url}"\n' for feed in outlet.feeds
        ]
    return "\n".join(outlets)


def main() -> int:
    """Both parts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--feeds", type=int, default=1000)
    parser.add_argument("--hosts", type=int, default=200)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--skip-newsroom", action="store_true")
    choice = parser.parse_args()
    if not choice.skip_newsroom:
        measure_newsroom()
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    server = context.Process(target=serve, args=(there,), daemon=True)
    server.start()
    try:
        measure_nothing_new(choice, here.recv())
    finally:
        server.terminate()
        server.join()
    return 0


if __name__ == "__main__":
    sys.exit(main())
