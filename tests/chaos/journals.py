"""People who write down what they saw: the oracle of the chaos suite.

A `Tab` behaves as the interface does: it reconnects, resumes, and sends again with the same key.
What it was told is kept must be there at the end, once.
"""

import time
import uuid
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from typing import Any

import httpx
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from tests.support.web import Client, Socket, Web

SEQUENCED = ("chat.note", "chat.delta", "chat.done")
GONE = (ConnectionClosed, InvalidHandshake, OSError, EOFError, TimeoutError)


@dataclass(frozen=True, slots=True)
class Seen:
    """A frame: when it was read (monotonic seconds), when it was sent (by the sender's clock)."""

    at: float
    sent_at: datetime
    kind: str
    payload: dict[str, Any]


@dataclass
class Answer:
    """A turn as a client has it: the reducer of protocol 2, written once more."""

    seq: int = 0
    text: str = ""
    state: str = "open"
    error: dict[str, Any] | None = None
    degraded: list[str] = field(default_factory=list)

    @property
    def is_over(self) -> bool:
        """Whether its last frame came."""
        return self.state != "open"

    def take(self, kind: str, payload: dict[str, Any]) -> str:
        """Apply a frame; says what was wrong with it, or nothing."""
        if kind != "chat.snapshot":
            if payload["seq"] != self.seq + 1:
                return f"frame {payload['seq']} after {self.seq}"
            if kind == "chat.delta":
                self.seq, self.text = payload["seq"], self.text + payload["delta"]
                return ""
        wrong = ""
        if kind == "chat.done" and payload["content"] != self.text:
            wrong = "the last frame's content is not the joined deltas"
        self.seq = payload["seq"]
        self.degraded = payload["degraded"]
        if kind != "chat.note":
            self.text, self.state = payload["content"], payload["state"]
            self.error = payload["error"]
        return wrong


