"""Server-sent events, parsed from bytes that may be split anywhere.

Pure: no I/O, no JSON, no decoding (the payload stays bytes, so a split inside a UTF-8 sequence
cannot hurt). Source: WHATWG HTML, section 9.2.6. Left out because no model API uses them:
`id` and `retry`. Beyond the standard: `close` delivers a last event whose blank line is missing,
since several servers end their stream that way.
"""

from typing import NamedTuple

BOM = b"\xef\xbb\xbf"
LF = 0x0A
COLON = 0x3A
EVENT_LIMIT_BYTES = 8 * 1024 * 1024


class SseEvent(NamedTuple):
    """One event: `name` is empty unless the stream named it, `data` its lines joined by LF."""

    name: bytes
    data: bytes


class SseOverflow(ValueError):
    """An event without end: more than the limit without a blank line."""


class SseParser:
    """Collects bytes and gives complete events."""

    __slots__ = ("_after_cr", "_data", "_head", "_held", "_held_bytes", "_limit_bytes", "_name")

    def __init__(self, limit_bytes: int = EVENT_LIMIT_BYTES) -> None:
        self._limit_bytes = limit_bytes
        self._held: list[bytes] = []
        self._held_bytes = 0
        self._data: list[bytes] = []
        self._name = b""
        self._after_cr = False
        # The first bytes are kept back while they may still be a byte order mark.
        self._head: bytes | None = b""

    def feed(self, chunk: bytes) -> list[SseEvent]:
        """The events that `chunk` completes. Raises: SseOverflow."""
        if self._head is not None:
            chunk = self._without_bom(chunk)
        if self._after_cr and chunk:
            # This LF belongs to the CR that ended the chunk before.
            self._after_cr = False
            if chunk[0] == LF:
                chunk = chunk[1:]
        if not chunk:
            return []
        if b"\r" in chunk:
            self._after_cr = chunk.endswith(b"\r")
            chunk = chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        self._held_bytes += len(chunk)
        if b"\n" not in chunk:
            self._held.append(chunk)
            self._check_size()
            return []
        if self._held:
            self._held.append(chunk)
            chunk = b"".join(self._held)
            self._held = []
        lines = chunk.split(b"\n")
        rest = lines.pop()
        events = self._take(lines)
        if rest:
            self._held.append(rest)
        self._held_bytes = len(rest) + sum(map(len, self._data))
        self._check_size()
        return events

    def close(self) -> list[SseEvent]:
        """End of input: what is left, treated as if its blank line had come."""
        if self._head:
            self._held.append(self._head)
        self._head = None
        last = b"".join(self._held)
        self._held = []
        return self._take([last, b""] if last else [b""])

    def _take(self, lines: list[bytes]) -> list[SseEvent]:
        events: list[SseEvent] = []
        data = self._data
        for line in lines:
            if not line:
                if data:
                    payload = data[0] if len(data) == 1 else b"\n".join(data)
                    events.append(SseEvent(self._name, payload))
                    data.clear()
                self._name = b""
            elif line.startswith(b"data:"):
                data.append(line[6:] if line[5:6] == b" " else line[5:])
            elif line[0] != COLON:
                self._field(line)
        return events

    def _field(self, line: bytes) -> None:
        if line == b"data":
            self._data.append(b"")
        elif line.startswith(b"event:"):
            self._name = line[7:] if line[6:7] == b" " else line[6:]
        elif line == b"event":
            self._name = b""

    def _without_bom(self, chunk: bytes) -> bytes:
        head = (self._head or b"") + chunk
        if len(head) < len(BOM) and BOM.startswith(head):
            self._head = head
            return b""
        self._head = None
        return head.removeprefix(BOM)

    def _check_size(self) -> None:
        if self._held_bytes > self._limit_bytes:
            raise SseOverflow(self._limit_bytes)
