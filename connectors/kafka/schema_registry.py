"""Schema registry (Confluent's protocol): registers our schemas and frames values in its wire format.

    value on the topic = 0x00 · schema id (4 bytes, big-endian) · JSON

A subject is `<topic>-value`. A schema that is not there is registered; before the first one the subject's compatibility
is set to FORWARD_TRANSITIVE (schemas/README.md says why), unless an operator has set one. Each id is requested once per
process. Guarantee: a value is framed with the id of a schema that the registry has, or not at all. The requests are
confluent-kafka's, which the extra `registry` installs.
"""

from __future__ import annotations

import json
import ssl
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

import schemas
from pipeline.domain.errors import DeliveryError
from pipeline.domain.model import Message

T = TypeVar("T")  # Python 3.11 has no def f[T] yet

MAGIC = b"\0"
FRAME_BYTES = 5
TIMEOUT_S = 10.0  # per request; delivery waits for it, and the lane's transaction has not begun
COMPATIBILITY = "FORWARD_TRANSITIVE"


class RegistryRefused(DeliveryError):
    """The registry refused: an incompatible schema (409), no right to register (403) …; or the extra is missing."""

    retriable = False


@dataclass(kw_only=True, eq=False)
class SchemaRegistry:
    """One registry, and the ids it gave us. Name and password are for HTTP basic authentication (empty: none)."""

    url: str
    username: str = ""
    password: str = field(default="", repr=False)
    timeout_s: float = TIMEOUT_S
    lock: threading.Lock = field(default_factory=threading.Lock, init=False)
    ids: dict[tuple[str, str], int] = field(default_factory=dict, init=False)

    @cached_property
    def client(self) -> Any:
        """confluent-kafka's client. Raises RegistryRefused when the extra is not installed."""
        try:
            from confluent_kafka.schema_registry import SchemaRegistryClient
        except ImportError as error:
            raise RegistryRefused(
                f"NEWSWIRE_SCHEMA_REGISTRY_URL needs the extra `registry`: pip install 'newswire[registry]' ({error})"
            ) from error
        authorities = ssl.get_default_verify_paths()  # the system's, as for Kafka; the client's default is certifi's
        options = {
            "url": self.url,
            "timeout": self.timeout_s,
            "max.retries": 0,  # delivery retries
            "ssl.ca.location": authorities.cafile or authorities.capath,
        }
        if self.username:
            options["basic.auth.user.info"] = f"{self.username}:{self.password}"
        return SchemaRegistryClient(options)

    def frame(self, message: Message, topic: str) -> bytes | None:
        """The message's value as it goes to a topic; a tombstone stays one. Raises DeliveryError."""
        if message.value is None:
            return None
        key = f"{topic}-value", message.schema
        with self.lock:
            if key not in self.ids:
                self.ids[key] = self.find_or_register(*key)
            return MAGIC + struct.pack(">I", self.ids[key]) + message.value

    def find_or_register(self, subject: str, name: str) -> int:
        """The id that the registry has for the schema, or gives it now. Raises DeliveryError."""
        client, schema = self.client, json_schema(schemas.load(name))
        found = self.ask(lambda: client.lookup_schema(subject, schema))
        if found is not None:
            return int(found.schema_id)
        if self.ask(lambda: client.get_compatibility(subject)) is None:
            self.ask(lambda: client.set_compatibility(subject, COMPATIBILITY))
        number = self.ask(lambda: client.register_schema(subject, schema))
        if number is None:
            raise RegistryRefused(f"schema registry {self.url}: {subject} cannot be registered (404)")
        return int(number)

    def check(self) -> None:
        """Ask for the subjects. Raises DeliveryError when the extra is missing or the registry does not answer."""
        try:
            self.ask(self.client.get_subjects)
        finally:
            self.close()

    def close(self) -> None:
        """Close the connections. Idempotent."""
        client = self.__dict__.pop("client", None)
        if client is not None:
            client.close()

    def ask(self, request: Callable[[], T]) -> T | None:
        """The registry's answer; None for what it does not have (404). Raises DeliveryError, RegistryRefused."""
        from confluent_kafka.schema_registry.error import SchemaRegistryError

        try:
            return request()
        except SchemaRegistryError as error:
            if error.http_status_code == 404:
                return None
            kind = DeliveryError if error.http_status_code >= 500 else RegistryRefused
            raise kind(f"schema registry {self.url}: {error.http_status_code} {error.error_message}") from error
        except Exception as error:  # connection and protocol errors of the library's HTTP client
            raise DeliveryError(f"schema registry {self.url}: {type(error).__name__}: {error}") from error


def json_schema(schema: object) -> Any:
    """A JSON Schema as the client takes it."""
    from confluent_kafka.schema_registry import Schema

    return Schema(json.dumps(schema, ensure_ascii=False, sort_keys=True), "JSON")


def strip_frame(value: bytes | None) -> bytes | None:
    """A value without the frame, if it has one: JSON never begins with a zero byte."""
    return value[FRAME_BYTES:] if value is not None and value[:1] == MAGIC else value
