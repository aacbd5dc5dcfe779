"""aiohttp as the fetcher uses it: headers as text, exceptions as our errors, and what it does not offer publicly.

The subclasses of its connector, protocol and response give:

1. The peer's address: `ClientResponse.connection` is None once the connection is back in the pool. A response
   without a body is so before the caller sees it.
2. Bytes after the end of the body (a Content-Length that is too short). Plain aiohttp drops them silently; in one
   packet with the head they make it lose the whole response.
3. Bounds on what aiohttp reads without handing it on: `100 Continue` without end, a chunk extension without end.
4. A bound on idle connections, which the pool keeps without counting. A run over thousands of hosts would use up the
   process's file descriptors; `limit` counts connections in use, and `force_close` would reopen one for each page.

Every decision is left to connectors/http/fetcher.py.
"""

from __future__ import annotations

import asyncio
import functools
import ssl
from dataclasses import dataclass
from typing import Any

from aiohttp import ClientPayloadError, ClientResponse, StreamReader, TCPConnector
from aiohttp.client_exceptions import (
    ClientConnectionError,
    ClientConnectorCertificateError,
    ClientConnectorDNSError,
    ClientConnectorError,
    ClientConnectorSSLError,
    ClientOSError,
    ServerDisconnectedError,
)
from aiohttp.client_proto import ResponseHandler
from aiohttp.http_exceptions import HttpProcessingError

from connectors.http.address_guard import AddressForbidden
from pipeline.domain.errors import FetchError, RequestRefused, Unreachable

HEAD_END = b"\r\n\r\n"
MAX_OPEN = 300  # with more connections none is kept idle; 1,024 descriptors per process are usual
MAX_INFORMATIONAL = 20  # 1xx responses before the final one; servers send one (100) or a few (103)


@dataclass(slots=True)
class ConnectionCounter:
    """What the connections of one connector share: the limit of bytes per response, and how many are open."""

    max_received_bytes: int  # of one response with its framing: an endless chunk extension is not part of the body
    open: int = 0


class StrictResponseHandler(ResponseHandler):
    """One connection, which knows its peer and notices bytes after the end of the body."""

    def __init__(self, loop: asyncio.AbstractEventLoop, counter: ConnectionCounter) -> None:
        super().__init__(loop)
        self.counter = counter
        self.peer: str | None = None
        self.begin_response()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.counter.open += 1
        name = transport.get_extra_info("peername")
        self.peer = name[0] if name else None

    def connection_lost(self, exc: BaseException | None) -> None:
        self.counter.open -= 1
        super().connection_lost(exc)

    @property
    def should_close(self) -> bool:
        return self.counter.open > MAX_OPEN or super().should_close

    def begin_response(self) -> None:
        """Count from zero for the next response."""
        self.excess = False  # bytes followed the end of the body
        self.heads = self.informational = self.received_bytes = 0
        self.body: StreamReader | None = None

    def set_response_params(self, **params: Any) -> None:
        self.begin_response()
        super().set_response_params(**params)

    def data_received(self, data: bytes) -> None:
        """Parse the head separately from the rest, so that a fault behind the body does not lose the response."""
        self.received_bytes += len(data)
        if self.received_bytes > self.counter.max_received_bytes:
            self.abort_with(f"more than {self.counter.max_received_bytes} bytes for one response")
            return
        end = data.find(HEAD_END) + len(HEAD_END) if self.heads == 0 else 0
        if len(HEAD_END) <= end < len(data):
            super().data_received(data[:end])
            data = data[end:]
        super().data_received(data)

    def feed_data(self, data: Any, size: int = 0) -> None:
        """Count the heads of responses that the parser hands on."""
        if self.informational > MAX_INFORMATIONAL:
            return  # aborted; the parser may still process the same packet
        if data[0].code < 200:
            self.informational += 1
            if self.informational > MAX_INFORMATIONAL:
                self.abort_with("informational responses without end")
                return
        else:
            self.heads += 1
            self.excess = self.heads > 1
            self.body = data[1]
        super().feed_data(data, size)

    def set_exception(self, exc: BaseException, *cause: BaseException) -> None:
        """Treat what the parser cannot read after the response's head as excess, or as a broken chunk of the body."""
        if self.heads > 0 and isinstance(exc, HttpProcessingError):
            if self.body is None or self.body.is_eof():
                self.excess = True
            else:  # without this the reader of the body would wait until its deadline
                self.body.set_exception(ClientPayloadError(f"cannot be read on: {exc.message}"))
        super().set_exception(exc, *cause)

    def abort_with(self, reason: str) -> None:
        """Close the connection, and raise in the readers of the response."""
        if self.body is not None and not self.body.is_eof():
            self.body.set_exception(ClientPayloadError(reason))
        self.set_exception(ClientConnectionError(reason))
        if self.transport is not None:
            self.transport.close()


class StrictConnector(TCPConnector):
    def __init__(self, *, max_received_bytes: int, **options: Any) -> None:
        super().__init__(**options)
        counter = ConnectionCounter(max_received_bytes)
        self._factory = functools.partial(StrictResponseHandler, loop=self._loop, counter=counter)  # type: ignore[assignment] # a subclass


class StrictResponse(ClientResponse):
    """A response that knows its connection, also after that went back to the pool."""

    protocol: StrictResponseHandler  # once it is started

    async def start(self, connection: Any) -> ClientResponse:
        self.protocol = connection.protocol
        return await super().start(connection)


def plain_headers(reply: ClientResponse) -> dict[str, str]:
    """Headers by lower-case name, repeated ones joined (RFC 9110 section 5.3), as text that any store can keep."""
    headers: dict[str, str] = {}
    for name, value in reply.headers.items():
        key = name.lower()
        raw = value.encode("utf-8", "surrogateescape")
        try:
            text = raw.decode("utf-8")
        except UnicodeDecodeError:
            text = raw.decode("latin-1")  # HTTP's old default; never a lone surrogate
        headers[key] = f"{headers[key]}, {text}" if key in headers else text
    return headers


# The stage that failed, most specific exception first. "connect" is tried once more.
STAGES: tuple[tuple[tuple[type[Exception], ...], str], ...] = (
    ((ClientConnectorCertificateError, ClientConnectorSSLError, ssl.SSLError), "tls"),
    ((ClientConnectorDNSError,), "dns"),
    ((ClientConnectorError,), "connect"),
    ((ClientPayloadError,), "body"),
    ((ServerDisconnectedError, ClientOSError), "cut"),
    ((Exception,), "protocol"),
)


def translate_error(url: str, error: Exception) -> FetchError:
    """Our error for an exception of aiohttp."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, AddressForbidden):
            return RequestRefused(url, "address", f"{cause.address} is {cause.rule}")
        cause = cause.__cause__ or cause.__context__
    # An error of the event loop's has no errno: the connection was made, and then cut.
    if isinstance(error, ClientConnectorError) and url.startswith("https:") and error.os_error.errno is None:
        return Unreachable(url, "tls", "the connection was cut while TLS was agreed on")
    stage = next(stage for kinds, stage in STAGES if isinstance(error, kinds))
    return Unreachable(url, stage, (str(error) or type(error).__name__)[:500])
