"""A client of the OpenAI chat completions API, with one kept-alive connection.

Speaks to the simulator itself (the bare upstream) and to peers that offer the same API.
"""

import asyncio
import time

import orjson

from bench.load.samples import Sample, elapsed_ms, patiently

TOKEN_MARK = b'"content": "word'
TOKEN_MARK_DENSE = b'"content":"word'
END_OF_BODY = b"0\r\n\r\n"


class Upstream(asyncio.Protocol):
    """One connection, one request at a time."""

    def __init__(
        self, host: str, port: int, path: str, model: str, headers: dict[str, str]
    ) -> None:
        self._address = (host, port)
        self._body = {"model": model, "stream": True, "stream_options": {"include_usage": True}}
        lines = [f"POST {path} HTTP/1.1", f"Host: {host}:{port}", "Content-Type: application/json"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        self._head = "\r\n".join(lines)
        self._transport: asyncio.Transport | None = None
        self._chunks: list[bytes] = []
        self._sample = Sample(0.0)
        self._sent_at = 0.0
        self._end: asyncio.Future[None] | None = None

    async def turn(self, content: str, expected: str) -> Sample:
        """One streamed completion of a single user message."""
        loop = asyncio.get_running_loop()
        if self._transport is None:
            await loop.create_connection(lambda: self, *self._address)
        body = orjson.dumps({**self._body, "messages": [{"role": "user", "content": content}]})
        request = f"{self._head}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
        self._chunks = []
        self._end = loop.create_future()
        self._sample = sample = Sample(time.time())
        self._sent_at = time.perf_counter()
        assert self._transport is not None
        self._transport.write(request)
        await patiently(self._end, sample)
        sample.frames = len(self._chunks)
        if sample.fault is None:
            sample.fault = self._judge(expected)
        return sample

    def close(self) -> None:
        """Close the connection."""
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = transport  # type: ignore[assignment]  # uvloop's own class

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """A turn that was running is a fault."""
        self._transport = None
        self._finish("the connection was lost")

    def data_received(self, data: bytes) -> None:
        """Part of the answer: noted, and looked at when it is complete."""
        self._chunks.append(data)
        sample = self._sample
        if sample.first_ms is None and (TOKEN_MARK_DENSE in data or TOKEN_MARK in data):
            sample.first_ms = elapsed_ms(self._sent_at)
        if data.endswith(END_OF_BODY):
            sample.total_ms = elapsed_ms(self._sent_at)
            self._finish(None)

    def _finish(self, fault: str | None) -> None:
        if self._end is not None and not self._end.done():
            self._sample.fault = fault
            self._end.set_result(None)

    def _judge(self, expected: str) -> str | None:
        raw = b"".join(self._chunks)
        status = raw[:15].decode("latin-1")
        if not status.startswith("HTTP/1.1 200"):
            return raw[:300].decode("latin-1")
        text = "".join(_deltas(_unchunked(raw.partition(b"\r\n\r\n")[2])))
        return None if text == expected else f"{len(text)} characters instead of {len(expected)}"


def _unchunked(body: bytes) -> bytes:
    """The payload of a chunked body (RFC 9112, section 7.1)."""
    pieces: list[bytes] = []
    place = 0
    while place < len(body):
        line_end = body.index(b"\r\n", place)
        size = int(body[place:line_end], 16)
        if size == 0:
            break
        pieces.append(body[line_end + 2 : line_end + 2 + size])
        place = line_end + 4 + size
    return b"".join(pieces)


def _deltas(payload: bytes) -> list[str]:
    found: list[str] = []
    for line in payload.split(b"\n"):
        if not line.startswith(b"data: {"):
            continue
        for choice in orjson.loads(line[6:]).get("choices") or ():
            found.append((choice.get("delta") or {}).get("content") or "")
    return found
