"""The ASGI application under `/v1`, and its other addresses under `/api/v2`.

Reads a request with a limit, finds out who asks, answers in OpenAI's form, and stops at once when
the caller goes away. No Django request is made.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from contextlib import aclosing
from typing import Any

import orjson
import structlog

from gateway.apikeys.principal import Principal, authenticate
from gateway.errors import KeyRefused
from gateway.ledger.terms import TERMS
from gateway.ports import Endpoint
from gateway.router import MODELS
from gateway.v1 import agents, asking, audio, responses
from gateway.v1.agents import AGENTS
from gateway.v1.audio_asking import read_recording, read_speech
from gateway.v1.calls import Call, admit, begin, may_use, streamed, whole
from gateway.v1.shape import ApiError, rendered
from kernel.condition import report
from kernel.db import AWAY, DatabaseAway
from kernel.errors import InternalError, SomaError
from kernel.ids import uuid7

BODY_LIMIT_BYTES = 32 * 1024 * 1024
# Parsing this much takes the loop some milliseconds: more than that is done on a thread.
PARSED_HERE_BYTES = 512 * 1024
PREFIXES = ("/v1", "/api/v2")
EVENTS = b"text/event-stream; charset=utf-8"
CALLS: dict[str, tuple[asking.Kind, str]] = {
    "/chat/completions": ("chat", "chat"),
    "/completions": ("completion", "chat"),
    "/embeddings": ("embedding", "embeddings"),
}
AUDIO = ("/audio/speech", "/audio/transcriptions")
# Under /api/v2 only what no other operation has.
OURS_V2 = frozenset({"/api/v2/chat/completions", "/api/v2/embeddings", "/api/v2/models"})

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

log = structlog.get_logger(__name__)


def is_ours(path: str) -> bool:
    """Whether this application answers `path`."""
    return path.startswith(("/v1/", "/api/v2/models/")) or path in OURS_V2


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer one HTTP request."""
    exchange = _Exchange(scope, receive, send)
    try:
        await exchange.answer()
    except SomaError as error:
        await exchange.refuse(error)
    except AWAY:
        report("database")
        await exchange.refuse(DatabaseAway("Please try again in a moment.", retry_after=2))
    except Exception:
        log.exception("v1.failed")
        await exchange.refuse(InternalError("The cause is in our log under this request id."))


