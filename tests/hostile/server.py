"""A server that does whatever a case tells it, byte for byte, over a real socket.

The first label of the Host header chooses the case (`slow-body.hostile.test`). So each case is a host of its own for
the rate limiter, robots.txt and the connection pool. Of HTTP the server only knows the end of a request's head.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Self


@dataclass(slots=True)
class Call:
    """One request and the socket to answer it on."""

    head: bytes
    number: int  # of the requests to this case, from 1
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    @property
    def path(self) -> str:
        return self.head.split(b" ", 2)[1].decode("latin-1")

    @property
    def sent_headers(self) -> dict[str, str]:
        lines = self.head.decode("latin-1").split("\r\n")[1:]
        return {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def drip(self, data: bytes, *, every_s: float = 0.02) -> None:
        """One byte at a time, so that an idle limit alone never ends it."""
        for byte in data:
            await self.send(bytes([byte]))
            await asyncio.sleep(every_s)

    async def flood(self, data: bytes) -> None:
        """The same bytes until the other side has had enough."""
        while True:
            await self.send(data)

    async def silence(self) -> None:
        """Nothing more, and the connection stays open until the other side closes it."""
        await self.reader.read()

    def close(self) -> None:
        self.writer.close()

    def reset(self) -> None:
        """A TCP reset instead of an orderly end."""
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


Serve = Callable[[Call], Awaitable[None]]


@dataclass(slots=True)
class HostileServer:
    """The cases behind one port. `heads` keeps what each case was asked, for assertions."""

    cases: Mapping[str, Serve]
    context: ssl.SSLContext | None = None
    port: int = 0
    heads: list[bytes] = field(default_factory=list)
    calls: Counter[str] = field(default_factory=Counter)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)
    server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        self.server = await asyncio.start_server(self.connected, "127.0.0.1", 0, ssl=self.context, backlog=512)
        self.port = self.server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self.server is not None
        self.server.close()
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.tasks.add(task)
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
                while not writer.is_closing():
                    await self.answer(reader, writer)
        finally:
            self.tasks.discard(task)
            writer.close()

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        self.heads.append(head)
        call = Call(head, 0, reader, writer)
        name = call.sent_headers.get("host", "").split(":")[0].split(".")[0]
        self.calls[name] += 1
        call.number = self.calls[name]
        await self.cases[name if name in self.cases else "good"](call)

    def asked(self, name: str) -> list[bytes]:
        """The heads of the requests that a case got."""
        return [head for head in self.heads if f"\r\nHost: {name}.".encode() in head]
