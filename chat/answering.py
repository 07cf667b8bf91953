"""Agents asked by programs: the gateway's port `AGENTS`, through the same turns as people's.

A turn of a program belongs to the person of its key, who finds the conversation in the list.
"""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from uuid import UUID

from chat import agents, verbs
from chat.frames import Delta, Done, Snapshot
from chat.models import Agent
from chat.turns import opening, service, stream
from chat.turns.opening import Opened
from chat.turns.runner import RUNNER
from gateway.facade import AgentModel as AskedAgent
from gateway.facade import Finished, StreamEvent, TextDelta, Usage
from kernel.actor import Actor
from kernel.db import in_unit, unit_of_work
from kernel.errors import NotFound, Unavailable
from kernel.ids import uuid7
from saas.facade import visible

AGENTS_SHOWN = 200


class AnswerFailed(Unavailable):
    """The agent's turn failed; `problem` says why."""

    code, title = "answer-failed", "The agent could not answer"


class AgentTurns:
    """See `gateway.v1.agents.Agents`."""

    async def usable(self, actor: Actor) -> list[AskedAgent]:
        """The agents that the actor may talk to, by name."""
        rows = await in_unit(agents.list_agents, actor, AGENTS_SHOWN, None)
        return [AskedAgent(row.slug, row.name) for row in rows]

    async def ask(
        self, actor: Actor, slug: str, conversation_id: UUID | None, text: str
    ) -> "ProgramTurn":
        """Open a turn. Raises: NotFound, and what opening a message raises."""
        known = conversation_id or await in_unit(_new_conversation, actor, slug)
        opened = await service.open_turn(
            opening.open_message, actor, known, text, str(uuid7()), question=text
        )
        await service.announce(opened)
        return ProgramTurn(opened)


class ProgramTurn:
    """See `gateway.v1.agents.AgentTurn`."""

    def __init__(self, opened: Opened) -> None:
        self._opened = opened
        self.conversation_id = UUID(opened.turn.conversation_id)

    async def events(self) -> AsyncGenerator[StreamEvent, None]:
        """The answer as it is written; leaving early stops the turn."""
        turn_id = UUID(self._opened.turn.id)
        told, done = "", None
        try:
            async with aclosing(stream.follow(self._opened.scope, turn_id, 0)) as frames:  # type: ignore[type-var]  # a generator
                async for _, body, _ in frames:
                    if isinstance(body, Delta):
                        told += body.delta
                        yield TextDelta(body.delta)
                    elif isinstance(body, Snapshot | Done):
                        if rest := body.content[len(told) :]:
                            told += rest
                            yield TextDelta(rest)
                        done = body if isinstance(body, Done) else done
        finally:
            if done is None:
                await RUNNER.stop(turn_id)
        if done is None or done.state != "done":
            problem = done.error if done else None
            raise AnswerFailed(
                str(problem["detail"]) if problem else "", problem=problem and problem["code"]
            )
        if done.usage is not None:
            usage = done.usage
            yield Usage(usage.input_tokens, usage.output_tokens, usage.counted)
        yield Finished("length" if "output-limit" in done.degraded else "stop")


def _new_conversation(actor: Actor, slug: str) -> UUID:
    with unit_of_work(actor.scope):
        agent = Agent.objects.filter(visible(actor, "agent.use"), slug=slug).first()
    if agent is None:
        raise NotFound
    return verbs.create_conversation(actor, agent.id, None, None).id
