"""The command beside a broker that is away: nothing is lost, it is red, it stops taking more, and then it goes on."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from connectors.store.database import Database
from connectors.store.outbox import append
from pipeline.delivery.deliver import BatchLimits, Deliverer
from tests.app.test_kill import make_environment, newswire, read_events
from tests.newsroom import Newsroom
from tests.newsroom.catalogue import OUTLETS
from tests.stack.kafka import Broker
from tests.values import NOW, make_message

COMMAND = (sys.executable, "-u", "-c", "from pipeline.cli.main import main; main()")
AWAY = {"NEWSWIRE_KAFKA_BOOTSTRAP": "127.0.0.1:1", "NEWSWIRE_DELIVERY_TIMEOUT_S": "1"}


@pytest.fixture(scope="module")
def newsroom() -> Iterator[Newsroom]:
    with Newsroom(outlets=OUTLETS[:1]) as running:
        yield running


def said(environment: dict[str, str], words: Sequence[str]) -> tuple[int, str]:
    """A command's exit code and what it printed."""
    done = subprocess.run([*COMMAND, *words], env=environment, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def test_unreachable_broker_makes_runs_red_and_stops_polls_above_the_bound(
    broker: Broker, newsroom: Newsroom, tmp_path: Path
) -> None:
    environment = make_environment(broker, newsroom, tmp_path) | {"NEWSWIRE_OUTBOX_BOUND": "3"}
    assert newswire(environment, "topics", "create") == 0
    code, text = said(environment | AWAY, ["poll"])
    assert (code, "not delivered" in text) == (1, True)
    newsroom.reset_requests()
    code, text = said(environment | AWAY, ["poll", "--force"])
    assert (code, "NEWSWIRE_OUTBOX_BOUND" in text) == (1, True)
    assert newsroom.requests == []
    assert said(environment, ["deliver"])[0] == 0
    assert said(environment, ["poll", "--force"])[0] == 0
    found = read_events(broker, environment["NEWSWIRE_TOPIC_PREFIX"])
    assert set(found.values()) == {1}
    assert len(found) > 10


def test_audit_of_a_missing_message_exits_with_one(broker: Broker, newsroom: Newsroom, tmp_path: Path) -> None:
    environment = make_environment(broker, newsroom, tmp_path)
    assert newswire(environment, "topics", "create") == 0
    assert newswire(environment, "poll") == 0
    assert said(environment, ["deliver", "--verify"])[0] == 0
    pretend_delivered(tmp_path / "newswire.db")
    code, text = said(environment, ["deliver", "--verify"])
    assert (code, "was delivered, but is missing" in text) == (1, True)


def pretend_delivered(path: Path) -> None:
    """A message that the store takes for delivered, and no topic has: the embedded log has it, Kafka has not."""
    from connectors.store.outbox import EmbeddedTopics, StoredOutbox

    database = Database(f"sqlite:///{path}")
    with database.writing() as connection:
        append(connection, [make_message(1)], lanes=1, now=NOW)
    topics = EmbeddedTopics(database, prefix="news.")
    Deliverer(topics, StoredOutbox(database), BatchLimits(), clock=lambda: NOW).stop()
    database.close()


def test_follow_stops_cleanly_on_sigterm_and_delivers_everything(
    broker: Broker, newsroom: Newsroom, tmp_path: Path
) -> None:
    environment = make_environment(broker, newsroom, tmp_path)
    assert newswire(environment, "topics", "create") == 0
    lines: list[str] = []
    command = [*COMMAND, "poll", "--follow"]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as following:
        assert following.stdout is not None
        for line in following.stdout:
            lines.append(line)
            if line.startswith("delivered: ") and "nothing" not in line:
                following.send_signal(signal.SIGTERM)
    assert following.returncode == 0
    assert "stopped" in lines[-1]
    assert said(environment, ["deliver", "--verify"]) == (0, "outbox and topics agree\n")
    assert "delivered 0; 0 left" in said(environment, ["deliver"])[1]
