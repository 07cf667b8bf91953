"""One call from its reservation to its settling: whatever happens in between, it is recorded once.

The order: rate limit, model, reservation, provider, answer, settling; settled before the last byte
leaves. A model that fails before anything was shown makes room for the next one of its route.
"""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field
from math import ceil
from uuid import UUID

import orjson
from django.conf import settings

from gateway.apikeys.principal import Principal, is_still_good
from gateway.errors import (
    BudgetExhausted,
    KeyRefused,
    ModelBadResponse,
    ModelError,
    ModelRejectedRequest,
    ModelStreamCut,
)
from gateway.ledger.book import BOOK, Outcome, Reservation, State, Target
from gateway.ledger.metrics import Tokens
from gateway.ledger.rules import NOBODY, Caller
from gateway.ledger.terms import TERMS, Terms
from gateway.limits.gcra import Bucket, Verdict
from gateway.limits.limiter import LIMITER
from gateway.metrics import REQUESTS
from gateway.parts import Timeouts
from gateway.ports import Endpoint, RawAnswer, RawCall
from gateway.router import MODELS, tell
from gateway.routing.choosing import Route
from gateway.v1.asking import PATHS, Ask
from gateway.v1.cache import Slot
from gateway.v1.events import DONE, Cutter, Meter, as_event, as_events, usage_of
from gateway.v1.routes import cast_shadow, route_of
from gateway.v1.shape import ApiError, rendered
from kernel.clock import monotonic_s
from kernel.errors import SomaError

RESPONSE_LIMIT_BYTES = 64 * 1024 * 1024
# How often a long answer looks whether its key is still good.
RECHECK_S = 0.5


class RateLimited(ApiError):
    """Too many requests or tokens in the last minute."""

    code, status, title = "rate-limited", 429, "Too many requests"


@dataclass(slots=True)
class Call:
    """A request of a principal. `headers`: what the answer tells beside its body."""

    principal: Principal
    ask: Ask
    call_id: UUID
    secret: str
    address: str
    headers: dict[str, str] = field(default_factory=dict)
    # Whoever asks wants neither an earlier answer nor this one kept.
    must_be_new: bool = False
    began_s: float = field(default_factory=monotonic_s)
    tried: list[str] = field(default_factory=list)
    route: Route | None = None
    # In which its tokens were counted.
    tokens_buckets: list[Bucket] = field(default_factory=list)

    @property
    def caller(self) -> Caller:
        """On whose behalf: of the key, and of its person if it has one."""
        actor = self.principal.actor
        user_id = actor.user_id if actor.kind == "user" else NOBODY
        return Caller(self.principal.tenant_id, user_id=user_id, key_id=self.principal.key_id)


@dataclass(slots=True)
class Begun:
    """A call whose answer has begun."""

    endpoint: Endpoint
    reservation: Reservation
    answer: RawAnswer
    # Where the answer is kept for the same question; None: it is not.
    slot: Slot | None = None


async def begin(call: Call) -> Begun | bytes:
    """Admit, reserve, ask; or an earlier answer to the same question, as bytes.

    Raises: SomaError; then everything is recorded already.
    """
    terms = await TERMS.get(call.principal.tenant_id)
    route = call.route = await route_of(call.caller, call.principal, call.ask)
    tokens = call.ask.input_estimate + _output_bound(call.ask, route.endpoint)
    await admit(call, terms, tokens)
    slot = None
    if terms.cache_s and not call.must_be_new:
        slot = Slot.of(call.principal.tenant_id, call.ask, route.plan, terms.cache_s)
        if (kept := await slot.find()) is not None:
            await _record_cached(call, route, terms)
            return kept
    begun = await begin_at(call, route)
    begun.slot = slot
    return begun


async def begin_at(call: Call, route: Route) -> Begun:
    """Reserve and ask, one model after the other. Raises: SomaError; then it is recorded."""
    while True:
        endpoint, timeouts = route.endpoint, route.timeouts(_timeouts(call))
        try:
            reservation = await _reserve(call, endpoint)
        except BudgetExhausted as error:
            if route.give_way(error, _timeouts(call)):
                continue
            route.ended(call.call_id, error.code)
            raise
        try:
            answer = await _relay(call, endpoint, timeouts)
        except ModelError as error:
            call.tried.append(f"{endpoint.provider_name}/{endpoint.model}: {error.code}")
            REQUESTS.labels(endpoint.kind, error.code).inc()
            if route.give_way(error, _timeouts(call)):
                BOOK.get().release(reservation)
                continue
            settle(call, reservation, Tokens(0, 0), counted=True, state="failed")
            raise
        except BaseException:
            # The caller went away before anything came: what was asked may be charged all the same.
            settle(call, reservation, call.ask.asked, counted=False, state="cancelled")
            raise
        call.headers["x-soma-model"] = f"{endpoint.provider_name}/{endpoint.model}"
        return Begun(endpoint, reservation, answer)


