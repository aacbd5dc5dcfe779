"""`make up FEEDS=newsroom` and `make down`, as a person runs them: from nothing to articles on Kafka, and back."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.error
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer

from tests.stack.airflow import Airflow, AirflowPlace
from tests.stack.daemon import Daemon
from tests.stack.ports import free_port

ROOT = Path(__file__).parents[2]
PORTS = ("airflow", "kafka", "newsroom")

pytestmark = pytest.mark.servers


@dataclass(frozen=True, slots=True)
class Desk:
    """The person at the terminal."""

    folder: Path
    ports: dict[str, int]

    def say(self, *words: str) -> subprocess.CompletedProcess[str]:
        variables = dict(os.environ) | {"STACK_FOLDER": str(self.folder)}
        for name in [name for name in variables if name.startswith("AIRFLOW")]:
            del variables[name]
        command = [sys.executable, "-m", "tests.stack", *words]
        return subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, check=False)

    def up(self) -> subprocess.CompletedProcess[str]:
        options = [word for name, port in self.ports.items() for word in (f"--{name}-port", str(port))]
        return self.say("up", "--feeds", "newsroom", *options)

    def daemons(self) -> list[Daemon]:
        return [Daemon(**one) for one in json.loads((self.folder / "stack.json").read_text())["daemons"]]

    @property
    def airflow(self) -> Airflow:
        home = self.folder / "airflow" / "sqlite"
        return Airflow(AirflowPlace(home=home, logs=self.folder / "log", port=self.ports["airflow"]))


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A stack that is up; whatever a test does, it is gone at the end."""
    desk = Desk(tmp_path_factory.mktemp("stack"), {name: free_port() for name in PORTS})
    done = desk.up()
    assert done.returncode == 0, done.stdout + done.stderr
    yield desk
    desk.say("down")


def test_articles_arrive_on_the_topic_by_themselves(desk: Desk) -> None:
    consumer = Consumer(
        {
            "bootstrap.servers": f"127.0.0.1:{desk.ports['kafka']}",
            "group.id": "test",
            "auto.offset.reset": "earliest",
            "isolation.level": "read_committed",
        }
    )
    consumer.subscribe(["news.articles"])
    first = consumer.poll(300)
    consumer.close()
    assert first is not None
    assert first.error() is None
    assert json.loads(first.value())["text"]


def test_the_run_ends_green(desk: Desk) -> None:
    assert wait_for_run(desk)["state"] == "success"


def test_starting_twice_is_harmless(desk: Desk) -> None:
    before = desk.daemons()
    done = desk.up()
    assert done.returncode == 0
    assert done.stdout.startswith("already up")
    assert desk.daemons() == before


def test_status_is_fine(desk: Desk) -> None:
    assert desk.say("status").returncode == 0


def test_a_viewer_sees_the_runs_and_starts_none(desk: Desk) -> None:
    assert desk.airflow.api("GET", "/api/v2/dags/news_ingest", user="viewer")["dag_id"] == "news_ingest"
    with pytest.raises(urllib.error.HTTPError) as refused:
        desk.airflow.api("POST", "/api/v2/dags/news_ingest/dagRuns", {"logical_date": None}, user="viewer")
    assert refused.value.code == 403
    refused.value.close()


def test_stopping_leaves_no_process_and_loses_nothing(desk: Desk) -> None:
    daemons = desk.daemons()
    done = desk.say("down")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "killed" not in done.stdout, done.stdout
    assert [one.name for one in daemons if one.processes()] == []
    kept = desk.folder / "stack" / "newsroom"
    assert (kept / "newswire" / "newswire.db").exists()
    assert list((kept / "kafka" / "logs").glob("news.articles-*"))


def wait_for_run(desk: Desk) -> Any:
    """The first run of news_ingest, when it has ended."""
    until = time.monotonic() + 300
    while time.monotonic() < until:
        runs = desk.airflow.api("GET", "/api/v2/dags/news_ingest/dagRuns")["dag_runs"]
        if runs and runs[0]["state"] in ("success", "failed"):
            return runs[0]
        time.sleep(1)
    raise AssertionError("no run of news_ingest ended")
