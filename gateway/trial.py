"""The test button: one token of a provider, or the cause why not. Never inside a unit."""

import asyncio
from uuid import UUID

from gateway.catalogue import endpoint_of
from gateway.errors import ModelError
from gateway.models import Model, Provider
from gateway.parts import (
    Finished,
    Message,
    ModelRequest,
    ReasoningDelta,
    TextDelta,
    Timeouts,
    ToolCallDelta,
)
from gateway.ports import Endpoint
from gateway.router import MODELS
from gateway.verbs import MANAGE, ModelNotUsable
from gateway.views import TrialResult
from kernel.actor import Actor
from kernel.clock import monotonic_s
from kernel.errors import Conflict, NotFound
from saas.facade import require

TRIAL_TIMEOUTS = Timeouts(connect_s=5, first_token_s=30, idle_s=10, total_s=40)
# One token would do, but models that think first refuse to answer within so few.
TRIAL_TOKENS = 16


def try_provider(actor: Actor, provider_id: UUID, model: str | None) -> TrialResult:
    """Ask one model of the provider for a token. Waits up to 40 seconds, outside any unit.

    `model`: a name, also one that is not stored; None: the provider's default or first.
    Raises: Forbidden, NotFound.
    """
    require(actor, MANAGE)
    row = Provider.objects.prefetch_related("models__provider").filter(id=provider_id).first()
    if row is None:
        raise NotFound
    stored = sorted(row.models.all(), key=lambda it: (not it.is_default, it.id))
    name = model or (stored[0].name if stored else "")
    known = next((it for it in stored if it.name == name), None)
    if not name:
        return _failed(ModelNotUsable("The provider has no model yet: add one."))
    subject = known or Model(
        provider=row, name=name, display_name=name, window=1, output_limit=TRIAL_TOKENS
    )
    endpoint = endpoint_of(subject)
    if endpoint is None:
        return _failed(ModelNotUsable("The provider has no usable key: enter it again."))
    return asyncio.run(_try(endpoint))


def _failed(error: ModelError | Conflict) -> TrialResult:
    return TrialResult(ok=False, latency_ms=None, first_token_ms=None, problem=error.problem())


async def _try(endpoint: Endpoint) -> TrialResult:
    router = MODELS.get()
    request = ModelRequest(
        "",
        (Message.of_text("user", "Say OK."),),
        max_output_tokens=TRIAL_TOKENS,
        timeouts=TRIAL_TIMEOUTS,
        attempts=1,
    )
    started, first = monotonic_s(), None
    try:
        async for event in router.stream(request, endpoint, even_if_resting=True):
            if first is None and isinstance(event, TextDelta | ReasoningDelta | ToolCallDelta):
                first = (monotonic_s() - started) * 1_000
            if isinstance(event, Finished):
                break
    except ModelError as error:
        return _failed(error)
    finally:
        await router.close()
    whole = (monotonic_s() - started) * 1_000
    return TrialResult(True, round(whole, 1), None if first is None else round(first, 1), None)
