"""The seam to language models: one protocol, and the value that says where a model is.

Adapters live in `gateway.adapters` and are named by `somaagent.wiring` alone.
"""

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol
from uuid import UUID

from gateway.ledger.metrics import Rate
from gateway.parts import ModelRequest, StreamEvent, Timeouts
from gateway.traits import Traits


@dataclass(frozen=True, slots=True)
class Secret:
    """A string that does not show itself in logs, reprs, tracebacks or problems."""

    _value: str = field(repr=False)

    def reveal(self) -> str:
        """The plain value: call it where it leaves, keep it nowhere."""
        return self._value

    def __bool__(self) -> bool:
        return bool(self._value)

    def __repr__(self) -> str:
        return "Secret('**********')" if self._value else "Secret('')"

    __str__ = __repr__


NO_SECRET = Secret("")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a model is and what it can take.

    `kind`: a key of `gateway.presets.KINDS`. `window`, `output_limit`: tokens; 0 = unknown.
    `base_url` empty means the provider's own address. `allow_private`: loopback and private
    ranges may be called (set by a platform admin). `model_id` is None for an endpoint that is
    not a row (a test of an address before it is saved).
    """

    base_url: str
    api_key: Secret
    kind: str
    model: str
    window: int = 0
    output_limit: int = 0
    display_name: str = ""
    model_id: UUID | None = None
    provider_id: UUID | None = None
    provider_name: str = ""
    allow_private: bool = True
    # Newest first.
    rates: tuple[Rate, ...] = ()
    # What is sent stays on machines of one's own.
    self_hosted: bool = False
    traits: Traits = field(default_factory=Traits)


@dataclass(frozen=True, slots=True)
class RawCall:
    """A request in OpenAI's form, to be passed on as it is.

    `path`: below the base URL ("/chat/completions"). `body`: JSON, or what `content_type` says;
    `fields`: the same, parsed.
    """

    path: str
    body: bytes
    fields: Mapping[str, Any]
    timeouts: Timeouts = field(default_factory=Timeouts)
    attempts: int = 2
    content_type: str = "application/json"
    # Told to the provider, so that a call can be found in the records of both sides.
    call_id: str = ""


class RawAnswer(Protocol):
    """What a provider answers, as bytes. `content_type`: without parameters, lower case."""

    content_type: str

    async def read(self) -> bytes:
        """The next piece; empty when it is over. Raises: ModelError."""
        ...

    def close(self) -> None:
        """Let go of the connection at once."""
        ...


@dataclass(frozen=True, slots=True)
class EndpointProbe:
    """What an endpoint says of itself without spending tokens. `models`: names, possibly empty."""

    ok: bool
    latency_ms: float | None = None
    models: tuple[str, ...] = ()
    problem: str = ""


class ModelPort(Protocol):
    """Streams answers of models."""

    def stream(
        self, request: ModelRequest, endpoint: Endpoint
    ) -> AsyncGenerator[StreamEvent, None]:
        """Ask, and yield events as they come (order: see `gateway.parts`).

        Closing the iterator or cancelling its task closes the upstream connection at once.
        Raises: ModelError (before or between events, never after `Finished`).
        """
        ...

    async def relay(self, call: RawCall, endpoint: Endpoint) -> RawAnswer:
        """Pass a request on; the answer has begun when this returns (status 200).

        Raises: ModelError.
        """
        ...

    async def probe(self, endpoint: Endpoint, timeout_s: float = 2.0) -> EndpointProbe:
        """List the endpoint's models within `timeout_s`. Never raises a `ModelError`."""
        ...

    async def close(self) -> None:
        """Release the connections of the running event loop."""
        ...
