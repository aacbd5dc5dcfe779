"""The topology of docker-compose.yml on this machine, without containers: what the file says is what runs.

Commands, environment, health checks, the databases' script, Redis' and Kafka's settings are read from the file; only
names of hosts, ports and folders are put in place of a container's. Redis, PostgreSQL and Kafka are Debian's and
Maven's, Airflow that of locks/image.txt (.venv-image).
"""

from __future__ import annotations

import base64
import os
import secrets
import shutil
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.stack import daemon
from tests.stack.airflow import StackError
from tests.stack.compose import read_compose
from tests.stack.daemon import Daemon
from tests.stack.kafka import MissingTool, start_broker
from tests.stack.ports import free_port, wait_for_port
from tests.stack.postgres import start_postgres

ROOT = Path(__file__).parents[2]
IMAGE = ROOT / ".venv-image" / "bin"
COMPONENTS = ("api-server", "scheduler", "dag-processor", "triggerer")
PORTS = ("api", "postgres", "redis", "kafka", "controller", "host", "scheduler")


def made_secrets() -> dict[str, str]:
    """What `make env` writes into .env."""
    names = ("POSTGRES_PASSWORD", "AIRFLOW_DB_PASSWORD", "NEWSWIRE_DB_PASSWORD", "REDIS_PASSWORD")
    return {
        **{name: secrets.token_hex(24) for name in names},
        "AIRFLOW_FERNET_KEY": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        "AIRFLOW_JWT_SECRET": secrets.token_hex(48),
        "AIRFLOW_API_SECRET_KEY": secrets.token_hex(32),
        "AIRFLOW_ADMIN_PASSWORD": secrets.token_hex(12),
        "KAFKA_CLUSTER_ID": secrets.token_hex(11),
    }


