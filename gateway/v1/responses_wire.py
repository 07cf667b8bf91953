"""OpenAI's Responses API in terms of chat completions, and back. Pure.

A request becomes a chat completion; the chunks of its answer become the events of a response, of
which the last one holds the whole response object.
Source: OpenAI API reference, "Responses" (create, streaming events).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.v1.shape import ApiError

Json = dict[str, Any]

# Passed on under the same name.
SAME = ("model", "temperature", "top_p", "parallel_tool_calls", "user", "metadata", "top_logprobs")
ROLES = {"developer": "system"}


def chat_fields(fields: Mapping[str, Any], before: list[Json]) -> Json:
    """The chat completion that a response asks for. `before`: what the previous one ended with.

    Raises: ApiError.
    """
    if fields.get("background"):
        raise _unsupported("background", "Answers in the background are not offered.")
    messages = [*before, *input_messages(fields.get("input"))]
    if fields.get("instructions"):
        # Of this request alone: they are not carried over to the next one.
        messages = [{"role": "system", "content": str(fields["instructions"])}, *messages]
    found: Json = {name: fields[name] for name in SAME if fields.get(name) is not None}
    found |= {"messages": messages, "stream": True, "stream_options": {"include_usage": True}}
    if (limit := fields.get("max_output_tokens")) is not None:
        found["max_tokens"] = limit
    if tools := fields.get("tools"):
        found["tools"] = [_tool(tool) for tool in tools]
    if (choice := fields.get("tool_choice")) is not None:
        found["tool_choice"] = _choice(choice)
    reasoning = fields.get("reasoning")
    if isinstance(reasoning, dict) and reasoning.get("effort"):
        found["reasoning_effort"] = reasoning["effort"]
    text = fields.get("text")
    shape = text.get("format") if isinstance(text, dict) else None
    if isinstance(shape, dict) and shape.get("type") == "json_schema":
        named = {name: value for name, value in shape.items() if name != "type"}
        found["response_format"] = {"type": "json_schema", "json_schema": named}
    elif isinstance(shape, dict) and shape.get("type") == "json_object":
        found["response_format"] = {"type": "json_object"}
    return found


def input_messages(given: object) -> list[Json]:
    """The items of `input` as chat messages. Raises: ApiError."""
    if isinstance(given, str) and given:
        return [{"role": "user", "content": given}]
    if not isinstance(given, list) or not given:
        raise ApiError(400, "invalid_type", "'input' must be a string or a list.", param="input")
    messages: list[Json] = []
    for place, item in enumerate(given):
        if not isinstance(item, dict):
            raise ApiError(
                400, "invalid_type", f"'input[{place}]' must be an object.", param="input"
            )
        match item.get("type", "message"):
            case "message":
                role = str(item.get("role"))
                content = _content(item.get("content"), place)
                messages.append({"role": ROLES.get(role, role), "content": content})
            case "function_call":
                call = {
                    "id": item.get("call_id"),
                    "type": "function",
                    "function": {"name": item.get("name"), "arguments": item.get("arguments")},
                }
                if messages and messages[-1].get("tool_calls"):
                    messages[-1]["tool_calls"].append(call)
                else:
                    messages.append({"role": "assistant", "content": None, "tool_calls": [call]})
            case "function_call_output":
                output = item.get("output")
                text = output if isinstance(output, str) else _content(output, place)
                messages.append(
                    {"role": "tool", "tool_call_id": item.get("call_id"), "content": text}
                )
            case "reasoning":
                continue
            case kind:
                raise _unsupported(f"input[{place}]", f"Items of type '{kind}' are not offered.")
    return messages


def _content(given: object, place: int) -> str | list[Json]:
    if isinstance(given, str):
        return given
    if not isinstance(given, list):
        message = f"'input[{place}].content' must be a string or a list."
        raise ApiError(400, "invalid_type", message, param=f"input[{place}].content")
    parts: list[Json] = []
    for part in given:
        match part.get("type") if isinstance(part, dict) else None:
            case "input_text" | "output_text" | "text":
                parts.append({"type": "text", "text": part.get("text")})
            case "input_image" if part.get("image_url"):
                picture = {"url": part["image_url"]}
                if part.get("detail"):
                    picture["detail"] = part["detail"]
                parts.append({"type": "image_url", "image_url": picture})
            case "refusal":
                parts.append({"type": "text", "text": part.get("refusal")})
            case kind:
                raise _unsupported(f"input[{place}]", f"Parts of type '{kind}' are not offered.")
    if all(part["type"] == "text" for part in parts):
        return "".join(str(part["text"]) for part in parts)
    return parts


def _tool(tool: object) -> Json:
    if not isinstance(tool, dict) or tool.get("type") != "function":
        kind = tool.get("type") if isinstance(tool, dict) else tool
        raise _unsupported("tools", f"Tools of type '{kind}' are not offered; functions are.")
    return {
        "type": "function",
        "function": {
            name: tool[name]
            for name in ("name", "description", "parameters", "strict")
            if tool.get(name) is not None
        },
    }


def _choice(choice: object) -> object:
    if isinstance(choice, dict) and choice.get("type") == "function":
        return {"type": "function", "function": {"name": choice.get("name")}}
    return choice


def _unsupported(param: str, message: str) -> ApiError:
    return ApiError(400, "unsupported_parameter", message, param=param)


@dataclass(slots=True)
class Folding:
    """Chunks of a chat completion in, events of a response out. `number`: makes ids."""

    response_id: str
    created_at: int
    fields: Mapping[str, Any]
    items: list[Json] = field(default_factory=list)
    usage: Json | None = None
    _sequence: int = -1
    _reason: str = ""
    _calls: dict[int, Json] = field(default_factory=dict)
    _message: Json | None = None

    def begin(self) -> list[Json]:
        """The first two events."""
        body = self.response("in_progress")
        return [
            self._event("response.created", response=body),
            self._event("response.in_progress", response=body),
        ]

    def take(self, chunk: Mapping[str, Any]) -> Iterator[Json]:
        """The events that a chunk makes."""
        if isinstance(chunk.get("usage"), dict):
            self.usage = _usage(chunk["usage"])
        for choice in chunk.get("choices") or ():
            if choice.get("index", 0) != 0:
                continue
            delta = choice.get("delta") or {}
            if delta.get("content"):
                yield from self._text(delta["content"])
            for call in delta.get("tool_calls") or ():
                yield from self._call(call)
            self._reason = choice.get("finish_reason") or self._reason

    def end(self) -> Iterator[Json]:
        """The events that close what is open, and the last one."""
        yield from self._close_items("completed")
        if self._reason == "length":
            yield self._event("response.incomplete", response=self.response("incomplete"))
        else:
            yield self._event("response.completed", response=self.response("completed"))

    def fail(self, error: Mapping[str, Any]) -> Iterator[Json]:
        """The last event of a response that broke off. `error`: {code, message, ...}."""
        yield from self._close_items("incomplete")
        told = {"code": error.get("code"), "message": error.get("message")}
        body = self.response("failed") | {"error": told}
        yield self._event("response.failed", response=body)

    def messages(self) -> list[Json]:
        """The answer as chat messages, for going on from it."""
        text = "".join(
            part["text"] for item in self.items if item["type"] == "message"
            for part in item["content"]
        )  # fmt: skip
        calls = [
            {
                "id": item["call_id"],
                "type": "function",
                "function": {"name": item["name"], "arguments": item["arguments"]},
            }
            for item in self.items
            if item["type"] == "function_call"
        ]
        message: Json = {"role": "assistant", "content": text or None}
        return [message | {"tool_calls": calls} if calls else message]

    def response(self, status: str) -> Json:
        """The response object as it is now."""
        fields = self.fields
        return {
            "id": self.response_id,
            "object": "response",
            "created_at": self.created_at,
            "status": status,
            "error": None,
            "incomplete_details": (
                {"reason": "max_output_tokens"} if status == "incomplete" else None
            ),
            "instructions": fields.get("instructions"),
            "max_output_tokens": fields.get("max_output_tokens"),
            "metadata": fields.get("metadata") or {},
            "model": fields.get("model"),
            "output": [dict(item) for item in self.items],
            "parallel_tool_calls": fields.get("parallel_tool_calls", True),
            "previous_response_id": fields.get("previous_response_id"),
            "reasoning": fields.get("reasoning") or {"effort": None, "summary": None},
            "store": fields.get("store", True),
            "temperature": fields.get("temperature"),
            "text": fields.get("text") or {"format": {"type": "text"}},
            "tool_choice": fields.get("tool_choice") or "auto",
            "tools": fields.get("tools") or [],
            "top_p": fields.get("top_p"),
            "truncation": "disabled",
            "usage": self.usage if status != "in_progress" else None,
            "user": fields.get("user"),
        }

    def _text(self, text: str) -> Iterator[Json]:
        if self._message is None:
            self._message = {
                "id": f"msg_{self.response_id[5:]}_{len(self.items)}",
                "type": "message",
                "status": "in_progress",
                "role": "assistant",
                "content": [],
            }
            self.items.append(self._message)
            place = len(self.items) - 1
            yield self._event(
                "response.output_item.added", output_index=place, item=dict(self._message)
            )
            self._message["content"] = [{"type": "output_text", "text": "", "annotations": []}]
            yield self._part_event("response.content_part.added")
        self._message["content"][0]["text"] += text
        yield self._event(
            "response.output_text.delta", item_id=self._message["id"], delta=text,
            output_index=self.items.index(self._message), content_index=0, logprobs=[],
        )  # fmt: skip

    def _call(self, delta: Mapping[str, Any]) -> Iterator[Json]:
        index = int(delta.get("index") or 0)
        function = delta.get("function") or {}
        item = self._calls.get(index)
        if item is None:
            item = self._calls[index] = {
                "id": f"fc_{self.response_id[5:]}_{len(self.items)}",
                "type": "function_call",
                "status": "in_progress",
                "call_id": delta.get("id") or f"call_{index}",
                "name": function.get("name") or "",
                "arguments": "",
            }
            self.items.append(item)
            place = len(self.items) - 1
            yield self._event("response.output_item.added", output_index=place, item=dict(item))
        if more := function.get("arguments"):
            item["arguments"] += more
            yield self._event(
                "response.function_call_arguments.delta", item_id=item["id"],
                output_index=self.items.index(item), delta=more,
            )  # fmt: skip

    def _close_items(self, status: str) -> Iterator[Json]:
        for place, item in enumerate(self.items):
            item["status"] = status
            if item["type"] == "message":
                yield self._event(
                    "response.output_text.done", item_id=item["id"], output_index=place,
                    content_index=0, text=item["content"][0]["text"], logprobs=[],
                )  # fmt: skip
                yield self._part_event("response.content_part.done")
            else:
                yield self._event(
                    "response.function_call_arguments.done", item_id=item["id"],
                    output_index=place, name=item["name"], arguments=item["arguments"],
                )  # fmt: skip
            yield self._event("response.output_item.done", output_index=place, item=dict(item))

    def _part_event(self, kind: str) -> Json:
        assert self._message is not None  # noqa: S101  # there is a part only in a message
        return self._event(
            kind, item_id=self._message["id"], output_index=self.items.index(self._message),
            content_index=0, part=dict(self._message["content"][0]),
        )  # fmt: skip

    def _event(self, kind: str, **more: Any) -> Json:
        self._sequence += 1
        return {"type": kind, "sequence_number": self._sequence, **more}


def _usage(told: Mapping[str, Any]) -> Json:
    asked, answered = told.get("prompt_tokens") or 0, told.get("completion_tokens") or 0
    cached = (told.get("prompt_tokens_details") or {}).get("cached_tokens") or 0
    thought = (told.get("completion_tokens_details") or {}).get("reasoning_tokens") or 0
    return {
        "input_tokens": asked,
        "input_tokens_details": {"cached_tokens": cached},
        "output_tokens": answered,
        "output_tokens_details": {"reasoning_tokens": thought},
        "total_tokens": asked + answered,
    }
