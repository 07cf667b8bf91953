"""Whose memory a verb works on, and what the brain tells of the memories in a list.

Authorises nothing: the verbs do, before they come here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from kernel.actor import Actor
from memory.errors import CapabilityAbsent
from memory.ports import BRAIN, MAX_LOOK_UP, Memory, MemoryScope, Recalled

# Consumers of the outbox that are memory's begin with this.
CONSUMERS = "memory."


@dataclass(frozen=True, slots=True)
class Found:
    """A memory of a list, with what is kept of it where the brain tells."""

    recalled: Recalled
    memory: Memory | None = None


def own(actor: Actor, agent_id: UUID | None = None) -> MemoryScope:
    """Return the scope of the actor's own memories.  Raises: NoTenant."""
    return MemoryScope(actor.scope.tenant_id, actor.user_id, agent_id)


def described(scope: MemoryScope, items: Sequence[Recalled]) -> list[Found]:
    """Add kind, state and what replaces them, where the brain can look them up."""
    kept: dict[UUID, Memory] = {}
    ids = [item.memory_id for item in items]
    try:
        for first in range(0, len(ids), MAX_LOOK_UP):
            found = BRAIN.get().look_up(scope, ids[first : first + MAX_LOOK_UP])
            kept.update((one.memory_id, one) for one in found)
    except CapabilityAbsent:
        return [Found(item) for item in items]
    return [Found(item, kept.get(item.memory_id)) for item in items]
