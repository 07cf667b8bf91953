"""The bytes of two wire protocols: OpenAI's chat completions and Anthropic's messages.

Pure. A wire is made for one request and gives complete server-sent events; framing in HTTP chunks
and pacing are `gateway.simulator.server`'s. What is equal in all chunks of a stream is built once,
since at 15,000 chunks a second it is most of the cost.
"""

import time
from collections.abc import Mapping
from typing import Any, Literal, Protocol

import orjson

from gateway.simulator.script import REFUSALS, Call

Finish = Literal["stop", "length", "tool_calls"]


class Wire(Protocol):
    """How one provider writes an answer."""

    def opening(self) -> bytes:
        """Events before the first token."""
        ...

    def word(self, text: str) -> bytes:
        """The event of one token."""
        ...

    def thought(self, text: str) -> bytes:
        """The event of a piece of reasoning."""
        ...

    def calls(self, calls: tuple[Call, ...]) -> list[bytes]:
        """The events of tool calls, each call in at least two pieces."""
        ...

    def ending(self, finish: Finish, asked: int, told: int, skip: str) -> bytes:
        """Events after the last token. `skip`: what a failure leaves out."""
        ...

    def whole(
        self, text: str, calls: tuple[Call, ...], finish: Finish, usage: tuple[int, int]
    ) -> dict[str, Any]:
        """The answer to a request that is not streamed."""
        ...

    def error_event(self) -> bytes:
        """An error inside the stream."""
        ...


def refusal_body(kind: str, *, anthropic: bool) -> tuple[int, dict[str, Any]]:
    """Status and error object of a refusal."""
    status, code, error_type, message = REFUSALS[kind]
    if anthropic:
        types = {401: "authentication_error", 404: "not_found_error", 429: "rate_limit_error"}
        named = types.get(status, "api_error" if status >= 500 else "invalid_request_error")
        text = "prompt is too long: 9 tokens > 8 maximum" if kind == "context" else message
        return status, {"type": "error", "error": {"type": named, "message": text}}
    return status, {"error": {"message": message, "type": error_type, "param": None, "code": code}}


