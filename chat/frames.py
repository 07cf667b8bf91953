"""WebSocket frames, protocol 2: every payload as a dataclass, its JSON Schema, the pure reducer.

Envelope both ways: {"type": str, "id": str, "timestamp": RFC 3339, "payload": {...}}. Sequenced
frames of a turn (delta, note, done) carry seq 1..n without gaps. Law: apply(snapshot(n), frames
n+1..m) == snapshot(m); `tests/property` and the TypeScript reducer hold both sides to it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal, get_args
from uuid import UUID

import orjson
from pydantic import TypeAdapter

from kernel.clock import now

PROTOCOL = 2

TurnStateName = Literal["open", "done", "failed", "cancelled", "interrupted"]
ModeName = Literal["developer", "training", "test", "production"]
Problem = dict[str, Any]


@dataclass(frozen=True, slots=True)
class RecalledView:
    """A memory that took part in an answer."""

    memory_id: str
    text: str
    said_at: str
    speaker: str
    conversation_id: str | None
    score: float
    reason: str


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of a turn; `counted` false means estimated."""

    input_tokens: int
    output_tokens: int
    counted: bool


@dataclass(frozen=True, slots=True)
class Part:
    """A typed piece of a message."""

    kind: Literal["text"]
    text: str


@dataclass(frozen=True, slots=True)
class Variants:
    """The alternatives at one place: this is number `index` (from 1) of `count`."""

    index: int
    count: int
    branch_ids: list[str]


@dataclass(frozen=True, slots=True)
class MessageView:
    """A message as clients see it."""

    id: str
    conversation_id: str
    branch_id: str
    seq: int
    parent_id: str | None
    role: Literal["user", "assistant"]
    parts: list[Part]
    text: str
    created_at: str
    turn_id: str | None
    turn_state: TurnStateName | None
    model: str | None
    feedback: Literal["positive", "negative"] | None
    degraded: list[str]
    recalled: list[RecalledView]
    error: Problem | None
    variants: Variants | None


@dataclass(frozen=True, slots=True)
class TurnView:
    """A turn as clients see it; `content` is what had been written after frame `seq`."""

    id: str
    conversation_id: str
    branch_id: str
    message_id: str
    user_message_id: str | None
    state: TurnStateName
    seq: int
    content: str
    degraded: list[str]
    recalled: list[RecalledView]
    error: Problem | None
    model: str | None
    usage: Usage | None
    created_at: str
    finished_at: str | None


# Frames from the client.


@dataclass(frozen=True, slots=True)
class Authenticate:
    """First frame of a client without a cookie."""

    ticket: str


@dataclass(frozen=True, slots=True)
class SendMessage:
    """Say something; the same client_key twice gives one turn."""

    conversation_id: UUID
    content: str
    client_key: str


@dataclass(frozen=True, slots=True)
class Watch:
    """Deliver the turns of this conversation here, whoever starts them."""

    conversation_id: UUID


@dataclass(frozen=True, slots=True)
class Unwatch:
    """Stop delivering."""

    conversation_id: UUID


@dataclass(frozen=True, slots=True)
class Resume:
    """Deliver a turn from after frame `after`."""

    turn: UUID
    after: int


@dataclass(frozen=True, slots=True)
class Cancel:
    """Stop a turn."""

    turn: UUID


@dataclass(frozen=True, slots=True)
class Ping:
    """Liveness."""


# Frames from the server.


@dataclass(frozen=True, slots=True)
class Connected:
    """First frame of the server."""

    user_id: str
    tenant_id: str
    protocol: int


@dataclass(frozen=True, slots=True)
class Watching:
    """Answer to a watch."""

    ref: str | None
    conversation_id: str
    open_turn: TurnView | None


@dataclass(frozen=True, slots=True)
class Accepted:
    """The message is committed and will be answered. `ref` null: another client sent it.

    `trace_id`: finds what became of it in logs and traces; null where it is not known here.
    """

    ref: str | None
    client_key: str
    created: bool
    turn: str
    conversation_id: str
    branch_id: str
    user_message: MessageView | None
    message_id: str
    trace_id: str | None = None


@dataclass(frozen=True, slots=True)
class Typing:
    """The agent is at work."""

    conversation_id: str
    turn: str


@dataclass(frozen=True, slots=True)
class Delta:
    """More text."""

    conversation_id: str
    turn: str
    message_id: str
    seq: int
    delta: str


@dataclass(frozen=True, slots=True)
class Note:
    """What the answer goes without, and what it remembers."""

    conversation_id: str
    turn: str
    message_id: str
    seq: int
    degraded: list[str]
    recalled: list[RecalledView]


