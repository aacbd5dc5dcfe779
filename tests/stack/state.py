"""What `make up` started and how, remembered in var/stack.json, so that `down` and `status` find it again."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from tests.stack.daemon import Daemon

ROOT = Path(__file__).parents[2]
VAR = Path(os.environ.get("STACK_FOLDER") or ROOT / "var")  # a test chooses its own
STATE = VAR / "stack.json"


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to run: whose feeds, which store, which ports."""

    feeds: str = "live"  # live (dags/feeds.toml), newsroom, or the path of a catalogue
    store: str = "sqlite"
    airflow_port: int = 8080
    kafka_port: int = 9092
    postgres_port: int = 15432
    newsroom_port: int = 8800

    @property
    def folder(self) -> Path:
        """What the servers keep. Sample articles and live ones never share a store or a topic."""
        return VAR / "stack" / ("newsroom" if self.feeds == "newsroom" else "live")

    @property
    def ports(self) -> dict[str, int]:
        """The ports it needs, by the option that chooses another."""
        ports = {"--airflow-port": self.airflow_port, "--kafka-port": self.kafka_port}
        if self.store == "postgres":
            ports["--postgres-port"] = self.postgres_port
        if self.feeds == "newsroom":
            ports["--newsroom-port"] = self.newsroom_port
        return ports

    @property
    def database_url(self) -> str:
        """Of the PostgreSQL server's database for the store; empty: SQLite."""
        return self._postgres("newswire")

    @property
    def airflow_database_url(self) -> str:
        """Of the PostgreSQL server's database for Airflow itself; empty: SQLite."""
        return self._postgres("airflow")

    def _postgres(self, database: str) -> str:
        port = self.postgres_port
        return f"postgresql+psycopg://postgres@127.0.0.1:{port}/{database}" if self.store == "postgres" else ""

    def variables(self) -> dict[str, str]:
        """The NEWSWIRE_* settings of this stack."""
        catalogues = {"live": ROOT / "dags" / "feeds.toml", "newsroom": self.folder / "feeds.toml"}
        variables = {
            "NEWSWIRE_HOME": str(self.folder / "newswire"),
            "NEWSWIRE_CATALOGUE": str(catalogues.get(self.feeds, Path(self.feeds).absolute())),
            "NEWSWIRE_KAFKA_BOOTSTRAP": f"127.0.0.1:{self.kafka_port}",
            "NEWSWIRE_DATABASE_URL": self.database_url,
        }
        if self.feeds == "newsroom":
            variables |= {
                "NEWSWIRE_NEWSROOM": f"127.0.0.1:{self.newsroom_port}",
                "NEWSWIRE_CONTACT": "newsroom@example.org",
                "NEWSWIRE_HOST_SPACING_S": "0",
            }
        return variables


@dataclass(slots=True)
class State:
    """The plan and the daemons started for it so far, in order."""

    plan: Plan = field(default_factory=Plan)
    daemons: list[Daemon] = field(default_factory=list)

    @classmethod
    def load(cls) -> Self:
        """What was remembered last; empty when nothing is."""
        if not STATE.exists():
            return cls()
        value: dict[str, Any] = json.loads(STATE.read_text("utf-8"))
        return cls(plan=Plan(**value["plan"]), daemons=[Daemon(**daemon) for daemon in value["daemons"]])

    def add(self, *daemons: Daemon) -> None:
        """Remember these too, at once: what is started must be found again whatever happens next."""
        self.daemons.extend(daemons)
        self.save()

    def save(self) -> None:
        """Write var/stack.json, whole or not at all."""
        STATE.parent.mkdir(parents=True, exist_ok=True)
        partial = STATE.with_suffix(".partial")
        value = {"plan": asdict(self.plan), "daemons": [asdict(daemon) for daemon in self.daemons]}
        partial.write_text(json.dumps(value, indent=2), "utf-8")
        partial.replace(STATE)

    @property
    def running(self) -> list[Daemon]:
        """Of the remembered daemons those that are there."""
        return [daemon for daemon in self.daemons if daemon.is_running]
