"""A signed-in tab: the product's chat socket, and a turn on it, checked frame by frame."""

import asyncio
import time
import uuid
from typing import Any

import orjson

from bench.load.samples import Sample, elapsed_ms, patiently
from bench.load.websocket import WebSocket

PATH = "/ws/v2/chat"
SEQUENCED = ("chat.delta", "chat.note", "chat.done")


class ChatTab:
    """One socket of one person; turns go to one conversation, one at a time."""

    def __init__(self, port: int, cookie: str, conversation_id: str | None) -> None:
        self._port, self._cookie, self._conversation_id = port, cookie, conversation_id
        self._socket: WebSocket | None = None
        self._connected: asyncio.Future[None] | None = None
        self._end: asyncio.Future[None] | None = None
        self._sample = Sample(0.0)
        self._sent_at = 0.0
        self._seq = 0
        self._turn_id = ""
        self._deltas: list[str] = []
        self._content = ""
        self.is_lost = False

    async def open(self) -> None:
        """Connect and wait for the product's greeting. Raises: ConnectionError."""
        self._connected = asyncio.get_running_loop().create_future()
        self._socket = WebSocket(self._on_text, self._on_lost)
        origin = f"http://127.0.0.1:{self._port}"
        headers = {"Cookie": f"soma_session={self._cookie}", "Origin": origin}
        await self._socket.open("127.0.0.1", self._port, PATH, headers)
        async with asyncio.timeout(60):
            await self._connected

    def watch(self) -> None:
        """Follow the conversation, as a tab that shows it does."""
        self._send("conversation.watch", {"conversation_id": self._conversation_id})

    async def turn(self, content: str, expected: str) -> Sample:
        """Say something and wait for the whole answer."""
        if self._socket is None:
            await self.open()
        self._seq, self._turn_id, self._deltas, self._content = 0, "", [], ""
        self._end = asyncio.get_running_loop().create_future()
        self._sample = sample = Sample(time.time())
        payload = {
            "conversation_id": self._conversation_id,
            "content": content,
            "client_key": str(uuid.uuid4()),
        }
        self._sent_at = time.perf_counter()
        self._send("chat.message", payload)
        await patiently(self._end, sample)
        if sample.fault is None:
            sample.fault = self._judge(expected)
        return sample

    def close(self) -> None:
        """Close the tab."""
        if self._socket is not None:
            self._socket.close()

    def _send(self, kind: str, payload: dict[str, Any]) -> None:
        assert self._socket is not None
        frame = {"type": kind, "id": str(uuid.uuid4()), "timestamp": "", "payload": payload}
        self._socket.send(orjson.dumps(frame))

    def _on_text(self, raw: bytes) -> None:
        arrived_ms = elapsed_ms(self._sent_at)
        frame = orjson.loads(raw)
        kind, payload = frame["type"], frame["payload"]
        if kind in SEQUENCED:
            self._on_sequenced(kind, payload, arrived_ms)
        elif kind == "chat.accepted":
            self._turn_id = payload["turn"]
        elif kind == "connected" and self._connected is not None:
            self._connected.set_result(None)
        elif kind == "error":
            self._finish(f"error frame: {payload['problem'].get('code')}")

    def _on_sequenced(self, kind: str, payload: dict[str, Any], arrived_ms: float) -> None:
        sample = self._sample
        if payload["turn"] != self._turn_id:
            # Also when the first frame came before the acknowledgement of the commit.
            self._finish("a frame of another turn, or before chat.accepted")
            return
        sample.frames += 1
        if payload["seq"] != self._seq + 1:
            self._finish(f"frame {payload['seq']} after {self._seq}")
            return
        self._seq += 1
        if kind == "chat.delta":
            if sample.first_ms is None:
                sample.first_ms = arrived_ms
            self._deltas.append(payload["delta"])
        elif kind == "chat.done":
            sample.total_ms = arrived_ms
            self._content = payload["content"]
            sample.degraded = payload["degraded"]
            state = payload["state"]
            self._finish(None if state == "done" else f"the turn ended as {state}")

    def _on_lost(self, reason: str) -> None:
        self.is_lost = True
        self._socket = None
        if self._connected is not None and not self._connected.done():
            self._connected.set_exception(ConnectionError(reason))
        self._finish(reason)

    def _finish(self, fault: str | None) -> None:
        if self._end is not None and not self._end.done():
            self._sample.fault = fault
            self._end.set_result(None)

    def _judge(self, expected: str) -> str | None:
        joined = "".join(self._deltas)
        if joined != self._content:
            return "the joined deltas differ from chat.done"
        if joined != expected:
            return f"{len(joined)} characters instead of {len(expected)}"
        return None
