"""One streamed answer: what is written when, at the pace of its plan.

An answer is stepped by the wheel and writes straight to its transport. It stops when the client
goes away, waits while the client does not read, and breaks off where its plan says so.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from gateway.simulator.script import Plan
from gateway.simulator.wheel import Wheel
from gateway.simulator.wire import Finish, Wire

HEADERS = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n"
    b"Cache-Control: no-cache\r\nTransfer-Encoding: chunked\r\n\r\n"
)
END_OF_BODY = b"0\r\n\r\n"
# Words a step when there is no gap: large enough to be fast, small enough to share the loop.
BURST = 64
SLOW_FACTOR = 10
SLOW_GAP_MS = 100.0


@dataclass(slots=True)
class Record:
    """What `/__captured` tells of a request: as received, and what became of its answer."""

    number: int
    path: str
    headers: dict[str, str]
    body: Any
    asked_tokens: int = 0
    sent_tokens: int = 0
    finished: bool = False
    closed_early: bool = False


@dataclass(slots=True)
class Answer:
    """The stream of one request. Times are loop times, in seconds."""

    wire: Wire
    plan: Plan
    words: list[str]
    finish: Finish
    asked: int
    record: Record
    wheel: Wheel
    write: Callable[[bytes], None]
    close: Callable[[], None]
    on_end: Callable[[], None]
    first_at: float
    is_paused: bool = False
    is_over: bool = False
    _gap_s: float = 0.0
    _count: int = 0
    _frames: Iterator[bytes] = field(default_factory=lambda: iter(()))

    def start(self) -> None:
        """Put the first step on the wheel."""
        gap_ms = self.plan.gap_ms
        if self.plan.fail == "slow":
            gap_ms = max(gap_ms * SLOW_FACTOR, SLOW_GAP_MS)
        self._gap_s = gap_ms / 1_000
        self._frames = self._all_frames()
        if self.plan.fail in {"hang-first", "cut-first"}:
            self.write(HEADERS)
            if self.plan.fail == "cut-first":
                self.wheel.at(self.first_at, self._cut)
            return
        self.wheel.at(self.first_at, self.step)

    def step(self) -> None:
        """Write the next token, or a burst of them when there is no gap."""
        if self.is_over or self.is_paused:
            return
        out: list[bytes] = [HEADERS] if self._count == 0 else []
        for _ in range(1 if self._gap_s else BURST):
            frame = next(self._frames, None)
            if frame is None:
                break
            self._count += 1
            out.append(frame)
        self.write(b"".join(out))
        if not self.is_over:
            self.wheel.at(self.first_at + self._count * self._gap_s, self.step)

    def pause(self) -> None:
        """The client does not read."""
        self.is_paused = True

    def resume(self) -> None:
        """The client reads again."""
        if self.is_paused:
            self.is_paused = False
            self.wheel.at(self.first_at + self._count * self._gap_s, self.step)

    def abandon(self) -> None:
        """The client went away."""
        if not self.is_over:
            self.is_over = True
            self.record.closed_early = True

    def _all_frames(self) -> Iterator[bytes]:
        """Each write of the answer; the last one holds the ending too."""
        fail, after = self.plan.fail, self.plan.after
        pieces = self._pieces()
        pending = self._framed(self.wire.opening())
        position = 0
        for position, (piece, is_last) in enumerate(pieces, start=1):
            if position > after and fail in {"stall", "cut", "half-json", "error-event"}:
                yield pending + self._break(piece)
                return
            framed = pending + self._framed(piece)
            pending = b""
            self.record.sent_tokens = position
            if not is_last:
                yield framed
                continue
            pending = framed
        ending = self.wire.ending(self.finish, self.asked, position, fail)
        self._end()
        yield pending + self._framed(ending) + END_OF_BODY

    def _pieces(self) -> Iterator[tuple[bytes, bool]]:
        """Every piece of the answer, and whether it is the last."""
        calls = self.wire.calls
        last: bytes | None = None
        if self.plan.reasoning:
            last = self.wire.thought(self.plan.reasoning)
        for word in self.words:
            if last is not None:
                yield last, False
            last = self.wire.word(word)
        if self.plan.tool_calls:
            if last is not None:
                yield last, False
            *others, last = calls(self.plan.tool_calls)
            for event in others:
                yield event, False
        if last is not None:
            yield last, True

    def _break(self, piece: bytes) -> bytes:
        """What is written where the answer breaks off."""
        match self.plan.fail:
            case "stall":
                # Over for the wheel; the connection stays open until the client closes it.
                self.is_paused = True
                return b""
            case "cut":
                self.wheel.at(0.0, self._cut)
                return self._framed(piece)[: len(piece) // 2]
            case "half-json":
                self._end()
                return self._framed(piece[: len(piece) // 2] + b"\n\n") + END_OF_BODY
            case _:
                self._end()
                return self._framed(self.wire.error_event()) + END_OF_BODY

    def _cut(self) -> None:
        self.is_over = True
        self.close()

    def _end(self) -> None:
        self.is_over = True
        self.record.finished = True
        self.on_end()

    def _framed(self, payload: bytes) -> bytes:
        """`payload` as HTTP chunks (RFC 9112, 7.1)."""
        if not payload:
            return b""
        if self.plan.fail == "twice":
            payload = b"".join(event + b"\n\n" + event + b"\n\n" for event in _events(payload))
        if self.plan.fail == "bytes":
            return b"".join(b"1\r\n%c\r\n" % byte for byte in payload)
        return b"%x\r\n%b\r\n" % (len(payload), payload)


def _events(payload: bytes) -> list[bytes]:
    """The events of `payload`, without the blank lines behind them."""
    return [event for event in payload.split(b"\n\n") if event]
