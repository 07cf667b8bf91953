"""Streams through the LiteLLM library. Imported in a thread, by the first call that needs it.

Switched off: fetching price and header tables, reading `.env`, logging of content, the library's
own retries and fallbacks, redirects. It invents a "stop" for streams that broke off; that is
undone here (see `litellm_http`).
"""

import asyncio
import logging
import os
import warnings
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import httpx
import orjson

from gateway.adapters.attempts import first_success
from gateway.adapters.connections import Connections
from gateway.adapters.failures import Failure, failure_of_error_object, retry_after_s
from gateway.adapters.litellm_http import SIGNS, Seen, guarded_client
from gateway.adapters.openai_fold import OpenAIFold
from gateway.adapters.openai_request import chat_messages, chat_tools
from gateway.egress import RefusedAddressError
from gateway.errors import (
    AddressRefused,
    ContentRefused,
    ContextTooLong,
    ModelBadResponse,
    ModelError,
    ModelRejectedRequest,
    ModelServerError,
    ModelStreamCut,
    ModelTimeout,
    ModelUnreachable,
)
from gateway.parts import ModelRequest, StreamEvent, Timeouts
from gateway.ports import Endpoint, RawAnswer, RawCall
from gateway.presets import KINDS
from gateway.tokens import estimate_prompt_tokens

# Set before the import, which reads them.
ENVIRONMENT = {
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS": "True",
    # In its other mode the library loads a `.env` file into this process.
    "LITELLM_MODE": "PRODUCTION",
}
# What of a caller's request reaches the library. Anything else could point it elsewhere, or switch
# something of it on.
PASSED = frozenset(
    {
        *("messages", "temperature", "top_p", "n", "stream", "stream_options", "stop", "user"),
        *("max_tokens", "max_completion_tokens", "presence_penalty", "frequency_penalty"),
        *("logit_bias", "response_format", "seed", "tools", "tool_choice", "logprobs"),
        *("parallel_tool_calls", "top_logprobs", "reasoning_effort", "modalities"),
        *("prompt", "suffix", "echo", "best_of", "input", "encoding_format", "dimensions"),
    }
)
BY_CLASS_NAME: dict[str, type[ModelError]] = {
    "ContextWindowExceededError": ContextTooLong,
    "ContentPolicyViolationError": ContentRefused,
}


@dataclass(slots=True)
class _Open:
    """A running stream of the library."""

    wrapper: Any
    fold: OpenAIFold
    seen: Seen
    events: list[StreamEvent] = field(default_factory=list)

    async def close(self) -> None:
        """Close the stream and its connection at once; never raises."""
        try:
            if self.wrapper is not None:
                await self.wrapper.aclose()
            await self.seen.close()
        except (httpx.HTTPError, RuntimeError, OSError):
            # The connection is gone already, which is what was wanted.
            return


