"""Questions to the agent's own model that nobody waits for: titles and summaries."""

from uuid import UUID

from gateway.facade import Message, ModelRequest, TextDelta, Timeouts, choose, stream
from kernel.db import in_unit


async def ask(
    model_id: UUID | None,
    prompt: str,
    *,
    max_tokens: int,
    timeouts: Timeouts,
    temperature: float | None = None,
) -> str:
    """The whole answer to one prompt, asked once. Raises: NoModelConfigured, ModelError."""
    endpoint = await in_unit(choose, model_id)
    request = ModelRequest(
        model=endpoint.model,
        messages=(Message.of_text("user", prompt),),
        max_output_tokens=max_tokens,
        temperature=temperature,
        timeouts=timeouts,
        attempts=1,
    )
    pieces = [
        event.text async for event in stream(request, endpoint) if isinstance(event, TextDelta)
    ]
    return "".join(pieces)