class Tab:
    """A browser tab as the interface is one: reconnects, resumes, sends again with the same key."""

    def __init__(self, client: Client, *watched: str) -> None:
        self.client, self.watched = client, watched
        self.seen: list[Seen] = []
        self.answers: dict[str, Answer] = {}
        self.wrong: list[str] = []
        self.accepted: dict[str, dict[str, Any]] = {}
        self.problems: list[dict[str, Any]] = []
        self.connections = 0
        self._stack = ExitStack()
        self._socket: Socket | None = None
        self._is_asking = False

    def __enter__(self) -> "Tab":
        self.connect()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Leave without a word to anybody."""
        self._socket = None
        with suppress(*GONE):
            self._stack.close()

    def connect(self, deadline_s: float = 60.0) -> None:
        """Open the socket however often it takes, watch, and resume what was not over."""
        self.close()
        end = time.monotonic() + deadline_s
        while True:
            try:
                opened = self._stack.enter_context(self.client.socket())
                while opened.receive(10)["type"] != "connected":
                    pass
                break
            except GONE:
                with suppress(*GONE):
                    self._stack.close()
                if time.monotonic() > end:
                    raise
                time.sleep(0.1)  # as a browser backs off
        self._socket, self._is_asking = opened, False
        self.connections += 1
        for conversation_id in self.watched:
            self.send("conversation.watch", conversation_id=conversation_id)
        for turn, answer in self.answers.items():
            if not answer.is_over:
                self.send("resume", turn=turn, after=answer.seq)

    def send(self, kind: str, **payload: Any) -> None:
        """One frame; a broken connection shows at the next `read`."""
        assert self._socket is not None
        with suppress(*GONE):
            self._socket.send(kind, **payload)

    def read(self, timeout_s: float = 5.0) -> Seen | None:
        """The next frame, applied; None when there was none. A lost connection is opened again."""
        assert self._socket is not None
        try:
            frame = self._socket.receive(timeout_s)
        except TimeoutError:
            if self._is_asking:
                self.connect()
            else:
                # Silence may be a dead connection: the next silence decides.
                self.send("ping")
                self._is_asking = True
            return None
        except GONE:
            self.connect()
            return None
        self._is_asking = False
        sent_at = datetime.fromisoformat(frame["timestamp"])
        seen = Seen(time.monotonic(), sent_at, frame["type"], frame["payload"])
        self.seen.append(seen)
        self._take(seen)
        return seen

    def until(self, holds: Callable[[], object], what: str, deadline_s: float = 60.0) -> None:
        """Read until `holds`. Raises: AssertionError at the deadline."""
        end = time.monotonic() + deadline_s
        while not holds():
            left = end - time.monotonic()
            assert left > 0, f"not within {deadline_s} s: {what}; {self.last()}"
            self.read(min(5.0, left))

    def say(
        self, conversation_id: str, content: str, key: str = "", deadline_s: float = 90.0
    ) -> dict[str, Any]:
        """Send until it is accepted, always with the same key; returns what was accepted."""
        key = key or str(uuid.uuid4())
        end = time.monotonic() + deadline_s
        while key not in self.accepted:
            assert time.monotonic() < end, f"never accepted; {self.last()}"
            told = len(self.problems)
            self.send(
                "chat.message", conversation_id=conversation_id, content=content, client_key=key
            )
            connections = self.connections
            while key not in self.accepted and len(self.problems) == told:
                self.read()
                if self.connections > connections:
                    break
            if len(self.problems) > told:
                self._heed(self.problems[-1])
        return self.accepted[key]

    def finish(self, turn: str, deadline_s: float = 60.0) -> Answer:
        """Read until the turn is over."""
        answer = self.answers.setdefault(turn, Answer())
        self.until(lambda: answer.is_over, f"the end of {turn}", deadline_s)
        return answer

    def frames_of(self, turn: str) -> list[Seen]:
        """The numbered frames of a turn, in the order in which they came."""
        return [one for one in self.seen if one.kind in SEQUENCED and one.payload["turn"] == turn]

    def longest_pause_s(self, turn: str) -> float:
        """Between two numbered frames of a turn, as sent: who is busy elsewhere reads late."""
        times = [one.sent_at for one in self.frames_of(turn)]
        return max((later - earlier).total_seconds() for earlier, later in pairwise(times))

    def last(self) -> str:
        """What came last, for messages."""
        return f"last frames: {[(one.kind, one.payload.get('seq')) for one in self.seen[-3:]]}"

    def _heed(self, problem: dict[str, Any]) -> None:
        turn = problem.get("turn")
        if turn and not self.answers.setdefault(turn, Answer()).is_over:
            # Somebody's answer is being written: it is read to its end first.
            self.send("resume", turn=turn, after=self.answers[turn].seq)
            self.finish(turn)
        else:
            time.sleep(min(0.3, problem.get("retry_after", 0.3)))

    def _take(self, seen: Seen) -> None:
        payload = seen.payload
        if seen.kind == "chat.accepted":
            self.accepted[payload["client_key"]] = payload
            self.answers.setdefault(payload["turn"], Answer())
        elif seen.kind == "error":
            self.problems.append(payload["problem"])
        elif seen.kind == "watching" and payload["open_turn"]:
            running = payload["open_turn"]
            if running["id"] not in self.answers:
                self.answers[running["id"]] = Answer()
                self.send("resume", turn=running["id"], after=0)
        elif seen.kind in (*SEQUENCED, "chat.snapshot"):
            answer = self.answers.setdefault(payload["turn"], Answer())
            if answer.is_over or (seen.kind in SEQUENCED and payload["seq"] <= answer.seq):
                return
            trouble = answer.take(seen.kind, payload)
            if trouble.startswith("frame"):
                self.send("resume", turn=payload["turn"], after=answer.seq)
            elif trouble:
                self.wrong.append(trouble)


def http_problem(client: Client, method: str, path: str, body: Any = None) -> dict[str, Any]:
    """What a request was refused with: {status, ...problem}."""
    answer = client.http.request(method, path, json=body)
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    return {"status": answer.status_code, **answer.json()}


def metric(web: Web, name: str) -> float:
    """A sample of /metrics, summed over its labels."""
    text = httpx.get(f"{web.base}/metrics", timeout=5).text
    lines = (line for line in text.splitlines() if line.startswith((f"{name}{{", f"{name} ")))
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines)
