"""Airflow on this machine: its four components as daemons, a login of its own, nothing open beyond loopback.

Measured with Airflow 3.3.2. The components are started one by one, not by `airflow standalone`. That command opens two
log servers on every network interface, takes 350 MB more, and leaves orphan processes after SIGTERM.
"""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any

import psutil

from tests.stack import daemon
from tests.stack.daemon import Daemon

ROOT = Path(__file__).parents[2]
USERS = {"admin": "admin", "viewer": "viewer"}  # name: role
SIMPLE_LOGIN = "airflow.api_fastapi.auth.managers.simple.simple_auth_manager.SimpleAuthManager"
_IDLE = "<idle>"  # in the title of a worker that waits for a task
HEALTHY = ("metadatabase", "scheduler", "dag_processor", "triggerer")
# Local log files are read straight from disk, so the log servers are not needed (they would listen on all interfaces).
COMPONENTS: dict[str, tuple[str, ...]] = {
    "api-server": (),
    "scheduler": ("--skip-serve-logs",),
    "dag-processor": (),
    "triggerer": ("--skip-serve-logs",),
}


class StackError(Exception):
    """Something of the stack did not come up; the message says what to look at."""


@dataclass(frozen=True, slots=True)
class AirflowPlace:
    """Where an Airflow lives and how it is set: all of it goes into its environment, nothing into airflow.cfg."""

    home: Path
    logs: Path
    port: int
    database_url: str = ""  # empty: SQLite in `home`
    dags: Path = ROOT / "dags"
    parallelism: int = 4  # LocalExecutor forks them all at start; two per core
    newswire: Mapping[str, str] = field(default_factory=dict)  # NEWSWIRE_* for the tasks

    @property
    def url(self) -> str:
        """Where the UI and the API are."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def passwords_file(self) -> Path:
        """Names and passwords of the login, plain as SimpleAuthManager wants them; 0600."""
        return self.home / "passwords.json"

    def variables(self) -> dict[str, str]:
        """The environment of every component."""
        # SQLite's five seconds are too few on a busy machine: the API answers 500, and a task's end comes too late.
        database = self.database_url or f"sqlite:///{self.home / 'airflow.db'}?timeout=60"
        given = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "NEWSWIRE_"))}
        return {
            **given,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
            "PYTHONUNBUFFERED": "1",
            "AIRFLOW_HOME": str(self.home),
            "AIRFLOW__API__BASE_URL": self.url,
            "AIRFLOW__API__HOST": "127.0.0.1",  # the default is every interface
            "AIRFLOW__API__PORT": str(self.port),
            "AIRFLOW__CORE__AUTH_MANAGER": SIMPLE_LOGIN,
            "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
            "AIRFLOW__CORE__DAGS_FOLDER": str(self.dags),
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{self.url}/execution/",
            "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__PARALLELISM": str(self.parallelism),
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(self.passwords_file),
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": ",".join(f"{name}:{role}" for name, role in USERS.items()),
            "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "10",  # 300 by default: too long to wait for a new DAG file
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": database,
            **async_url(database),
            # 5 by default, and a slot stays blocked so long after a short task: with 1, 2.5 times the tasks per second.
            "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
            # 90 by default: for an API on the same machine that only delays the stop, and the next task of the slot.
            "AIRFLOW__WORKERS__EXECUTION_API_RETRY_WAIT_MAX": "5",
            **self.newswire,
        }


def async_url(database: str) -> dict[str, str]:
    """psycopg 3 serves Airflow's synchronous and asynchronous sessions alike; left to itself it looks for asyncpg."""
    if not database.startswith("postgresql"):
        return {}
    return {"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC": database}


