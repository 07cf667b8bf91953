"""The reading side of an answer that is passed on as it is."""

import aiohttp

from gateway.adapters.body import WatchedBody
from gateway.errors import ModelBadResponse, ModelServerError
from gateway.parts import Timeouts


class Relayed(WatchedBody):
    """The `RawAnswer` of an OpenAI-compatible provider."""

    __slots__ = ("_first", "_is_begun")

    def __init__(
        self, response: aiohttp.ClientResponse, timeouts: Timeouts, started_at: float
    ) -> None:
        super().__init__(response, timeouts, started_at)
        self._first = b""
        self._is_begun = False

    @property
    def _has_begun(self) -> bool:
        return self._is_begun

    async def begin(self) -> None:
        """Wait for the first bytes: until then another attempt is possible. Raises: ModelError."""
        if self.content_type == "text/html":
            raise ModelBadResponse
        self._first = await self._next()
        if not self._first:
            raise ModelServerError
        self._is_begun = True
        self._watchdog.first_token()

    async def read(self) -> bytes:
        """The next bytes, as they came; empty at the end. Raises: ModelError."""
        if self._first:
            first, self._first = self._first, b""
            return first
        return await self._next()

    async def _next(self) -> bytes:
        chunk = await self._next_chunk()
        if not chunk and self._watchdog.expired:
            raise self._broken()
        return chunk