class Engine:
    """Streams through the imported library."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._library = _import_library()

    async def stream(
        self, request: ModelRequest, endpoint: Endpoint
    ) -> AsyncGenerator[StreamEvent, None]:
        """See `ModelPort.stream`."""
        loop = asyncio.get_running_loop()
        started_at, timeouts = loop.time(), request.timeouts
        first_due_at = started_at + min(timeouts.first_token_s, timeouts.total_s)
        opened = await first_success(
            partial(self._attempt, request, endpoint, first_due_at),
            request.attempts,
            first_due_at,
            timeouts.retry_s,
        )
        try:
            events = opened.events
            while events:
                for event in events:
                    yield event
                if opened.fold.done:
                    return
                due_at = min(loop.time() + timeouts.idle_s, started_at + timeouts.total_s)
                events = await _read(opened, due_at)
        finally:
            await opened.close()

    async def relay(self, call: RawCall, endpoint: Endpoint) -> RawAnswer:
        """See `ModelPort.relay`."""
        loop = asyncio.get_running_loop()
        due_at = loop.time() + min(call.timeouts.first_token_s, call.timeouts.total_s)
        return await first_success(
            partial(self._relay_once, call, endpoint, due_at),
            call.attempts,
            due_at,
            call.timeouts.retry_s,
        )

    async def _relay_once(self, call: RawCall, endpoint: Endpoint, due_at: float) -> RawAnswer:
        opened = _Open(None, OpenAIFold(0), Seen(SIGNS.get(_prefix(endpoint))))
        arguments = {
            **{name: value for name, value in call.fields.items() if name in PASSED},
            "model": _prefix(endpoint) + endpoint.model,
            **_access(endpoint, call.timeouts),
            **self._connection(endpoint, opened.seen),
        }
        if arguments.get("tools"):
            arguments["_skip_mcp_handler"] = True
        work = {
            "/chat/completions": self._library.acompletion,
            "/completions": self._library.atext_completion,
            "/embeddings": self._library.aembedding,
        }.get(call.path)
        if work is None:
            raise ModelRejectedRequest
        try:
            async with asyncio.timeout_at(due_at):
                told = await work(**arguments)
                if not call.fields.get("stream"):
                    whole = orjson.dumps(told.model_dump(exclude_none=True))
                    return Told("application/json", whole)
                opened.wrapper = told
                first = await anext(told, None)
        except BaseException as exc:
            await opened.close()
            if isinstance(exc, ModelError) or not isinstance(exc, Exception):
                raise
            raise _coded(exc, opened) from exc
        return Spoken(opened, first, call.timeouts)

    def _connection(self, endpoint: Endpoint, seen: Seen) -> dict[str, Any]:
        """How the library reaches the provider: through our guarded connections."""
        if _prefix(endpoint) in SIGNS:
            return {"client": guarded_client(self._connections, endpoint, seen)}
        session = self._connections.session(allow_private=endpoint.allow_private)
        return {"shared_session": session}

    async def _attempt(self, request: ModelRequest, endpoint: Endpoint, due_at: float) -> _Open:
        seen = Seen(SIGNS.get(_prefix(endpoint)))
        opened = _Open(None, OpenAIFold(estimate_prompt_tokens(request.messages)), seen)
        try:
            async with asyncio.timeout_at(due_at):
                arguments = _arguments(request, endpoint)
                arguments |= self._connection(endpoint, seen)
                opened.wrapper = await self._library.acompletion(**arguments)
            opened.events = await _read(opened, due_at)
        except BaseException as exc:
            await opened.close()
            if isinstance(exc, ModelError) or not isinstance(exc, Exception):
                raise
            raise _coded(exc, opened) from exc
        return opened


class Told:
    """A `RawAnswer` that is whole already."""

    def __init__(self, content_type: str, body: bytes) -> None:
        self.content_type = content_type
        self._body = body

    async def read(self) -> bytes:
        """All of it, once."""
        body, self._body = self._body, b""
        return body

    def close(self) -> None:
        """Nothing is held."""


class Spoken:
    """A `RawAnswer` of the library's chunks, as OpenAI's events."""

    content_type = "text/event-stream"

    def __init__(self, opened: _Open, first: Any, timeouts: Timeouts) -> None:
        self._opened = opened
        self._next = first
        self._timeouts = timeouts
        self._is_over = first is None
        self._closing: asyncio.Task[None] | None = None

    async def read(self) -> bytes:
        """The event of the next chunk, the last one with [DONE]."""
        if self._is_over:
            return b""
        opened, chunk = self._opened, self._next
        try:
            async with asyncio.timeout(self._timeouts.idle_s):
                self._next = await anext(opened.wrapper, None)
        except Exception as exc:
            opened.fold.started = True
            raise _coded(exc, opened) from exc
        payload = chunk.model_dump(exclude_none=True)
        if opened.seen.has_end is False and self._next is None:
            # The library invents an end for answers that broke off.
            raise ModelStreamCut(cause=ModelUnreachable.code)
        event = b"data: " + orjson.dumps(payload) + b"\n\n"
        if self._next is None:
            self._is_over = True
            return event + b"data: [DONE]\n\n"
        return event

    def close(self) -> None:
        """Close in the background: the library can only be closed by waiting."""
        self._closing = asyncio.get_running_loop().create_task(self._opened.close())


def _import_library() -> Any:
    os.environ.update(ENVIRONMENT)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import litellm

        # Its classes are completed at first use, for a second and with warnings: not on the loop.
        litellm.ModelResponse()
        litellm.ModelResponseStream()
    litellm.telemetry = False
    litellm.suppress_debug_info = True
    litellm.disable_streaming_logging = True
    litellm.turn_off_message_logging = True
    litellm.drop_params = True
    # Its log lines contain what providers answer.
    logging.getLogger("LiteLLM").setLevel(logging.CRITICAL)
    return litellm


def _prefix(endpoint: Endpoint) -> str:
    kind = KINDS.get(endpoint.kind)
    return kind.prefix if kind else ""


def _arguments(request: ModelRequest, endpoint: Endpoint) -> dict[str, Any]:
    arguments: dict[str, Any] = {
        "model": _prefix(endpoint) + (request.model or endpoint.model),
        "messages": [entry for message in request.messages for entry in chat_messages(message)],
        "stream": True,
        "stream_options": {"include_usage": True},
        **_access(endpoint, request.timeouts),
        "max_tokens": request.max_output_tokens,
        "temperature": request.temperature,
        "stop": list(request.stop) or None,
        "tools": chat_tools(request.tools) or None,
    }
    if request.tools:
        # Otherwise it looks for tools of its own proxy, whose package is not installed.
        arguments["_skip_mcp_handler"] = True
    return {name: value for name, value in arguments.items() if value is not None}


def _access(endpoint: Endpoint, timeouts: Timeouts) -> dict[str, Any]:
    """Address, key and deadlines; the library's own retries stay off."""
    return {
        "timeout": httpx.Timeout(timeouts.total_s, connect=timeouts.connect_s),
        "max_retries": 0,
        "num_retries": 0,
        "api_key": endpoint.api_key.reveal() or None,
        "api_base": endpoint.base_url or None,
    }