@dataclass(frozen=True, slots=True)
class Airflow:
    """An Airflow at its place. Holds no state but the daemons it started: `stop` works from another process too."""

    place: AirflowPlace

    def prepare(self) -> dict[str, str]:
        """Make the login, bring Airflow's own database to this version; the passwords by user name."""
        self.place.home.mkdir(parents=True, exist_ok=True)
        passwords = keep_passwords(self.place.passwords_file)
        self.say("db", "migrate")
        return passwords

    def say(self, *words: str) -> None:
        """A command of Airflow's. Raises StackError with the end of what it said."""
        done = subprocess.run(
            ["airflow", *words],
            env=self.place.variables(),
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            said = "\n".join((done.stdout + done.stderr).splitlines()[-15:])
            raise StackError(f"airflow {' '.join(words)} failed:\n{said}")

    def start(self) -> tuple[Daemon, ...]:
        """Start the components; they are ready when `wait_until_ready` returns."""
        return tuple(
            daemon.start(
                f"airflow {name}",
                ["airflow", name, *options],
                log=self.place.logs / f"airflow-{name}.log",
                variables=self.place.variables(),
                folder=ROOT,
            )
            for name, options in COMPONENTS.items()
        )

    def wait_until_ready(self, components: tuple[Daemon, ...], *, timeout_s: float = 180) -> None:
        """Until every component says it is healthy, and the pools are there. Raises StackError with the log's end."""
        end = time.monotonic() + timeout_s
        while not self.is_ready():
            for component in components:
                if not component.is_running:
                    raise StackError(f"{component.name} ended; its log {component.log} says:\n{component.last_words()}")
            if time.monotonic() > end:
                raise StackError(f"after {timeout_s:.0f} s Airflow says {self.health()}; see {self.place.logs}")
            time.sleep(0.5)
        self.make_pools()

    def make_pools(self) -> None:
        """The pools of the DAGs, where they are not there yet: by the API, a command would take seconds to start."""
        pools = json.loads((self.place.dags / "pools.json").read_text())
        there = {pool["name"] for pool in self.api("GET", "/api/v2/pools")["pools"]}
        for name in pools.keys() - there:
            self.api("POST", "/api/v2/pools", {"name": name, **pools[name]})

    def unpause(self, dag_id: str) -> None:
        """Let a DAG run, as soon as its file is read."""
        while True:
            try:
                self.api("PATCH", f"/api/v2/dags/{dag_id}", {"is_paused": False})
                return
            except urllib.error.HTTPError as error:
                if error.code != HTTPStatus.NOT_FOUND:
                    raise
            time.sleep(0.5)

    def health(self) -> dict[str, str]:
        """The health that each component reports; empty while the API does not answer."""
        try:
            with urllib.request.urlopen(f"{self.place.url}/api/v2/monitor/health", timeout=5) as response:
                answer: dict[str, dict[str, Any]] = json.load(response)
        except (OSError, ValueError):
            return {}
        return {name: str(state["status"]) for name, state in answer.items() if name in HEALTHY}

    def is_ready(self) -> bool:
        """Whether all components are healthy."""
        health = self.health()
        return all(health.get(name) == "healthy" for name in HEALTHY)

    def api(self, method: str, path: str, body: Mapping[str, Any] | None = None, *, user: str = "admin") -> Any:
        """A call of Airflow's REST API as this user; raises urllib's HTTPError."""
        token = self._call("POST", "/auth/token", {"username": user, "password": self.passwords()[user]})[
            "access_token"
        ]
        return self._call(method, path, body, token=token)

    def passwords(self) -> dict[str, str]:
        """The login's passwords by user name."""
        passwords: dict[str, str] = json.loads(self.place.passwords_file.read_text())
        return passwords

    def _call(self, method: str, path: str, body: Mapping[str, Any] | None, *, token: str | None = None) -> Any:
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
        sent = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(self.place.url + path, data=sent, headers=headers, method=method)
        for wait_s in (1, 2, 4, None):
            try:
                with urllib.request.urlopen(request, timeout=120) as response:
                    return json.load(response)
            except urllib.error.HTTPError as error:
                # SQLite refuses at once, whatever its timeout, a transaction that read before it wants to write.
                if error.code != HTTPStatus.INTERNAL_SERVER_ERROR or wait_s is None:
                    raise
            time.sleep(wait_s)
        raise AssertionError("unreachable: the last try returns or raises")


def stop(components: tuple[Daemon, ...], *, patience_s: float = 10, grace_s: float = 60) -> tuple[str, ...]:
    """Stop all components, the api-server last: the others report to it how the tasks they end have ended.

    The scheduler waits for the tasks under way as long as they take; past our patience they are killed (SIGTERM ends no
    task) and left to be tried again: an ingest goes on where it was. The names of those that had to be killed.
    """
    api_server = tuple(one for one in components if one.name.endswith("api-server"))
    others = tuple(one for one in components if one not in api_server)
    for one in others:
        one.ask_to_stop()
    _wait_for(others, patience_s)
    end = time.monotonic() + grace_s
    while _wait_for(others, 0) and time.monotonic() < end:
        for one in others:
            end_workers(one)  # once is not enough: a worker that loses its task takes the next one that waits
        _wait_for(others, 0.5)
    return tuple(one.name for one in (*others, *api_server) if not one.stop(grace_s=grace_s))


def _wait_for(components: tuple[Daemon, ...], timeout_s: float) -> bool:
    """Whether some process of theirs is still there after so long."""
    _gone, alive = psutil.wait_procs([process for one in components for process in one.processes()], timeout=timeout_s)
    return bool(alive)


def end_workers(component: Daemon) -> None:
    """End what a scheduler waits for: the tasks of its executor's workers, which report that, and workers that idle.

    LocalExecutor says farewell to each worker that it finds alive, but one takes another's and is gone before its turn:
    then the last ones hear nothing, and the scheduler waits for them for ever (`end` in Airflow 3.3.2).
    """
    if not component.name.endswith("scheduler") or not component.is_running:
        return
    with suppress(psutil.NoSuchProcess):  # it stops by itself meanwhile
        for worker in psutil.Process(component.pid).children():
            is_idle = _IDLE in " ".join(worker.cmdline())
            for process in [worker] if is_idle else worker.children(recursive=True):
                process.kill()


def keep_passwords(path: Path) -> dict[str, str]:
    """The passwords kept in this file; made, and readable by the owner alone, when it is not there."""
    if not path.exists():
        passwords = {user: secrets.token_urlsafe(12) for user in USERS}
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump(passwords, file)
    kept: dict[str, str] = json.loads(path.read_text())
    return kept
