"""A schema registry (Confluent's protocol): schemas registered under the topics, values in its wire format.

    value on the topic = 0x00 · schema id (4 bytes, big-endian) · JSON

A subject is `<topic>-value`. Its schema is looked up, and registered when it is not there; before the first one the
subject's compatibility is set to FORWARD_TRANSITIVE (schemas/README.md says why), unless an operator set one. Ids are
asked for once per process. Guarantee: a value is framed with the id of a schema that the registry has, or not at all.
"""

from __future__ import annotations

import base64
import json
import struct
import threading
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import schemas
from pipeline.domain.errors import DeliveryError
from pipeline.domain.model import Message

MAGIC = b"\0"
FRAME_BYTES = 5
TIMEOUT_S = 10.0
COMPATIBILITY = "FORWARD_TRANSITIVE"
CONTENT_TYPE = "application/vnd.schemaregistry.v1+json"
NOT_FOUND = 404


class RegistryRefused(DeliveryError):
    """The registry answered, and not as wanted: an incompatible schema (409), no right to register (403) …"""

    retriable = False


@dataclass(frozen=True, slots=True)
class RegistryAccess:
    """Where the registry is, and who asks."""

    url: str
    username: str = ""
    password: str = ""
    timeout_s: float = TIMEOUT_S


class SchemaRegistry:
    """One registry, and the ids it gave us."""

    def __init__(self, access: RegistryAccess) -> None:
        self.access = access
        self.lock = threading.Lock()
        self.ids: dict[tuple[str, str], int] = {}

    def frame(self, message: Message, topic: str) -> bytes | None:
        """The message's value as it goes to a topic; a tombstone stays one. Raises DeliveryError."""
        if message.value is None:
            return None
        number = self.schema_id(f"{topic}-value", message.schema)
        return MAGIC + struct.pack(">I", number) + message.value

    def schema_id(self, subject: str, name: str) -> int:
        """The id of one of our schemas under a subject, registered if it is not yet. Raises DeliveryError."""
        with self.lock:
            known = self.ids.get((subject, name))
            if known is None:
                known = self.ids[subject, name] = self.look_up(subject, name) or self.register(subject, name)
            return known

    def look_up(self, subject: str, name: str) -> int | None:
        """The id of the schema under the subject; None when it is not there."""
        found = self.ask("POST", f"/subjects/{quote(subject, safe='')}", schema_of(name))
        return None if found is None else int(found["id"])

    def register(self, subject: str, name: str) -> int:
        """Register the schema; its id."""
        path = quote(subject, safe="")
        if self.ask("GET", f"/config/{path}") is None:
            self.ask("PUT", f"/config/{path}", {"compatibility": COMPATIBILITY})
        registered = self.ask("POST", f"/subjects/{path}/versions", schema_of(name))
        if registered is None:
            raise RegistryRefused(f"schema registry {self.access.url}: {subject} cannot be registered (404)")
        return int(registered["id"])

    def ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Mapping[str, Any] | None:
        """The registry's answer; None for what it does not have (404). Raises DeliveryError, RegistryRefused."""
        request = urllib.request.Request(  # noqa: S310 # an operator's setting, http or https
            self.access.url.rstrip("/") + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Accept": CONTENT_TYPE, "Content-Type": CONTENT_TYPE, **self.authorisation()},
        )
        try:
            with urllib.request.urlopen(request, timeout=self.access.timeout_s) as response:  # noqa: S310
                answer: Mapping[str, Any] = json.load(response)
                return answer
        except urllib.error.HTTPError as error:
            if error.code == NOT_FOUND:
                return None
            raise self.error_of(error, f"{method} {path}") from error
        except (OSError, ValueError) as error:
            raise DeliveryError(f"schema registry {self.access.url}: {method} {path}: {error}") from error

    def error_of(self, error: urllib.error.HTTPError, what: str) -> DeliveryError:
        """What an error status means: the registry's fault passes, a refusal does not."""
        told = error.read(2_000).decode("utf-8", "replace")
        kind = DeliveryError if error.code >= 500 else RegistryRefused
        return kind(f"schema registry {self.access.url}: {what}: {error.code} {told}")

    def authorisation(self) -> dict[str, str]:
        """HTTP's basic authentication, when a name is set."""
        if not self.access.username:
            return {}
        pair = f"{self.access.username}:{self.access.password}".encode()
        return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}


def schema_of(name: str) -> dict[str, str]:
    """One of our schemas as a registry takes it."""
    return {"schemaType": "JSON", "schema": json.dumps(schemas.load(name), ensure_ascii=False, sort_keys=True)}


def unframed(value: bytes | None) -> bytes | None:
    """A value without the frame, if it has one: JSON never begins with a zero byte."""
    return value[FRAME_BYTES:] if value is not None and value[:1] == MAGIC else value
