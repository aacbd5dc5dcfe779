"""Ports on loopback: a free one, and waiting until a server listens."""

from __future__ import annotations

import socket
import time

from tests.stack.daemon import Daemon


class NotReady(Exception):
    """A server ended or did not listen in time; carries the end of its log."""


def free_port() -> int:
    """A port without a listener at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_listening(port: int) -> bool:
    """Whether a process accepts connections there."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def wait_for_port(port: int, *, daemon: Daemon, timeout_s: float) -> None:
    """Return when the daemon listens. Raises NotReady when it ended or time is up.

    Whatever ends the wait, Ctrl-C too, ends the daemon: no other code knows of it yet.
    """
    try:
        wait_until_listening(port, daemon=daemon, timeout_s=timeout_s)
    except BaseException:
        daemon.stop(grace_s=10)
        raise


def wait_until_listening(port: int, *, daemon: Daemon, timeout_s: float) -> None:
    """Return when the daemon listens. Raises NotReady when it ended or time is up."""
    until = time.monotonic() + timeout_s
    while not is_listening(port):
        if not daemon.is_running or time.monotonic() > until:
            raise NotReady(f"{daemon.name} is not listening on port {port}:\n{daemon.last_words()}")
        time.sleep(0.1)