async def whole(call: Call, begun: Begun | bytes) -> bytes:
    """The answer in one piece, as the provider wrote it. Raises: ModelError."""
    if isinstance(begun, bytes):
        return begun
    asked = call.ask.asked
    try:
        body = await read_all(begun.answer)
        told = _parsed(body)
    except ModelError as error:
        fail(call, begun, error, asked, counted=False)
        raise
    except BaseException:
        begun.answer.close()
        settle(call, begun.reservation, asked, counted=False, state="cancelled")
        raise
    begun.answer.close()
    tell(MODELS.get().breaker_of(begun.endpoint), None)
    usage = usage_of(told)
    tokens = usage or Tokens(call.ask.input_estimate, _estimated(told))
    settle(call, begun.reservation, tokens, counted=usage is not None, state="ok")
    await correct(call, tokens)
    if begun.slot is not None:
        await begun.slot.keep(body)
    return body


async def streamed(call: Call, begun: Begun | bytes) -> AsyncGenerator[bytes, None]:
    """The answer as events, as they come; ends with an error event where it breaks off."""
    if isinstance(begun, bytes):
        yield begun
        yield DONE
        return
    said: list[bytes] = []
    meter = Meter(wants_usage=call.ask.wants_usage)
    first_ms: int | None = None
    state: State = "cancelled"
    failure: SomaError | None = None
    try:
        async with aclosing(_pieces(call, begun, meter)) as pieces:
            async for piece in pieces:
                if first_ms is None:
                    first_ms = int((monotonic_s() - call.began_s) * 1000)
                if begun.slot is not None:
                    said.append(piece)
                yield piece
        state = "ok"
    except SomaError as error:
        failure, state = error, "failed"
    finally:
        begun.answer.close()
        tokens, counted = meter.tokens(call.ask.input_estimate)
        if isinstance(failure, ModelError) or state == "ok":
            known = failure if isinstance(failure, ModelError) else None
            tell(MODELS.get().breaker_of(begun.endpoint), known)
        if failure is not None:
            call.tried.append(failure.code)
        settle(call, begun.reservation, tokens, counted=counted, state=state, first_ms=first_ms)
    await correct(call, tokens)
    if begun.slot is not None and failure is None:
        await begun.slot.keep(b"".join(said))
    yield as_event(rendered(failure)[1]) if failure is not None else DONE


async def _pieces(call: Call, begun: Begun, meter: Meter) -> AsyncGenerator[bytes, None]:
    """What of the provider's bytes is passed on. Raises: ModelError, KeyRefused."""
    answer, cutter = begun.answer, Cutter()
    if answer.content_type == "application/json":
        yield meter.pass_on(cutter.feed(as_events(await read_all(answer))))
    checked_s = monotonic_s()
    while not (meter.is_done or meter.error) and (chunk := await answer.read()):
        if out := meter.pass_on(cutter.feed(chunk)):
            yield out
        if monotonic_s() - checked_s > RECHECK_S:
            checked_s = monotonic_s()
            if not await is_still_good(call.secret):
                raise KeyRefused("The key was revoked while the answer was written.")
    if out := meter.pass_on(cutter.close()):
        yield out
    if meter.error is not None:
        raise meter.error
    if not (meter.is_done or meter.has_finished):
        raise ModelStreamCut


def may_use(endpoint: Endpoint, principal: Principal, terms: Terms) -> bool:
    """Whether tenant and key both allow a model."""
    if terms.allowed_models is not None and endpoint.model_id not in terms.allowed_models:
        return False
    names = principal.allowed_models
    own = f"{endpoint.provider_name}/{endpoint.model}"
    return not names or endpoint.model in names or own in names


async def admit(call: Call, terms: Terms, tokens: int) -> None:
    """Count the call in its rate limits. Raises: RateLimited."""
    principal = call.principal
    limits = [
        (f"key:{principal.key_id}", principal.requests_a_minute, principal.tokens_a_minute),
        *(
            (f"{name}:{principal.tenant_id}:{subject}", rates.get("requests"), rates.get("tokens"))
            for name, subject in (
                ("tenant", ""),
                ("user", str(principal.actor.user_id)),
                ("address", call.address),
            )
            if (rates := terms.rates.get(name))
        ),
    ]
    requests = [Bucket(f"{name}:r", limit) for name, limit, _ in limits if limit]
    of_tokens = [Bucket(f"{name}:t", limit, max(1, tokens)) for name, _, limit in limits if limit]
    verdicts = await LIMITER.admit([*requests, *of_tokens])
    _tell_limits(call, "requests", verdicts[: len(requests)])
    _tell_limits(call, "tokens", verdicts[len(requests) :])
    waits = [one.retry_after_s for one in verdicts if one.retry_after_s is not None]
    if waits:
        call.headers["retry-after"] = str(max(1, ceil(max(waits))))
        message = f"Rate limit reached. Try again in {max(waits):.1f} s."
        raise RateLimited(429, "rate_limit_exceeded", message)
    call.tokens_buckets = of_tokens


