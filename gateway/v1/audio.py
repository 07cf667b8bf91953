"""`/v1/audio`: recordings written down, texts spoken, by providers that speak OpenAI's protocol.

Metered in seconds of what was heard and in characters of what was spoken: reserved before, settled
before the last byte.
"""

from collections.abc import AsyncGenerator

import orjson

from gateway.errors import ModelBadResponse, ModelError
from gateway.ledger.book import State
from gateway.ledger.metrics import Tokens
from gateway.ledger.terms import TERMS
from gateway.ports import Endpoint
from gateway.presets import KINDS
from gateway.router import MODELS, tell
from gateway.routing.choosing import Route
from gateway.v1.calls import (
    Begun,
    Call,
    admit,
    begin_at,
    correct,
    fail,
    read_all,
    settle,
)
from gateway.v1.events import usage_of
from gateway.v1.routes import route_of
from gateway.v1.shape import ApiError


async def begin(call: Call) -> Begun:
    """Admit, reserve, ask. Raises: SomaError; then everything is recorded already."""
    terms = await TERMS.get(call.principal.tenant_id)
    route = call.route = await _route(call)
    await admit(call, terms, 0)
    return await begin_at(call, route)


async def _route(call: Call) -> Route:
    """The models of that name that hear or speak. Raises: ApiError."""
    snapshot = await MODELS.get().snapshot()
    if not any(map(_hears, snapshot.endpoints.values())):
        message = "No model for speech is set up. An administrator adds one on the page Models."
        raise ApiError(404, "speech_not_configured", message, param="model")
    route = await route_of(call.caller, call.principal, call.ask)
    route.plan = [one for one in route.plan if _hears(one)]
    if not route.plan:
        message = f"The model '{call.ask.model}' neither hears nor speaks."
        raise ApiError(400, "unsupported_model", message, param="model")
    return route


async def written_down(call: Call, begun: Begun) -> bytes:
    """What was said in a recording, as the provider wrote it. Raises: ModelError."""
    try:
        body = await read_all(begun.answer)
        tokens, counted = _heard(call, begun, body)
    except ModelError as error:
        fail(call, begun, error, call.ask.asked, counted=False)
        raise
    except BaseException:
        begun.answer.close()
        settle(call, begun.reservation, call.ask.asked, counted=False, state="cancelled")
        raise
    begun.answer.close()
    tell(MODELS.get().breaker_of(begun.endpoint), None)
    settle(call, begun.reservation, tokens, counted=counted, state="ok")
    await correct(call, tokens)
    return body


async def spoken(call: Call, begun: Begun) -> AsyncGenerator[bytes, None]:
    """The sound as it comes. What was asked is charged, however much of it was heard."""
    error: ModelError | None = None
    held = b""
    is_whole = False
    try:
        while piece := await begun.answer.read():
            if held:
                yield held
            held = piece
        is_whole = True
    except ModelError as exc:
        error = exc
        raise
    finally:
        if error is not None:
            fail(call, begun, error, call.ask.asked, counted=True)
        else:
            begun.answer.close()
            state: State = "ok" if is_whole else "cancelled"
            settle(call, begun.reservation, call.ask.asked, counted=True, state=state)
    tell(MODELS.get().breaker_of(begun.endpoint), None)
    await correct(call, Tokens(0, 0))
    yield held


def _hears(endpoint: Endpoint) -> bool:
    kind = KINDS.get(endpoint.kind)
    return kind is not None and kind.wire == "openai" and "audio" in endpoint.traits.capabilities


def _heard(call: Call, begun: Begun, body: bytes) -> tuple[Tokens, bool]:
    """What a transcription took, and whether the provider told it. Raises: ModelBadResponse."""
    if begun.answer.content_type != "application/json":
        return call.ask.asked, False
    try:
        told = orjson.loads(body)
    except orjson.JSONDecodeError as exc:
        raise ModelBadResponse from exc
    if not isinstance(told, dict) or told.get("error"):
        raise ModelBadResponse
    usage = told.get("usage")
    usage = usage if isinstance(usage, dict) else {}
    if usage.get("type") == "tokens":
        counted = {"prompt_tokens": usage.get("input_tokens"),
                   "completion_tokens": usage.get("output_tokens")}  # fmt: skip
        tokens = usage_of({"usage": counted})
        return (call.ask.asked, False) if tokens is None else (tokens, True)
    seconds = usage.get("seconds", told.get("duration"))
    if isinstance(seconds, int | float) and not isinstance(seconds, bool) and 0 <= seconds < 1e6:
        return Tokens(0, 0, audio_seconds=-int(-seconds // 1)), True
    return call.ask.asked, False
