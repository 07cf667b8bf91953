"""A wire that can be made slow: passes TCP on, each piece towards the server after a delay.

Runs on a thread of its own; `delay_s` may be changed at any time and holds for the next piece.
"""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

PIECE_BYTES = 65_536


class Wire:
    """A listening port before another one."""

    def __init__(self, target: int) -> None:
        self.port = 0
        self.delay_s = 0.0
        self._target = target

    async def _connected(
        self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter
    ) -> None:
        try:
            server, to_server = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            to_client.close()
            return
        await asyncio.gather(
            self._pass(client, to_server, is_delayed=True),
            self._pass(server, to_client, is_delayed=False),
        )

    async def _pass(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, is_delayed: bool
    ) -> None:
        with suppress(OSError):
            while piece := await source.read(PIECE_BYTES):
                if is_delayed and self.delay_s:
                    await asyncio.sleep(self.delay_s)
                sink.write(piece)
                await sink.drain()
        sink.close()

    async def listen(self) -> asyncio.Server:
        """Begin; `port` is known then."""
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        return server


@contextmanager
def wire_to(port: int) -> Iterator[Wire]:
    """A wire to a local port, until the block ends."""
    wire, loop = Wire(port), asyncio.new_event_loop()
    server = loop.run_until_complete(wire.listen())
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield wire
    finally:
        loop.call_soon_threadsafe(server.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5)
