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


@event("chat.feedback_given", version=1)
@dataclass(frozen=True, slots=True)
class FeedbackGiven:
    """A person judged an answer; never emitted for neutral."""

    message_id: UUID
    user_id: UUID
    signal: Literal["positive", "negative"]
