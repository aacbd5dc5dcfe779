"""`make scale`: docker-compose.yml's topology run natively, with two Celery workers on one store and broker.

    python -m tests.scale [--spacing 0.5] [--keep]

Two acts of the sample newsroom go through Airflow's scheduler, Redis and both workers. In the second act a worker is
killed in the middle of its shard and started again. Then it checks:
- the topics, read in `read_committed`, match the ledger, and the outbox matches the topics;
- all workers together keep each host's rate limit;
- both workers and several lanes did work.
Prints seconds from schedule to first message, CPU and memory. Exit 1 when one check fails.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import threading
import time
import urllib.request
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError

import psutil
from confluent_kafka import Consumer
from sqlalchemy import func, select

from connectors.store.schema import entries
from pipeline.app.runs import Newswire
from pipeline.domain.model import Topic
from pipeline.domain.settings import Settings
from tests.newsroom import Newsroom
from tests.newsroom.catalogue import OUTLETS
from tests.newsroom.ledger import make_ledger
from tests.on_topic import differences
from tests.stack.celery import CeleryStack

WORKERS = ("worker-1", "worker-2")
SIDE_FILES = ("/robots.txt", "/.well-known/tdmrep.json")  # asked beside the page that waits for them, not in turn


class TimedNewsroom(Newsroom):
    """The sample newsroom, which remembers when it was asked."""

    def __init__(self) -> None:
        super().__init__(slow_s=0.05)
        self.asked: defaultdict[str, list[float]] = defaultdict(list)

    def note(self, host: str, path: str, status: int) -> None:
        """Remember a request, and when it came."""
        super().note(host, path, status)
        if path not in SIDE_FILES and status not in (301, 302, 303, 307, 308):
            self.asked[host].append(time.monotonic())


@dataclass(slots=True)
class Findings:
    """What is to be told at the end."""

    began: float = field(default_factory=time.monotonic)
    faults: list[str] = field(default_factory=list)

    def say(self, words: str) -> None:
        """A line of progress."""
        print(f"{time.monotonic() - self.began:6.1f} s  {words}", flush=True)

    def check(self, holds: bool, words: str) -> None:
        """A line that must hold."""
        self.say(("✓ " if holds else "✗ ") + words)
        if not holds:
            self.faults.append(words)


@dataclass(slots=True)
class Airflow:
    """The stack's Airflow by its API, as its admin."""

    stack: CeleryStack
    token: str = ""

    def call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """A call of the REST API."""
        if not self.token:
            login = {"username": "admin", "password": self.stack.secrets["AIRFLOW_ADMIN_PASSWORD"]}
            self.token = self.send("POST", "/auth/token", login)["access_token"]
        return self.send(method, path, body)

    def send(self, method: str, path: str, body: Mapping[str, Any] | None) -> Any:
        """One request."""
        headers = {"Content-Type": "application/json"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        sent = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(self.stack.url + path, data=sent, headers=headers, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def runs(self) -> list[dict[str, Any]]:
        """The runs of news_ingest, the newest first."""
        try:
            found = self.call("GET", "/api/v2/dags/news_ingest/dagRuns?order_by=-run_after&limit=5")["dag_runs"]
        except (HTTPError, URLError, TimeoutError):
            return []
        return list(found)

    def tasks(self, run_id: str) -> list[dict[str, Any]]:
        """A run's task instances."""
        path = f"/api/v2/dags/news_ingest/dagRuns/{run_id}/taskInstances?limit=100"
        return list(self.call("GET", path)["task_instances"])

    def trigger(self) -> str:
        """A run of news_ingest that polls whatever is due or not; its id."""
        body = {"logical_date": None, "conf": {"force": True, "shards": 4}}
        return str(self.call("POST", "/api/v2/dags/news_ingest/dagRuns", body)["dag_run_id"])

    def run(self, run_id: str) -> dict[str, Any]:
        """A run."""
        return dict(self.call("GET", f"/api/v2/dags/news_ingest/dagRuns/{run_id}"))


def until(what: str, holds: Callable[[], Any], *, timeout_s: float) -> Any:
    """What `holds` gives once it is true. Raises TimeoutError."""
    end = time.monotonic() + timeout_s
    while not (found := holds()):
        if time.monotonic() > end:
            raise TimeoutError(f"{what}: not within {timeout_s:.0f} s")
        time.sleep(0.25)
    return found


def first_message(bootstrap: str, found: list[datetime]) -> threading.Thread:
    """Wait in a thread for the first article that a consumer in read_committed gets; when it was got."""

    def wait() -> None:
        options = {"bootstrap.servers": bootstrap, "group.id": "scale", "auto.offset.reset": "earliest"}
        consumer = Consumer({**options, "isolation.level": "read_committed"})
        consumer.subscribe(["news.articles"])
        end = time.monotonic() + 600
        while not found and time.monotonic() < end:
            message = consumer.poll(0.2)
            if message is not None and message.error() is None:
                found.append(datetime.now().astimezone())
        consumer.close()

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    return thread


def deployment(stack: CeleryStack) -> Newswire:
    """The deployment as its workers see it."""
    variables = stack.variables("worker")
    return Newswire(
        Settings(
            home=Path(variables["NEWSWIRE_HOME"]),
            catalogue=Path(variables["NEWSWIRE_CATALOGUE"]),
            database_url=variables["NEWSWIRE_DATABASE_URL"],
            deployment=variables["NEWSWIRE_DEPLOYMENT"],
        ).updated(kafka={"bootstrap": variables["NEWSWIRE_KAFKA_BOOTSTRAP"]})
    )


def first_act(stack: CeleryStack, airflow: Airflow, findings: Findings) -> None:
    """The schedule's own first run: how long from schedule to message, and who did it."""
    got: list[datetime] = []
    waiting = first_message(stack.bootstrap, got)
    airflow.call("PATCH", "/api/v2/dags/news_ingest", {"is_paused": False})
    run: dict[str, Any] = until("a run by schedule", airflow.runs, timeout_s=180)[-1]
    findings.say(f"run {run['dag_run_id']} is {run['state']}")
    waiting.join(timeout=600)
    queued = datetime.fromisoformat(run["queued_at"])
    findings.check(bool(got), "a message is on the topic")
    if got:
        findings.say(f"{(got[0] - queued).total_seconds():.1f} s from schedule to the first message")
    ended(airflow, run["dag_run_id"], findings)


def ended(airflow: Airflow, run_id: str, findings: Findings) -> dict[str, Any]:
    """A run when it has ended; it must be green."""
    run: dict[str, Any] = until("the run's end", lambda: over(airflow.run(run_id)), timeout_s=600)
    seconds = (datetime.fromisoformat(run["end_date"]) - datetime.fromisoformat(run["start_date"])).total_seconds()
    findings.check(run["state"] == "success", f"{run_id} is {run['state']} after {seconds:.0f} s")
    findings.say(f"its note: {(run['note'] or 'none').splitlines()[0]}")
    findings.check(bool(run["note"]), "the run has its report as a note")
    return run


def over(run: dict[str, Any]) -> dict[str, Any] | None:
    """The run, if it has ended."""
    return run if run["state"] in ("success", "failed") else None


def second_act(stack: CeleryStack, airflow: Airflow, newsroom: TimedNewsroom, findings: Findings) -> None:
    """A worker dies in the middle of its shard, and another takes its place."""
    newsroom.move_to(2)
    asked = sum(map(len, newsroom.asked.values()))
    run_id = airflow.trigger()

    def victim() -> str | None:
        shards = [task for task in airflow.tasks(run_id) if task["task_id"] == "ingest" and task["state"] == "running"]
        names = {str(task["hostname"]) for task in shards}
        busy = sum(map(len, newsroom.asked.values())) - asked > 40
        return WORKERS[1] if shards and names and busy else None

    dead = until("shards under way", victim, timeout_s=180)
    stack.kill(dead)
    findings.say(f"{dead} killed, {sum(map(len, newsroom.asked.values())) - asked} requests into the run")
    stack.start_worker(dead)
    stack.wait_until_healthy(dead, service="worker")
    findings.say(f"{dead} is back")
    ended(airflow, run_id, findings)
    tries = Counter(task["try_number"] for task in airflow.tasks(run_id) if task["task_id"] == "ingest")
    findings.check(max(tries) > 1, f"a shard was tried again (shards by tries: {dict(tries)})")
    settle_the_rest(stack, airflow, findings)


def settle_the_rest(stack: CeleryStack, airflow: Airflow, findings: Findings) -> None:
    """What was put off is settled by the next runs, as it is in any deployment."""
    with deployment(stack) as newswire:
        for _ in range(4):
            pending = newswire.articles.pending()
            if not pending:
                return
            findings.say(f"{pending} entries are put off: {reasons(newswire)}")
            time.sleep(15)
            ended(airflow, airflow.trigger(), findings)
        findings.check(newswire.articles.pending() == 0, "every entry has its verdict")


def reasons(newswire: Newswire) -> dict[str, int]:
    """Why entries wait."""
    query = select(entries.c.reason, func.count()).where(entries.c.state == "pending").group_by(entries.c.reason)
    with newswire.database.reading() as connection:
        return {str(reason): number for reason, number in connection.execute(query)}


def check_topics(stack: CeleryStack, findings: Findings) -> None:
    """Ledger, outbox and lanes."""
    ledger = make_ledger(2, OUTLETS)
    with deployment(stack) as newswire:
        found = differences(ledger, newswire.topics.read(Topic.ARTICLES), newswire.topics.read(Topic.COPIES))
        agreed = newswire.verify_delivery()
        lanes = Counter(row.lane for row in newswire.outbox.rows(Topic.ARTICLES))
        undelivered = newswire.outbox.undelivered()
    for difference in (*found, *agreed):
        print(f"        {difference}")
    findings.check(not found, f"ledger beside topics: {len(ledger.messages)} messages due, {len(found)} lines differ")
    findings.check(not agreed and undelivered == 0, "outbox and topics agree, nothing waits")
    findings.check(len(lanes) >= 6, f"articles by lane: {dict(sorted(lanes.items()))}")


def check_politeness(newsroom: TimedNewsroom, spacing_s: float, findings: Findings) -> None:
    """All workers together ask no host more often than its spacing: over ten requests, the newsroom's clock jitters."""
    worst = 99.0
    for times in newsroom.asked.values():
        for first, tenth in zip(times, times[10:], strict=False):
            worst = min(worst, (tenth - first) / 10)
    findings.check(worst >= spacing_s * 0.9, f"mean spacing of any ten requests to a host ≥ {worst:.2f} s")


def check_workers(airflow: Airflow, stack: CeleryStack, findings: Findings) -> None:
    """Who did what, by the workers' own logs: on one machine Airflow knows them by the same host name."""
    done = {name: Path(stack.daemons[name].log).read_text("utf-8").count("succeeded in") for name in WORKERS}
    findings.check(all(done.values()), f"tasks done by worker: {done}")


def tell_costs(stack: CeleryStack, findings: Findings) -> None:
    """Memory and processor time of every service."""
    whole_mb = 0.0
    for name, one in stack.daemons.items():
        processes = one.processes()
        mb = sum(pss_mb(process) for process in processes)
        cpu = sum(process.cpu_times().user + process.cpu_times().system for process in processes)
        whole_mb += mb
        findings.say(f"{name:<14} {mb:6.0f} MB  {cpu:6.1f} CPU s  {len(processes)} processes")
    findings.say(f"{'all of it':<14} {whole_mb:6.0f} MB")


def pss_mb(process: psutil.Process) -> float:
    """Memory of a process, shared pages by its share of them."""
    try:
        return float(process.memory_full_info().pss) / 1e6
    except psutil.Error:
        return 0.0


def main() -> int:
    """Up, two acts, checks, down."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--spacing", type=float, default=0.5, help="seconds between two requests to a host")
    parser.add_argument("--keep", action="store_true", help="keep the folder with the logs")
    choice = parser.parse_args()
    folder, findings = Path(tempfile.mkdtemp(prefix="newswire-scale-")), Findings()
    folder.chmod(0o755)
    with TimedNewsroom() as newsroom:
        given = {"NEWSWIRE_NEWSROOM": newsroom.address, "NEWSWIRE_CATALOGUE": "/var/lib/newswire/newsroom.toml"}
        extra = {
            "NEWSWIRE_HOST_SPACING_S": str(choice.spacing),
            "NEWSWIRE_CONTACT": "newsroom@example.org",
            "NEWSWIRE_RETRY_S": "5",
            "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "True",  # until all of it is up
        }
        stack = CeleryStack(folder, given | {"NEWSWIRE_EVERY_MINUTES": "15"}, extra)
        (folder / "newswire").mkdir()
        (folder / "newswire" / "newsroom.toml").write_text(newsroom.catalogue_toml(), encoding="utf-8")
        try:
            act(stack, newsroom, choice.spacing, findings)
        except Exception as error:  # the outermost border: report the error, then stop everything
            findings.check(False, f"{type(error).__name__}: {error}")
        finally:
            left = stack.down()
        findings.check(not left, f"stopped, {len(left)} processes left")
    if findings.faults or choice.keep:
        print(f"logs are in {folder}")
    else:
        shutil.rmtree(folder, ignore_errors=True)
    print("all of it holds" if not findings.faults else f"{len(findings.faults)} do not hold")
    return 1 if findings.faults else 0


def act(stack: CeleryStack, newsroom: TimedNewsroom, spacing_s: float, findings: Findings) -> None:
    """The whole of it, on a stack to be started."""
    stack.up(WORKERS)
    findings.say(
        "up: PostgreSQL, Redis, Kafka, api-server, scheduler, dag-processor, triggerer, two workers are healthy"
    )
    airflow = Airflow(stack)
    first_act(stack, airflow, findings)
    second_act(stack, airflow, newsroom, findings)
    check_topics(stack, findings)
    check_politeness(newsroom, spacing_s, findings)
    check_workers(airflow, stack, findings)
    tell_costs(stack, findings)


if __name__ == "__main__":
    os.environ.pop("AIRFLOW_HOME", None)
    sys.exit(main())
