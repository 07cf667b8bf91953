"""The bytes of Anthropic's messages. Pure.

Source: Anthropic API reference, "Streaming messages".
"""

from collections.abc import Mapping
from typing import Any

import orjson

from gateway.simulator.script import REFUSALS, Call
from gateway.simulator.wire import Finish

REASONS = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use"}


def refusal(kind: str) -> tuple[int, dict[str, Any]]:
    """Status and error object of a refusal."""
    status, _, _, message = REFUSALS[kind]
    types = {401: "authentication_error", 404: "not_found_error", 429: "rate_limit_error"}
    named = types.get(status, "api_error" if status >= 500 else "invalid_request_error")
    text = "prompt is too long: 9 tokens > 8 maximum" if kind == "context" else message
    return status, {"type": "error", "error": {"type": named, "message": text}}


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
        delta = {
            "type": "message_delta",
            "delta": {"stop_reason": REASONS[finish], "stop_sequence": None},
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
        return self._message(blocks, REASONS[finish], usage)

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
