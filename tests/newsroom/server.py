"""The sample newsroom's server: every host under `.test` on one loopback address, told apart by the Host header.

Promises the same answers for the same act; counts what it served, so that tests can assert 304s and politeness.
"""

from __future__ import annotations

import gzip
import json
import threading
import time
from collections import Counter
from dataclasses import asdict, dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

from tests.newsroom.articles import ACTS
from tests.newsroom.catalogue import OUTLETS, catalogue_toml
from tests.newsroom.ledger import Ledger, make_ledger
from tests.newsroom.outlets import Outlet
from tests.newsroom.replies import Answer, Reply, http_time
from tests.newsroom.site import build_site

NOT_FOUND = Reply(404, b"<html><head><title>404</title></head><body><h1>Page introuvable</h1></body></html>")
CHUNKS = 20  # of a slow body


@dataclass(frozen=True, slots=True)
class Served:
    """One request that was answered."""

    host: str
    path: str
    status: int


class Newsroom:
    """The newsroom on loopback, in a thread of its own; a context manager.

        with Newsroom() as newsroom:
            poll(newsroom.address)
            newsroom.move_to(2)

    `slow_s` is how long the slow feed's body takes.
    """

    def __init__(
        self,
        port: int = 0,
        *,
        act: int = 1,
        slow_s: float = 3.0,
        outlets: tuple[Outlet, ...] = OUTLETS,
        host: str = "127.0.0.1",
    ) -> None:
        self.outlets = outlets
        self.slow_s = slow_s
        self._act = act
        self._lock = threading.Lock()
        self._sites: dict[int, dict[tuple[str, str], Answer]] = {}
        self._served: list[Served] = []
        self._hits: Counter[tuple[str, str]] = Counter()
        self._server = _Server((host, port), handler_of(self))
        self._thread = threading.Thread(target=self.serve_forever, name="newsroom", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Stop serving and free the port."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()

    def serve_forever(self) -> None:
        """Serve in this thread until another one calls `shutdown`."""
        self._server.serve_forever(poll_interval=0.05)

    def shutdown(self) -> None:
        """Make `serve_forever` return. Not to be called in the thread that serves."""
        self._server.shutdown()

    @property
    def address(self) -> str:
        """`127.0.0.1:54321`: the value for NEWSWIRE_NEWSROOM."""
        host, port = self._server.server_address[:2]
        return f"{host!s}:{port}"

    @property
    def act(self) -> int:
        """The act that is on."""
        return self._act

    def move_to(self, act: int) -> None:
        """Begin another act."""
        if act not in ACTS:
            raise ValueError(f"there is no act {act}: {ACTS}")
        self._act = act

    @property
    def requests(self) -> list[Served]:
        """What was served so far, the newsroom's own control calls aside."""
        with self._lock:
            return list(self._served)

    def reset_requests(self) -> None:
        """Forget what was served so far."""
        with self._lock:
            self._served.clear()

    def catalogue_toml(self) -> str:
        """A feeds.toml that declares all outlets."""
        return catalogue_toml(self.outlets)

    def ledger(self, act: int) -> Ledger:
        """What a perfect pipeline has after polling every act up to this one, once each."""
        return make_ledger(act, self.outlets)

    def answer(self, host: str, path: str) -> Reply:
        """The page or feed of a URL in this act."""
        site = self.site(self._act)
        found = site.get((host, path)) or site.get((host, path.partition("?")[0])) or NOT_FOUND
        if isinstance(found, Reply):
            return found
        with self._lock:
            self._hits[host, path] += 1
            hit = self._hits[host, path]
        return found(hit)

    def site(self, act: int) -> dict[tuple[str, str], Answer]:
        """Every URL of an act, by host and path."""
        with self._lock:
            if act not in self._sites:
                self._sites[act] = build_site(self.outlets, act, slow_s=self.slow_s)
            return self._sites[act]

    def note(self, host: str, path: str, status: int) -> None:
        """Remember a request."""
        with self._lock:
            self._served.append(Served(host, path, status))


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is no news."""


def handler_of(newsroom: Newsroom) -> type[BaseHTTPRequestHandler]:
    """The handler class that speaks for a newsroom."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        server_version = "newsroom"
        sys_version = ""
        timeout = 60
        wbufsize = 65_536  # head and body in one packet
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            host = (self.headers.get("Host") or "").partition(":")[0].lower()
            if host.endswith(".test"):
                self.serve(host)
            else:
                self.control()

        do_HEAD = do_GET  # noqa: N815 - the name that http.server asks for

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            host = (self.headers.get("Host") or "").partition(":")[0].lower()
            if host.endswith(".test"):
                self.send(Reply(405, b""))
                return
            act = self.path.removeprefix("/-/act/")
            if act.isdecimal() and int(act) in ACTS:
                newsroom.move_to(int(act))
                self.say(f"act {act}\n")
            else:
                self.say(f"acts are {ACTS}\n", status=404)

        def serve(self, host: str) -> None:
            reply = newsroom.answer(host, self.path)
            if reply.is_unchanged(self.headers.get("If-None-Match"), self.headers.get("If-Modified-Since")):
                reply = Reply(304, etag=reply.etag, last_modified=reply.last_modified, content_type="")
            newsroom.note(host, self.path, reply.status)
            self.send(reply)

        def control(self) -> None:
            """What is asked of the newsroom itself, under its own address."""
            what, _, act = self.path.removeprefix("/-/").partition("/")
            if self.path == "/-/catalogue":
                self.say(newsroom.catalogue_toml())
            elif self.path == "/-/act":
                self.say(f"{newsroom.act}\n")
            elif what == "ledger" and act.isdecimal() and int(act) in ACTS:
                self.say(
                    json.dumps(asdict(newsroom.ledger(int(act))), ensure_ascii=False, indent=1), kind="application/json"
                )
            else:
                self.say("GET /-/catalogue, /-/act, /-/ledger/<act>; POST /-/act/<act>\n", status=404)

        def say(self, text: str, *, status: int = 200, kind: str = "text/plain") -> None:
            self.send(Reply(status, text.encode(), f"{kind}; charset=utf-8"))

        def send(self, reply: Reply) -> None:
            body = reply.body
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            if reply.content_type:
                self.send_header("Content-Type", reply.content_type)
            if reply.etag:
                self.send_header("ETag", reply.etag)
            if reply.last_modified:
                self.send_header("Last-Modified", http_time(reply.last_modified))
            if reply.headers.get("Content-Encoding") == "gzip":
                body = gzip.compress(body, mtime=0)
            if reply.status != 304:
                self.send_header("Content-Length", str(len(body) + reply.cut_bytes))
            if reply.cut_bytes:
                self.send_header("Connection", "close")
                self.close_connection = True
            self.end_headers()
            if self.command != "HEAD" and reply.status != 304:
                self.send_body(body, slow_s=reply.slow_s)

        def send_body(self, body: bytes, *, slow_s: float) -> None:
            size = len(body) // CHUNKS + 1 if slow_s else len(body) or 1
            for start in range(0, len(body), size):
                self.wfile.write(body[start : start + size])
                self.wfile.flush()
                if slow_s:
                    time.sleep(slow_s / CHUNKS)

        def log_message(self, *words: object) -> None:
            """Nothing: what was served is in `Newsroom.requests`."""

    return Handler
