"""OpenAI-compatible providers over HTTP: `POST {base_url}/chat/completions`, streamed.

Flow of one stream: attempts (connect, send, read to the first token; repeated with full jitter
while the failure is transient), then reads until the end. After the first token there is no second
attempt. Whatever ends the iterator closes the upstream connection at once.
"""

import asyncio
import time
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from functools import lru_cache, partial

import aiohttp
import orjson

from gateway.adapters.attempts import first_success
from gateway.adapters.body import CONNECTION_FAILURES
from gateway.adapters.connections import Connections
from gateway.adapters.failures import failure_of_error_object, read_failure
from gateway.adapters.openai_exchange import (
    WHOLE_BODY_LIMIT_BYTES,
    Exchange,
    connection_error,
    limited_body,
)
from gateway.adapters.openai_relay import Relayed
from gateway.adapters.openai_request import Dialect, chat_body, first_dialect, learn
from gateway.egress import check_base_url
from gateway.errors import ModelBadResponse, ModelError
from gateway.parts import ModelRequest, StreamEvent
from gateway.ports import Endpoint, EndpointProbe, RawAnswer, RawCall
from gateway.presets import default_base_url
from gateway.routing.standing import PULSES
from gateway.tokens import estimate_prompt_tokens

ERROR_BODY_LIMIT_BYTES = 64 * 1024
DIALECTS_KEPT = 1_000


@dataclass(frozen=True, slots=True)
class _Call:
    """One stream that was asked for. `started_at`: loop time."""

    request: ModelRequest
    endpoint: Endpoint
    url: str
    started_at: float

    @property
    def first_token_due_at(self) -> float:
        """Loop time by which something must have been shown."""
        timeouts = self.request.timeouts
        return self.started_at + min(timeouts.first_token_s, timeouts.total_s)