@dataclass(frozen=True, slots=True)
class Done:
    """The end; `content` equals the joined deltas."""

    conversation_id: str
    turn: str
    message_id: str
    seq: int
    state: TurnStateName
    content: str
    degraded: list[str]
    recalled: list[RecalledView]
    usage: Usage | None
    model: str | None
    error: Problem | None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Replaces all that the client knew of the turn."""

    conversation_id: str
    turn: str
    message_id: str
    seq: int
    state: TurnStateName
    content: str
    degraded: list[str]
    recalled: list[RecalledView]
    usage: Usage | None
    model: str | None
    error: Problem | None


@dataclass(frozen=True, slots=True)
class TitleUpdate:
    """The conversation was given a title."""

    conversation_id: str
    title: str


@dataclass(frozen=True, slots=True)
class ConversationChanged:
    """Renamed, deleted or switched elsewhere: fetch it again."""

    conversation_id: str


@dataclass(frozen=True, slots=True)
class Limitation:
    """What one service that is away or slow means to this person; `detail` for administrators."""

    service: str
    state: Literal["slow", "down"]
    since: str
    text: str
    next: str
    detail: str | None


@dataclass(frozen=True, slots=True)
class Health:
    """What is limited now, as a whole; sent after `connected` and at each change."""

    level: Literal["none", "minor", "moderate", "severe", "critical"]
    since: str
    limitations: list[Limitation]


@dataclass(frozen=True, slots=True)
class Mode:
    """In which mode the platform and this tenant work.

    Sent at each change, and after `connected` when it is another than plain production.
    """

    platform: ModeName
    effective: ModeName
    is_enterprise: bool


@dataclass(frozen=True, slots=True)
class Failure:
    """Something that the client asked for failed."""

    ref: str | None
    turn: str | None
    problem: Problem


@dataclass(frozen=True, slots=True)
class Pong:
    """Answer to a ping."""


CLIENT_FRAMES: dict[str, type[Any]] = {
    "authenticate": Authenticate,
    "chat.message": SendMessage,
    "conversation.watch": Watch,
    "conversation.unwatch": Unwatch,
    "resume": Resume,
    "chat.cancel": Cancel,
    "ping": Ping,
    "pong": Pong,
}
SERVER_FRAMES: dict[str, type[Any]] = {
    "connected": Connected,
    "watching": Watching,
    "chat.accepted": Accepted,
    "typing": Typing,
    "chat.delta": Delta,
    "chat.note": Note,
    "chat.done": Done,
    "chat.snapshot": Snapshot,
    "title_update": TitleUpdate,
    "conversation.changed": ConversationChanged,
    "health": Health,
    "mode": Mode,
    "error": Failure,
    "ping": Ping,
    "pong": Pong,
}
_ADAPTERS: dict[type[Any], TypeAdapter[Any]] = {
    cls: TypeAdapter(cls) for cls in (*CLIENT_FRAMES.values(), *SERVER_FRAMES.values())
}
TYPE_OF = {cls: name for name, cls in SERVER_FRAMES.items()}
SEQUENCED = (Delta, Note, Done)
TERMINAL: tuple[str, ...] = tuple(name for name in get_args(TurnStateName) if name != "open")


def empty(conversation_id: str, turn: str, message_id: str) -> Snapshot:
    """Snapshot 0 of a turn."""
    return Snapshot(conversation_id, turn, message_id, 0, "open", "", [], [], None, None, None)


def apply(snapshot: Snapshot, frame: Delta | Note | Done) -> Snapshot:
    """The next snapshot. Raises: ValueError on a gap (the caller resumes)."""
    if frame.seq != snapshot.seq + 1:
        msg = f"gap: frame {frame.seq} after {snapshot.seq}"
        raise ValueError(msg)
    if isinstance(frame, Delta):
        return replace(snapshot, seq=frame.seq, content=snapshot.content + frame.delta)
    if isinstance(frame, Note):
        return replace(snapshot, seq=frame.seq, degraded=frame.degraded, recalled=frame.recalled)
    return Snapshot(**asdict_shallow(frame))


def asdict_shallow(frame: Any) -> dict[str, Any]:
    """Fields of a slots dataclass without copying what they hold."""
    return {name: getattr(frame, name) for name in frame.__dataclass_fields__}


def encode(frame: Any, frame_id: str) -> str:
    """The envelope as JSON text."""
    return orjson.dumps(
        {
            "type": TYPE_OF[type(frame)],
            "id": frame_id,
            "timestamp": rfc3339(now()),
            "payload": frame,
        }
    ).decode()


def payload(frame: Any) -> bytes:
    """The payload alone as JSON (server-sent events)."""
    return orjson.dumps(frame)


def parse(kind: str, data: Mapping[str, Any]) -> Any:
    """A client frame. Raises: KeyError (unknown type), pydantic.ValidationError."""
    return adapter(CLIENT_FRAMES[kind]).validate_python(data)


def restore(kind: str, data: Mapping[str, Any]) -> Any:
    """A server frame from stored JSON."""
    return adapter(SERVER_FRAMES[kind]).validate_python(data)


def adapter(cls: type[Any]) -> TypeAdapter[Any]:
    """The validator of a frame class."""
    return _ADAPTERS[cls]


def rfc3339(moment: datetime) -> str:
    """UTC with Z."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
