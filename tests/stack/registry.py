"""A real schema registry on this machine: Apicurio Registry, with Confluent's protocol and its state in memory.

Maven downloads it once (var/registry, 142 MB). It listens on loopback only. It tests our side of the protocol against
software that is not ours.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.stack.daemon import Daemon, only_one, start
from tests.stack.kafka import ROOT, MissingTool
from tests.stack.ports import NotReady, free_port, wait_for_port

VERSION = "2.6.13.Final"
PROGRAM = ROOT / "var" / "registry" / VERSION
RUNNER = f"apicurio-registry-app-{VERSION}-runner.jar"
UNPACK = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:unpack"
START_S = 120.0  # ten seconds; on a machine with nothing left a minute
HEAP = ("-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")


@dataclass(frozen=True, slots=True)
class Registry:
    """A running registry."""

    url: str
    daemon: Daemon

    def stop(self) -> None:
        """End it; what it knew is gone."""
        self.daemon.stop(grace_s=10)


def fetch_registry() -> Path:
    """The registry's program, brought by Maven when it is not there yet. Raises MissingTool, NotReady."""
    for tool, package in (("java", "default-jre-headless"), ("mvn", "maven")):
        if shutil.which(tool) is None:
            raise MissingTool(f"{tool} is missing: apt-get install {package}")
    with only_one(PROGRAM.with_name("lock")):
        fetch_missing()
    return PROGRAM


def fetch_missing() -> None:
    """Bring the program, unless it is there."""
    if not (PROGRAM / RUNNER).exists():
        shutil.rmtree(PROGRAM, ignore_errors=True)
        partial = PROGRAM.with_name(f"{VERSION}.{os.getpid()}")
        partial.mkdir(parents=True)
        artifact = f"io.apicurio:apicurio-registry-app:{VERSION}:tar.gz:all"
        command = ["mvn", "-q", "-B", UNPACK, f"-Dartifact={artifact}", f"-DoutputDirectory={partial}"]
        command.append("-Dstyle.color=never")
        # Without a project Maven leaves its marker in a folder where it runs.
        with tempfile.TemporaryDirectory() as elsewhere:
            fetched = subprocess.run(command, cwd=elsewhere, check=False, capture_output=True, text=True)
        if fetched.returncode:
            raise NotReady(f"Maven could not fetch the schema registry:\n{fetched.stdout}{fetched.stderr}")
        partial.rename(PROGRAM)


def start_registry(folder: Path) -> Registry:
    """Start a registry with nothing in it; ready when this returns."""
    program, port = fetch_registry(), free_port()
    settings = (f"-Dquarkus.http.port={port}", "-Dquarkus.http.host=127.0.0.1", "-Dquarkus.log.level=WARN")
    command = ["java", *HEAP, *settings, "-jar", str(program / RUNNER)]
    daemon = start("registry", command, log=folder / "registry.log", variables=os.environ, folder=folder)
    wait_for_port(port, daemon=daemon, timeout_s=START_S)
    return Registry(f"http://127.0.0.1:{port}/apis/ccompat/v7", daemon)
