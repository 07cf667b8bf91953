"""The bytes of OpenAI's chat completions. Pure.

What is equal in all chunks of a stream is built once, since at 15,000 chunks a second it is most
of the cost. Source: OpenAI API reference, "Chat completion chunk".
"""

import time
from collections.abc import Mapping
from typing import Any

import orjson

from gateway.simulator.script import REFUSALS, Call
from gateway.simulator.wire import Finish


def refusal(kind: str) -> tuple[int, dict[str, Any]]:
    """Status and error object of a refusal."""
    status, code, error_type, message = REFUSALS[kind]
    return status, {"error": {"message": message, "type": error_type, "param": None, "code": code}}


class OpenAIEvents:
    """Chat completion chunks."""

    KIND = "chat.completion.chunk"

    def __init__(self, body: Mapping[str, Any], number: int) -> None:
        self._id = f"chatcmpl-{number:08d}"
        self._model = str(body.get("model") or "simulated")
        self._created = int(time.time())
        options = body.get("stream_options")
        self._choices = int(body.get("n") or 1)
        self._wants_logprobs = bool(body.get("logprobs"))
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
            sign = -1 if skip == "negative-usage" else 1
            pieces.append(self._event(self._object([], _usage(sign * asked, sign * told))))
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
        told: dict[str, Any] = {"message": message, "finish_reason": finish}
        if self._wants_logprobs:
            told["logprobs"] = {"content": _logprobs(text), "refusal": None}
        choices = [{"index": index, **told} for index in range(self._choices)]
        asked, answered = usage
        found = self._object(choices, _usage(asked, answered * self._choices))
        return found | {"object": "chat.completion"}

    def error_event(self) -> bytes:
        """As OpenRouter and vLLM send it."""
        _, body = refusal("500")
        return self._event(body)

    def _chunk(self, delta: dict[str, Any], finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return self._event(self._object([choice], None))

    def _object(self, choices: list[Any], usage: dict[str, int] | None) -> dict[str, Any]:
        found = {
            "id": self._id,
            "object": self.KIND,
            "created": self._created,
            "model": self._model,
            "choices": choices,
        }
        return found | {"usage": usage} if usage or self._wants_usage else found

    def _event(self, payload: dict[str, Any]) -> bytes:
        return b"data: " + orjson.dumps(payload) + b"\n\n"


class TextEvents(OpenAIEvents):
    """Chunks of the older completions."""

    KIND = "text_completion"

    def opening(self) -> bytes:
        """Nothing: there is no role."""
        return b""

    def _chunk(self, delta: dict[str, Any], finish: str | None = None) -> bytes:
        text = delta.get("content", "")
        choice = {"index": 0, "text": text, "logprobs": None, "finish_reason": finish}
        return self._event(self._object([choice], None))


def _logprobs(text: str) -> list[dict[str, Any]]:
    """As certain as it gets, a word at a time."""
    return [
        {"token": word, "logprob": -0.1, "bytes": list(word.encode()), "top_logprobs": []}
        for word in text.split()
    ]


def _usage(asked: int, told: int) -> dict[str, int]:
    return {"prompt_tokens": asked, "completion_tokens": told, "total_tokens": asked + told}
