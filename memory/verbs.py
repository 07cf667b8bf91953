"""Verbs of the memory app: what HTTP, the turn runner, the outbox and commands call.

Owns the authorisation of reading one's own memories and the shape of a remembered turn.
Never imports an adapter: everything goes through `BRAIN`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from kernel.actor import Actor
from kernel.text import scrubbed
from memory.errors import MemoryUnavailable
from memory.passages import split
from memory.ports import (
    BRAIN,
    MAX_ITEMS,
    MemoryItem,
    MemoryScope,
    Position,
    Recalled,
    RecallQuery,
    Remembered,
    Speaker,
)
from saas.facade import require

# A person who searches waits longer than a turn does.
SEARCH_TIMEOUT_S = 2.0


@dataclass(frozen=True, slots=True)
class Said:
    """One side of a turn: the whole text of one message."""

    text: str
    said_at: datetime
    message_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class FinishedTurn:
    """A finished turn as memory sees it.

    `answered_from_memory`: the answer quoted memories instead of adding to them (no model, or all
    down), so only the user's side is kept.
    """

    tenant_id: UUID
    user_id: UUID
    agent_id: UUID
    conversation_id: UUID
    turn_id: UUID
    user: Said | None
    assistant: Said | None
    answered_from_memory: bool = False


def remember_turn(turn: FinishedTurn) -> tuple[Remembered, ...]:
    """Keep both sides of `turn`, cut into passages, word for word.

    For the outbox: joins the open unit of the turn's tenant, or opens one.
    Idempotent on: (message id, else turn id; speaker; passage), so that a turn delivered twice, or
    a retry of the same user message, adds nothing.
    """
    scope = MemoryScope(turn.tenant_id, turn.user_id, turn.agent_id)
    items = list(_items(turn, "user", turn.user))
    if not turn.answered_from_memory:
        items += _items(turn, "assistant", turn.assistant)
    kept: list[Remembered] = []
    for first in range(0, len(items), MAX_ITEMS):
        kept += BRAIN.get().remember_many(scope, items[first : first + MAX_ITEMS])
    return tuple(kept)


def search_memory(
    actor: Actor, text: str, *, agent_id: UUID | None = None, limit: int = 20
) -> tuple[Recalled, ...]:
    """Return the actor's own memories that bear on `text`, best first.

    Raises: Forbidden, NoTenant, PasswordChangeRequired, MemoryUnavailable.
    """
    require(actor, "memory.read")
    scope = MemoryScope(actor.scope.tenant_id, actor.user_id, agent_id)
    query = RecallQuery(text, limit=limit, timeout_s=SEARCH_TIMEOUT_S)
    try:
        return BRAIN.get().recall(scope, query)
    except TimeoutError as exc:
        raise MemoryUnavailable(
            "The search took too long. Fewer or rarer words may help.", retry_after=2
        ) from exc


def recent_memory(
    actor: Actor,
    *,
    agent_id: UUID | None = None,
    limit: int = 50,
    before: Position | None = None,
) -> tuple[Recalled, ...]:
    """Return the actor's own newest memories, after `before` in that order.

    Raises: Forbidden, NoTenant, PasswordChangeRequired.
    """
    require(actor, "memory.read")
    scope = MemoryScope(actor.scope.tenant_id, actor.user_id, agent_id)
    return BRAIN.get().recent(scope, limit=limit, before=before)


def _items(turn: FinishedTurn, speaker: Speaker, said: Said | None) -> Iterator[MemoryItem]:
    """Yield one item a passage of one side of the turn."""
    if said is None:
        return
    source = said.message_id or turn.turn_id
    for number, passage in enumerate(split(scrubbed(said.text))):
        yield MemoryItem(
            text=passage.text,
            speaker=speaker,
            said_at=said.said_at,
            idempotency_key=f"{source}:{speaker}:{number}",
            conversation_id=turn.conversation_id,
            turn_id=turn.turn_id,
            message_id=said.message_id,
            span_start=passage.start,
        )