def _tell_limits(call: Call, what: str, verdicts: list[Verdict]) -> None:
    """OpenAI's headers, of the limit that is nearest."""
    if not verdicts:
        return
    nearest = min(verdicts, key=lambda one: one.remaining / one.limit)
    call.headers[f"x-ratelimit-limit-{what}"] = str(nearest.limit)
    call.headers[f"x-ratelimit-remaining-{what}"] = str(nearest.remaining)
    call.headers[f"x-ratelimit-reset-{what}"] = f"{nearest.reset_s:.3f}s"


async def _reserve(call: Call, endpoint: Endpoint) -> Reservation:
    ask = call.ask
    most = Tokens(
        ask.input_bound, _output_bound(ask, endpoint), 0, ask.audio_seconds, ask.characters
    )
    kind, target = call.ask.kind, _target(endpoint)
    return await BOOK.get().reserve(call.caller, kind, target, most, call.call_id)


def _target(endpoint: Endpoint) -> Target:
    return Target(endpoint.model_id or NOBODY, endpoint.model, endpoint.rates)


def _output_bound(ask: Ask, endpoint: Endpoint) -> int:
    if ask.output_limit is not None:
        return ask.output_limit
    return endpoint.output_limit * ask.choices


async def _relay(call: Call, endpoint: Endpoint, timeouts: Timeouts) -> RawAnswer:
    """Ask; once more without asking for usage where that is what the provider refuses."""
    router, ask = MODELS.get(), call.ask
    known = endpoint.model_id in router.refuse_to_count
    try:
        return await router.relay(_raw(call, endpoint, timeouts, asks_usage=not known), endpoint)
    except ModelRejectedRequest:
        if known or ask.wants_usage or not ask.is_stream:
            raise
    answer = await router.relay(_raw(call, endpoint, timeouts, asks_usage=False), endpoint)
    router.refuse_to_count.add(endpoint.model_id)
    return answer


def _timeouts(call: Call) -> Timeouts:
    return Timeouts(
        first_token_s=settings.SOMA.model_first_token_s,
        # An answer in one piece is silent until it is there.
        idle_s=settings.SOMA.model_idle_s if call.ask.is_stream else settings.SOMA.model_total_s,
        total_s=settings.SOMA.model_total_s,
    )


def _raw(call: Call, endpoint: Endpoint, timeouts: Timeouts, *, asks_usage: bool) -> RawCall:
    body = call.ask.body_for(endpoint.model, asks_usage=asks_usage)
    ask = call.ask
    return RawCall(
        PATHS[ask.kind], body, ask.fields, timeouts,
        content_type=ask.content_type, call_id=str(call.call_id),
    )  # fmt: skip


async def read_all(answer: RawAnswer) -> bytes:
    """The whole answer. Raises: ModelError."""
    pieces: list[bytes] = []
    size_bytes = 0
    while piece := await answer.read():
        pieces.append(piece)
        size_bytes += len(piece)
        if size_bytes > RESPONSE_LIMIT_BYTES:
            raise ModelBadResponse("The provider's answer is too large.")
    return b"".join(pieces)


def _parsed(body: bytes) -> dict[str, object]:
    try:
        told = orjson.loads(body)
    except orjson.JSONDecodeError as exc:
        raise ModelBadResponse from exc
    if not isinstance(told, dict) or told.get("error"):
        raise ModelBadResponse
    return told


def _estimated(told: dict[str, object]) -> int:
    """Tokens of an answer whose provider does not count, by its text."""
    meter = Meter(wants_usage=True)
    choices = told.get("choices")
    for choice in choices if isinstance(choices, list) else ():
        delta = choice.get("message") or choice if isinstance(choice, dict) else {}
        meter.pass_on([as_event({"choices": [{"delta": delta}]})])
    return meter.tokens(0)[0].output


def fail(call: Call, begun: Begun, error: ModelError, tokens: Tokens, *, counted: bool) -> None:
    """Record an answer that broke off."""
    begun.answer.close()
    tell(MODELS.get().breaker_of(begun.endpoint), error)
    call.tried.append(error.code)
    settle(call, begun.reservation, tokens, counted=counted, state="failed")


def settle(
    call: Call,
    reservation: Reservation,
    tokens: Tokens,
    *,
    counted: bool,
    state: State,
    first_ms: int | None = None,
) -> None:
    """Record how it ended."""
    BOOK.get().settle(
        reservation, Outcome(tokens, counted, state, "; ".join(call.tried)[:200], first_ms)
    )
    if call.route is not None:
        failure = call.tried[-1].rpartition(": ")[2] if call.tried else "failed"
        call.route.ended(call.call_id, failure if state == "failed" else state, first_ms)
        if state == "ok":
            cast_shadow(call.route, call.ask)


async def _record_cached(call: Call, route: Route, terms: Terms) -> None:
    call.headers["x-soma-cache"] = "hit"
    target = _target(route.endpoint)
    BOOK.get().record_cached(call.caller, call.ask.kind, target, terms, call.call_id)
    route.ended(call.call_id, "cached")
    await correct(call, Tokens(0, 0))


async def correct(call: Call, tokens: Tokens) -> None:
    """Limits of tokens counted what the call might use; now it is known."""
    for bucket in call.tokens_buckets:
        await LIMITER.correct(bucket, tokens.input + tokens.output)
