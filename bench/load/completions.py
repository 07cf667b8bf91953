"""A kept-alive HTTP connection to a chat completions API: what its two clients share."""

import asyncio
import time
from abc import ABC, abstractmethod
from typing import Any

import orjson

from bench.load.samples import Sample, elapsed_ms, patiently


class Completions(ABC, asyncio.Protocol):
    """One connection, one request at a time. `data` is what came of the answer so far."""

    def __init__(
        self, host: str, port: int, path: str, model: str, headers: dict[str, str]
    ) -> None:
        self._address = (host, port)
        self._model = model
        lines = [f"POST {path} HTTP/1.1", f"Host: {host}:{port}", "Content-Type: application/json"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        self._head = "\r\n".join(lines)
        self._transport: asyncio.Transport | None = None
        self._end: asyncio.Future[None] | None = None
        self.chunks: list[bytes] = []
        self.sample = Sample(0.0)
        self.sent_at = 0.0

    async def turn(self, content: str, expected: str) -> Sample:
        """One completion of a single user message."""
        loop = asyncio.get_running_loop()
        if self._transport is None:
            await loop.create_connection(lambda: self, *self._address)
        asked = {"model": self._model, "messages": [{"role": "user", "content": content}]}
        body = orjson.dumps(asked | self.options())
        request = f"{self._head}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
        self.chunks = []
        self._end = loop.create_future()
        self.sample = sample = Sample(time.time())
        self.sent_at = time.perf_counter()
        assert self._transport is not None
        self._transport.write(request)
        await patiently(self._end, sample)
        sample.frames = len(self.chunks)
        if sample.fault is None:
            sample.fault = self.judge(b"".join(self.chunks), expected)
        return sample

    @abstractmethod
    def options(self) -> dict[str, Any]:
        """What the request says besides model and messages."""

    @abstractmethod
    def is_whole(self, data: bytes) -> bool:
        """Whether the answer, of which `data` came last, is complete."""

    @abstractmethod
    def judge(self, answer: bytes, expected: str) -> str | None:
        """What is wrong with a complete answer."""

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
        """Part of the answer."""
        self.chunks.append(data)
        if self.is_whole(data):
            self.sample.total_ms = elapsed_ms(self.sent_at)
            self._finish(None)

    def _finish(self, fault: str | None) -> None:
        if self._end is not None and not self._end.done():
            self.sample.fault = fault
            self._end.set_result(None)
