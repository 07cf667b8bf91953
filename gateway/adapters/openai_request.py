"""A `ModelRequest` as the JSON body of OpenAI's `POST /chat/completions`.

Pure. Providers differ in which optional fields they accept; a `Dialect` says what one accepts,
and `learn` reads from a refusal what to leave out next time.
Source: OpenAI API reference, "Create chat completion".
"""

from dataclasses import dataclass, replace
from typing import Any

from gateway.parts import (
    Message,
    ModelRequest,
    TextPart,
    ToolCallPart,
    ToolResultPart,
    ToolSpec,
)
from gateway.ports import Endpoint


@dataclass(frozen=True, slots=True)
class Dialect:
    """What an endpoint accepts beyond the core fields."""

    stream_options: bool = True
    completion_limit_name: str = "max_tokens"
    temperature: bool = True
    stop: bool = True


# OpenAI's newer models refuse `max_tokens`; hardly any other server knows its successor.
NEWER = "max_completion_tokens"
OLDER = "max_tokens"
OPENAI_ITSELF = "https://api.openai.com/"


def first_dialect(url: str) -> Dialect:
    """What to assume of an endpoint that was not asked before."""
    return Dialect(completion_limit_name=NEWER if url.startswith(OPENAI_ITSELF) else OLDER)


def learn(dialect: Dialect, parameter: str, text: str) -> Dialect | None:
    """The dialect to try after a 400 or 422 that names a field we can do without, or None.

    `parameter`: the field named by the error object, possibly empty. `text`: the whole refusal.
    """
    named = parameter or text
    if dialect.stream_options and ("stream_options" in named or "include_usage" in named):
        return replace(dialect, stream_options=False)
    if dialect.completion_limit_name in named:
        other = OLDER if dialect.completion_limit_name == NEWER else NEWER
        # The limit itself may be what is wrong; only an unknown name is cured by another name.
        if any(
            word in text.lower()
            for word in (
                "unsupported",
                "not supported",
                "unrecognized",
                "unknown",
                "extra",
                "not permitted",
            )
        ):
            return replace(dialect, completion_limit_name=other)
        return None
    if dialect.temperature and "temperature" in named:
        return replace(dialect, temperature=False)
    if dialect.stop and parameter == "stop":
        return replace(dialect, stop=False)
    return None


def chat_body(request: ModelRequest, endpoint: Endpoint, dialect: Dialect) -> dict[str, Any]:
    """The streaming request body."""
    body: dict[str, Any] = {
        "model": request.model or endpoint.model,
        "messages": [entry for message in request.messages for entry in chat_messages(message)],
        "stream": True,
    }
    if dialect.stream_options:
        body["stream_options"] = {"include_usage": True}
    if request.max_output_tokens is not None:
        body[dialect.completion_limit_name] = request.max_output_tokens
    if request.temperature is not None and dialect.temperature:
        body["temperature"] = request.temperature
    if request.stop and dialect.stop:
        body["stop"] = list(request.stop)
    if request.tools:
        body["tools"] = chat_tools(request.tools)
    return body


def chat_tools(tools: tuple[ToolSpec, ...]) -> list[dict[str, Any]]:
    """Tools as entries of `tools`."""
    return [
        {
            "type": "function",
            "function": {
                "name": tool.name,
                "description": tool.description,
                "parameters": dict(tool.parameters),
            },
        }
        for tool in tools
    ]


def chat_messages(message: Message) -> list[dict[str, Any]]:
    """One message as entries of `messages`; each tool result is an entry of its own."""
    results = [part for part in message.parts if isinstance(part, ToolResultPart)]
    if results:
        return [
            {"role": "tool", "tool_call_id": part.call_id, "content": part.text} for part in results
        ]
    text = "".join(part.text for part in message.parts if isinstance(part, TextPart))
    calls = [part for part in message.parts if isinstance(part, ToolCallPart)]
    if not calls:
        return [{"role": message.role, "content": text}]
    return [
        {
            "role": message.role,
            "content": text or None,
            "tool_calls": [
                {
                    "id": call.call_id,
                    "type": "function",
                    "function": {"name": call.name, "arguments": call.arguments},
                }
                for call in calls
            ],
        }
    ]
