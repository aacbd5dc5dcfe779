"""Kafka client configuration: a deployment's settings as the Kafka client takes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from connectors.kafka.schema_registry import RegistryLogin, SchemaRegistry
from connectors.kafka.topic_specs import MAX_MESSAGE_BYTES
from pipeline.domain.settings import Settings

# A batch that is not acknowledged in time fails and is aborted; the next run sends it again under its number.
DELIVERY_TIMEOUT_MS = 30_000
# A reader that gives up has lost nothing, and a person waits for the answer.
READ_TIMEOUT_MS = 10_000
# Timeout of the broker's transaction, in delivery timeouts: longer than any delivery takes, and shorter than the
# broker's transaction.max.timeout.ms (15 min by default).
TRANSACTION_TIMEOUT_FACTOR = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class KafkaSettings:
    """A broker's address, its security, and the limits of a delivery."""

    bootstrap: str
    deployment: str
    prefix: str
    compression: str | None = "zstd"
    security: str = "PLAINTEXT"
    sasl_mechanism: str = ""
    username: str = ""
    password: str = ""
    ca_file: str = ""
    cert_file: str = ""
    key_file: str = ""
    delivery_timeout_ms: int = DELIVERY_TIMEOUT_MS
    max_message_bytes: int = MAX_MESSAGE_BYTES
    registry: SchemaRegistry | None = None

    @classmethod
    def of(cls, settings: Settings) -> KafkaSettings:
        """From the deployment's settings."""
        return cls(
            bootstrap=settings.kafka.bootstrap,
            deployment=settings.deployment,
            prefix=settings.topics.prefix,
            compression=None if settings.delivery.compression == "none" else settings.delivery.compression,
            security=settings.kafka.security,
            sasl_mechanism=settings.kafka.sasl_mechanism,
            username=settings.kafka.username,
            password=settings.kafka.password,
            ca_file=settings.kafka.ca_file,
            cert_file=settings.kafka.cert_file,
            key_file=settings.kafka.key_file,
            registry=registry_of(settings),
            delivery_timeout_ms=int(settings.delivery.timeout_s * 1000),
        )

    @property
    def transaction_timeout_ms(self) -> int:
        """After how long the broker aborts the transaction of a dead process."""
        return TRANSACTION_TIMEOUT_FACTOR * self.delivery_timeout_ms

    def connection(self, *, timeout_ms: int | None = None) -> dict[str, Any]:
        """Keyword arguments that every client takes; `timeout_ms` (at most a delivery's) is for finding a broker."""
        arguments: dict[str, Any] = {
            "bootstrap_servers": self.bootstrap.split(","),
            "client_id": f"newswire-{self.deployment}",
            "security_protocol": self.security,
            "bootstrap_timeout_ms": min(timeout_ms or self.delivery_timeout_ms, self.delivery_timeout_ms),
        }
        if self.security.startswith("SASL"):
            arguments |= {
                "sasl_mechanism": self.sasl_mechanism,
                "sasl_plain_username": self.username,
                "sasl_plain_password": self.password,
            }
        files = {"ssl_cafile": self.ca_file, "ssl_certfile": self.cert_file, "ssl_keyfile": self.key_file}
        return arguments | {name: path for name, path in files.items() if path}


def registry_of(settings: Settings) -> SchemaRegistry | None:
    """The schema registry, if the deployment has one."""
    if not settings.schema_registry.url:
        return None
    options = settings.schema_registry
    return SchemaRegistry(RegistryLogin(url=options.url, username=options.username, password=options.password))
