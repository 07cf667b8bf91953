"""A tenant's agents as models `agent/<slug>`: memory, persona and tools are the agent's.

The conversations are chat's, which lies above: it is reached through a port that the composition
root fills. A program sends the whole conversation each time; which of ours it continues is told by
the digest of what was said before, kept in Valkey. Where that is lost a new conversation begins,
with what was said before in front of the question.
"""

import hashlib
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

import orjson
from redis.exceptions import RedisError

from gateway.ledger.metrics import Tokens
from gateway.metered import PAYING_KEY
from gateway.parts import Finished, StreamEvent, TextDelta, Usage
from gateway.v1.calls import Call, correct
from gateway.v1.events import DONE, as_event
from gateway.v1.shape import ApiError, rendered
from kernel.actor import Actor
from kernel.errors import SomaError
from kernel.ports import Port
from kernel.valkey import async_client

PREFIX = "agent/"
THREADS = "soma:v1:thread:"
THREAD_LIFE_S = 30 * 86_400
# What an agent decides by itself, so that a program must not.
NOT_FOR_AGENTS = ("tools", "functions", "response_format", "logprobs")


@dataclass(frozen=True, slots=True)
class AgentModel:
    """An agent that may be asked."""

    slug: str
    name: str


class AgentTurn(Protocol):
    """An answer that is being written."""

    conversation_id: UUID

    def events(self) -> AsyncGenerator[StreamEvent, None]:
        """Text as it comes, then `Usage` if a model was asked, then `Finished`.

        Raises: SomaError. Closing it stops the answer.
        """
        ...


class Agents(Protocol):
    """What chat offers."""

    async def usable(self, actor: Actor) -> list[AgentModel]:
        """The agents that `actor` may talk to."""
        ...

    async def ask(
        self, actor: Actor, slug: str, conversation_id: UUID | None, text: str
    ) -> AgentTurn:
        """Say something, in a conversation of the actor or a new one. Raises: SomaError."""
        ...


AGENTS: Port[Agents] = Port("agents")


async def whole(call: Call) -> bytes:
    """The agent's answer in one piece. Raises: SomaError."""
    text: list[str] = []
    usage: Usage | None = None
    reason = "stop"
    async with aclosing(_answer(call)) as events:
        async for event in events:
            match event:
                case TextDelta(piece):
                    text.append(piece)
                case Usage():
                    usage = event
                case Finished(reason):
                    pass
    message = {"role": "assistant", "content": "".join(text)}
    choice = {"index": 0, "message": message, "finish_reason": reason, "logprobs": None}
    body = _object(call, "chat.completion", [choice]) | {"usage": _usage(usage)}
    return orjson.dumps(body)


async def streamed(call: Call) -> AsyncGenerator[bytes, None]:
    """The agent's answer as events; one error event where it fails."""
    yield _chunk(call, {"role": "assistant", "content": ""})
    usage: Usage | None = None
    try:
        async with aclosing(_answer(call)) as events:
            async for event in events:
                match event:
                    case TextDelta(piece):
                        yield _chunk(call, {"content": piece})
                    case Usage():
                        usage = event
                    case Finished(reason):
                        yield _chunk(call, {}, reason)
    except SomaError as error:
        yield as_event(rendered(error)[1])
        return
    if call.ask.wants_usage:
        told = _object(call, "chat.completion.chunk", []) | {"usage": _usage(usage)}
        yield as_event(told)
    yield DONE


async def _answer(call: Call) -> AsyncGenerator[StreamEvent, None]:
    fields = call.ask.fields
    for name in NOT_FOR_AGENTS:
        if fields.get(name):
            message = f"An agent decides by itself: '{name}' cannot be given."
            raise ApiError(400, "unsupported_parameter", message, param=name)
    messages = fields["messages"]
    if messages[-1].get("role") != "user":
        raise ApiError(
            400, "invalid_value", "The last message must be the user's.", param="messages"
        )
    # The turn runs in a task of its own, which inherits this.
    paying = PAYING_KEY.set(call.principal.key_id)
    try:
        known = await _known_thread(call, messages[:-1])
        text = _text(messages[-1]) if known else _with_before(messages)
        slug = call.ask.model.removeprefix(PREFIX)
        turn = await AGENTS.get().ask(call.principal.actor, slug, known, text)
    finally:
        PAYING_KEY.reset(paying)
    said: list[str] = []
    async with aclosing(turn.events()) as events:
        async for event in events:
            if isinstance(event, TextDelta):
                said.append(event.text)
            elif isinstance(event, Usage):
                await correct(call, Tokens(event.input_tokens, event.output_tokens))
            elif isinstance(event, Finished):
                answer = {"role": "assistant", "content": "".join(said)}
                await _keep_thread(call, [*messages, answer], turn.conversation_id)
            yield event


async def _known_thread(call: Call, before: Sequence[Mapping[str, Any]]) -> UUID | None:
    """The conversation in which `before` was said."""
    if not before:
        return None
    try:
        found = await async_client().get(_thread_key(call, before))
    except (RedisError, OSError):
        return None
    # The client gives bytes, unless its address asks for text.
    return UUID(found if isinstance(found, str) else found.decode()) if found else None


async def _keep_thread(call: Call, said: Sequence[Mapping[str, Any]], thread_id: UUID) -> None:
    try:
        await async_client().set(_thread_key(call, said), str(thread_id), ex=THREAD_LIFE_S)
    except (RedisError, OSError):
        return


def _thread_key(call: Call, said: Sequence[Mapping[str, Any]]) -> str:
    lines = [[one.get("role"), _text(one).strip()] for one in said]
    digest = hashlib.sha256(orjson.dumps([call.ask.model, lines])).hexdigest()
    return f"{THREADS}{call.principal.tenant_id}:{call.principal.key_id}:{digest}"


def _with_before(messages: Sequence[Mapping[str, Any]]) -> str:
    """The question, behind what was said before, for a conversation that is not known here."""
    before = [f"{one.get('role')}: {_text(one)}" for one in messages[:-1]]
    question = _text(messages[-1])
    return "\n\n".join(["Said before:", *before, "Now:", question]) if before else question


def _text(message: Mapping[str, Any]) -> str:
    content = message.get("content")
    if isinstance(content, list):
        return "\n".join(str(part.get("text") or "") for part in content if isinstance(part, dict))
    return content if isinstance(content, str) else ""


def _object(call: Call, kind: str, choices: list[Any]) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-{call.call_id}",
        "object": kind,
        "created": int(time.time()),
        "model": call.ask.model,
        "choices": choices,
    }


def _chunk(call: Call, delta: dict[str, Any], reason: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": reason, "logprobs": None}
    return as_event(_object(call, "chat.completion.chunk", [choice]))


def _usage(usage: Usage | None) -> dict[str, int]:
    asked, told = (usage.input_tokens, usage.output_tokens) if usage else (0, 0)
    return {"prompt_tokens": asked, "completion_tokens": told, "total_tokens": asked + told}