@dataclass(slots=True)
class CeleryStack:
    """The services of the file as daemons. `given`: variables of .env beside the secrets; `extra`: for every task."""

    folder: Path
    given: Mapping[str, str]
    extra: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=made_secrets)
    ports: dict[str, int] = field(default_factory=lambda: {name: free_port() for name in PORTS})
    daemons: dict[str, Daemon] = field(default_factory=dict)

    @property
    def services(self) -> dict[str, Any]:
        """The file's services, their variables filled in."""
        return dict(self.file["services"])

    @property
    def file(self) -> dict[str, Any]:
        """The file."""
        return read_compose({**self.secrets, **self.given})

    @property
    def url(self) -> str:
        """Where Airflow's UI and API are."""
        return f"http://127.0.0.1:{self.ports['api']}"

    @property
    def bootstrap(self) -> str:
        """Kafka as this machine sees it: the listener that the file publishes on loopback."""
        return f"127.0.0.1:{self.ports['host']}"

    def here(self, text: str) -> str:
        """A value of the file, with this machine's places for a container's."""
        ports = self.ports
        places = {
            "@postgres:5432": f"@127.0.0.1:{ports['postgres']}",
            "@redis:6379": f"@127.0.0.1:{ports['redis']}",
            "kafka:19092": f"127.0.0.1:{ports['kafka']}",
            "http://api-server:8080": self.url,
            "http://localhost:8080": self.url,
            "--host 0.0.0.0 --port 8080": f"--host 127.0.0.1 --port {ports['api']}",
            "http://127.0.0.1:8974": f"http://127.0.0.1:{ports['scheduler']}",
            "/opt/newswire/dags": str(ROOT / "dags"),
            "/var/lib/newswire": str(self.folder / "newswire"),
            "/opt/airflow": str(self.folder / "airflow"),
        }
        for theirs, ours in places.items():
            text = text.replace(theirs, ours)
        return text

    def variables(self, service: str, **more: str) -> dict[str, str]:
        """A service's environment as the file gives it, and what its image sets."""
        mine = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "NEWSWIRE_"))}
        given = self.services[service]["environment"]
        return {
            **mine,
            "PATH": f"{IMAGE}{os.pathsep}{os.environ['PATH']}",
            "PYTHONUNBUFFERED": "1",
            "AIRFLOW_HOME": self.here("/opt/airflow"),
            "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_SERVER_PORT": str(self.ports["scheduler"]),
            **{name: self.here(str(value)) for name, value in given.items()},
            **self.extra,
            **more,
        }

    # ------------------------------------------------------------ up

    def up(self, workers: Sequence[str]) -> None:
        """Start everything in the file's order."""
        (self.folder / "airflow").mkdir(parents=True, exist_ok=True)
        (self.folder / "newswire").mkdir(exist_ok=True)
        self.start_postgres()
        self.start_redis()
        self.start_kafka()
        self.run("init", self.services["init"]["command"])
        for name in COMPONENTS:
            self.start(name, self.services[name]["command"].split())
        self.wait_until_healthy("api-server")
        for name in workers:
            self.start_worker(name)
        for name in COMPONENTS:
            self.wait_until_healthy(name)
        for name in workers:
            self.wait_until_healthy(name, service="worker")

    def start_postgres(self) -> None:
        """Debian's server with the file's databases."""
        server = start_postgres(self.folder / "postgres", port=self.ports["postgres"])
        self.daemons["postgres"] = server.daemon
        script = self.file["configs"]["databases"]["content"]
        where = {"PGHOST": "127.0.0.1", "PGPORT": str(server.port)}
        self.run("postgres", ["sh", "-euc", script], **where)

    def start_redis(self) -> None:
        """Debian's server, by the file's command."""
        if shutil.which("redis-server") is None:
            raise MissingTool("redis-server is missing: apt-get install redis-server")
        port = self.ports["redis"]
        *shell, script = self.services["redis"]["command"]
        script = script.replace("/tmp", str(self.folder)).rstrip()
        assert script.endswith("redis.conf")
        self.start("redis", [*shell, f"{script} --port {port} --bind 127.0.0.1"])
        wait_for_port(port, daemon=self.daemons["redis"], timeout_s=20)

    def start_kafka(self) -> None:
        """Maven's broker, with the settings that the image makes of the file's variables."""
        given = {name: str(value) for name, value in self.services["kafka"]["environment"].items()}
        lines = [
            f"{name.removeprefix('KAFKA_').lower().replace('_', '.')}={self.kafka_here(value)}"
            for name, value in given.items()
            if name.startswith("KAFKA_") and name not in ("KAFKA_HEAP_OPTS",)
        ]
        broker = start_broker(self.folder / "kafka", port=self.ports["kafka"], properties_text="\n".join([*lines, ""]))
        self.daemons["kafka"] = broker.daemon

    def kafka_here(self, value: str) -> str:
        """A setting of the broker, with this machine's ports and folder."""
        ports = self.ports
        places = {
            "kafka:19092": f"127.0.0.1:{ports['kafka']}",
            "//:19092": f"//127.0.0.1:{ports['kafka']}",
            "//:9092": f"//127.0.0.1:{ports['host']}",
            "localhost:9092": f"127.0.0.1:{ports['host']}",
            "localhost:9093": f"127.0.0.1:{ports['controller']}",
            "/var/lib/kafka/data": str(self.folder / "kafka" / "logs"),
        }
        for theirs, ours in places.items():
            value = value.replace(theirs, ours)
        return value

    def start_worker(self, name: str) -> None:
        """A worker by the file's command; its health check knows it by its container's name."""
        command = [*self.services["worker"]["command"].split(), "--celery-hostname", f"celery@{name}"]
        self.start(name, [*command, "--skip-serve-logs"], service="worker")

    def start(self, name: str, command: Sequence[str], *, service: str = "") -> None:
        """A service's program."""
        self.daemons[name] = daemon.start(
            name,
            command if command[0] == "sh" else self.here(" ".join(command)).split(),
            log=self.folder / "log" / f"{name}.log",
            variables=self.variables(service or name),
            folder=self.folder,
        )

    def run(self, service: str, command: Sequence[str], **more: str) -> None:
        """A service's command that ends. Raises StackError with what it said."""
        done = subprocess.run(
            [self.here(word) for word in command],
            env=self.variables(service, **more),
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise StackError(f"{service} failed:\n{(done.stdout + done.stderr).strip()[-3000:]}")

    # ------------------------------------------------------------ look

    def wait_until_healthy(self, name: str, *, service: str = "", timeout_s: float = 240) -> None:
        """Until the file's own health check of the service succeeds. Raises StackError."""
        until = time.monotonic() + timeout_s
        while not self.is_healthy(name, service=service):
            if not self.daemons[name].is_running or time.monotonic() > until:
                raise StackError(f"{name} is not healthy:\n{self.daemons[name].last_words()}")
            time.sleep(1)

    def is_healthy(self, name: str, *, service: str = "") -> bool:
        """The file's health check, asked once."""
        kind, *words = self.services[service or name]["healthcheck"]["test"]
        command = ["sh", "-c", *words] if kind == "CMD-SHELL" else words
        variables = self.variables(service or name, HOSTNAME=name)
        done = subprocess.run(
            [self.here(word) for word in command], env=variables, capture_output=True, timeout=120, check=False
        )
        return done.returncode == 0

    # ------------------------------------------------------------ down

    def kill(self, name: str) -> None:
        """End a service's processes at once, as a machine that loses its power does."""
        for process in self.daemons[name].processes():
            process.kill()

    def down(self) -> list[str]:
        """Stop everything, the servers last; what is left of it."""
        servers = ("postgres", "redis", "kafka")
        for name in [*[name for name in self.daemons if name not in servers][::-1], *servers]:
            if name in self.daemons:
                self.daemons[name].stop(grace_s=30)
        return [name for name, one in self.daemons.items() if one.processes()]
