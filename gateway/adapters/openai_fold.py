"""Folds the events of an OpenAI stream into `StreamEvent`s.

Pure: bytes of events in, values out. Text that arrives in one read leaves as one `TextDelta`,
because each event costs every later stage the same, however short it is. Tolerates what servers
really send: no usage, usage twice, no `[DONE]`, no finish reason, `delta` null, content as parts,
a whole completion instead of a stream.
"""

from typing import Any

import orjson

from gateway.adapters.failures import Failure, failure_of_error_object
from gateway.errors import ModelBadResponse, ModelError
from gateway.parts import (
    Finished,
    FinishReason,
    ReasoningDelta,
    StreamEvent,
    TextDelta,
    ToolCallDelta,
    Usage,
)
from gateway.sse import SseEvent
from gateway.tokens import estimate_tokens

DONE = b"[DONE]"
FINISH_REASONS: dict[str, FinishReason] = {
    "stop": "stop",
    "length": "length",
    "max_tokens": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
}


class OpenAIFold:
    """State of one streamed completion."""

    __slots__ = (
        "_called_tools",
        "_input_estimate",
        "_out",
        "_output_estimate",
        "_reason",
        "_text",
        "_usage",
        "done",
        "error",
        "is_whole",
        "started",
    )

    def __init__(self, input_estimate: int = 0) -> None:
        self._input_estimate = input_estimate
        self._output_estimate = 0
        self._reason: FinishReason | None = None
        self._usage: tuple[int, int] | None = None
        self._called_tools = False
        self._text: list[str] = []
        self._out: list[StreamEvent] = []
        # `[DONE]` was seen.
        self.done = False
        # An error that the provider sent inside the stream; raised after what came before it.
        self.error: ModelError | None = None
        # The body is one completion that was not streamed.
        self.is_whole = False
        # Something of the answer was given out, so there is no second attempt.
        self.started = False

    @property
    def is_complete(self) -> bool:
        """Whether the provider said that the answer is at its end."""
        return self.done or self._reason is not None

    def take(self, events: list[SseEvent]) -> list[StreamEvent]:
        """What `events` mean, in order; sets `error` when one of them is an error or no event."""
        for event in events:
            data = event.data
            if data == DONE:
                self.done = True
                break
            try:
                chunk = orjson.loads(data)
            except orjson.JSONDecodeError:
                if not data.strip():
                    continue
                chunk = None
            if not isinstance(chunk, dict):
                self.error = ModelBadResponse()
                break
            if event.name == b"error" or chunk.get("error"):
                self.error = _stream_error(chunk.get("error") or chunk)
                break
            if self.is_whole:
                chunk = _as_chunk(chunk)
            self._take_chunk(chunk)
        return self._given()

    def take_chunk(self, chunk: dict[str, Any]) -> list[StreamEvent]:
        """What one parsed chunk means, for adapters that get chunks from a library."""
        self._take_chunk(chunk)
        return self._given()

    def forget_usage(self) -> None:
        """The counts were not the provider's: estimate instead."""
        self._usage = None

    def ending(self) -> list[StreamEvent]:
        """The two last events of an answer that came to its end."""
        usage = (
            Usage(*self._usage, counted=True)
            if self._usage is not None
            else Usage(self._input_estimate, self._output_estimate, counted=False)
        )
        reason = self._reason or "stop"
        if reason == "stop" and self._called_tools:
            # Some servers end a tool call with "stop".
            reason = "tool_calls"
        return [usage, Finished(reason)]

    def _take_chunk(self, chunk: dict[str, Any]) -> None:
        usage = chunk.get("usage")
        if usage:
            self._take_usage(usage)
        choices = chunk.get("choices")
        if not choices:
            return
        choice = choices[0] if isinstance(choices, list) else None
        if not isinstance(choice, dict):
            return
        delta = choice.get("delta")
        if isinstance(delta, dict):
            content = delta.get("content")
            if content.__class__ is str:
                if content:
                    self._text.append(content)
            elif content:
                self._take_parts(content)
            # Anything besides content: the rare fields.
            if content is None or len(delta) > 1:
                self._take_rare(delta)
        reason = choice.get("finish_reason")
        if reason and self._reason is None:
            self._reason = FINISH_REASONS.get(str(reason), "stop")

    def _take_rare(self, delta: dict[str, Any]) -> None:
        thought = delta.get("reasoning_content") or delta.get("reasoning")
        if thought.__class__ is str and thought:
            self._flush_text()
            self._out.append(ReasoningDelta(str(thought)))
            self._output_estimate += estimate_tokens(str(thought))
        refusal = delta.get("refusal")
        if refusal.__class__ is str and refusal:
            self._text.append(str(refusal))
            self._reason = "content_filter"
        calls = delta.get("tool_calls")
        if isinstance(calls, list):
            self._flush_text()
            for position, call in enumerate(calls):
                self._take_call(call, position)

    def _take_call(self, call: object, position: int) -> None:
        if not isinstance(call, dict):
            return
        function = call.get("function")
        function = function if isinstance(function, dict) else {}
        index = call.get("index")
        arguments = function.get("arguments")
        if isinstance(arguments, dict):
            arguments = orjson.dumps(arguments).decode()
        self._called_tools = True
        self._output_estimate += estimate_tokens(str(arguments or ""))
        self._out.append(
            ToolCallDelta(
                index if isinstance(index, int) else position,
                str(call.get("id") or ""),
                str(function.get("name") or ""),
                str(arguments or ""),
            )
        )

    def _take_parts(self, content: object) -> None:
        """Content as a list of parts: [{type: "text", text} | {type: "thinking", thinking}]."""
        if not isinstance(content, list):
            return
        for part in content:
            if not isinstance(part, dict):
                continue
            if isinstance(part.get("text"), str):
                self._text.append(part["text"])
            elif isinstance(part.get("thinking"), list):
                thought = "".join(
                    str(piece.get("text") or "")
                    for piece in part["thinking"]
                    if isinstance(piece, dict)
                )
                if thought:
                    self._flush_text()
                    self._out.append(ReasoningDelta(thought))

    def _take_usage(self, usage: object) -> None:
        if not isinstance(usage, dict):
            return
        asked, told = usage.get("prompt_tokens"), usage.get("completion_tokens")
        if isinstance(asked, int) and isinstance(told, int) and asked >= 0 and told >= 0:
            self._usage = (asked, told)

    def _flush_text(self) -> None:
        if self._text:
            text = "".join(self._text)
            self._text.clear()
            if text:
                self._out.append(TextDelta(text))
                self._output_estimate += estimate_tokens(text)

    def _given(self) -> list[StreamEvent]:
        self._flush_text()
        given, self._out = self._out, []
        if given:
            self.started = True
        return given


def _as_chunk(whole: dict[str, Any]) -> dict[str, Any]:
    """A whole completion in the shape of one chunk, with its end."""
    choices = whole.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    if not isinstance(choice, dict):
        return {}
    finished = {"finish_reason": "stop", **choice, "delta": choice.get("message")}
    return {**whole, "choices": [finished]}


def _stream_error(error: object) -> ModelError:
    """An error object inside a stream that began with status 200."""
    if not isinstance(error, dict):
        return failure_of_error_object(Failure(500))
    status = error.get("code", error.get("status"))
    return failure_of_error_object(
        Failure(
            status if isinstance(status, int) else 500,
            code=str(error.get("code") or ""),
            kind=str(error.get("type") or ""),
            text=str(error.get("message") or ""),
        )
    )