async def _read(opened: _Open, due_at: float) -> list[StreamEvent]:
    """The next events; with the last of them the fold is done. Raises: ModelError."""
    fold = opened.fold
    try:
        while True:
            async with asyncio.timeout_at(due_at):
                chunk = await anext(opened.wrapper, None)
            if chunk is None:
                return _end(opened)
            events = fold.take_chunk(chunk.model_dump(exclude_none=True))
            if events:
                return events
    except ModelError:
        raise
    except Exception as exc:
        raise _coded(exc, opened) from exc


def _end(opened: _Open) -> list[StreamEvent]:
    wrapper, fold = opened.wrapper, opened.fold
    told = getattr(wrapper, "received_finish_reason", None)
    hinted = getattr(wrapper, "intermittent_finish_reason", None)
    if not opened.seen.has_end or (told is None and hinted is None):
        if fold.started:
            raise ModelStreamCut(cause=ModelUnreachable.code)
        response = opened.seen.response
        kind = response.headers.get("Content-Type", "") if response is not None else ""
        raise ModelBadResponse if "html" in kind else ModelServerError
    if not opened.seen.has_usage:
        fold.forget_usage()
    fold.done = True
    return fold.ending()


def _coded(exc: Exception, opened: _Open) -> ModelError:
    """The coded problem for whatever the library raised."""
    error = _before_tokens(exc, opened.seen.response)
    if opened.fold.started and not isinstance(error, ContentRefused):
        return ModelStreamCut(cause=error.code)
    return error


def _before_tokens(exc: Exception, response: httpx.Response | None) -> ModelError:
    chain = _chain(exc)
    if any(isinstance(link, RefusedAddressError) for link in chain):
        return AddressRefused()
    named = BY_CLASS_NAME.get(type(exc).__name__)
    if named is not None:
        return named()
    if any(isinstance(link, TimeoutError | httpx.TimeoutException) for link in chain):
        connecting = any(isinstance(link, httpx.ConnectTimeout) for link in chain)
        return ModelUnreachable() if connecting else ModelTimeout()
    if response is None:
        # No answer at all, unless the library refused the call by itself (status below 500).
        status = getattr(exc, "status_code", 500)
        if isinstance(status, int) and 400 <= status < 500:
            return failure_of_error_object(Failure(status, text=str(exc)))
        return ModelUnreachable()
    status = response.status_code
    if status == 200:
        status = int(getattr(exc, "status_code", None) or 500)
    return failure_of_error_object(
        Failure(status, text=str(exc), retry_after_s=retry_after_s(response.headers))
    )


def _chain(exc: BaseException) -> list[BaseException]:
    """The exception and what it came from."""
    links: list[BaseException] = []
    link: BaseException | None = exc
    while link is not None and link not in links:
        links.append(link)
        link = link.__cause__ or link.__context__
    return links
