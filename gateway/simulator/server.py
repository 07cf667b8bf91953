"""The simulator's HTTP server: one `asyncio.Protocol` a connection, parsed by httptools.

Also answers the control paths: `GET /__captured?last=N`, `DELETE /__captured`, `POST /__script`,
`GET /__stats`, `GET /__told` (tokens asked and sent, and whether to the end, by the caller's id).
"""

import asyncio
import socket
import struct
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

import httptools
import orjson

from gateway.simulator import wire_anthropic, wire_gemini, wire_openai
from gateway.simulator.answers import Answer, Record
from gateway.simulator.endpoints import (
    as_chat,
    completion,
    embeddings,
    form_texts,
    last_user_text,
    model_list,
    prompt_tokens,
    sound,
    transcription,
)
from gateway.simulator.script import REFUSALS, Plan, Script, ScriptInvalid, parse_script
from gateway.simulator.wheel import Wheel
from gateway.simulator.wire import Finish, Wire, WireName

RECORDS_KEPT = 500
TOLD_KEPT = 100_000
PAGE = b"<!doctype html><html><body><h1>Sign in to this network</h1></body></html>"
REASONS = {
    200: "OK",
    302: "Found",
    400: "Bad Request",
    401: "Unauthorized",
    404: "Not Found",
    429: "Too Many Requests",
    500: "Internal Server Error",
    503: "Service Unavailable",
}

MakeWire = Callable[[Mapping[str, Any], int], Wire]
MakeRefusal = Callable[[str], tuple[int, dict[str, Any]]]
WIRES: dict[WireName, tuple[MakeWire, MakeRefusal]] = {
    "openai": (wire_openai.OpenAIEvents, wire_openai.refusal),
    "anthropic": (wire_anthropic.AnthropicEvents, wire_anthropic.refusal),
    "gemini": (wire_gemini.GeminiEvents, wire_gemini.refusal),
}


@dataclass(slots=True)
class Simulator:
    """State shared by all connections."""

    loop: asyncio.AbstractEventLoop
    script: Script
    wheel: Wheel
    records: deque[Record] = field(default_factory=lambda: deque(maxlen=RECORDS_KEPT))
    # By the caller's own id of the request, the last attempt of each.
    told: dict[str, Record] = field(default_factory=dict)
    requests: int = 0
    connections: int = 0
    accepted: int = 0
    open_streams: int = 0
    closed_early: int = 0
    # As it was started: a new script changes them for its own time only.
    defaults: Plan = field(init=False)

    def __post_init__(self) -> None:
        self.defaults = self.script.defaults

    def stats(self) -> dict[str, int]:
        """For `/__stats`."""
        return {
            "requests": self.requests,
            "connections": self.connections,
            "accepted": self.accepted,
            "open_streams": self.open_streams,
            "closed_early": self.closed_early,
        }


