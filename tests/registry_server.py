"""A schema registry of the tests' own: the part of Confluent's protocol that producers and consumers use, in memory.

Answers with the protocol's statuses and error codes, and is as strict: media type, valid JSON Schema, and the subject's
compatibility (NONE, or FORWARD_TRANSITIVE: what any earlier version of the subject describes, the new one still has).
"""

from __future__ import annotations

import base64
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import unquote

from jsonschema import Draft202012Validator, SchemaError

from tests.schemas.compatibility import differences

TYPE = "application/vnd.schemaregistry.v1+json"


class Fault(Exception):
    """An answer that is an error of the protocol."""

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code


class RegistryServer:
    """The registry, on a port of its own."""

    def __init__(self, *, login: tuple[str, str] | None = None) -> None:
        self.login = login
        self.schemas: list[str] = []  # id = place + 1
        self.subjects: dict[str, list[int]] = {}
        self.configs: dict[str, str] = {}
        self.requests: list[str] = []
        registry = self

        class Handler(BaseHTTPRequestHandler):
            """One request."""

            def answer(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                body = json.loads(self.rfile.read(length)) if length else {}
                registry.requests.append(f"{self.command} {self.path.partition('?')[0]}")
                try:
                    registry.admit(self.headers.get("Authorization"), self.headers.get("Content-Type"), body)
                    self.send(200, registry.route(self.command, self.path, body))
                except Fault as fault:
                    self.send(fault.status, {"error_code": fault.code, "message": str(fault)})

            do_GET = do_POST = do_PUT = answer  # noqa: N815 # http.server's names

            def send(self, status: int, value: object) -> None:
                text = json.dumps(value).encode()
                self.send_response(status)
                self.send_header("Content-Type", TYPE)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)

    def __enter__(self) -> Self:
        self.thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.server.server_port}"

    def admit(self, authorisation: str | None, kind: str | None, body: object) -> None:
        """Refuse strangers, and bodies of another type."""
        if self.login is not None:
            wanted = "Basic " + base64.b64encode(":".join(self.login).encode()).decode()
            if authorisation != wanted:
                raise Fault(401, 401, "Unauthorized")
        if body and kind not in (TYPE, "application/json"):
            raise Fault(415, 415, f"Unsupported media type {kind}")

    def route(self, method: str, path: str, body: dict[str, Any]) -> object:
        """The answer to a request."""
        match method, [unquote(part) for part in path.partition("?")[0].strip("/").split("/")]:
            case "GET", ["subjects"]:
                return list(self.subjects)
            case "POST", ["subjects", subject]:
                return self.look_up(subject, parsed(body))
            case "POST", ["subjects", subject, "versions"]:
                return {"id": self.register(subject, parsed(body))}
            case "GET", ["schemas", "ids", number]:
                if not 1 <= int(number) <= len(self.schemas):
                    raise Fault(404, 40403, "Schema not found")
                return {"schemaType": "JSON", "schema": self.schemas[int(number) - 1]}
            case "GET", ["config", subject]:
                if subject not in self.configs:
                    raise Fault(404, 40408, f"Subject '{subject}' does not have subject-level compatibility configured")
                return {"compatibilityLevel": self.configs[subject]}
            case "PUT", ["config", subject]:
                self.configs[subject] = body["compatibility"]
                return body
        raise Fault(404, 404, f"no such resource: {method} {path}")

    def look_up(self, subject: str, text: str) -> dict[str, object]:
        """A schema under a subject."""
        if subject not in self.subjects:
            raise Fault(404, 40401, f"Subject '{subject}' not found.")
        for version, number in enumerate(self.subjects[subject], start=1):
            if self.schemas[number - 1] == text:
                return {"subject": subject, "version": version, "id": number, "schema": text, "schemaType": "JSON"}
        raise Fault(404, 40403, "Schema not found")

    def register(self, subject: str, text: str) -> int:
        """A new version of a subject, unless it is one already."""
        versions = self.subjects.setdefault(subject, [])
        if self.configs.get(subject) == "FORWARD_TRANSITIVE":
            for number in versions:
                broken = differences(json.loads(self.schemas[number - 1]), json.loads(text))
                if broken:
                    raise Fault(409, 409, f"Schema being registered is incompatible with an earlier one: {broken[0]}")
        if text not in self.schemas:
            self.schemas.append(text)
        number = self.schemas.index(text) + 1
        if number not in versions:
            versions.append(number)
        return number


def parsed(body: dict[str, Any]) -> str:
    """The schema of a request, if it is one."""
    if body.get("schemaType") != "JSON":
        raise Fault(422, 42201, "only JSON is spoken here")
    try:
        Draft202012Validator.check_schema(json.loads(body["schema"]))
    except (SchemaError, ValueError) as error:
        raise Fault(422, 42201, f"Invalid schema: {error}") from error
    return str(body["schema"])
