"""A real Kafka broker on this machine, without containers: KRaft, one node, loopback only.

The jars come by Maven once (var/kafka/libs); a broker is a folder, a port and a Daemon. Used by tests and by `make up`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.stack.daemon import Daemon, only_one, start
from tests.stack.ports import NotReady, free_port, wait_for_port

ROOT = Path(__file__).parents[2]
POM = Path(__file__).with_name("pom.xml")
LIBS = ROOT / "var" / "kafka" / "libs"

# Small enough for a laptop, large enough for the torture test; the broker alone is about 330 MB.
HEAP = ("-Xms256m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")

PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller_port}
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}
advertised.listeners=PLAINTEXT://127.0.0.1:{advertised_port}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={folder}/logs
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=8
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=8
group.initial.rebalance.delay.ms=0
log.cleaner.dedupe.buffer.size=16777216
"""


class MissingTool(Exception):
    """A program that a server needs is not installed; the message says which Debian package brings it."""


@dataclass(frozen=True, slots=True)
class Broker:
    """A running broker."""

    folder: Path
    port: int
    daemon: Daemon

    @property
    def bootstrap(self) -> str:
        """What clients connect to."""
        return f"127.0.0.1:{self.port}"

    def stop(self, *, grace_s: float = 30) -> None:
        """End it cleanly; its data stay."""
        self.daemon.stop(grace_s=grace_s)


def fetch_jars() -> Path:
    """The broker's jars, brought by Maven when they are not there yet. Raises MissingTool."""
    for tool, package in (("java", "default-jre-headless"), ("mvn", "maven")):
        if shutil.which(tool) is None:
            raise MissingTool(f"{tool} is missing: apt-get install {package}")
    with only_one(LIBS.with_name("lock")):
        fetch_missing(LIBS / f".{POM.stat().st_size}-{hash_of(POM)}")
    return LIBS


def fetch_missing(stamp: Path) -> None:
    """Bring the jars, unless this file says that they are there."""
    if not stamp.exists():
        shutil.rmtree(LIBS, ignore_errors=True)
        LIBS.mkdir(parents=True)
        command = ["mvn", "-q", "-B", "-f", str(POM), "dependency:copy-dependencies", f"-DoutputDirectory={LIBS}"]
        fetched = subprocess.run([*command, "-Dstyle.color=never"], check=False, capture_output=True, text=True)
        if fetched.returncode:
            raise NotReady(f"Maven could not fetch the broker's jars:\n{fetched.stdout}{fetched.stderr}")
        stamp.touch()


def hash_of(path: Path) -> str:
    """A short digest of a file: the jars follow the pom."""
    import hashlib

    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]


def start_broker(
    folder: Path,
    *,
    port: int = 0,
    advertised_port: int = 0,
    more: Mapping[str, str] | None = None,
    timeout_s: float = 60,
    properties_text: str = "",
) -> Broker:
    """Start a broker on this folder (formatted on first use); ready when this returns.

    `advertised_port`: the port clients connect to, when that is a proxy and not the broker. `more`: settings that add
    to PROPERTIES or replace them. `properties_text`, in place of our own, has to listen on this port.
    """
    libs = fetch_jars()
    folder.mkdir(parents=True, exist_ok=True)
    port = port or free_port()
    properties = folder / "server.properties"
    text = PROPERTIES.format(
        port=port, advertised_port=advertised_port or port, controller_port=free_port(), folder=folder
    )
    # Of a name that stands there twice, the last one counts.
    text += "".join(f"{name}={value}\n" for name, value in (more or {}).items())
    properties.write_text(properties_text or text, encoding="utf-8")
    java = ["java", *HEAP, "-cp", f"{libs}/*", f"-Dlog4j2.configurationFile={quiet_logging(folder)}"]
    cluster = folder / "cluster.id"
    if not cluster.exists():
        cluster_id = uuid.uuid4().hex[:22]
        storage = ["kafka.tools.StorageTool", "format", "-t", cluster_id, "-c", str(properties)]
        formatted = subprocess.run([*java, *storage], check=False, capture_output=True, text=True)
        if formatted.returncode:
            raise NotReady(f"Kafka's storage could not be formatted:\n{formatted.stdout}{formatted.stderr}")
        cluster.write_text(cluster_id, encoding="utf-8")
    command = [*java, "kafka.Kafka", str(properties)]
    daemon = start("kafka", command, log=folder / "broker.log", variables=os.environ, folder=folder)
    wait_for_port(port, daemon=daemon, timeout_s=timeout_s)
    return Broker(folder=folder, port=port, daemon=daemon)


def quiet_logging(folder: Path) -> Path:
    """A logging configuration that writes warnings only, to the daemon's log."""
    path = folder / "log4j2.xml"
    path.write_text(
        '<Configuration status="WARN"><Appenders><Console name="out"><PatternLayout pattern="%d %p %m%n"/></Console>'
        '</Appenders><Loggers><Root level="WARN"><AppenderRef ref="out"/></Root></Loggers></Configuration>',
        encoding="utf-8",
    )
    return path