class Connection(asyncio.Protocol):
    """One client connection; one request at a time."""

    def __init__(self, simulator: Simulator) -> None:
        self._sim = simulator
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport
        self._url = b""
        self._headers: dict[str, str] = {}
        self._body: list[bytes] = []
        self._answer: Answer | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Count it."""
        # Not an isinstance check: uvloop's transports do not inherit from asyncio's.
        self._transport = cast("asyncio.Transport", transport)
        self._sim.connections += 1
        self._sim.accepted += 1

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """The client went away: stop what runs for it."""
        self._sim.connections -= 1
        if self._answer is not None:
            self._answer.abandon()
            self._sim.closed_early += self._answer.record.closed_early
            self._over()

    def pause_writing(self) -> None:
        """The client's buffer is full."""
        if self._answer is not None:
            self._answer.pause()

    def resume_writing(self) -> None:
        """The client reads again."""
        if self._answer is not None:
            self._answer.resume()

    def data_received(self, data: bytes) -> None:
        """Bytes of a request."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._transport.close()

    def on_url(self, url: bytes) -> None:
        """Part of the request target."""
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header field."""
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_body(self, body: bytes) -> None:
        """Part of the body."""
        self._body.append(body)

    def on_message_complete(self) -> None:
        """The whole request is here."""
        url, headers, raw = self._url.decode("latin-1"), self._headers, b"".join(self._body)
        self._url, self._headers, self._body = b"", {}, []
        if self._answer is not None:
            # A second request before the first is answered: no client of ours does that.
            self._transport.close()
            return
        if headers.get("content-type", "").startswith("multipart/form-data"):
            self._route("POST", url, headers, {"form_bytes": len(raw), **form_texts(raw)})
            return
        try:
            body = orjson.loads(raw) if raw else {}
        except orjson.JSONDecodeError:
            self._send(400, {"error": {"message": "not JSON", "type": "invalid_request_error"}})
            return
        self._route(self._parser.get_method().decode(), url, headers, body)

    def _route(self, method: str, url: str, headers: dict[str, str], body: Any) -> None:
        path = urlsplit(url).path
        if path.startswith("/__"):
            self._control(method, path, url, body)
            return
        self._sim.requests += 1
        record = Record(self._sim.requests, path, headers, body)
        self._sim.records.append(record)
        if call_id := headers.get("x-client-request-id"):
            self._sim.told[call_id] = record
            if len(self._sim.told) > TOLD_KEPT:
                del self._sim.told[next(iter(self._sim.told))]
        routes: dict[tuple[str, str], Callable[[Record], None]] = {
            ("GET", "/models"): self._models,
            ("POST", "/chat/completions"): partial(self._chat, "openai"),
            ("POST", "/messages"): partial(self._chat, "anthropic"),
            ("POST", "/embeddings"): self._embeddings,
            ("POST", "/completions"): self._completion,
            ("POST", "/audio/transcriptions"): self._transcription,
            ("POST", "/audio/speech"): self._speech,
        }
        handle = routes.get((method, path.removeprefix("/v1")))
        if method == "POST" and path.endswith(":streamGenerateContent"):
            handle = partial(self._chat, "gemini")
        if handle is None or not isinstance(body, dict):
            self._send(*wire_openai.refusal("404"))
            return
        handle(record)

    def _control(self, method: str, path: str, url: str, body: Any) -> None:
        sim = self._sim
        match method, path:
            case "GET", "/__captured":
                last = int(parse_qs(urlsplit(url).query).get("last", ["0"])[0])
                self._send(200, {"requests": [asdict(entry) for entry in sim.records][-last:]})
            case "DELETE", "/__captured":
                sim.records.clear()
                sim.told.clear()
                self._send(200, {})
            case "POST", "/__script":
                try:
                    sim.script = parse_script(body, sim.defaults)
                except ScriptInvalid as exc:
                    self._send(400, {"error": {"message": str(exc)}})
                    return
                self._send(200, {"rules": len(sim.script.rules)})
            case "GET", "/__told":
                told = {
                    call_id: (one.asked_tokens, one.sent_tokens, one.finished)
                    for call_id, one in sim.told.items()
                }
                self._send(200, told)
            case "GET", "/__stats":
                self._send(200, sim.stats())
            case _:
                self._send(404, {"error": {"message": "no such control path"}})

    def _models(self, record: Record) -> None:
        plan = self._sim.script.plan("")
        wire: WireName = "anthropic" if "x-api-key" in record.headers else "openai"
        if plan.fail in REFUSALS:
            self._refuse(plan, wire)
            return
        self._send(200, model_list(anthropic=wire == "anthropic"))

    def _embeddings(self, record: Record) -> None:
        self._send(200, embeddings(record.body))

    def _completion(self, record: Record) -> None:
        prompt = str(record.body.get("prompt"))
        plan = self._sim.script.plan(prompt)
        if plan.fail in REFUSALS:
            self._refuse(plan, "openai")
            return
        if record.body.get("stream") and plan.fail != "not-streamed":
            body = {**record.body, "messages": [{"role": "user", "content": prompt}]}
            self._answer_with(plan, record, wire_openai.TextEvents(body, record.number), body)
            return
        self._send(200, completion(record.body, "".join(plan.words()), record.number))

    def _transcription(self, record: Record) -> None:
        plan = self._sim.script.plan(str(record.body.get("prompt") or ""))
        if plan.fail in REFUSALS:
            self._refuse(plan, "openai")
            return
        kind, told = transcription(record.body, "".join(plan.words()), plan.fail)
        self._send_bytes(200, told, kind)

    def _speech(self, record: Record) -> None:
        plan = self._sim.script.plan(str(record.body.get("input")))
        if plan.fail in REFUSALS:
            self._refuse(plan, "openai")
            return
        self._send_bytes(200, sound(str(record.body.get("input"))), "audio/mpeg")

    def _chat(self, wire: WireName, record: Record) -> None:
        body = as_chat(wire, record.path, record.body)
        plan = self._sim.script.plan(last_user_text(body))
        if plan.fail in REFUSALS:
            self._refuse(plan, wire)
        elif plan.fail == "no-stream-options" and "stream_options" in body:
            message = "Unrecognized request argument supplied: stream_options"
            self._send(400, {"error": {"message": message, "type": "invalid_request_error"}})
        elif plan.fail == "html":
            self._send_bytes(200, PAGE, "text/html; charset=utf-8")
        elif plan.fail == "redirect":
            self._send_bytes(302, b"", "text/plain", "Location: http://169.254.169.254/\r\n")
        elif plan.fail == "reset":
            self._reset()
        elif plan.fail != "hang":
            self._answer_with(plan, record, WIRES[wire][0](body, record.number), body)

    def _answer_with(self, plan: Plan, record: Record, wire: Wire, body: Mapping[str, Any]) -> None:
        words, finish = _limited(plan, body)
        asked = record.asked_tokens = prompt_tokens(body)
        if not body.get("stream") or plan.fail == "not-streamed":
            sign = -1 if plan.fail == "negative-usage" else 1
            usage = (sign * asked, sign * len(words))
            whole = wire.whole("".join(words), plan.tool_calls, finish, usage)
            due = self._sim.loop.time() + plan.ttft_ms / 1_000
            record.finished, record.sent_tokens = True, len(words)
            written = orjson.dumps(whole)
            if plan.fail == "half-json":
                written = written[: len(written) // 2]
            self._sim.wheel.at(due, lambda: self._send_bytes(200, written, "application/json"))
            return
        self._sim.open_streams += 1
        self._answer = Answer(
            wire,
            plan,
            words,
            finish,
            asked,
            record,
            self._sim.wheel,
            self._transport.write,
            self._transport.close,
            self._over,
            self._sim.loop.time() + plan.ttft_ms / 1_000,
        )
        self._answer.start()

    def _over(self) -> None:
        self._sim.open_streams -= 1
        self._answer = None

    def _refuse(self, plan: Plan, wire: WireName) -> None:
        extra = "" if plan.retry_after is None else f"Retry-After: {plan.retry_after:g}\r\n"
        status, body = WIRES[wire][1](plan.fail)
        self._send_bytes(status, orjson.dumps(body), "application/json", extra)

    def _reset(self) -> None:
        """Close with RST instead of FIN."""
        plug: socket.socket | None = self._transport.get_extra_info("socket")
        if plug is not None:
            plug.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._transport.abort()

    def _send(self, status: int, payload: object) -> None:
        self._send_bytes(status, orjson.dumps(payload), "application/json")

    def _send_bytes(self, status: int, body: bytes, kind: str, extra: str = "") -> None:
        head = (
            f"HTTP/1.1 {status} {REASONS.get(status, 'Answer')}\r\nContent-Type: {kind}\r\n"
            f"Content-Length: {len(body)}\r\n{extra}\r\n"
        )
        if not self._transport.is_closing():
            self._transport.write(head.encode("latin-1") + body)


def _limited(plan: Plan, body: Mapping[str, Any]) -> tuple[list[str], Finish]:
    """The words that the request's limits allow, and why the answer ends."""
    words = plan.words()
    stops = body.get("stop") or body.get("stop_sequences") or []
    for stop in [stops] if isinstance(stops, str) else stops:
        text = "".join(words)
        if stop in text:
            words = Plan(reply=text[: text.index(stop)]).words()
    limit = body.get("max_completion_tokens") or body.get("max_tokens")
    if isinstance(limit, int) and len(words) > limit and plan.fail != "no-limit":
        return words[:limit], "length"
    return words, "tool_calls" if plan.tool_calls else "stop"
