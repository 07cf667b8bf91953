"""Every provider that does not speak OpenAI's wire, through the LiteLLM library.

This module is light. The library costs two seconds and 150 MB, so it is imported in a thread by the
first call that needs it (`litellm_engine`). Connections go through `Connections`, hence through the
egress guard.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TYPE_CHECKING

from gateway.adapters.connections import Connections
from gateway.egress import check_base_url
from gateway.errors import ModelError
from gateway.parts import ModelRequest, StreamEvent
from gateway.ports import Endpoint, EndpointProbe, RawAnswer, RawCall

if TYPE_CHECKING:
    from gateway.adapters.litellm_engine import Engine


class LiteLLM:
    """The `ModelPort` for kinds whose wire is `litellm`."""

    def __init__(self, connections: Connections | None = None) -> None:
        self._connections = connections or Connections()
        self._engine: Engine | None = None

    async def stream(
        self, request: ModelRequest, endpoint: Endpoint
    ) -> AsyncGenerator[StreamEvent, None]:
        """See `ModelPort.stream`."""
        engine = await self._ready(endpoint)
        async with aclosing(engine.stream(request, endpoint)) as events:
            async for event in events:
                yield event

    async def relay(self, call: RawCall, endpoint: Endpoint) -> RawAnswer:
        """See `ModelPort.relay`: the library speaks the provider's wire, we OpenAI's."""
        engine = await self._ready(endpoint)
        return await engine.relay(call, endpoint)

    async def probe(self, endpoint: Endpoint, timeout_s: float = 2.0) -> EndpointProbe:  # noqa: ARG002
        """These providers have no common listing: only the address is checked."""
        try:
            await asyncio.to_thread(_check, endpoint)
        except ModelError as exc:
            return EndpointProbe(ok=False, problem=exc.code)
        return EndpointProbe(ok=True)

    async def close(self) -> None:
        """Release the connections of the running event loop."""
        await self._connections.close()

    async def _ready(self, endpoint: Endpoint) -> "Engine":
        await asyncio.to_thread(_check, endpoint)
        if self._engine is None:
            self._engine = await asyncio.to_thread(self._load)
        return self._engine

    def _load(self) -> "Engine":
        from gateway.adapters.litellm_engine import Engine

        return Engine(self._connections)


def _check(endpoint: Endpoint) -> None:
    if endpoint.base_url:
        check_base_url(endpoint.base_url, allow_private=endpoint.allow_private)
