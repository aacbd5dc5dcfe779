"""A TCP proxy on loopback that cuts connections when told: what a network does to a client."""

from __future__ import annotations

import asyncio
import contextlib
import random
import threading
from types import TracebackType
from typing import Self

CHUNK = 65_536


class Proxy:
    """Listens on a port of its own and passes everything on to `port`; a context manager with a thread of its own."""

    def __init__(self, port: int = 0) -> None:
        self.upstream = port
        self.port = 0
        self.open: set[asyncio.StreamWriter] = set()
        self.is_deaf = False
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, name="proxy", daemon=True)

    def __enter__(self) -> Self:
        self.thread.start()
        self.server = asyncio.run_coroutine_threadsafe(self.listen(), self.loop).result()
        self.port = int(self.server.sockets[0].getsockname()[1])
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self.end(), self.loop).result()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()

    async def listen(self) -> asyncio.Server:
        return await asyncio.start_server(self.serve, "127.0.0.1", 0)

    async def end(self) -> None:
        self.server.close()
        self.abort(1.0, random.Random(0))
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One client's connection."""
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.upstream)
        except OSError:
            writer.transport.abort()
            return
        if self.is_deaf:
            writer.transport.abort()
            far_writer.transport.abort()
            return
        self.open |= {writer, far_writer}
        try:
            await asyncio.gather(self.pass_on(reader, far_writer), self.pass_on(far_reader, writer))
        finally:
            self.open -= {writer, far_writer}
            writer.transport.abort()
            far_writer.transport.abort()

    async def pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while chunk := await reader.read(CHUNK):
                writer.write(chunk)
                await writer.drain()
        writer.transport.abort()  # half a connection is none

    def abort(self, share: float, chance: random.Random) -> int:
        doomed = [writer for writer in self.open if chance.random() < share]
        for writer in doomed:
            writer.transport.abort()
        return len(doomed)

    def cut(self, share: float, chance: random.Random) -> int:
        """Cut about this share of the connections, amid whatever they carry; how many ends that were."""

        async def cut_now() -> int:
            return self.abort(share, chance)

        return asyncio.run_coroutine_threadsafe(cut_now(), self.loop).result()

    def deafen(self, is_deaf: bool) -> None:
        """Refuse new connections (True), or take them again."""
        self.is_deaf = is_deaf
