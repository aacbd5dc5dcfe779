"""The local stack stops every process that it starts, and listens on loopback only."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

import psutil
import pytest

from tests.stack import airflow, daemon, state
from tests.stack.airflow import AirflowPlace
from tests.stack.daemon import Daemon
from tests.stack.state import Plan, State

# A program with a child; the first line says that both are there.
PARENT = "import os, time; pid = os.fork(); print('there', flush=True) if pid else None; time.sleep(600)"
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('there', flush=True); time.sleep(600)"
)
# A scheduler that ends when its worker has gone through three tasks, each with a process of its own, that last long.
BUSY_SCHEDULER = """
import os, signal, subprocess, sys
signal.signal(signal.SIGTERM, lambda *_: None)
last = "import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']).wait()"
if not os.fork():
    for _ in range(3):
        task = subprocess.Popen([sys.executable, "-c", last])
        print("there", flush=True)
        task.wait()
    os._exit(0)
os.wait()
"""
# A scheduler that waits for a worker that received no signal.
FORGETFUL_SCHEDULER = """
import signal, subprocess, sys
signal.signal(signal.SIGTERM, lambda *_: None)
title = "airflow worker -- LocalExecutor: <idle>"
worker = subprocess.Popen([title, "-c", "import time; time.sleep(600)"], executable=sys.executable)
print("there", flush=True)
worker.wait()
"""


def started(program: str, tmp_path: Path, name: str = "one") -> Daemon:
    one = daemon.start(
        name, [sys.executable, "-uc", program], log=tmp_path / "log" / "one.log", variables=os.environ, folder=tmp_path
    )
    while "there" not in Path(one.log).read_text():
        assert one.is_running
        psutil.wait_procs([], timeout=0.01)
    return one


def test_a_stopped_daemon_leaves_no_child_behind(tmp_path: Path) -> None:
    one = started(PARENT, tmp_path)
    assert len(one.processes()) == 2
    one.stop(grace_s=1)
    assert not one.is_running
    assert one.processes() == []


def test_a_daemon_that_does_not_listen_is_killed_and_said_to_be(tmp_path: Path) -> None:
    one = started(STUBBORN, tmp_path)
    assert one.stop(grace_s=0.2) is False
    assert one.processes() == []


@pytest.mark.parametrize("program", [BUSY_SCHEDULER, FORGETFUL_SCHEDULER], ids=["busy", "forgetful"])
def test_a_scheduler_is_not_killed_for_what_its_workers_do(program: str, tmp_path: Path) -> None:
    one = started(program, tmp_path, "airflow scheduler")
    assert airflow.stop((one,), patience_s=0) == ()
    assert one.processes() == []


def test_a_recycled_process_id_is_not_taken_for_the_daemon(tmp_path: Path) -> None:
    me = psutil.Process()
    other = Daemon(name="other", pid=me.pid, created=me.create_time() - 100, log="")
    assert not other.is_running
    other.ask_to_stop()


def test_a_log_is_for_its_owner_alone(tmp_path: Path) -> None:
    one = started(PARENT, tmp_path)
    one.stop(grace_s=1)
    assert stat.S_IMODE(Path(one.log).stat().st_mode) == 0o600


def test_passwords_are_made_once_and_for_the_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "passwords.json"
    made = airflow.keep_passwords(path)
    assert airflow.keep_passwords(path) == made
    assert set(made) == {"admin", "viewer"}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_airflow_listens_on_loopback_and_starts_no_log_server(tmp_path: Path) -> None:
    variables = AirflowPlace(home=tmp_path, logs=tmp_path, port=8081).variables()
    assert variables["AIRFLOW__API__HOST"] == "127.0.0.1"
    assert variables["AIRFLOW__API__BASE_URL"] == "http://127.0.0.1:8081"
    assert "--skip-serve-logs" in airflow.COMPONENTS["scheduler"]
    assert "--skip-serve-logs" in airflow.COMPONENTS["triggerer"]


def test_what_an_airflow_or_a_newswire_of_the_caller_is_set_to_stays_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", "CeleryExecutor")
    monkeypatch.setenv("NEWSWIRE_CRASH_AT", "collect")
    variables = AirflowPlace(home=tmp_path, logs=tmp_path, port=8081).variables()
    assert variables["AIRFLOW__CORE__EXECUTOR"] == "LocalExecutor"
    assert "NEWSWIRE_CRASH_AT" not in variables


def test_sample_and_live_articles_share_neither_store_nor_topic() -> None:
    assert Plan(feeds="newsroom").folder != Plan(feeds="live").folder
    assert Plan(feeds="newsroom").variables()["NEWSWIRE_HOME"] != Plan(feeds="live").variables()["NEWSWIRE_HOME"]


@pytest.mark.parametrize("plan", [Plan(), Plan(feeds="newsroom", store="postgres")], ids=["live", "newsroom"])
def test_the_settings_of_a_stack_are_settings_that_exist(plan: Plan) -> None:
    from pipeline.domain import settings

    assert settings.load(plan.variables()).kafka.bootstrap == "127.0.0.1:9092"


def test_what_was_started_is_found_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state, "STATE", tmp_path / "stack.json")
    one = Daemon(name="kafka", pid=1, created=2.5, log="x")
    State(plan=Plan(feeds="newsroom")).add(one)
    found = State.load()
    assert found.daemons == [one]
    assert found.plan == Plan(feeds="newsroom")
