"""What we put under aiohttp: a connector, a protocol and an answer that see what the plain ones hide.

Four things are wanted of the wire that aiohttp does not tell: the address we are connected to, whether bytes came
after the end of the body (a Content-Length that is too short; in one packet with it they make plain aiohttp lose the
whole answer), an end to a server that sends `100 Continue` for ever, and a bound on idle connections, which the pool
keeps without counting: a run over thousands of hosts would use up the process's file descriptors. Leaves every decision
to http.py.
"""

from __future__ import annotations

import asyncio
import functools
from dataclasses import dataclass
from typing import Any

from aiohttp import ClientPayloadError, ClientResponse, StreamReader, TCPConnector
from aiohttp.client_exceptions import ClientConnectionError
from aiohttp.client_proto import ResponseHandler
from aiohttp.http_exceptions import HttpProcessingError

HEAD_END = b"\r\n\r\n"
MOST_OPEN = 300  # connections beyond which none is kept for later; 1,024 descriptors are usual, others need some
MAX_INFORMATIONAL = 20  # 1xx answers before the real one; servers send one (100) or a few (103)


@dataclass(slots=True)
class ConnectionCounter:
    """What the connections of one connector have in common: a bound, and how many are open."""

    most_received_bytes: int  # for one answer, framing and all: an endless chunk extension is no body and has no cap
    open: int = 0


class StrictResponseHandler(ResponseHandler):
    """One connection, which remembers its peer and notices bytes that nobody announced."""

    def __init__(self, loop: asyncio.AbstractEventLoop, census: ConnectionCounter) -> None:
        super().__init__(loop)
        self.census = census
        self.peer: str | None = None
        self.excess = False
        self.heads = 0
        self.informational = 0
        self.received_bytes = 0
        self.body: StreamReader | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember who is at the other end."""
        super().connection_made(transport)
        self.census.open += 1
        name = transport.get_extra_info("peername")
        self.peer = name[0] if name else None

    def connection_lost(self, exc: BaseException | None) -> None:
        """One less."""
        self.census.open -= 1
        super().connection_lost(exc)

    @property
    def should_close(self) -> bool:
        """Whether the pool must not keep it."""
        return self.census.open > MOST_OPEN or super().should_close

    def set_response_params(self, **params: Any) -> None:
        """A new request begins on this connection."""
        self.excess = False
        self.heads = 0
        self.informational = 0
        self.received_bytes = 0
        self.body = None
        super().set_response_params(**params)

    def data_received(self, data: bytes) -> None:
        """Give the head and what follows it to the parser apart, so that a fault behind the body spares the answer."""
        self.received_bytes += len(data)
        if self.received_bytes > self.census.most_received_bytes:
            self.give_up(f"more than {self.census.most_received_bytes} bytes for one answer")
            return
        end = data.find(HEAD_END) + len(HEAD_END) if self.heads == 0 else 0
        if len(HEAD_END) <= end < len(data):
            super().data_received(data[:end])
            data = data[end:]
        super().data_received(data)

    def feed_data(self, data: Any, size: int = 0) -> None:
        """Count the heads of answers as the parser hands them on."""
        if self.informational > MAX_INFORMATIONAL:
            return  # given up; the parser may still be at work on what came in one packet
        if data[0].code < 200:
            self.informational += 1
            if self.informational > MAX_INFORMATIONAL:
                self.give_up("informational answers without end")
                return
        else:
            self.heads += 1
            self.excess = self.heads > 1
            self.body = data[1]
        super().feed_data(data, size)

    def set_exception(self, exc: BaseException, *cause: BaseException) -> None:
        """What the parser cannot read once the head of the answer is through are bytes that nobody announced."""
        if self.heads > 0 and isinstance(exc, HttpProcessingError):
            if self.body is None or self.body.is_eof():
                self.excess = True
            else:  # a broken chunk: without this the reader would wait for the rest until its deadline
                self.body.set_exception(ClientPayloadError(f"cannot be read on: {exc.message}"))
        super().set_exception(exc, *cause)

    def give_up(self, reason: str) -> None:
        """Stop listening to this peer, and tell whoever waits for it."""
        if self.body is not None and not self.body.is_eof():
            self.body.set_exception(ClientPayloadError(reason))
        self.set_exception(ClientConnectionError(reason))
        if self.transport is not None:
            self.transport.close()


class StrictConnector(TCPConnector):
    """A connector whose connections are `StrictResponseHandler`s."""

    def __init__(self, *, most_received_bytes: int, **options: Any) -> None:
        super().__init__(**options)
        census = ConnectionCounter(most_received_bytes)
        self._factory = functools.partial(StrictResponseHandler, loop=self._loop, census=census)  # type: ignore[assignment] # a subclass


class StrictResponse(ClientResponse):
    """An answer that knows the connection it came by, also after that went back to the pool."""

    wire: StrictResponseHandler | None = None

    async def start(self, connection: Any) -> ClientResponse:
        """Read the head of the answer."""
        self.wire = connection.protocol
        return await super().start(connection)

    @property
    def peer(self) -> str | None:
        """The address that answered."""
        return None if self.wire is None else self.wire.peer
