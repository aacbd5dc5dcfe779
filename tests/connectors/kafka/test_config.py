"""A broker that wants to know who speaks, and proves who it is: SASL, TLS and client certificates by settings."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient, ScramCredentialInfo, ScramMechanism, UserScramCredentialUpsertion

from connectors.kafka.config import KafkaSettings, desired_topics
from connectors.kafka.consumer import KafkaAdmin
from connectors.kafka.producer import KafkaTopics
from connectors.store.database import Database
from connectors.store.outbox import StoredOutbox, append
from pipeline.delivery.deliver import BatchLimits, Deliverer
from pipeline.domain.model import Topic
from pipeline.domain.settings import load
from tests.stack.kafka import start_broker
from tests.stack.ports import free_port
from tests.values import NOW, make_message

USER, PASSWORD = "newswire", "from-the-test"  # of a broker that lives for this test, on loopback
PLAIN = (
    "org.apache.kafka.common.security.plain.PlainLoginModule required "
    f'username="broker" password="unused" user_{USER}="{PASSWORD}";'
)
SCRAM = "org.apache.kafka.common.security.scram.ScramLoginModule required;"


@dataclass(frozen=True, slots=True)
class SecureBroker:
    """Where each listener is, and the certificates."""

    ports: Mapping[str, int]
    folder: Path


def make_certificates(folder: Path) -> None:
    """A CA of our own, and what it signed: the broker's certificate for 127.0.0.1, and a client's."""

    def openssl(*words: str) -> None:
        subprocess.run(["openssl", *words], check=True, capture_output=True, cwd=folder)

    key = ("-newkey", "rsa:2048", "-nodes", "-days", "2")
    for ca in ("ca", "stranger"):
        subject = ("-subj", f"/CN=newswire test {ca}")
        openssl("req", "-x509", *key, "-keyout", f"{ca}.key", "-out", f"{ca}.pem", *subject)
    for name in ("broker", "client"):
        openssl("req", *key[:-2], "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        (folder / f"{name}.ext").write_text("subjectAltName=IP:127.0.0.1\n")
        signed_by = ("-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2")
        openssl("x509", "-req", "-in", f"{name}.csr", *signed_by, "-extfile", f"{name}.ext", "-out", f"{name}.pem")
    chain = (folder / "broker.key").read_text() + (folder / "broker.pem").read_text()
    (folder / "broker-store.pem").write_text(chain)


def secure_properties(ports: Mapping[str, int], folder: Path) -> dict[str, str]:
    """A listener of each kind."""
    controller = free_port()
    listeners = ",".join(f"{name}://127.0.0.1:{port}" for name, port in ports.items())
    protocols = {**{name: name for name in ports}, "MTLS": "SSL", "CONTROLLER": "PLAINTEXT"}
    return {
        "controller.quorum.voters": f"1@127.0.0.1:{controller}",
        "listeners": f"{listeners},CONTROLLER://127.0.0.1:{controller}",
        "advertised.listeners": listeners,
        "listener.security.protocol.map": ",".join(f"{name}:{protocol}" for name, protocol in protocols.items()),
        "inter.broker.listener.name": "PLAINTEXT",
        "listener.name.sasl_plaintext.sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-512",
        "listener.name.sasl_ssl.sasl.enabled.mechanisms": "SCRAM-SHA-256",
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(folder / "broker-store.pem"),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(folder / "ca.pem"),
        "listener.name.mtls.ssl.client.auth": "required",
        "listener.name.sasl_plaintext.plain.sasl.jaas.config": PLAIN,
        "listener.name.sasl_plaintext.scram-sha-512.sasl.jaas.config": SCRAM,
        "listener.name.sasl_ssl.scram-sha-256.sasl.jaas.config": SCRAM,
    }


def give_passwords(bootstrap: str) -> None:
    """SCRAM's credentials live in the broker; made by another client than ours."""
    mechanisms = (ScramMechanism.SCRAM_SHA_256, ScramMechanism.SCRAM_SHA_512)
    admin = AdminClient({"bootstrap.servers": bootstrap})
    for mechanism in mechanisms:  # the broker takes one change of a user at a time
        change = UserScramCredentialUpsertion(USER, ScramCredentialInfo(mechanism, 4096), PASSWORD.encode())
        for done in admin.alter_user_scram_credentials([change]).values():
            done.result(60)


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecureBroker]:
    folder = tmp_path_factory.mktemp("secure")
    make_certificates(folder)
    ports = {name: free_port() for name in ("PLAINTEXT", "SASL_PLAINTEXT", "SSL", "MTLS", "SASL_SSL")}
    broker = start_broker(folder / "kafka", port=ports["PLAINTEXT"], more=secure_properties(ports, folder))
    give_passwords(broker.bootstrap)
    yield SecureBroker(ports, folder)
    broker.stop()


