"""One torture: its servers behind proxies, its processes, its faults, and what is found in the end."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import psycopg

from tests.newsroom.catalogue import catalogue_toml
from tests.stack.daemon import Daemon, start, without_coverage
from tests.stack.kafka import Broker, start_broker
from tests.stack.ports import free_port
from tests.stack.postgres import Postgres, start_postgres
from tests.torture.newsroom import MovingNewsroom
from tests.torture.proxy import Proxy
from tests.torture.verify import differences, read_topics, wanted_events

ROOT = Path(__file__).parents[2]
PREFIX = "torture."
DATABASE = "torture"
WORKERS = 4
COMMAND = (sys.executable, "-c", "from pipeline.cli.main import main; main()")
# How often each kind of fault comes.
FAULTS: Mapping[str, int] = {
    "kill a process": 30,
    "stop a process": 14,
    "cut connections to Kafka": 18,
    "cut connections to PostgreSQL": 18,
    "kill PostgreSQL": 10,
    "kill Kafka": 8,
}
PEACE_S = 240  # for everything to come to its end


@dataclass(frozen=True, slots=True)
class Plan:
    """What a torture is asked to do."""

    faults: int
    seed: int
    pause_s: float  # between two faults, on average
    beat_s: float  # between two changes of the newsroom
    delivery_timeout_s: float = 4.0  # small, so that a stopped process is replaced soon

    @property
    def stand_s(self) -> float:
        """How long a stopped process stands: longer than its transaction lives, and than it takes to overtake it."""
        return 5.5 * self.delivery_timeout_s


@dataclass(slots=True)
class Outcome:
    """What was done and found."""

    done: Counter[str] = field(default_factory=Counter)
    messages: int = 0
    articles: int = 0
    restarts: int = 0
    overtaken: int = 0
    differences: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Standing:
    """A process that was stopped, and when it goes on."""

    daemon: Daemon
    until: float


class Torture:
    """A context manager: starts everything on a folder, and ends it."""

    def __init__(self, folder: Path, plan: Plan, *, say: Callable[[str], None]) -> None:
        self.folder = folder
        self.plan = plan
        self.say = say
        self.chance = random.Random(plan.seed)
        self.outcome = Outcome()
        self.kinds = self.chance.sample(list(FAULTS), len(FAULTS))  # one of each to begin with
        self.stack = ExitStack()
        self.workers: dict[int, Daemon] = {}
        self.standing: list[Standing] = []
        self.ending = threading.Event()
        self.ports = (free_port(), free_port())

    def __enter__(self) -> Torture:
        with ExitStack() as stack:
            self.kafka_proxy = stack.enter_context(Proxy(self.ports[0]))
            self.postgres_proxy = stack.enter_context(Proxy(self.ports[1]))
            self.newsroom = stack.enter_context(MovingNewsroom(seed=self.plan.seed, outlets=WORKERS))
            stack.callback(self.end_processes)
            self.broker = self.start_kafka()
            self.postgres = self.start_postgres()
            self.postgres.create_database(DATABASE)
            (self.folder / "feeds.toml").write_text(self.catalogue(), encoding="utf-8")
            self.command("db", "upgrade")
            self.command("topics", "create")
            self.stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self.stack.close()

    # ------------------------------------------------------------ servers and processes

    def start_kafka(self) -> Broker:
        """The broker, or the broker again; clients are sent to the proxy."""
        return start_broker(self.folder / "kafka", port=self.ports[0], advertised_port=self.kafka_proxy.port)

    def start_postgres(self) -> Postgres:
        """The database, or the database again."""
        return start_postgres(self.folder / "postgres", port=self.ports[1])

    def catalogue(self) -> str:
        """Every outlet, polled every second or two."""
        text = catalogue_toml(self.newsroom.outlets)
        return text.replace("[outlet.policy]\n", "[outlet.policy]\nmin_interval_s = 1\nmax_interval_s = 2\n")

    def environment(self) -> dict[str, str]:
        """A process's settings: everything far away is behind a proxy."""
        kept = {key: value for key, value in without_coverage(os.environ).items() if not key.startswith("NEWSWIRE_")}
        database = f"postgresql://postgres@127.0.0.1:{self.postgres_proxy.port}/{DATABASE}"
        return kept | {
            "PYTHONUNBUFFERED": "1",
            "NEWSWIRE_HOME": str(self.folder / "home"),
            "NEWSWIRE_CATALOGUE": str(self.folder / "feeds.toml"),
            "NEWSWIRE_NEWSROOM": self.newsroom.address,
            "NEWSWIRE_DATABASE_URL": database,
            "NEWSWIRE_KAFKA_BOOTSTRAP": f"127.0.0.1:{self.kafka_proxy.port}",
            "NEWSWIRE_DEPLOYMENT": "torture",
            "NEWSWIRE_TOPIC_PREFIX": PREFIX,
            "NEWSWIRE_TOPIC_PARTITIONS": "2",
            "NEWSWIRE_LANES": "3",
            "NEWSWIRE_BATCH_ROWS": "5",
            "NEWSWIRE_DELIVERY_TIMEOUT_S": str(self.plan.delivery_timeout_s),
            "NEWSWIRE_INTERVAL_S": "1",
            "NEWSWIRE_HOST_SPACING_S": "0",
            "NEWSWIRE_HOST_CONNECTIONS": "8",
            "NEWSWIRE_EXTRACT_PROCESSES": "1",
            "NEWSWIRE_RETRY_S": "0",
            "NEWSWIRE_MAX_ATTEMPTS": "50",
        }

    def command(self, *words: str) -> None:
        """Run a command to its end."""
        subprocess.run([*COMMAND, *words], env=self.environment(), check=True, stdout=subprocess.DEVNULL, cwd=ROOT)

    def start_command(self, name: str, *words: str) -> Daemon:
        """Start a command; what it prints is in its log."""
        return start(name, [*COMMAND, *words], log=self.log(name), variables=self.environment(), folder=ROOT)

    def log(self, name: str) -> Path:
        """The log of a process."""
        return self.folder / f"{name}.log"

    def start_worker(self, number: int) -> None:
        """A process that ingests one outlet, again and again, and delivers from every lane."""
        outlet = self.newsroom.outlets[number].id
        self.workers[number] = self.start_command(f"worker{number}", "poll", outlet, "--follow")

    def start_missing(self) -> None:
        """Start again what died, as systemd or Airflow would."""
        for number, worker in self.workers.items():
            if not worker.is_running:
                self.outcome.restarts += 1
                self.start_worker(number)

    def end_processes(self) -> None:
        """Whatever still runs."""
        for standing in self.standing:
            kill_session(standing.daemon)
        for daemon in self.workers.values():
            kill_session(daemon)
        for server in ("broker", "postgres"):
            if hasattr(self, server):
                getattr(self, server).stop()

    # ------------------------------------------------------------ faults

    def run(self) -> Outcome:
        """Everything: motion and faults, then peace, then the audit."""
        for number in range(WORKERS):
            self.start_worker(number)
        mover = threading.Thread(target=self.move, name="motion", daemon=True)
        mover.start()
        self.wait_for_messages()
        for number in range(1, self.plan.faults + 1):
            self.fault(number)
            self.rest(self.chance.expovariate(1 / self.plan.pause_s))
        self.ending.set()
        mover.join()
        self.make_peace()
        self.audit()
        return self.outcome

    def move(self) -> None:
        """The newsroom's own clock."""
        while not self.ending.wait(self.plan.beat_s):
            self.newsroom.beat()

    def wait_for_messages(self) -> None:
        """Return when the first message was delivered: nothing is tortured before it works."""
        until = time.monotonic() + 120
        while not self.delivered():
            assert time.monotonic() < until, f"nothing was delivered; see {self.folder}"
            time.sleep(0.2)

    def rest(self, seconds: float) -> None:
        """Wait, while those that stood too long go on and those that died are started again."""
        until = time.monotonic() + seconds
        while True:
            self.wake_standing()
            self.start_missing()
            if time.monotonic() >= until:
                return
            time.sleep(min(0.2, max(0.0, until - time.monotonic())))

    def fault(self, number: int) -> None:
        """One fault of a kind drawn by chance."""
        kind = self.kinds.pop() if self.kinds else self.chance.choices(list(FAULTS), list(FAULTS.values()))[0]
        began = time.monotonic()
        detail = {
            "kill a process": self.kill_process,
            "stop a process": self.stop_process,
            "cut connections to Kafka": lambda: self.cut(self.kafka_proxy),
            "cut connections to PostgreSQL": lambda: self.cut(self.postgres_proxy),
            "kill PostgreSQL": self.kill_postgres,
            "kill Kafka": self.kill_kafka,
        }[kind]()
        self.outcome.done[kind] += 1
        self.say(
            f"fault {number}/{self.plan.faults}: {kind} ({detail}, {time.monotonic() - began:.1f} s); "
            f"{len(self.newsroom.printed)} articles printed, {self.delivered()} messages delivered"
        )

    def kill_process(self) -> str:
        """SIGKILL to a process, alone or with the workers it started."""
        number = self.chance.choice(list(self.workers))
        worker = self.workers[number]
        if self.chance.random() < 0.5:
            kill_session(worker)
            return f"{number} and its children"
        with contextlib.suppress(ProcessLookupError):
            os.kill(worker.pid, signal.SIGKILL)
        return str(number)

    def stop_process(self) -> str:
        """SIGSTOP to a process, for longer than its leases hold; another takes its place at once."""
        number = self.chance.choice(list(self.workers))
        worker = self.workers[number]
        if worker.is_running:
            os.kill(worker.pid, signal.SIGSTOP)
            self.standing.append(Standing(worker, time.monotonic() + self.plan.stand_s))
            self.start_worker(number)
        return f"{number}, {len(self.standing)} stand still"

    def wake_standing(self) -> None:
        """Let those go on that stood long enough; soon after they end, for another has their place."""
        for standing in list(self.standing):
            if time.monotonic() >= standing.until:
                self.standing.remove(standing)
                with contextlib.suppress(ProcessLookupError):
                    os.kill(standing.daemon.pid, signal.SIGCONT)
                    threading.Timer(self.plan.delivery_timeout_s * 2, kill_session, [standing.daemon]).start()

    def cut(self, proxy: Proxy) -> str:
        """Cut some connections, or all and refuse new ones for a moment."""
        if self.chance.random() < 0.7:
            return f"{proxy.cut(self.chance.choice((0.3, 1.0)), self.chance)} ends"
        proxy.deafen(True)
        cut = proxy.cut(1.0, self.chance)
        self.rest(self.chance.uniform(0.5, 3.0))
        proxy.deafen(False)
        return f"{cut} ends, deaf for a while"

    def kill_postgres(self) -> str:
        """SIGKILL to all of PostgreSQL; it recovers from its log."""
        kill_session(self.postgres.daemon)
        self.rest(self.chance.uniform(0.2, 2.0))
        self.postgres = self.start_postgres()
        return "started again"

    def kill_kafka(self) -> str:
        """SIGKILL to the broker."""
        kill_session(self.broker.daemon)
        self.rest(self.chance.uniform(0.2, 4.0))
        self.broker = self.start_kafka()
        return "started again"

    # ------------------------------------------------------------ the end

    def make_peace(self) -> None:
        """No more faults: let everything come to its end."""
        until = time.monotonic() + PEACE_S
        while (left := self.unsettled() + len(self.standing)) and time.monotonic() < until:
            self.say(f"peace: {left} entries, messages and processes that stand are left")
            self.rest(3.0)
        for worker in self.workers.values():
            worker.ask_to_stop()
        for worker in self.workers.values():
            worker.stop(grace_s=30)

    def unsettled(self) -> int:
        """Unfinished work: articles without an entry, pending entries, undelivered messages."""
        with psycopg.connect(self.url) as connection:
            waiting = connection.execute(
                "SELECT (SELECT count(*) FROM entries WHERE state = 'pending')"
                " + (SELECT count(*) FROM outbox WHERE delivered_at IS NULL)"
            ).fetchone()
            told = connection.execute("SELECT value FROM outbox WHERE topic IN ('articles', 'copies')").fetchall()
        text = b"".join(bytes(row[0] or b"") for row in told).decode()
        missing = [printed.mark for printed in self.newsroom.printed.values() if printed.mark not in text]
        return int(waiting[0] if waiting else 0) + len(missing)

    def audit(self) -> None:
        """Read everything as anybody would."""
        read = read_topics(self.broker.bootstrap, PREFIX)
        marks = {url: printed.mark for url, printed in self.newsroom.printed.items()}
        self.outcome.messages, self.outcome.articles = len(read), len(marks)
        self.outcome.differences = differences(wanted_events(self.url), read, marks)

    @property
    def url(self) -> str:
        """The database as the test itself reaches it: not through the proxy."""
        return f"host=127.0.0.1 port={self.ports[1]} user=postgres dbname={DATABASE}"

    def delivered(self) -> int:
        """Messages marked as delivered so far; 0 while the database is away."""
        with contextlib.suppress(psycopg.Error), psycopg.connect(self.url, connect_timeout=2) as connection:
            row = connection.execute("SELECT count(*) FROM outbox WHERE delivered_at IS NOT NULL").fetchone()
            return int(row[0]) if row else 0
        return 0


def kill_session(daemon: Daemon) -> None:
    """SIGKILL to a program and all it started; they are gone when this returns."""
    doomed = daemon.processes()
    for process in doomed:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    with contextlib.suppress(ChildProcessError):
        os.waitpid(daemon.pid, 0)  # or it would stay in the table, and PostgreSQL takes its number for a running server
    psutil.wait_procs(doomed, timeout=30)


def torture(folder: Path, plan: Plan, *, say: Callable[[str], None]) -> Outcome:
    """One torture from beginning to end."""
    with Torture(folder, plan, say=say) as running:
        return running.run()
