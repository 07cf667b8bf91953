"""Facts that chat tells the other apps. They carry pointers; text stays in its row."""

from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from kernel.events import event


@event("chat.turn_finished", version=1)
@dataclass(frozen=True, slots=True)
class TurnFinished:
    """A turn reached its end state, with its answer stored (unless there was none)."""

    turn_id: UUID
    conversation_id: UUID
    agent_id: UUID
    user_id: UUID
    state: Literal["done", "failed", "cancelled", "interrupted"]
    user_message_id: UUID | None
    message_id: UUID | None


@event("routing.answered", version=1)
@dataclass(frozen=True, slots=True)
class TurnRouted:
    """Who answered a turn. `model`: its name at the provider; "" when memory alone answered.

    `degraded`: what the answer went without, or why another answered than was asked for.
    """

    turn_id: UUID
    agent_id: UUID
    model: str
    degraded: list[str]


@event("delegation.requested", version=1)
@dataclass(frozen=True, slots=True)
class DelegationRequested:
    """An agent gave a task to another one. Part of the contract; nothing delegates yet."""

    task_id: UUID
    conversation_id: UUID
    from_agent_id: UUID
    to_agent_id: UUID


@event("chat.feedback_given", version=1)
@dataclass(frozen=True, slots=True)
class FeedbackGiven:
    """A person judged an answer; neutral takes the judgement back."""

    message_id: UUID
    user_id: UUID
    signal: Literal["positive", "negative", "neutral"]
