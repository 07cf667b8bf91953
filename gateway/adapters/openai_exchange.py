"""One HTTP exchange with an OpenAI-compatible provider: a request sent, its answer read.

Knows no retry. `read` gives what came in one read of the socket; whatever happens, `close` lets
go of the connection: back to the pool if the answer was read to its end, closed otherwise.
"""

import asyncio

import aiohttp

from gateway.adapters.body import CONNECTION_FAILURES, WatchedBody
from gateway.adapters.openai_fold import OpenAIFold
from gateway.egress import RefusedAddressError
from gateway.errors import (
    AddressRefused,
    ContentRefused,
    ModelBadResponse,
    ModelError,
    ModelServerError,
    ModelStreamCut,
    ModelTimeout,
    ModelUnreachable,
)
from gateway.parts import StreamEvent, Timeouts
from gateway.sse import SseEvent, SseOverflow, SseParser

WHOLE_BODY_LIMIT_BYTES = 16 * 1024 * 1024
# How long to wait for the end of the body after `[DONE]`, so that the connection can be reused.
DRAIN_S = 0.05
# The first match counts: timeouts of aiohttp are connection errors too.
BY_EXCEPTION: tuple[tuple[type[BaseException], type[ModelError]], ...] = (
    (aiohttp.ConnectionTimeoutError, ModelUnreachable),
    (TimeoutError, ModelTimeout),
    (aiohttp.InvalidURL, AddressRefused),
    (aiohttp.ClientResponseError, ModelBadResponse),
)


class Exchange(WatchedBody):
    """The reading side of one response with status 200."""

    __slots__ = ("_fold", "_is_over", "_is_whole", "_parser")

    def __init__(
        self,
        response: aiohttp.ClientResponse,
        timeouts: Timeouts,
        started_at: float,
        input_estimate: int,
    ) -> None:
        super().__init__(response, timeouts, started_at)
        self._fold = OpenAIFold(input_estimate)
        self._parser = SseParser()
        self._is_over = False
        # A server that ignored `stream` answers with one object.
        self._is_whole = self.content_type == "application/json"
        if self.content_type == "text/html":
            self._fold.error = ModelBadResponse()

    @property
    def _has_begun(self) -> bool:
        return self._fold.started

    async def read(self) -> list[StreamEvent]:
        """The next events, at least one; an empty list when the answer is over.

        Raises: ModelError.
        """
        if self._is_over:
            await self._drain()
            return []
        if self._is_whole:
            return await self._read_whole()
        events: list[StreamEvent] = []
        while not events:
            if self._fold.error is not None:
                raise self._provider_error()
            if self._fold.done:
                self._is_over = True
                return self._fold.ending()
            chunk = await self._next_chunk()
            if not chunk:
                return self._end_of_body()
            try:
                events = self._fold.take(self._parser.feed(chunk))
            except SseOverflow as exc:
                raise ModelBadResponse from exc
        self._watchdog.first_token()
        return events

    async def _read_whole(self) -> list[StreamEvent]:
        try:
            body = await limited_body(self._response, WHOLE_BODY_LIMIT_BYTES)
        except CONNECTION_FAILURES as exc:
            raise self._broken() from exc
        if self._watchdog.expired:
            raise ModelTimeout
        self._fold.is_whole = True
        events = self._fold.take([SseEvent(b"", body)])
        if self._fold.error is not None or not self._fold.is_complete:
            raise self._fold.error or ModelBadResponse()
        self._is_over = True
        return [*events, *self._fold.ending()]

    def _end_of_body(self) -> list[StreamEvent]:
        events = self._fold.take(self._parser.close())
        if self._watchdog.expired or not self._fold.is_complete:
            # What the last bytes held is still given out; the next read raises.
            self._fold.error = self._fold.error or ModelServerError()
            if not events:
                raise self._broken()
            return events
        self._is_over = True
        return [*events, *self._fold.ending()]

    def _provider_error(self) -> ModelError:
        """An error inside the stream, told by what was already given out."""
        error = self._fold.error or ModelBadResponse()
        if not self._fold.started or isinstance(error, ContentRefused):
            return error
        return ModelStreamCut(cause=error.code)

    async def _drain(self) -> None:
        """Wait shortly for the end of the body."""
        content = self._response.content
        try:
            async with asyncio.timeout(DRAIN_S):
                while not content.at_eof():
                    await content.readany()
        except CONNECTION_FAILURES:
            return


async def limited_body(response: aiohttp.ClientResponse, limit_bytes: int) -> bytes:
    """The body, or its first `limit_bytes`."""
    pieces: list[bytes] = []
    size_bytes = 0
    while size_bytes < limit_bytes:
        piece = await response.content.readany()
        if not piece:
            break
        pieces.append(piece)
        size_bytes += len(piece)
    return b"".join(pieces)[:limit_bytes]


def connection_error(exc: BaseException) -> ModelError:
    """The coded problem for a failure to connect or to get an answer."""
    if isinstance(exc, ModelError):
        return exc
    if isinstance(exc, aiohttp.ClientConnectorError):
        refused = isinstance(exc.os_error, RefusedAddressError)
        return AddressRefused() if refused else ModelUnreachable()
    for kind, error in BY_EXCEPTION:
        if isinstance(exc, kind):
            return error()
    return ModelUnreachable()