class OpenAIEvents:
    """Chat completion chunks."""

    def __init__(self, body: Mapping[str, Any], number: int) -> None:
        self._id = f"chatcmpl-{number:08d}"
        self._model = str(body.get("model") or "simulated")
        self._created = int(time.time())
        options = body.get("stream_options")
        self._wants_usage = isinstance(options, dict) and bool(options.get("include_usage"))
        mark = "\x00"
        frame = self._chunk({"content": mark}).split(b'"\\u0000"')
        self._before, self._behind = frame[0], frame[1]

    def opening(self) -> bytes:
        """The chunk with the role."""
        return self._chunk({"role": "assistant", "content": ""})

    def word(self, text: str) -> bytes:
        """One chunk."""
        return b"".join((self._before, orjson.dumps(text), self._behind))

    def thought(self, text: str) -> bytes:
        """Reasoning as DeepSeek and vLLM send it."""
        return self._chunk({"reasoning_content": text})

    def calls(self, calls: tuple[Call, ...]) -> list[bytes]:
        """Name first, then the arguments in two pieces."""
        events: list[bytes] = []
        for index, call in enumerate(calls):
            half = len(call.arguments) // 2
            first = {
                "index": index,
                "id": f"call_{index}",
                "type": "function",
                "function": {"name": call.name, "arguments": ""},
            }
            events.append(self._chunk({"tool_calls": [first]}))
            for piece in (call.arguments[:half], call.arguments[half:]):
                part = {"index": index, "function": {"arguments": piece}}
                events.append(self._chunk({"tool_calls": [part]}))
        return events

    def ending(self, finish: Finish, asked: int, told: int, skip: str) -> bytes:
        """Finish reason, usage if asked for, `[DONE]`."""
        if skip == "no-finish":
            return b""
        pieces = [self._chunk({}, finish)]
        if self._wants_usage and skip != "no-usage":
            pieces.append(self._event(self._object([], _usage(asked, told))))
        if skip != "no-done":
            pieces.append(b"data: [DONE]\n\n")
        return b"".join(pieces)

    def whole(
        self, text: str, calls: tuple[Call, ...], finish: Finish, usage: tuple[int, int]
    ) -> dict[str, Any]:
        """A chat completion object."""
        message: dict[str, Any] = {"role": "assistant", "content": text or None}
        if calls:
            message["tool_calls"] = [
                {
                    "id": f"call_{index}",
                    "type": "function",
                    "function": {"name": call.name, "arguments": call.arguments},
                }
                for index, call in enumerate(calls)
            ]
        choice = {"index": 0, "message": message, "finish_reason": finish}
        return self._object([choice], _usage(*usage)) | {"object": "chat.completion"}

    def error_event(self) -> bytes:
        """As OpenRouter and vLLM send it."""
        _, body = refusal_body("500", anthropic=False)
        return self._event(body)

    def _chunk(self, delta: dict[str, Any], finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return self._event(self._object([choice], None))

    def _object(self, choices: list[Any], usage: dict[str, int] | None) -> dict[str, Any]:
        found = {
            "id": self._id,
            "object": "chat.completion.chunk",
            "created": self._created,
            "model": self._model,
            "choices": choices,
        }
        return found | {"usage": usage} if usage or self._wants_usage else found

    def _event(self, payload: dict[str, Any]) -> bytes:
        return b"data: " + orjson.dumps(payload) + b"\n\n"


class AnthropicEvents:
    """Message events."""

    def __init__(self, body: Mapping[str, Any], number: int) -> None:
        self._id = f"msg_{number:08d}"
        self._model = str(body.get("model") or "simulated")
        self._block = -1
        self._kind = ""

    def opening(self) -> bytes:
        """`message_start`."""
        return self._event(
            {
                "type": "message_start",
                "message": {
                    **self._message([], None, (1, 1)),
                },
            }
        ) + self._event({"type": "ping"})

    def word(self, text: str) -> bytes:
        """One text delta."""
        return self._delta("text", {"type": "text_delta", "text": text})

    def thought(self, text: str) -> bytes:
        """One thinking delta."""
        return self._delta("thinking", {"type": "thinking_delta", "thinking": text})

    def calls(self, calls: tuple[Call, ...]) -> list[bytes]:
        """One block a call, its input in two pieces."""
        events: list[bytes] = []
        for index, call in enumerate(calls):
            half = len(call.arguments) // 2
            block = {"type": "tool_use", "id": f"call_{index}", "name": call.name, "input": {}}
            events.append(self._open_block("tool_use", block))
            events.extend(
                self._block_delta({"type": "input_json_delta", "partial_json": piece})
                for piece in (call.arguments[:half], call.arguments[half:])
            )
        return events

    def ending(self, finish: Finish, asked: int, told: int, skip: str) -> bytes:
        """Close the block, stop reason, usage, `message_stop`."""
        if skip in {"no-finish", "no-done"}:
            return b""
        reasons = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use"}
        delta = {
            "type": "message_delta",
            "delta": {"stop_reason": reasons[finish], "stop_sequence": None},
            "usage": {"input_tokens": asked, "output_tokens": told},
        }
        return self._close_block() + self._event(delta) + self._event({"type": "message_stop"})

    def whole(
        self, text: str, calls: tuple[Call, ...], finish: Finish, usage: tuple[int, int]
    ) -> dict[str, Any]:
        """A message object."""
        blocks: list[dict[str, Any]] = [{"type": "text", "text": text}] if text else []
        blocks += [
            {
                "type": "tool_use",
                "id": f"call_{index}",
                "name": call.name,
                "input": orjson.loads(call.arguments),
            }
            for index, call in enumerate(calls)
        ]
        reasons = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use"}
        return self._message(blocks, reasons[finish], usage)

    def error_event(self) -> bytes:
        """An `error` event."""
        error = {"type": "overloaded_error", "message": "Overloaded"}
        return self._event({"type": "error", "error": error})

    def _message(
        self, content: list[Any], reason: str | None, usage: tuple[int, int]
    ) -> dict[str, Any]:
        return {
            "id": self._id,
            "type": "message",
            "role": "assistant",
            "model": self._model,
            "content": content,
            "stop_reason": reason,
            "stop_sequence": None,
            "usage": {"input_tokens": usage[0], "output_tokens": usage[1]},
        }

    def _delta(self, kind: str, delta: dict[str, Any]) -> bytes:
        opening = b""
        if self._kind != kind:
            empty = {"type": kind, kind: ""}
            opening = self._open_block(kind, empty)
        return opening + self._block_delta(delta)

    def _open_block(self, kind: str, block: dict[str, Any]) -> bytes:
        closing = self._close_block()
        self._block += 1
        self._kind = kind
        start = {"type": "content_block_start", "index": self._block, "content_block": block}
        return closing + self._event(start)

    def _block_delta(self, delta: dict[str, Any]) -> bytes:
        return self._event({"type": "content_block_delta", "index": self._block, "delta": delta})

    def _close_block(self) -> bytes:
        if not self._kind:
            return b""
        self._kind = ""
        return self._event({"type": "content_block_stop", "index": self._block})

    def _event(self, payload: dict[str, Any]) -> bytes:
        name = str(payload["type"]).encode()
        return b"event: " + name + b"\ndata: " + orjson.dumps(payload) + b"\n\n"


def _usage(asked: int, told: int) -> dict[str, int]:
    return {"prompt_tokens": asked, "completion_tokens": told, "total_tokens": asked + told}
