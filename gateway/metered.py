"""Asking a model on somebody's account: reserve, stream, settle; another model when one is down.

The way of chat turns and of what belongs to them. The next model is asked only before the first
event, silently for the reader; which one answered stands in `Usage.model`, which ones failed in the
ledger.
"""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from contextvars import ContextVar
from dataclasses import replace
from uuid import UUID

import structlog

from gateway.errors import BudgetExhausted, ModelError
from gateway.ledger.book import BOOK, Outcome, Reservation, State, Target
from gateway.ledger.metrics import Tokens
from gateway.ledger.rules import NOBODY, Caller
from gateway.parts import (
    Finished,
    ModelRequest,
    ReasoningDelta,
    StreamEvent,
    TextDelta,
    TextPart,
    ToolCallDelta,
    ToolCallPart,
    ToolResultPart,
    Usage,
)
from gateway.ports import Endpoint
from gateway.router import MODELS
from gateway.routing import shadow
from gateway.routing.choosing import Route
from gateway.tokens import TOKENS_A_MESSAGE, bound_tokens, estimate_prompt_tokens, estimate_tokens
from kernel.clock import monotonic_s
from kernel.ids import uuid7

# The key of the program for which the present task works, if it works for one.
PAYING_KEY: ContextVar[UUID] = ContextVar("soma_paying_key", default=NOBODY)

log = structlog.get_logger(__name__)


async def metered(
    caller: Caller,
    kind: str,
    request: ModelRequest,
    route: Route,
    call_id: UUID | None = None,
) -> AsyncGenerator[StreamEvent, None]:
    """Ask the models of `route` until one answers; close it to stop at once.

    `kind`: what the call is for ("chat", "title", ...). `call_id`: by which the ledger knows it,
    for whoever wants to find it there. Raises: BudgetExhausted, ModelError.
    """
    call_id = call_id or uuid7()
    caller = replace(caller, key_id=PAYING_KEY.get())
    outcome, attempt = "cancelled", None
    route.begin(caller, _size_of(request))
    try:
        while True:
            timeouts = route.timeouts(request.timeouts)
            asked = replace(request, model=route.endpoint.model, timeouts=timeouts)
            attempt = _Attempt(asked, route.endpoint, route.failures)
            try:
                await attempt.reserve(caller, kind, call_id)
                async with aclosing(attempt.stream()) as events:
                    async for event in events:
                        if isinstance(event, Finished):
                            # Before the yield: the consumer may not come back for more.
                            outcome = "ok"
                        yield event
            except (ModelError, BudgetExhausted) as error:
                outcome = error.code
                if attempt.has_begun or not route.give_way(error, request.timeouts):
                    attempt.settle("failed", error.code)
                    raise
                attempt.give_way(error)
                outcome = "cancelled"
            else:
                return
    finally:
        route.ended(call_id, outcome, attempt.first_token_ms if attempt else None)
        if outcome == "ok":
            _cast_shadow(route, request)


class _Attempt:
    """One model asked once. `failed`: which ones failed before, and why."""

    def __init__(self, request: ModelRequest, endpoint: Endpoint, failed: list[str]) -> None:
        self._request, self._endpoint, self._failed = request, endpoint, failed
        self._reservation: Reservation | None = None
        self._usage: Usage | None = None
        self._output = 0
        self._first_ms: int | None = None

    @property
    def first_token_ms(self) -> int | None:
        """Until the first event, from the asking of this model."""
        return self._first_ms

    @property
    def has_begun(self) -> bool:
        """Whether anything of the answer was given out."""
        return self._first_ms is not None

    async def reserve(self, caller: Caller, kind: str, call_id: UUID) -> None:
        """Hold what the answer may cost at most. Raises: BudgetExhausted."""
        endpoint, request = self._endpoint, self._request
        most = Tokens(_input_bound(request), request.max_output_tokens or endpoint.output_limit)
        target = Target(endpoint.model_id or NOBODY, endpoint.model, endpoint.rates)
        self._reservation = await BOOK.get().reserve(caller, kind, target, most, call_id)

    async def stream(self) -> AsyncGenerator[StreamEvent, None]:
        """The answer; settled when it ends, unless it failed before it began."""
        began_s = monotonic_s()
        state: State = "cancelled"
        code = ""
        try:
            async with aclosing(MODELS.get().stream(self._request, self._endpoint)) as events:
                async for event in events:
                    if self._first_ms is None:
                        self._first_ms = int((monotonic_s() - began_s) * 1000)
                    if isinstance(event, Usage):
                        # Before the yield: the consumer may not come back for more.
                        self._usage = replace(event, model=self._endpoint.model)
                        yield self._usage
                        continue
                    self._output += _size(event)
                    state = "ok" if isinstance(event, Finished) else state
                    yield event
        except ModelError as error:
            state, code = "failed", error.code
            raise
        finally:
            if self.has_begun or state != "failed":
                self.settle(state, code)

    def settle(self, state: State, code: str = "") -> None:
        """Record how it ended; nothing where it was not even reserved."""
        if self._reservation is None:
            return
        usage = self._usage
        if usage is not None:
            tokens, counted = Tokens(usage.input_tokens, usage.output_tokens), usage.counted
        elif state == "failed" and not self.has_begun:
            tokens, counted = Tokens(0, 0), True
        else:
            asked = estimate_prompt_tokens(self._request.messages)
            tokens, counted = Tokens(asked, self._output), False
        note = "; ".join(filter(None, [*self._failed, code]))
        outcome = Outcome(tokens, counted, state, note, self._first_ms)
        BOOK.get().settle(self._reservation, outcome)

    def give_way(self, error: ModelError | BudgetExhausted) -> None:
        """Another model is asked instead: one call is one row."""
        log.warning("gateway.next_model", failed=self._endpoint.model, code=error.code)
        if self._reservation is not None:
            BOOK.get().release(self._reservation)


def _cast_shadow(route: Route, request: ModelRequest) -> None:
    """Ask the second model the same, if this call was drawn for that."""
    other = route.shadow
    if other is None:
        return
    most = Tokens(_input_bound(request), request.max_output_tokens or other.output_limit)
    asked = replace(request, model=other.model, attempts=1)

    async def ask() -> Tokens | None:
        told: Tokens | None = None
        async with aclosing(MODELS.get().stream(asked, other)) as events:
            async for event in events:
                if isinstance(event, Usage):
                    told = Tokens(event.input_tokens, event.output_tokens)
        return told

    shadow.cast(other, most, ask)


def _size_of(request: ModelRequest) -> int:
    """Tokens that a model must be able to read and write for this, probably."""
    return _input_bound(request) // 2 + (request.max_output_tokens or 0)


def _input_bound(request: ModelRequest) -> int:
    total = 0
    for message in request.messages:
        total += TOKENS_A_MESSAGE
        for part in message.parts:
            if isinstance(part, TextPart | ToolResultPart):
                total += bound_tokens(part.text)
            elif isinstance(part, ToolCallPart):
                total += bound_tokens(part.name) + bound_tokens(part.arguments)
    for tool in request.tools:
        total += bound_tokens(f"{tool.name}{tool.description}{tool.parameters}")
    return total


def _size(event: StreamEvent) -> int:
    if isinstance(event, TextDelta | ReasoningDelta):
        return estimate_tokens(event.text)
    if isinstance(event, ToolCallDelta):
        return estimate_tokens(event.name + event.arguments)
    return 0
