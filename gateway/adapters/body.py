"""The body of a provider's answer, read under the eyes of a watchdog."""

from abc import ABC, abstractmethod

import aiohttp

from gateway.adapters.watchdog import StreamWatchdog
from gateway.errors import (
    ModelError,
    ModelServerError,
    ModelStreamCut,
    ModelTimeout,
    ModelUnreachable,
)
from gateway.parts import Timeouts

CONNECTION_FAILURES = (aiohttp.ClientError, TimeoutError, OSError)


class WatchedBody(ABC):
    """What every reader of a response with status 200 shares: its chunks, and how it breaks."""

    __slots__ = ("_response", "_watchdog", "content_type")

    def __init__(
        self, response: aiohttp.ClientResponse, timeouts: Timeouts, started_at: float
    ) -> None:
        self._response = response
        self._watchdog = StreamWatchdog(timeouts, started_at, response.close)
        kind = response.headers.get("Content-Type", "")
        self.content_type = kind.partition(";")[0].strip().lower()

    @property
    @abstractmethod
    def _has_begun(self) -> bool:
        """Whether anything of the answer was given out."""

    def close(self) -> None:
        """Back to the pool if it was read to its end, closed otherwise."""
        self._watchdog.close()
        self._response.close()

    async def _next_chunk(self) -> bytes:
        """The next bytes; empty at the end of the body. Raises: ModelError."""
        self._watchdog.waits()
        try:
            chunk = await self._response.content.readany()
        except CONNECTION_FAILURES as exc:
            raise self._broken() from exc
        self._watchdog.came()
        return chunk

    def _broken(self) -> ModelError:
        """The body ended, or the watchdog ended it, before the answer did."""
        expired = self._watchdog.expired
        if self._has_begun:
            return ModelStreamCut(cause=(ModelTimeout if expired else ModelUnreachable).code)
        return ModelTimeout() if expired else ModelServerError()
