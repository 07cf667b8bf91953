"""A WebSocket client that does only what a measurement needs (RFC 6455).

Text frames both ways, pings answered, no extensions, no fragments (the product sends none).
"""

import asyncio
import base64
import os
import struct
from collections.abc import Callable

TEXT, CLOSE, PING, PONG = 0x1, 0x8, 0x9, 0xA
FIN, MASKED = 0x80, 0x80


class WebSocket(asyncio.Protocol):
    """One connection. `on_text` gets each text frame, `on_lost` the reason of the end."""

    def __init__(self, on_text: Callable[[bytes], None], on_lost: Callable[[str], None]) -> None:
        self._on_text, self._on_lost = on_text, on_lost
        self._transport: asyncio.Transport | None = None
        self._held = b""
        self._is_open = False
        self._opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def open(self, host: str, port: int, path: str, headers: dict[str, str]) -> None:
        """Connect and shake hands. Raises: ConnectionError."""
        await asyncio.get_running_loop().create_connection(lambda: self, host, port)
        key = base64.b64encode(os.urandom(16)).decode()
        lines = [
            f"GET {path} HTTP/1.1",
            f"Host: {host}:{port}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Key: {key}",
            "Sec-WebSocket-Version: 13",
            *(f"{name}: {value}" for name, value in headers.items()),
        ]
        assert self._transport is not None
        self._transport.write(("\r\n".join(lines) + "\r\n\r\n").encode())
        await self._opened

    def send(self, text: bytes) -> None:
        """One masked text frame."""
        self._write(TEXT, text)

    def close(self) -> None:
        """Say goodbye and close."""
        if self._transport is not None and not self._transport.is_closing():
            self._write(CLOSE, struct.pack(">H", 1000))
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = transport  # type: ignore[assignment]  # uvloop's own class

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell whoever waits."""
        reason = f"connection lost: {exc}" if exc else "connection lost"
        if not self._opened.done():
            self._opened.set_exception(ConnectionError(reason))
        self._on_lost(reason)

    def data_received(self, data: bytes) -> None:
        """Frames, whole or in parts."""
        if self._held:
            data = self._held + data
            self._held = b""
        if not self._is_open:
            data = self._shake_hands(data)
        place, size = 0, len(data)
        while size - place >= 2:
            length = data[place + 1] & 0x7F
            start = place + 2
            if length == 126:
                start += 2
                if size < start:
                    break
                length = int.from_bytes(data[place + 2 : start])
            elif length == 127:
                start += 8
                if size < start:
                    break
                length = int.from_bytes(data[place + 2 : start])
            if size < start + length:
                break
            self._frame(data[place] & 0x0F, data[start : start + length])
            place = start + length
        self._held = data[place:]

    def _shake_hands(self, data: bytes) -> bytes:
        head, separator, rest = data.partition(b"\r\n\r\n")
        if not separator:
            self._held = data
            return b""
        if not head.startswith(b"HTTP/1.1 101"):
            self._opened.set_exception(ConnectionError(head[:200].decode("latin-1")))
            return b""
        self._is_open = True
        self._opened.set_result(None)
        return rest

    def _frame(self, opcode: int, payload: bytes) -> None:
        if opcode == TEXT:
            self._on_text(payload)
        elif opcode == PING:
            self._write(PONG, payload)
        elif opcode == CLOSE:
            code = int.from_bytes(payload[:2]) if len(payload) >= 2 else 1005
            self._on_lost(f"closed by the server: {code}")

    def _write(self, opcode: int, payload: bytes) -> None:
        size = len(payload)
        if size < 126:
            head = struct.pack(">BB", FIN | opcode, MASKED | size)
        elif size < 65_536:
            head = struct.pack(">BBH", FIN | opcode, MASKED | 126, size)
        else:
            head = struct.pack(">BBQ", FIN | opcode, MASKED | 127, size)
        # A mask of zeros is a valid mask, and masking with it is nothing.
        assert self._transport is not None
        self._transport.write(head + b"\0\0\0\0" + payload)
