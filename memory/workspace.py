"""WORKSPACE: what memory needs to know of the app above it, which it must never import.

Agents and conversations have their names there, turns quote memories, and turns that are not yet
delivered will become memories.  Every call runs inside a unit of the tenant concerned.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

from kernel.actor import Actor
from kernel.ports import Port
from memory.ports import Matching


class Workspace(Protocol):
    """Agents, conversations and turns, as far as memory touches them."""

    def require_agent(self, actor: Actor, agent_id: UUID, permission: str) -> None:
        """Check a permission on an agent.  Raises: NotFound, Forbidden."""
        ...

    def agent_names(self, agent_ids: Sequence[UUID]) -> dict[UUID, str]:
        """Return the names of those agents that exist."""
        ...

    def conversation_title(self, user_id: UUID, conversation_id: UUID) -> tuple[bool, str | None]:
        """Return whether the person still has the conversation, and its title."""
        ...

    def quoted(self, user_id: UUID) -> set[UUID]:
        """Return the memories that turns of the person quote."""
        ...

    def erase_quotes(self, user_id: UUID, memory_ids: Sequence[UUID]) -> int:
        """Delete the copies of these memories in turns of the person; return how many."""
        ...

    def drop_undelivered(
        self, user_id: UUID, agent_id: UUID | None, matching: Matching | None
    ) -> int:
        """Keep turns of the person that memory was not told of yet from becoming memories.

        All of them, or those of one agent, or those that match.  Return how many.
        """
        ...


WORKSPACE: Port[Workspace] = Port("workspace")
