"""A model in this process that answers by script: for tests, never for people.

Takes the rules of `gateway.simulator.script`, so that one script drives this adapter and the
simulated provider alike. Time passes only where a rule asks for it.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from gateway.adapters.failures import Failure, failure_of_error_object
from gateway.errors import (
    ModelBadResponse,
    ModelError,
    ModelServerError,
    ModelStreamCut,
    ModelTimeout,
    ModelUnreachable,
)
from gateway.parts import (
    Finished,
    FinishReason,
    ModelRequest,
    ReasoningDelta,
    StreamEvent,
    TextDelta,
    ToolCallDelta,
    Usage,
)
from gateway.ports import Endpoint, EndpointProbe, RawAnswer, RawCall
from gateway.simulator.script import REFUSALS, Plan, Rule, Script
from gateway.tokens import estimate_prompt_tokens

# Failures before the first token that the simulator produces on the wire.
EARLY: dict[str, type[ModelError]] = {
    "hang": ModelTimeout,
    "hang-first": ModelTimeout,
    "cut-first": ModelServerError,
    "reset": ModelUnreachable,
    "html": ModelBadResponse,
    "redirect": ModelBadResponse,
}
MIDWAY: dict[str, type[ModelError]] = {
    "stall": ModelTimeout,
    "cut": ModelUnreachable,
    "half-json": ModelBadResponse,
    "error-event": ModelServerError,
}


class ScriptedModel:
    """The `ModelPort` of tests. `requests` keeps what was asked, oldest first."""

    def __init__(self, script: Script | None = None) -> None:
        self.script = script or Script()
        self.requests: list[ModelRequest] = []
        self.closed_early = 0

    @classmethod
    def replying(cls, *replies: str) -> "ScriptedModel":
        """Answers with `replies` in turn, then with the default words."""
        return cls(Script(rules=[Rule(None, {"reply": reply}, 1) for reply in replies]))

    async def stream(
        self,
        request: ModelRequest,
        endpoint: Endpoint,  # noqa: ARG002
    ) -> AsyncGenerator[StreamEvent, None]:
        """See `ModelPort.stream`."""
        plan = await self._attempts(request)
        finished = False
        try:
            async with aclosing(_answer(plan, request)) as events:
                async for event in events:
                    finished = isinstance(event, Finished)
                    yield event
        finally:
            self.closed_early += not finished

    async def relay(self, call: RawCall, endpoint: Endpoint) -> RawAnswer:
        """Bytes are spoken by the simulator, not here."""
        raise NotImplementedError

    async def probe(self, endpoint: Endpoint, timeout_s: float = 2.0) -> EndpointProbe:  # noqa: ARG002
        """Always there."""
        return EndpointProbe(True, 0.0, (endpoint.model,))

    async def close(self) -> None:
        """Nothing is held."""

    async def _attempts(self, request: ModelRequest) -> Plan:
        """The plan of the first attempt that does not fail in a transient way."""
        for number in range(max(1, request.attempts)):
            self.requests.append(request)
            asked = [message.text for message in request.messages if message.role == "user"]
            plan = self.script.plan(asked[-1] if asked else "")
            error = _early_failure(plan)
            if error is None:
                await asyncio.sleep(plan.ttft_ms / 1_000)
                return plan
            if not error.retryable or number + 1 >= request.attempts:
                raise error
        raise AssertionError("the last attempt returns or raises")


async def _answer(plan: Plan, request: ModelRequest) -> AsyncGenerator[StreamEvent, None]:
    if plan.reasoning:
        yield ReasoningDelta(plan.reasoning)
    words, limit = plan.words(), request.max_output_tokens
    reason: FinishReason = "tool_calls" if plan.tool_calls else "stop"
    if limit is not None and len(words) > limit:
        words, reason = words[:limit], "length"
    for position, word in enumerate(words):
        if position >= plan.after and plan.fail in MIDWAY:
            raise ModelStreamCut(cause=MIDWAY[plan.fail].code)
        yield TextDelta(word)
        if plan.gap_ms:
            await asyncio.sleep(plan.gap_ms / 1_000)
    for index, call in enumerate(plan.tool_calls):
        yield ToolCallDelta(index, f"call_{index}", call.name, "")
        yield ToolCallDelta(index, "", "", call.arguments)
    if plan.fail == "no-finish":
        raise ModelStreamCut(cause=ModelUnreachable.code)
    counted = plan.fail != "no-usage"
    yield Usage(estimate_prompt_tokens(request.messages), len(words), counted)
    yield Finished(reason)


def _early_failure(plan: Plan) -> ModelError | None:
    if plan.fail in REFUSALS:
        status, code, kind, text = REFUSALS[plan.fail]
        wait_s = None if plan.retry_after is None else int(plan.retry_after)
        return failure_of_error_object(Failure(status, code, kind, text=text, retry_after_s=wait_s))
    failure = EARLY.get(plan.fail)
    if failure is None and plan.fail in MIDWAY and plan.after == 0:
        failure = MIDWAY[plan.fail]
    return failure() if failure else None
