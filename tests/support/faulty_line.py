"""A line to a server that a test slows down, cuts or lets answer with errors, and mends again.

TCP or Unix sockets, on a loop in a thread of its own. What was connected is cut with each change,
as with a network that changes under a program's hands.
"""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

BROKEN = (
    b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: text/plain\r\n"
    b"content-length: 6\r\nconnection: close\r\n\r\nbroken"
)
CHUNK = 65_536


@dataclass(frozen=True)
class Fault:
    """`delay_s`: before each piece of what the server says. `answer`: instead of the server."""

    delay_s: float = 0.0
    is_cut: bool = False
    answer: bytes = b""


WELL = Fault()
STOPPED = Fault(is_cut=True)
FAILING = Fault(answer=BROKEN)


def slow(seconds: float) -> Fault:
    """Every piece comes so much later."""
    return Fault(delay_s=seconds)


class Line:
    """Use `line()`. `address`: where clients connect to (host and port, or a socket's path)."""

    def __init__(self, upstream: tuple[str, int] | Path, listen: Path | None) -> None:
        self._upstream, self._listen = upstream, listen
        self._fault = WELL
        self._writers: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._server: asyncio.Server | None = None
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self.port = 0

    def set(self, fault: Fault) -> None:
        """From now on."""
        asyncio.run_coroutine_threadsafe(self._set(fault), self._loop).result(10)

    def open(self) -> None:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._open(), self._loop).result(10)

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _open(self) -> None:
        if self._listen is None:
            self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
            self.port = self._server.sockets[0].getsockname()[1]
        else:
            self._server = await asyncio.start_unix_server(self._serve, self._listen)

    async def _close(self) -> None:
        assert self._server is not None
        self._server.close()
        await self._set(STOPPED)
        # What is cut ends by itself: a task of the server that is cancelled is told as an error.
        await asyncio.wait_for(self._server.wait_closed(), 5)
        others = asyncio.all_tasks() - {asyncio.current_task()}
        if others:
            await asyncio.wait(others, timeout=15)

    async def _set(self, fault: Fault) -> None:
        self._fault = fault
        for writer in list(self._writers):
            writer.close()
        self._writers.clear()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        fault = self._fault
        if fault.is_cut:
            writer.close()
            return
        if fault.answer:
            with suppress(OSError):
                await reader.read(CHUNK)
                writer.write(fault.answer)
                await writer.drain()
            writer.close()
            return
        try:
            if isinstance(self._upstream, Path):
                there, back = await asyncio.open_unix_connection(self._upstream)
            else:
                there, back = await asyncio.open_connection(*self._upstream)
        except OSError:
            writer.close()
            return
        if self._fault is not fault:
            # Set while the server was called: this connection would keep the fault before.
            writer.close()
            back.close()
            return
        self._writers |= {writer, back}
        await asyncio.gather(
            self._pump(reader, back, 0.0), self._pump(there, writer, fault.delay_s)
        )
        self._writers -= {writer, back}

    async def _pump(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, delay_s: float
    ) -> None:
        with suppress(OSError):
            while piece := await source.read(CHUNK):
                if delay_s:
                    await asyncio.sleep(delay_s)
                sink.write(piece)
                await sink.drain()
        with suppress(OSError):
            sink.close()


@contextmanager
def line(upstream: tuple[str, int] | Path, listen: Path | None = None) -> Iterator[Line]:
    """A line to `upstream`; over a socket at `listen`, else over a free port."""
    made = Line(upstream, listen)
    made.open()
    try:
        yield made
    finally:
        made.close()