class OpenAIWire:
    """The `ModelPort` for every OpenAI-compatible base URL."""

    def __init__(self, connections: Connections | None = None) -> None:
        self._connections = connections or Connections()
        self._dialects: dict[tuple[str, str], Dialect] = {}

    async def stream(
        self, request: ModelRequest, endpoint: Endpoint
    ) -> AsyncGenerator[StreamEvent, None]:
        """See `ModelPort.stream`."""
        url = _url(endpoint, "/chat/completions")
        call = _Call(request, endpoint, url, asyncio.get_running_loop().time())
        exchange, events = await first_success(
            partial(self._attempt, call),
            request.attempts,
            call.first_token_due_at,
            request.timeouts.retry_s,
        )
        try:
            while events:
                for event in events:
                    yield event
                events = await exchange.read()
        finally:
            exchange.close()

    async def relay(self, call: RawCall, endpoint: Endpoint) -> RawAnswer:
        """See `ModelPort.relay`."""
        url = _url(endpoint, call.path)
        started_at = asyncio.get_running_loop().time()
        due_at = started_at + min(call.timeouts.first_token_s, call.timeouts.total_s)
        return await first_success(
            partial(self._relay_once, call, endpoint, url, started_at, due_at),
            call.attempts,
            due_at,
            call.timeouts.retry_s,
        )

    async def probe(self, endpoint: Endpoint, timeout_s: float = 2.0) -> EndpointProbe:
        """List the models (`GET /models`)."""
        before = time.perf_counter()
        try:
            session = self._connections.session(allow_private=endpoint.allow_private)
            async with (
                asyncio.timeout(timeout_s),
                session.get(
                    _url(endpoint, "/models"), headers=_headers(endpoint), allow_redirects=False
                ) as response,
            ):
                body = await limited_body(response, WHOLE_BODY_LIMIT_BYTES)
        except (ModelError, *CONNECTION_FAILURES) as exc:
            return EndpointProbe(ok=False, problem=connection_error(exc).code)
        if response.status != 200:
            failure = read_failure(response.status, response.headers, body)
            return EndpointProbe(ok=False, problem=failure_of_error_object(failure).code)
        names = _model_names(body)
        if names is None:
            return EndpointProbe(ok=False, problem=ModelBadResponse.code)
        return EndpointProbe(True, (time.perf_counter() - before) * 1_000, names)

    async def close(self) -> None:
        """Release the connections of the running event loop."""
        await self._connections.close()

    async def _relay_once(
        self, call: RawCall, endpoint: Endpoint, url: str, started_at: float, due_at: float
    ) -> Relayed:
        session = self._connections.session(allow_private=endpoint.allow_private)
        try:
            async with asyncio.timeout_at(due_at):
                response = await session.post(
                    url,
                    data=call.body,
                    headers=_headers(endpoint) | _headers_of(call),
                    timeout=aiohttp.ClientTimeout(total=None, connect=call.timeouts.connect_s),
                    allow_redirects=False,
                )
                PULSES.learned(endpoint.model_id, response.headers)
                if response.status != 200:
                    async with response:
                        body = await limited_body(response, ERROR_BODY_LIMIT_BYTES)
                    failure = read_failure(response.status, response.headers, body)
                    raise failure_of_error_object(failure)
        except CONNECTION_FAILURES as exc:
            raise connection_error(exc) from exc
        answer = Relayed(response, call.timeouts, started_at)
        try:
            await answer.begin()
        except BaseException:
            answer.close()
            raise
        return answer

    async def _attempt(self, call: _Call) -> tuple[Exchange, list[StreamEvent]]:
        response = await self._open(call)
        exchange = Exchange(
            response,
            call.request.timeouts,
            call.started_at,
            estimate_prompt_tokens(call.request.messages),
        )
        try:
            return exchange, await exchange.read()
        except BaseException:
            exchange.close()
            raise

    async def _open(self, call: _Call) -> aiohttp.ClientResponse:
        """Send the request until its form is accepted. Raises: ModelError."""
        key = (call.url, call.request.model or call.endpoint.model)
        dialect = self._dialects.get(key) or first_dialect(call.url)
        while True:
            try:
                async with asyncio.timeout_at(call.first_token_due_at):
                    response = await self._post(call, dialect)
                    PULSES.learned(call.endpoint.model_id, response.headers)
                    if response.status == 200:
                        return response
                    async with response:
                        body = await limited_body(response, ERROR_BODY_LIMIT_BYTES)
            except CONNECTION_FAILURES as exc:
                raise connection_error(exc) from exc
            failure = read_failure(response.status, response.headers, body)
            simpler = learn(dialect, failure.parameter, failure.text)
            if simpler is None or failure.status not in {400, 422}:
                raise failure_of_error_object(failure)
            dialect = simpler
            if len(self._dialects) >= DIALECTS_KEPT:
                self._dialects.clear()
            self._dialects[key] = dialect

    async def _post(self, call: _Call, dialect: Dialect) -> aiohttp.ClientResponse:
        session = self._connections.session(allow_private=call.endpoint.allow_private)
        return await session.post(
            call.url,
            data=orjson.dumps(chat_body(call.request, call.endpoint, dialect)),
            headers=_headers(call.endpoint),
            timeout=aiohttp.ClientTimeout(total=None, connect=call.request.timeouts.connect_s),
            allow_redirects=False,
        )


def _url(endpoint: Endpoint, path: str) -> str:
    url = endpoint.base_url or default_base_url(endpoint.kind)
    _check_url(url, endpoint.allow_private)
    return url.rstrip("/") + path


@lru_cache(maxsize=256)
def _check_url(url: str, allow_private: bool) -> None:
    """Form and literal address; remembered, because it is asked for every stream."""
    check_base_url(url, allow_private=allow_private, resolve=False)


def _headers(endpoint: Endpoint) -> dict[str, str]:
    headers = {"Content-Type": "application/json", "Accept": "text/event-stream, application/json"}
    if endpoint.api_key:
        headers["Authorization"] = f"Bearer {endpoint.api_key.reveal()}"
    return headers


def _headers_of(call: RawCall) -> dict[str, str]:
    headers = {"Content-Type": call.content_type}
    if call.call_id:
        headers["X-Client-Request-Id"] = call.call_id
    return headers


def _model_names(body: bytes) -> tuple[str, ...] | None:
    try:
        parsed = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    listed = parsed.get("data") if isinstance(parsed, dict) else parsed
    if not isinstance(listed, list):
        return None
    return tuple(
        str(entry["id"]) for entry in listed if isinstance(entry, dict) and entry.get("id")
    )
