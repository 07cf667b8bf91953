"""The bytes of Gemini's `streamGenerateContent?alt=sse`. Pure.

Source: Gemini API reference, "GenerateContentResponse".
"""

from collections.abc import Mapping
from typing import Any

import orjson

from gateway.simulator.script import REFUSALS, Call
from gateway.simulator.wire import Finish


def refusal(kind: str) -> tuple[int, dict[str, Any]]:
    """Status and error object of a refusal."""
    status, code, _, message = REFUSALS[kind]
    return status, {"error": {"code": status, "message": message, "status": code.upper()}}


class GeminiEvents:
    """Chunks of `streamGenerateContent?alt=sse`."""

    def __init__(self, body: Mapping[str, Any], number: int) -> None:
        self._id = f"gemini-{number:08d}"
        self._model = str(body.get("model") or "simulated")

    def opening(self) -> bytes:
        """Nothing comes before the first token."""
        return b""

    def word(self, text: str) -> bytes:
        """One chunk."""
        return self._event([{"text": text}])

    def thought(self, text: str) -> bytes:
        """A part that is marked as thought."""
        return self._event([{"text": text, "thought": True}])

    def calls(self, calls: tuple[Call, ...]) -> list[bytes]:
        """Each call whole, as Gemini sends them."""
        return [self._event([self._call(call)]) for call in calls]

    def ending(self, finish: Finish, asked: int, told: int, skip: str) -> bytes:
        """Finish reason with usage."""
        if skip in {"no-finish", "no-done"}:
            return b""
        return self._event([{"text": ""}], finish, None if skip == "no-usage" else (asked, told))

    def whole(
        self, text: str, calls: tuple[Call, ...], finish: Finish, usage: tuple[int, int]
    ) -> dict[str, Any]:
        """A response object."""
        parts: list[dict[str, Any]] = [{"text": text}] if text else []
        return self._object([*parts, *(self._call(call) for call in calls)], finish, usage)

    def error_event(self) -> bytes:
        """An error object."""
        error = {"code": 503, "message": "overloaded", "status": "UNAVAILABLE"}
        return b"data: " + orjson.dumps({"error": error}) + b"\n\n"

    @staticmethod
    def _call(call: Call) -> dict[str, Any]:
        return {"functionCall": {"name": call.name, "args": orjson.loads(call.arguments)}}

    def _event(
        self,
        parts: list[dict[str, Any]],
        finish: Finish | None = None,
        usage: tuple[int, int] | None = None,
    ) -> bytes:
        return b"data: " + orjson.dumps(self._object(parts, finish, usage)) + b"\n\n"

    def _object(
        self,
        parts: list[dict[str, Any]],
        finish: Finish | None,
        usage: tuple[int, int] | None,
    ) -> dict[str, Any]:
        candidate: dict[str, Any] = {"content": {"parts": parts, "role": "model"}, "index": 0}
        if finish is not None:
            candidate["finishReason"] = "MAX_TOKENS" if finish == "length" else "STOP"
        found: dict[str, Any] = {
            "candidates": [candidate],
            "modelVersion": self._model,
            "responseId": self._id,
        }
        if usage is not None:
            found["usageMetadata"] = {
                "promptTokenCount": usage[0],
                "candidatesTokenCount": usage[1],
                "totalTokenCount": sum(usage),
            }
        return found
