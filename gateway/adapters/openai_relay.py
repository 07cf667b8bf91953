"""The reading side of an answer that is passed on as it is."""

import aiohttp

from gateway.adapters.openai_exchange import CONNECTION_FAILURES
from gateway.adapters.watchdog import StreamWatchdog
from gateway.errors import (
    ModelBadResponse,
    ModelError,
    ModelServerError,
    ModelStreamCut,
    ModelTimeout,
    ModelUnreachable,
)
from gateway.parts import Timeouts


class Relayed:
    """The `RawAnswer` of an OpenAI-compatible provider."""

    __slots__ = ("_first", "_has_begun", "_response", "_watchdog", "content_type")

    def __init__(
        self, response: aiohttp.ClientResponse, timeouts: Timeouts, started_at: float
    ) -> None:
        self._response = response
        self._watchdog = StreamWatchdog(timeouts, started_at, response.close)
        self._first = b""
        self._has_begun = False
        kind = response.headers.get("Content-Type", "")
        self.content_type = kind.partition(";")[0].strip().lower()

    async def begin(self) -> None:
        """Wait for the first bytes: until then another attempt is possible. Raises: ModelError."""
        if self.content_type == "text/html":
            raise ModelBadResponse
        self._first = await self._next()
        if not self._first:
            raise ModelServerError
        self._has_begun = True
        self._watchdog.first_token()

    async def read(self) -> bytes:
        """The next bytes, as they came; empty at the end. Raises: ModelError."""
        if self._first:
            first, self._first = self._first, b""
            return first
        return await self._next()

    def close(self) -> None:
        """Back to the pool if it was read to its end, closed otherwise."""
        self._watchdog.close()
        self._response.close()

    async def _next(self) -> bytes:
        self._watchdog.waits()
        try:
            chunk = await self._response.content.readany()
        except CONNECTION_FAILURES as exc:
            raise self._broken() from exc
        self._watchdog.came()
        if not chunk and self._watchdog.expired:
            raise self._broken()
        return chunk

    def _broken(self) -> ModelError:
        expired = self._watchdog.expired
        if self._has_begun:
            return ModelStreamCut(cause=(ModelTimeout if expired else ModelUnreachable).code)
        return ModelTimeout() if expired else ModelServerError()
