"""A real PostgreSQL server on this machine, from the system's binaries: loopback only, trusting its own user.

PostgreSQL refuses to run as root: root starts it as the system's `postgres` user. Used by tests and by `make up`.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.stack.daemon import Daemon, start
from tests.stack.kafka import MissingTool
from tests.stack.ports import NotReady, free_port, wait_for_port

USER = "postgres"
DEBIAN_BINARIES = Path("/usr/lib/postgresql")
SETTINGS = (
    "listen_addresses=127.0.0.1",
    "max_connections=200",
    "shared_buffers=128MB",
    "timezone=UTC",
    "log_min_messages=warning",
)


@dataclass(frozen=True, slots=True)
class Postgres:
    """A running server."""

    folder: Path
    port: int
    daemon: Daemon

    def url(self, database: str = USER) -> str:
        """SQLAlchemy URL of a database on it."""
        return f"postgresql+psycopg://{USER}@127.0.0.1:{self.port}/{database}"

    def create_database(self, name: str) -> str:
        """A new, empty database; its URL."""
        run_sql(self.port, f'CREATE DATABASE "{name}"')
        return self.url(name)

    def drop_database(self, name: str) -> None:
        """Drop a database, open connections included."""
        run_sql(self.port, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def stop(self, *, grace_s: float = 30) -> None:
        """End it; its data stay."""
        self.daemon.stop(grace_s=grace_s)


def binaries() -> Path:
    """Folder of initdb and postgres. Raises MissingTool."""
    found = shutil.which("initdb")
    if found:
        return Path(found).parent
    versions = sorted(DEBIAN_BINARIES.glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if not versions:
        raise MissingTool("PostgreSQL's server is missing: apt-get install postgresql")
    return versions[-1].parent


def as_server_user(command: Sequence[str | Path]) -> list[str]:
    """The command as the user that may run the server."""
    words = [str(word) for word in command]
    return ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--init-groups", *words] if os.geteuid() == 0 else words


def start_postgres(folder: Path, *, port: int = 0, settings: Sequence[str] = (), timeout_s: float = 60) -> Postgres:
    """Start a server on this folder (initialised on first use); ready when this returns."""
    programs = binaries()
    folder.mkdir(parents=True, exist_ok=True)
    own(folder)
    cluster = folder / "cluster"
    if not (cluster / "PG_VERSION").exists():
        initdb: list[str | Path] = [
            programs / "initdb",
            "-D",
            cluster,
            "-U",
            USER,
            "--auth=trust",
            "-E",
            "UTF8",
            "--locale=C.UTF-8",
        ]
        subprocess.run(as_server_user(initdb), check=True, stdout=subprocess.DEVNULL, cwd=folder)
    port = port or free_port()
    options = [word for setting in (*SETTINGS, *settings) for word in ("-c", setting)]
    # No Unix socket: its path may have 107 bytes at most, and a checkout may lie deeper than that.
    command: list[str | Path] = [programs / "postgres", "-D", cluster, "-p", str(port), "-k", "", *options]
    daemon = start(
        "postgresql", as_server_user(command), log=folder / "postgres.log", variables=os.environ, folder=folder
    )
    wait_for_port(port, daemon=daemon, timeout_s=timeout_s)
    wait_until_recovered(port, timeout_s=timeout_s)
    return Postgres(folder=folder, port=port, daemon=daemon)


def wait_until_recovered(port: int, *, timeout_s: float) -> None:
    """Return when it takes connections: after a crash it listens first and recovers then. Raises NotReady."""
    import psycopg

    until = time.monotonic() + timeout_s
    while True:
        try:
            run_sql(port, "SELECT 1")
        except psycopg.OperationalError as error:
            if time.monotonic() > until:
                raise NotReady(f"PostgreSQL on port {port} takes no connections: {error}") from error
            time.sleep(0.1)
        else:
            return


def own(folder: Path) -> None:
    """Let the server's user use the folder, and pass through those above it that are ours."""
    if os.geteuid() != 0:
        return
    user = pwd.getpwnam(USER)
    os.chown(folder, user.pw_uid, user.pw_gid)
    for parent in folder.parents:
        if parent.stat().st_uid == 0 and not parent.stat().st_mode & 0o001:
            parent.chmod(parent.stat().st_mode | 0o011)


def run_sql(port: int, statement: str) -> None:
    """Run one statement outside a transaction."""
    import psycopg

    with psycopg.connect(f"host=127.0.0.1 port={port} user={USER} dbname={USER}", autocommit=True) as connection:
        connection.execute(statement.encode())
