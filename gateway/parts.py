"""Model traffic as values: what is asked of a model and what it streams back.

Knows no provider, no wire format, no storage. Every adapter of `gateway.ports.ModelPort` takes
a `ModelRequest` and yields the `StreamEvent`s below, in this order:

    (TextDelta | ReasoningDelta | ToolCallDelta)*  Usage  Finished

Exactly one `Usage` and one `Finished` end a stream that succeeded; a stream that failed raises
one of `gateway.errors`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf
from typing import Any, Literal

Role = Literal["system", "user", "assistant", "tool"]
FinishReason = Literal["stop", "length", "tool_calls", "content_filter"]


@dataclass(frozen=True, slots=True)
class TextPart:
    """Words."""

    text: str
    kind: Literal["text"] = "text"


@dataclass(frozen=True, slots=True)
class ReasoningPart:
    """What a model thought before it answered; never sent back to another provider."""

    text: str
    kind: Literal["reasoning"] = "reasoning"


@dataclass(frozen=True, slots=True)
class ToolCallPart:
    """A call that the model asked for. `arguments`: JSON text as the model wrote it."""

    call_id: str
    name: str
    arguments: str
    kind: Literal["tool_call"] = "tool_call"


@dataclass(frozen=True, slots=True)
class ToolResultPart:
    """The answer to a `ToolCallPart`."""

    call_id: str
    text: str
    is_error: bool = False
    kind: Literal["tool_result"] = "tool_result"


Part = TextPart | ReasoningPart | ToolCallPart | ToolResultPart


@dataclass(frozen=True, slots=True)
class Message:
    """One entry of a prompt."""

    role: Role
    parts: tuple[Part, ...]

    @classmethod
    def of_text(cls, role: Role, text: str) -> "Message":
        """A message of one text part."""
        return cls(role, (TextPart(text),))

    @property
    def text(self) -> str:
        """All text parts joined."""
        return "".join(part.text for part in self.parts if isinstance(part, TextPart))


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """A tool that the model may call. `parameters`: a JSON Schema object."""

    name: str
    description: str
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Deadlines of one stream, in seconds.

    `first_token_s` covers every attempt together, from the call to the first visible token.
    `idle_s` is the longest silence after it. `total_s` ends the stream whatever it does. `retry_s`:
    the longest wait before another attempt at the same model.
    """

    connect_s: float = 5.0
    first_token_s: float = 90.0
    idle_s: float = 60.0
    total_s: float = 900.0
    retry_s: float = inf


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """What to ask. `model` names the provider's model; empty means the endpoint's own.

    `attempts`: tries before the first token (connection, 429, 5xx); after it there is only one.
    """

    model: str
    messages: tuple[Message, ...]
    max_output_tokens: int | None = None
    temperature: float | None = None
    stop: tuple[str, ...] = ()
    tools: tuple[ToolSpec, ...] = ()
    timeouts: Timeouts = Timeouts()
    attempts: int = 3


@dataclass(frozen=True, slots=True)
class TextDelta:
    """More of the visible answer; never empty."""

    text: str


@dataclass(frozen=True, slots=True)
class ReasoningDelta:
    """More of the model's thinking; never empty."""

    text: str


@dataclass(frozen=True, slots=True)
class ToolCallDelta:
    """A piece of call number `index`. `call_id` and `name` come with its first piece only."""

    index: int
    call_id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens used. `counted`: told by the provider; otherwise estimated by us.

    `model`: which one answered, where another may have been asked.
    """

    input_tokens: int
    output_tokens: int
    counted: bool
    model: str = ""


@dataclass(frozen=True, slots=True)
class Finished:
    """The last event."""

    reason: FinishReason


StreamEvent = TextDelta | ReasoningDelta | ToolCallDelta | Usage | Finished
