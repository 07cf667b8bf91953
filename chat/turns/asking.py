"""Questions that nobody waits for, to a small model where there is one: titles and summaries."""

import asyncio
from contextlib import aclosing
from uuid import UUID

from chat import policy
from chat.privacy.hiding import hide, restored
from gateway.facade import (
    Caller,
    Message,
    ModelRequest,
    Need,
    TextDelta,
    Timeouts,
    Wish,
    estimate_tokens,
    is_self_hosted,
    metered,
    routed,
)
from kernel.actor import Scope
from kernel.db import in_unit


async def ask(
    scope: Scope,
    model_id: UUID | None,
    prompt: str,
    *,
    max_tokens: int,
    timeouts: Timeouts,
    temperature: float | None = None,
) -> str:
    """The whole answer to one prompt, asked once; personal data is hidden as in a turn.

    Raises: NoModelConfigured, ModelError, PrivacyNotInstalled.
    """
    caller = Caller(scope.tenant_id)
    need = Need(input_tokens=estimate_tokens(prompt), output_tokens=max_tokens)
    named = () if model_id is None else (model_id,)
    route = await routed(caller, "errand", Wish(need, named=named))
    endpoint = route.endpoint
    request = ModelRequest(
        model=endpoint.model,
        messages=(Message.of_text("user", prompt),),
        max_output_tokens=max_tokens,
        temperature=temperature,
        timeouts=timeouts,
        attempts=1,
    )
    said = policy.remembered(scope.tenant_id)
    if said is None:
        said = await in_unit(policy.read, scope)
    restorer = None
    if said.redacts and not is_self_hosted(endpoint):
        request, restorer = await asyncio.to_thread(hide, request)
    events = metered(caller, "errand", request, route)
    if restorer is not None:
        events = restored(events, restorer)
    async with aclosing(events):
        pieces = [event.text async for event in events if isinstance(event, TextDelta)]
    return "".join(pieces)
