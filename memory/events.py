"""Facts that memory tells the other apps. They carry pointers; text stays in its row."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from kernel.events import event


@event("memory.remembered", version=1)
@dataclass(frozen=True, slots=True)
class MemoryRemembered:
    """Something new is remembered. `turn_id`, `conversation_id`: None for what was written by hand.

    `memory_ids`: only what was not known before.
    """

    user_id: UUID
    agent_id: UUID
    memory_ids: tuple[UUID, ...]
    conversation_id: UUID | None = None
    turn_id: UUID | None = None


@event("memory.forgotten", version=1)
@dataclass(frozen=True, slots=True)
class MemoryForgotten:
    """Memories are gone for good: how many. `agent_id` None: of any agent.

    `memory_ids`: empty when they are too many to list.
    """

    user_id: UUID
    agent_id: UUID | None
    memories: int
    memory_ids: tuple[UUID, ...]


@event("memory.given", version=1)
@dataclass(frozen=True, slots=True)
class MemoryGiven:
    """A person wrote something down while the brain was away; `given_id`: where it waits."""

    user_id: UUID
    agent_id: UUID
    given_id: UUID
