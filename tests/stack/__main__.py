"""`python -m tests.stack up|down|status`: Kafka, store, sample newsroom and Airflow on this machine, on loopback.

`make up`, `make down` and `make status` call it. Starting twice is harmless; stopping leaves no process, loses nothing.
"""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from tests.stack import airflow, daemon
from tests.stack.airflow import Airflow, AirflowPlace, StackError
from tests.stack.kafka import MissingTool, fetch_jars, start_broker
from tests.stack.ports import NotReady, is_listening, wait_for_port
from tests.stack.postgres import Postgres, binaries, run_sql, start_postgres
from tests.stack.state import ROOT, STATE, VAR, Plan, State

PROGRAMS = Path(sys.executable).parent
VARIABLES_FILE = VAR / "stack.env"
OPTIONS = ("feeds", "store", "airflow_port", "kafka_port", "postgres_port", "newsroom_port")


@dataclass(slots=True)
class Stack:
    """The servers of a plan, and how they are started and stopped."""

    state: State
    began: float = field(default_factory=time.monotonic)

    @property
    def plan(self) -> Plan:
        """What is to run."""
        return self.state.plan

    @property
    def airflow(self) -> Airflow:
        """The plan's Airflow."""
        given = {name: value for name, value in os.environ.items() if name.startswith("NEWSWIRE_")}
        return Airflow(
            AirflowPlace(
                home=VAR / "airflow" / self.plan.store,
                logs=VAR / "log",
                port=self.plan.airflow_port,
                database_url=self.plan.airflow_database_url,
                newswire=given | self.plan.variables(),
            )
        )

    @property
    def is_up(self) -> bool:
        """Whether every program is there and Airflow is well."""
        state = self.state
        return bool(state.daemons) and len(state.running) == len(state.daemons) and self.airflow.is_ready()

    def say(self, sentence: str) -> None:
        """A line of progress."""
        print(f"{time.monotonic() - self.began:6.1f} s  {sentence}", flush=True)

    def up(self) -> None:
        """Start everything in order, after a look at what is missing; what can go side by side does."""
        self.check_ports()
        fetch_jars()
        if self.plan.store == "postgres":
            binaries()
        self.plan.folder.mkdir(parents=True, exist_ok=True)
        self.state.save()
        if self.plan.store == "postgres":
            self.start_postgres()
        with ThreadPoolExecutor() as side_by_side:
            preparing = side_by_side.submit(self.timed, "Airflow's database and login", self.airflow.prepare)
            if self.plan.feeds == "newsroom":
                self.start_newsroom()
            self.start_kafka()
            self.newswire("db", "upgrade")
            self.newswire("topics", "create")
            self.say("store and topics")
            preparing.result()
        components = self.airflow.start()
        self.state.add(*components)
        self.airflow.wait_until_ready(components)
        self.say("Airflow: api-server, scheduler, dag-processor, triggerer")

    def timed(self, what: str, call: Callable[[], object]) -> None:
        """Call, then say that it is done."""
        call()
        self.say(what)

    def check_ports(self) -> None:
        """Raises StackError naming every port that is taken."""
        taken = [
            f"{port} (choose another with {option})" for option, port in self.plan.ports.items() if is_listening(port)
        ]
        if taken:
            raise StackError("another program listens on port " + ", ".join(taken))

    def start_kafka(self) -> None:
        """The broker; its jars come by Maven the first time."""
        broker = start_broker(self.plan.folder / "kafka", port=self.plan.kafka_port)
        self.state.add(broker.daemon)
        self.say(f"Kafka on {broker.bootstrap}")

    def start_postgres(self) -> None:
        """The server, with a database for the store and one for Airflow."""
        server = start_postgres(self.plan.folder / "postgres", port=self.plan.postgres_port)
        self.state.add(server.daemon)
        for name in ("newswire", "airflow"):
            keep_database(server, name)
        self.say(f"PostgreSQL on 127.0.0.1:{server.port}")

    def start_newsroom(self) -> None:
        """The sample outlets, and their catalogue as a file."""
        port = self.plan.newsroom_port
        newsroom = daemon.start(
            "newsroom",
            [sys.executable, "-m", "tests.newsroom", "--port", str(port), "--quiet"],
            log=VAR / "log" / "newsroom.log",
            variables=os.environ,
            folder=ROOT,
        )
        self.state.add(newsroom)
        wait_for_port(port, daemon=newsroom, timeout_s=30)
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/-/catalogue", timeout=10) as answer:
            Path(self.plan.variables()["NEWSWIRE_CATALOGUE"]).write_bytes(answer.read())
        self.say(f"sample newsroom on 127.0.0.1:{port}")

    def newswire(self, *words: str) -> None:
        """Run a command of our own with the stack's settings. Raises StackError with what it said."""
        variables = self.airflow.place.variables()
        done = subprocess.run(
            [PROGRAMS / "newswire", *words], cwd=ROOT, env=variables, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise StackError(f"newswire {' '.join(words)} failed:\n{(done.stdout + done.stderr).strip()[-2000:]}")

    def down(self) -> list[str]:
        """Stop everything, Airflow first, the servers it needs last; what had to be killed. Nothing is deleted."""
        components = tuple(one for one in self.state.daemons if one.name.startswith("airflow "))
        servers = [one for one in reversed(self.state.daemons) if one not in components]
        killed = [*airflow.stop(components), *(one.name for one in servers if not one.stop(grace_s=30))]
        left = [f"{one.name} ({one.pid})" for one in self.state.daemons if one.processes()]
        if left:
            raise StackError(f"still there after SIGKILL: {', '.join(left)}")
        STATE.unlink(missing_ok=True)
        return killed


def keep_database(server: Postgres, name: str) -> None:
    """The database, made when it is not there yet."""
    import psycopg

    with psycopg.connect(f"host=127.0.0.1 port={server.port} user=postgres dbname=postgres") as connection:
        exists = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone()
    if not exists:
        run_sql(server.port, f'CREATE DATABASE "{name}"')


def up(arguments: argparse.Namespace) -> int:
    """Start what is asked for, unless it runs already; on any failure stop again what was started."""
    before, plan = Stack(State.load()), Plan(**{name: getattr(arguments, name) for name in OPTIONS})
    if before.is_up:
        print(
            "already up" + ("" if before.plan == plan else ", but as asked for earlier: `make down` first to change it")
        )
        return welcome(before)
    if before.state.running:
        print("part of an earlier start is still there; stopping it first")
        before.down()
    stack = Stack(State(plan=plan))
    try:
        stack.up()
    except BaseException:
        stack.down()
        raise
    return welcome(stack)


def welcome(stack: Stack) -> int:
    """Where it is, how to log in, and what to try next."""
    write_variables_file(stack)
    passwords = stack.airflow.passwords()
    file = os.path.relpath(VARIABLES_FILE, ROOT)
    act_2 = (
        f"\n  curl -X POST http://127.0.0.1:{stack.plan.newsroom_port}/-/act/2   # articles are revised, added, copied"
    )
    move_on = act_2 if stack.plan.feeds == "newsroom" else ""
    print(f"""
  Airflow   {stack.airflow.place.url}
  login     {"  or  ".join(f"{user} / {password}" for user, password in passwords.items())}
  Kafka     127.0.0.1:{stack.plan.kafka_port}
  feeds     {stack.plan.variables()["NEWSWIRE_CATALOGUE"]}

The first run of "News ingest" starts by itself. Worth trying next:
  . {file}; .venv/bin/newswire tail articles --follow
  kcat -b 127.0.0.1:{stack.plan.kafka_port} -C -t news.articles -o beginning -e | head -1{move_on}
  make down""")
    return 0


def write_variables_file(stack: Stack) -> None:
    """var/stack.env: the settings for a shell, so that the CLI talks to this stack."""
    lines = [f"export {name}={shlex.quote(value)}" for name, value in stack.plan.variables().items()]
    VARIABLES_FILE.write_text("\n".join(lines) + "\n", "utf-8")


def down(arguments: argparse.Namespace) -> int:
    """Stop everything; `--wipe` deletes what it kept."""
    stack = Stack(State.load())
    names = [one.name for one in stack.state.running]
    killed = stack.down()
    print(f"stopped {', '.join(names)}" if names else "nothing was running")
    if killed:
        print(f"did not end by themselves and were killed: {', '.join(killed)}")
        for one in stack.state.daemons:
            if one.name in killed:
                print(f"the end of {one.log}:\n{one.last_words()}")
    if arguments.wipe:
        for folder in (VAR / "stack", VAR / "airflow", VAR / "log"):
            shutil.rmtree(folder, ignore_errors=True)
        print("deleted stores, topics, Airflow's home and logs")
    return 0


def status(_arguments: argparse.Namespace) -> int:
    """A line per program; exit code 3 when not everything is up."""
    state = State.load()
    for one in state.daemons:
        processes = one.processes()
        memory = sum(process.memory_info().rss for process in processes) // 2**20
        words = f"running, {len(processes)} processes, {memory} MB resident" if one.is_running else "gone"
        print(f"{one.name:<22} {words}  ({one.log})")
    health = Stack(state).airflow.health() if state.daemons else {}
    print("Airflow says: " + (", ".join(f"{name} {word}" for name, word in health.items()) or "nothing"))
    return 0 if Stack(state).is_up else 3


def complain(reason: str) -> int:
    """Say what went wrong; exit code 1."""
    print(reason, file=sys.stderr)
    return 1


def parse(words: list[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.stack", description=__doc__)
    commands = parser.add_subparsers(required=True)
    upwards = commands.add_parser("up", help="start everything")
    upwards.add_argument("--feeds", default="live", help="live (dags/feeds.toml), newsroom, or a catalogue's path")
    upwards.add_argument("--store", default="sqlite", choices=("sqlite", "postgres"))
    for option in OPTIONS[2:]:
        upwards.add_argument("--" + option.replace("_", "-"), type=int, default=getattr(Plan(), option))
    upwards.set_defaults(call=up)
    downwards = commands.add_parser("down", help="stop everything, keep what it holds")
    downwards.add_argument("--wipe", action="store_true", help="delete what it holds, too")
    downwards.set_defaults(call=down)
    commands.add_parser("status", help="what is running").set_defaults(call=status)
    return parser.parse_args(words)


def main() -> int:
    """The command; faults of the stack are a line, not a traceback."""
    arguments = parse(sys.argv[1:])
    try:
        return int(arguments.call(arguments))
    except (StackError, NotReady, MissingTool, subprocess.CalledProcessError) as failure:
        return complain(str(failure))


if __name__ == "__main__":
    sys.exit(main())
