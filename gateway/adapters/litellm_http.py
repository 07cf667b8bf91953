"""What happens below the LiteLLM library: our connections, and what really came over them.

The library invents a finish and a usage for a stream that broke off. So the bytes are watched for
the provider's own signs of both while they pass.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx

from gateway.adapters.connections import Connections
from gateway.ports import Endpoint


@dataclass(frozen=True, slots=True)
class Signs:
    """Bytes that a provider's stream holds when it was finished, and when tokens were counted."""

    end: bytes
    usage: bytes


# By prefix of the model's name, for providers whose adapters in the library take a ready client.
SIGNS = {
    "anthropic/": Signs(b'"message_stop"', b'"output_tokens"'),
    "gemini/": Signs(b'"finishReason"', b'"usageMetadata"'),
}


class Seen:
    """What one attempt's HTTP exchange brought."""

    def __init__(self, signs: Signs | None) -> None:
        self._signs = signs
        self.response: httpx.Response | None = None
        # Without signs nothing can be denied.
        self.has_end = signs is None
        self.has_usage = signs is None

    async def keep(self, response: httpx.Response) -> None:
        """Event hook of the HTTP client: look at the body while it passes."""
        self.response = response
        if self._signs is not None and isinstance(response.stream, httpx.AsyncByteStream):
            response.stream = _Watched(response.stream, self, self._signs)

    def look(self, data: bytes, signs: Signs) -> None:
        """Note the signs in `data`."""
        self.has_end = self.has_end or signs.end in data
        self.has_usage = self.has_usage or signs.usage in data

    async def close(self) -> None:
        """Close the connection at once."""
        if self.response is not None:
            await self.response.aclose()


class _Watched(httpx.AsyncByteStream):
    """A body that is looked at while it passes."""

    def __init__(self, stream: httpx.AsyncByteStream, seen: Seen, signs: Signs) -> None:
        self._stream, self._seen, self._signs = stream, seen, signs

    async def __aiter__(self) -> AsyncIterator[bytes]:
        # A sign may lie across two pieces.
        overlap = max(len(self._signs.end), len(self._signs.usage)) - 1
        before = b""
        async for piece in self._stream:
            self._seen.look(before + piece, self._signs)
            before = piece[-overlap:]
            yield piece

    async def aclose(self) -> None:
        await self._stream.aclose()


def guarded_client(connections: Connections, endpoint: Endpoint, seen: Seen) -> Any:
    """A client of the library over our session: pooled, guarded, without redirects."""
    # Imported here: these modules pull in the whole library.
    from litellm.llms.custom_httpx.aiohttp_transport import LiteLLMAiohttpTransport
    from litellm.llms.custom_httpx.http_handler import AsyncHTTPHandler

    session = connections.session(allow_private=endpoint.allow_private)
    return AsyncHTTPHandler(
        transport=LiteLLMAiohttpTransport(client=session, owns_session=False),
        follow_redirects=False,
        event_hooks={"response": [seen.keep]},
    )
