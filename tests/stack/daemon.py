"""A program that goes on running after the command that started it: its own session, its log, and a sure end.

A daemon is found again by process id and start time, so that a recycled id is never taken for it. Stopping asks the
program itself first (its children are its own business), and kills what is left of its session when the grace is over.
"""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil


@dataclass(frozen=True, slots=True)
class Daemon:
    """A started program: the leader of a session of its own."""

    name: str
    pid: int
    created: float  # psutil's start time: tells this process from a later one of the same id
    log: str

    @property
    def is_running(self) -> bool:
        """Whether the program itself is still there."""
        try:
            process = psutil.Process(self.pid)
            return process.create_time() == self.created and process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False

    def processes(self) -> list[psutil.Process]:
        """The program and everything it started that is still there."""
        return [process for process in psutil.process_iter() if self._is_ours(process)]

    def _is_ours(self, process: psutil.Process) -> bool:
        try:
            in_session = os.getsid(process.pid) == self.pid
            return in_session and process.create_time() >= self.created and process.status() != psutil.STATUS_ZOMBIE
        except (ProcessLookupError, psutil.NoSuchProcess):
            return False

    def ask_to_stop(self) -> None:
        """Send SIGTERM to the program alone: to its whole group, Airflow's scheduler would lose its workers' last word
        and wait for ever (apache/airflow#67870)."""
        if self.is_running:
            os.kill(self.pid, signal.SIGTERM)

    def stop(self, *, grace_s: float = 60) -> bool:
        """End the program and all of its session; whether it went by itself."""
        self.ask_to_stop()
        _gone, alive = psutil.wait_procs(self.processes(), timeout=grace_s)
        for process in alive:
            process.kill()
        psutil.wait_procs(alive, timeout=10)
        return not alive

    def last_words(self, *, lines: int = 15) -> str:
        """The end of its log."""
        text = Path(self.log).read_text("utf-8", "replace") if Path(self.log).exists() else ""
        return "\n".join(text.splitlines()[-lines:])


@contextmanager
def only_one(path: Path) -> Iterator[None]:
    """Let one process at a time into the block: two that fetch the same program would delete each other's files."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # released when the file is closed, and when the process dies
        yield


def without_coverage(variables: Mapping[str, str]) -> dict[str, str]:
    """An environment in which Python is not traced: servers of tests are slow enough, and none of our product."""
    return {name: value for name, value in variables.items() if not name.startswith("COVERAGE_")}


def start(name: str, command: Sequence[str | Path], *, log: Path, variables: Mapping[str, str], folder: Path) -> Daemon:
    """Start a program in its own session, its output in `log` (readable by the owner alone)."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "wb") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=without_coverage(variables),
            cwd=folder,
            start_new_session=True,
        )
    process.returncode = 0  # it may outlive us, and Popen would warn of that when it is collected
    return Daemon(name=name, pid=process.pid, created=psutil.Process(process.pid).create_time(), log=str(log))
