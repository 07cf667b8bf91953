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

from gateway.errors import ModelError
from gateway.hosting import is_self_hosted
from gateway.ledger.book import BOOK, Outcome, Reservation, State, Target
from gateway.ledger.metrics import Tokens
from gateway.ledger.rules import NOBODY, Caller
from gateway.ledger.terms import TERMS, Terms
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
from gateway.router import CURED_ELSEWHERE, MODELS
from gateway.tokens import TOKENS_A_MESSAGE, bound_tokens, estimate_prompt_tokens, estimate_tokens
from kernel.clock import monotonic_s
from kernel.ids import uuid7

MODELS_TRIED = 3
# The key of the program for which the present task works, if it works for one.
PAYING_KEY: ContextVar[UUID] = ContextVar("soma_paying_key", default=NOBODY)

log = structlog.get_logger(__name__)


async def metered(
    caller: Caller,
    kind: str,
    request: ModelRequest,
    endpoint: Endpoint,
    call_id: UUID | None = None,
) -> AsyncGenerator[StreamEvent, None]:
    """Ask `endpoint`, or the next model that can take the request; close it to stop at once.

    `kind`: what the call is for ("chat", "title", ...). `call_id`: by which the ledger knows it,
    for whoever wants to find it there. Raises: BudgetExhausted, ModelError.
    """
    call_id = call_id or uuid7()
    caller = replace(caller, key_id=PAYING_KEY.get())
    failed: list[str] = []
    candidates = [endpoint]
    while candidates:
        attempt = _Attempt(request, candidates.pop(0), failed)
        await attempt.reserve(caller, kind, call_id)
        try:
            async with aclosing(attempt.stream()) as events:
                async for event in events:
                    yield event
        except ModelError as error:
            if attempt.has_begun:
                raise
            if not failed and error.code in CURED_ELSEWHERE:
                terms = await TERMS.get(caller.tenant_id)
                candidates = await _others(request, endpoint, terms)
            if error.code not in CURED_ELSEWHERE or not candidates:
                attempt.settle("failed", error.code)
                raise
            attempt.give_way(error)
        else:
            return


class _Attempt:
    """One model asked once. `failed`: which ones failed before, and why."""

    def __init__(self, request: ModelRequest, endpoint: Endpoint, failed: list[str]) -> None:
        self._request = replace(request, model=endpoint.model)
        self._endpoint, self._failed = endpoint, failed
        self._reservation: Reservation | None = None
        self._usage: Usage | None = None
        self._output = 0
        self._first_ms: int | None = None

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
        """Record how it ended."""
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
        BOOK.get().settle(self._reserved(), outcome)

    def give_way(self, error: ModelError) -> None:
        """Another model is asked instead: one call is one row."""
        endpoint = self._endpoint
        self._failed.append(f"{endpoint.provider_name}/{endpoint.model}: {error.code}")
        log.warning("gateway.next_model", failed=endpoint.model, code=error.code)
        BOOK.get().release(self._reserved())

    def _reserved(self) -> Reservation:
        assert self._reservation is not None  # noqa: S101  # reserved before it is streamed
        return self._reservation


async def _others(request: ModelRequest, endpoint: Endpoint, terms: Terms) -> list[Endpoint]:
    """Models that can take the request as it is, the default first."""
    snapshot = await MODELS.get().snapshot()
    needed = _input_bound(request) // 2 + (request.max_output_tokens or 0)
    return [
        other
        for other in snapshot.endpoints.values()
        if other.model_id != endpoint.model_id
        and other.window >= min(needed, endpoint.window)
        and (terms.allowed_models is None or other.model_id in terms.allowed_models)
        # What was meant for a model of one's own must not leave the house.
        and (is_self_hosted(other) or not is_self_hosted(endpoint))
    ][: MODELS_TRIED - 1]


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