def variables_for(secure: SecureBroker, listener: str, **more: str) -> dict[str, str]:
    """What an operator would set."""
    name = "".join(letter for letter in f"{listener}{more.get('kafka_sasl_mechanism', '')}" if letter.isalnum())
    values = {
        "kafka_bootstrap": f"127.0.0.1:{secure.ports[listener]}",
        "kafka_security": "SSL" if listener == "MTLS" else listener,
        "deployment": name,
        "topic_prefix": f"{name}.",
        "delivery_timeout_s": "10",
        **more,
    }
    return {f"NEWSWIRE_{key.upper()}": value for key, value in values.items()}


def login(mechanism: str) -> dict[str, str]:
    return {"kafka_sasl_mechanism": mechanism, "kafka_username": USER, "kafka_password": PASSWORD}


@pytest.mark.parametrize(
    ("listener", "mechanism", "files"),
    [
        pytest.param("SASL_PLAINTEXT", "PLAIN", {}, id="SASL PLAIN"),
        pytest.param("SASL_PLAINTEXT", "SCRAM-SHA-512", {}, id="SASL SCRAM"),
        pytest.param("SSL", "", {"kafka_ca_file": "ca.pem"}, id="TLS"),
        pytest.param(
            "MTLS",
            "",
            {"kafka_ca_file": "ca.pem", "kafka_cert_file": "client.pem", "kafka_key_file": "client.key"},
            id="TLS with a client's certificate",
        ),
        pytest.param("SASL_SSL", "SCRAM-SHA-256", {"kafka_ca_file": "ca.pem"}, id="SASL SCRAM over TLS"),
    ],
)
def test_messages_are_delivered_and_read_through_a_listener_of_each_kind(
    secure: SecureBroker, tmp_path: Path, listener: str, mechanism: str, files: Mapping[str, str]
) -> None:
    paths = {name: str(secure.folder / file) for name, file in files.items()}
    variables = variables_for(secure, listener, **(login(mechanism) if mechanism else {}), **paths)
    settings = KafkaSettings.of(load(variables))
    KafkaAdmin(settings).create_missing(desired_topics(settings.prefix, partitions=1, replication=1))
    database = Database(f"sqlite:///{tmp_path / 'store.db'}")
    database.upgrade()
    with database.writing() as connection:
        append(connection, [make_message(1), make_message(2)], lanes=1, now=NOW)
    topics = KafkaTopics(settings)
    assert Deliverer(topics, StoredOutbox(database), BatchLimits(), clock=lambda: NOW).stop() == {"articles": 2}
    assert [received.headers["ce_id"] for received in topics.read(Topic.ARTICLES)] == [
        make_message(1).id,
        make_message(2).id,
    ]
    database.close()


@pytest.mark.parametrize(
    ("listener", "changes"),
    [
        pytest.param("SASL_PLAINTEXT", login("PLAIN") | {"kafka_password": "wrong"}, id="a wrong password"),
        pytest.param("SSL", {"kafka_ca_file": "stranger.pem"}, id="a broker that our CA did not sign"),
        pytest.param("MTLS", {"kafka_ca_file": "ca.pem"}, id="no certificate where one is asked for"),
    ],
)
def test_refused_login_raises_delivery_error(
    secure: SecureBroker, tmp_path: Path, listener: str, changes: Mapping[str, str]
) -> None:
    told = {name: str(secure.folder / value) if name.endswith("_file") else value for name, value in changes.items()}
    variables = variables_for(secure, listener, home=str(tmp_path), **(told | {"delivery_timeout_s": "3"}))
    # In a process of its own: kafka-python 3.0.12 leaves sockets open when it is refused.
    command = [sys.executable, "-c", "from pipeline.cli.main import main; main()", "topics", "describe"]
    done = subprocess.run(command, env=os.environ | variables, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "error: topics: " in done.stderr