class _Exchange:
    """One request and its answer."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._scope, self._receive, self._send = scope, receive, send
        self._id = uuid7()
        self._has_begun = False
        self._is_gone = False
        self._headers: dict[str, str] = {}

    async def answer(self) -> None:
        path = _below(self._scope["path"])
        method = self._scope["method"]
        if path in CALLS:
            self._require(method, "POST")
            kind, scope = CALLS[path]
            await self._call(kind, scope)
        elif path in AUDIO:
            self._require(method, "POST")
            await self._audio(path)
        elif path == "/responses":
            self._require(method, "POST")
            await self._respond()
        elif path.startswith("/responses/"):
            await self._response(method, path.removeprefix("/responses/"))
        elif path == "/models" or path.startswith("/models/"):
            self._require(method, "GET")
            await self._models(path.removeprefix("/models").lstrip("/"))
        else:
            raise ApiError(404, "unknown_url", f"Unknown request URL: {method} {path}")

    async def refuse(self, error: SomaError) -> None:
        """The failure as an answer; nothing where one has begun or nobody listens."""
        if self._has_begun or self._is_gone:
            return
        status, body = rendered(error)
        if error.retry_after is not None:
            self._headers.setdefault("retry-after", str(error.retry_after))
        await self._reply(status, orjson.dumps(body, default=str))

    async def _call(self, kind: asking.Kind, scope: str) -> None:
        principal, secret = await self._principal(scope)
        body = await self._body()
        if len(body) > PARSED_HERE_BYTES:
            ask = await asyncio.to_thread(asking.read, kind, body)
        else:
            ask = asking.read(kind, body)
        call = self._as_call(principal, ask, secret)
        await self._while_listened(self._tell(call))

    def _as_call(self, principal: Principal, ask: asking.Ask, secret: str) -> Call:
        wish = _header(self._scope["headers"], b"cache-control")
        must_be_new = b"no-store" in wish or b"no-cache" in wish
        address = self._address()
        return Call(principal, ask, self._id, secret, address, self._headers, must_be_new)

    async def _tell(self, call: Call) -> None:
        if call.ask.is_stream:
            await self._pass_on(await self._chunks(call))
        elif self._is_agent(call):
            await self._admit_agent(call)
            await self._reply(200, await agents.whole(call))
        else:
            await self._reply(200, await whole(call, await begin(call)))

    async def _chunks(self, call: Call) -> AsyncGenerator[bytes, None]:
        """The answer as chat completion chunks, whoever gives it. Raises: SomaError."""
        if self._is_agent(call):
            await self._admit_agent(call)
            return agents.streamed(call)
        return streamed(call, await begin(call))

    async def _audio(self, path: str) -> None:
        principal, secret = await self._principal("chat")
        body = await self._body()
        if path == "/audio/speech":
            ask = read_speech(body)
        else:
            kind = _header(self._scope["headers"], b"content-type")
            ask = await asyncio.to_thread(read_recording, body, kind)
        call = self._as_call(principal, ask, secret)

        async def tell() -> None:
            begun = await audio.begin(call)
            kind = begun.answer.content_type.encode()
            if ask.kind == "speech":
                await self._pass_on(audio.spoken(call, begun), kind)
                return
            body = await audio.written_down(call, begun)
            await self._start(200, kind, len(body))
            await self._send({"type": "http.response.body", "body": body})

        await self._while_listened(tell())

    async def _respond(self) -> None:
        principal, secret = await self._principal("chat")
        fields, ask = await responses.asked(principal, await self._body())
        call = self._as_call(principal, ask, secret)

        async def tell() -> None:
            found = responses.events(call, fields, await self._chunks(call))
            if fields.get("stream"):
                await self._pass_on(responses.as_stream(found))
                return
            body = await responses.as_whole(found)
            if body["status"] == "failed":
                error = body["error"]
                raise ApiError(502, str(error["code"]), str(error["message"]))
            await self._reply(200, orjson.dumps(body))

        await self._while_listened(tell())

    async def _response(self, method: str, response_id: str) -> None:
        principal, _ = await self._principal("chat")
        if method == "DELETE":
            told = await responses.forget(principal, response_id)
        else:
            self._require(method, "GET")
            told = await responses.see(principal, response_id)
        await self._reply(200, orjson.dumps(told))

    async def _while_listened(self, work: Coroutine[Any, Any, None]) -> None:
        """Do it, and stop at once when the caller goes away."""
        me = asyncio.current_task()
        assert me is not None  # noqa: S101  # a coroutine that runs has a task
        watcher = asyncio.create_task(self._watch(me))
        try:
            await work
        except asyncio.CancelledError:
            if not self._is_gone:
                raise
            me.uncancel()
        finally:
            watcher.cancel()

    @staticmethod
    def _is_agent(call: Call) -> bool:
        return call.ask.kind == "chat" and call.ask.model.startswith(agents.PREFIX)

    async def _admit_agent(self, call: Call) -> None:
        if "agents" not in call.principal.scopes:
            raise ApiError(403, "insufficient_permissions", "This key may not be used for agents.")
        await admit(call, await TERMS.get(call.principal.tenant_id), call.ask.input_estimate)

    async def _pass_on(self, events: AsyncGenerator[bytes, None], kind: bytes = EVENTS) -> None:
        await self._start(200, kind)
        async with aclosing(events):
            async for piece in events:
                await self._send({"type": "http.response.body", "body": piece, "more_body": True})
        await self._send({"type": "http.response.body", "body": b""})

    async def _watch(self, work: "asyncio.Task[Any]") -> None:
        """Stop the work when the caller goes away."""
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                self._is_gone = True
                work.cancel()
                return

    async def _models(self, name: str) -> None:
        principal, _ = await self._principal("models")
        terms = await TERMS.get(principal.tenant_id)
        snapshot = await MODELS.get().snapshot()
        names: dict[str, Endpoint] = {}
        agent_names: dict[str, str] = {}
        for known, endpoints in snapshot.by_name.items():
            usable = next((one for one in endpoints if may_use(one, principal, terms)), None)
            # The longer name is for telling apart what has the same short one.
            if usable is not None and ("/" not in known or known in {name, usable.model}):
                names[known] = usable
        if "agents" in principal.scopes and AGENTS.is_bound:
            for agent in await AGENTS.get().usable(principal.actor):
                agent_names[agents.PREFIX + agent.slug] = agent.name
        if not name:
            listed = [_model(known, endpoint) for known, endpoint in names.items()]
            listed += [_agent(known, title) for known, title in agent_names.items()]
            await self._reply(200, orjson.dumps({"object": "list", "data": listed}))
            return
        if name in agent_names:
            await self._reply(200, orjson.dumps(_agent(name, agent_names[name])))
            return
        if name not in names:
            message = f"The model '{name}' does not exist or you do not have access to it."
            raise ApiError(404, "model_not_found", message, param="model")
        await self._reply(200, orjson.dumps(_model(name, names[name])))

    async def _principal(self, scope: str) -> tuple[Principal, str]:
        secret = _secret(self._scope["headers"])
        if not secret:
            raise KeyRefused("Send a key: Authorization: Bearer soma_sk_...")
        principal = await authenticate(secret, self._address())
        if scope not in principal.scopes:
            message = f"This key may not be used for {scope}."
            raise ApiError(403, "insufficient_permissions", message)
        return principal, secret

    async def _body(self) -> bytes:
        """The body. Raises: ApiError (413), before the whole of it was read."""
        told = _header(self._scope["headers"], b"content-length")
        size_bytes = int(told) if told.isdigit() else 0
        pieces: list[bytes] = []
        while size_bytes <= BODY_LIMIT_BYTES:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                self._is_gone = True
                raise ApiError(400, "disconnected", "The request was not sent to its end.")
            pieces.append(message.get("body", b""))
            if not message.get("more_body"):
                return pieces[0] if len(pieces) == 1 else b"".join(pieces)
            size_bytes = max(size_bytes, sum(map(len, pieces)))
        self._headers["connection"] = "close"
        limit = BODY_LIMIT_BYTES // 1024 // 1024
        raise ApiError(413, "request_too_large", f"The body is larger than {limit} MB.")

    def _address(self) -> str:
        client = self._scope.get("client")
        return str(client[0]) if client else ""

    def _require(self, method: str, wanted: str) -> None:
        if method != wanted:
            self._headers["allow"] = wanted
            raise ApiError(405, "method_not_allowed", f"Use {wanted} for this address.")

    async def _reply(self, status: int, body: bytes) -> None:
        await self._start(status, b"application/json", len(body))
        await self._send({"type": "http.response.body", "body": body})

    async def _start(self, status: int, content_type: bytes, size_bytes: int | None = None) -> None:
        headers = [
            (b"content-type", content_type),
            (b"x-request-id", str(self._id).encode()),
            (b"cache-control", b"no-store"),
            *((name.encode(), value.encode("latin-1")) for name, value in self._headers.items()),
        ]
        if size_bytes is not None:
            headers.append((b"content-length", str(size_bytes).encode()))
        self._has_begun = True
        await self._send({"type": "http.response.start", "status": status, "headers": headers})


def _header(headers: list[tuple[bytes, bytes]], wanted: bytes) -> bytes:
    return next((value for name, value in headers if name == wanted), b"")


def _below(path: str) -> str:
    for prefix in PREFIXES:
        if path.startswith(prefix + "/"):
            return path[len(prefix) :]
    return path


def _secret(headers: list[tuple[bytes, bytes]]) -> str:
    """The key: a bearer token, or one of the headers that some clients use instead."""
    for name, value in headers:
        if name == b"authorization" and value[:7].lower() == b"bearer ":
            return value[7:].strip().decode("latin-1")
        if name in {b"x-api-key", b"api-key"}:
            return value.strip().decode("latin-1")
    return ""


def _agent(name: str, title: str) -> dict[str, object]:
    return {"id": name, "object": "model", "created": 0, "owned_by": "agent", "name": title}


def _model(name: str, endpoint: Endpoint) -> dict[str, object]:
    return {
        "id": name,
        "object": "model",
        "created": 0,
        "owned_by": endpoint.provider_name,
        "context_window": endpoint.window,
        "max_output_tokens": endpoint.output_limit,
    }
