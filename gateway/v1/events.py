"""The bytes of a stream: cut between events, looked at, passed on as they came. Pure.

Only whole events leave, so that one that must not be passed on (usage that the caller did not ask
for, an error with a provider's text) is never half gone already.
"""

from collections.abc import Mapping
from typing import Any

import orjson

from gateway.errors import ModelBadResponse, ModelError, ModelServerError
from gateway.ledger.metrics import Tokens
from gateway.sse import EVENT_LIMIT_BYTES, SseParser
from gateway.tokens import BYTES_A_TOKEN

DONE = b"data: [DONE]\n\n"


class Cutter:
    """Gives whole events, as bytes with the blank line behind them, from bytes split anywhere."""

    __slots__ = ("_held",)

    def __init__(self) -> None:
        self._held = b""

    def feed(self, chunk: bytes) -> list[bytes]:
        """The events that `chunk` completes. Raises: ModelBadResponse (an event without end)."""
        held = self._held + chunk if self._held else chunk
        if b"\r" in held:
            # Rare: the ends of lines become those of everybody else; a CR at the end waits.
            keep = b"\r" if held.endswith(b"\r") else b""
            held = held.removesuffix(b"\r").replace(b"\r\n", b"\n").replace(b"\r", b"\n") + keep
        end = held.rfind(b"\n\n")
        if end < 0:
            self._hold(held)
            return []
        self._hold(held[end + 2 :])
        return [event + b"\n\n" for event in held[:end].split(b"\n\n") if event.strip(b"\n")]

    def close(self) -> list[bytes]:
        """A last event whose blank line is missing."""
        held, self._held = self._held.strip(b"\r\n"), b""
        return [held + b"\n\n"] if held else []

    def _hold(self, rest: bytes) -> None:
        if len(rest) > EVENT_LIMIT_BYTES:
            raise ModelBadResponse
        self._held = rest


class Meter:
    """Looks at what passes: usage, finish, failure. `wants_usage`: whether the caller gets it."""

    def __init__(self, *, wants_usage: bool) -> None:
        self._wants_usage = wants_usage
        self._usage: Tokens | None = None
        self._text_bytes = 0
        self.has_finished = False
        self.is_done = False
        self.error: ModelError | None = None

    def pass_on(self, events: list[bytes]) -> bytes:
        """What of `events` the caller gets; nothing any more behind an error or the end."""
        return b"".join(event for event in events if self._passes(event))

    def tokens(self, input_estimate: int) -> tuple[Tokens, bool]:
        """What the answer used so far, and whether the provider told it."""
        if self._usage is not None:
            return self._usage, True
        return Tokens(input_estimate, int(-(-self._text_bytes // BYTES_A_TOKEN))), False

    def _passes(self, event: bytes) -> bool:
        if self.is_done or self.error is not None:
            return False
        data = _data(event)
        if data is None:
            return True
        if data == b"[DONE]":
            # Ours follows when the call is settled.
            self.is_done = True
            return False
        try:
            told = orjson.loads(data)
        except orjson.JSONDecodeError:
            self.error = ModelBadResponse()
            return False
        if not isinstance(told, dict):
            self.error = ModelBadResponse()
            return False
        if told.get("error"):
            self.error = ModelServerError()
            return False
        self._look(told)
        return self._wants_usage or bool(told.get("choices")) or not told.get("usage")

    def _look(self, told: Mapping[str, Any]) -> None:
        usage = usage_of(told)
        if usage is not None:
            self._usage = usage
        choices = told.get("choices")
        for choice in choices if isinstance(choices, list) else ():
            if not isinstance(choice, dict):
                continue
            if choice.get("finish_reason"):
                self.has_finished = True
            delta = choice.get("delta")
            self._text_bytes += _text_bytes(delta if isinstance(delta, dict) else choice)


def usage_of(told: Mapping[str, Any]) -> Tokens | None:
    """Tokens as the provider tells them; None when it does not, or tells nonsense."""
    usage = told.get("usage")
    if not isinstance(usage, dict):
        return None
    asked, answered = usage.get("prompt_tokens"), usage.get("completion_tokens", 0)
    details = usage.get("prompt_tokens_details")
    cached = details.get("cached_tokens") if isinstance(details, dict) else 0
    numbers = (asked, answered or 0, cached or 0)
    if not all(type(number) is int and number >= 0 for number in numbers):
        return None
    return Tokens(int(asked or 0), int(answered or 0), int(cached or 0))


def as_event(body: Mapping[str, Any]) -> bytes:
    """One event of a stream."""
    return b"data: " + orjson.dumps(body) + b"\n\n"


def as_events(body: bytes) -> bytes:
    """A whole answer as a stream of one chunk, for servers that do not stream."""
    try:
        told = orjson.loads(body)
        is_chat = told.get("object") != "text_completion"
        chunk = {
            **told,
            "object": "chat.completion.chunk" if is_chat else "text_completion",
            "choices": [_as_delta(choice) if is_chat else choice for choice in told["choices"]],
        }
        usage = chunk.pop("usage", None)
        told_usage = as_event({**chunk, "choices": [], "usage": usage}) if usage else b""
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError) as exc:
        raise ModelBadResponse from exc
    return as_event(chunk) + told_usage + DONE


def _as_delta(choice: Mapping[str, Any]) -> dict[str, Any]:
    rest = {name: value for name, value in choice.items() if name != "message"}
    return {**rest, "delta": choice.get("message") or {}}


def _data(event: bytes) -> bytes | None:
    """The payload of one event; None for comments."""
    if event.startswith(b"data:") and event.find(b"\n") == len(event) - 2:
        return event[5:-2].strip()
    found = SseParser().feed(event)
    return found[0].data if found else None


def _text_bytes(delta: Mapping[str, Any]) -> int:
    size = 0
    for name in ("content", "reasoning_content", "reasoning", "text", "refusal"):
        value = delta.get(name)
        if isinstance(value, str):
            size += len(value) if value.isascii() else len(value.encode("utf-8", "replace"))
    calls = delta.get("tool_calls")
    for call in calls if isinstance(calls, list) else ():
        function = call.get("function") if isinstance(call, dict) else None
        if isinstance(function, dict):
            size += sum(len(str(function.get(name) or "")) for name in ("name", "arguments"))
    return size
