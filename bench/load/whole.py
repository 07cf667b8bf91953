"""A client of the chat completions API that asks for the answer in one piece, kept alive."""

import asyncio
import time

import orjson

from bench.load.samples import Sample, elapsed_ms, patiently


class Whole(asyncio.Protocol):
    """One connection, one request at a time."""

    def __init__(
        self, host: str, port: int, path: str, model: str, headers: dict[str, str]
    ) -> None:
        self._address = (host, port)
        self._model = model
        lines = [f"POST {path} HTTP/1.1", f"Host: {host}:{port}", "Content-Type: application/json"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        self._head = "\r\n".join(lines)
        self._transport: asyncio.Transport | None = None
        self._data = b""
        self._sample = Sample(0.0)
        self._sent_at = 0.0
        self._end: asyncio.Future[None] | None = None

    async def turn(self, content: str, expected: str) -> Sample:
        """One completion of a single user message."""
        loop = asyncio.get_running_loop()
        if self._transport is None:
            await loop.create_connection(lambda: self, *self._address)
        body = orjson.dumps(
            {"model": self._model, "messages": [{"role": "user", "content": content}]}
        )
        request = f"{self._head}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
        self._data = b""
        self._end = loop.create_future()
        self._sample = sample = Sample(time.time())
        self._sent_at = time.perf_counter()
        assert self._transport is not None
        self._transport.write(request)
        await patiently(self._end, sample)
        if sample.fault is None and expected.strip().encode() not in self._data:
            sample.fault = self._data[:300].decode("latin-1")
        return sample

    def close(self) -> None:
        """Close the connection."""
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = transport  # type: ignore[assignment]  # uvloop's own class

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """A request that was running is a fault."""
        self._transport = None
        self._finish("the connection was lost")

    def data_received(self, data: bytes) -> None:
        """Part of the answer: whole when its length, or its last chunk, is there."""
        self._data += data
        head, blank, body = self._data.partition(b"\r\n\r\n")
        if not blank:
            return
        lower = head.lower()
        place = lower.find(b"content-length:")
        if place >= 0:
            size = int(lower[place + 15 :].split(b"\r\n", 1)[0])
            is_whole = len(body) >= size
        else:
            is_whole = body.endswith(b"0\r\n\r\n")
        if is_whole:
            self._sample.total_ms = elapsed_ms(self._sent_at)
            self._finish(None)

    def _finish(self, fault: str | None) -> None:
        if self._end is not None and not self._end.done():
            self._sample.fault = fault
            self._end.set_result(None)
