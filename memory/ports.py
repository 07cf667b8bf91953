"""BrainPort: the seam between the product and whatever remembers for it.

Values that cross the seam are frozen and plain, so that an adapter may live in this process or
behind HTTP.  Every call is scoped: nothing is found, changed or counted outside the scope given.
All methods are synchronous; async code goes through `memory.facade`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol
from uuid import UUID

from kernel.actor import Scope
from kernel.ports import Port, Probe
from kernel.text import checked
from memory.errors import EmptyMemory, MemoryTooLong

CHAT = "chat"
MAX_TEXT_CHARS = 20_000
MAX_ITEMS = 1_000
DEFAULT_RECALL_TIMEOUT_S = 0.3

Speaker = Literal["user", "assistant"]
Kind = Literal["episodic"]


@dataclass(frozen=True, slots=True)
class MemoryScope:
    """Whose memory: one tenant, one namespace, one user, one agent.

    `agent_id` None reads over all agents of the user; it is refused for writing.
    """

    tenant_id: UUID
    user_id: UUID
    agent_id: UUID | None = None
    namespace: str = CHAT

    @property
    def tenant(self) -> Scope:
        """The scope of a unit of work."""
        return Scope(self.tenant_id)


@dataclass(frozen=True, slots=True)
class MemoryItem:
    """One passage to keep, word for word, with where it comes from.

    `idempotency_key`: unique in the tenant; the same key again changes nothing.
    `span_start`: first character of the passage in its message.
    Raises: EmptyMemory, MemoryTooLong, UnstorableText.
    """

    text: str
    speaker: Speaker
    said_at: datetime
    idempotency_key: str
    conversation_id: UUID | None = None
    turn_id: UUID | None = None
    message_id: UUID | None = None
    span_start: int = 0
    kind: Kind = "episodic"

    def __post_init__(self) -> None:
        if not self.text.strip():
            raise EmptyMemory
        if len(self.text) > MAX_TEXT_CHARS:
            msg = f"A memory holds at most {MAX_TEXT_CHARS} characters."
            raise MemoryTooLong(msg, limit=MAX_TEXT_CHARS)
        checked(self.text, "/text")


@dataclass(frozen=True, slots=True)
class Remembered:
    """The acknowledgement: durable, under this id; `created` False when the key was known."""

    memory_id: UUID
    created: bool


@dataclass(frozen=True, slots=True)
class RecallQuery:
    """What to look for.  `exclude_*`: what the caller already has in front of it."""

    text: str
    limit: int = 6
    exclude_conversation_id: UUID | None = None
    exclude_turn_ids: tuple[UUID, ...] = ()
    timeout_s: float = DEFAULT_RECALL_TIMEOUT_S


@dataclass(frozen=True, slots=True)
class ScoreParts:
    """Why a memory ranks where it does.

    `lexical_rank`, `dense_rank`: place in each list, from 1; None when absent from it.
    `coverage`: share of the question's words found, weighted by rarity, 0..1.
    `cosine`: closeness in meaning, -1..1; None while there is no embedding.
    """

    lexical_rank: int | None = None
    dense_rank: int | None = None
    coverage: float = 0.0
    cosine: float | None = None


@dataclass(frozen=True, slots=True)
class Recalled:
    """A memory that was found: verbatim text, provenance, score 0..1 and the reason in words."""

    memory_id: UUID
    text: str
    said_at: datetime
    speaker: str
    conversation_id: UUID | None
    turn_id: UUID | None
    score: float
    reason: str
    parts: ScoreParts = field(default_factory=ScoreParts)


@dataclass(frozen=True, slots=True)
class Position:
    """A place in the list of recent memories: (said_at, id) of the last one seen."""

    said_at: datetime
    memory_id: UUID


class BrainPort(Protocol):
    """Remembers, recalls and forgets within a scope."""

    def remember(self, scope: MemoryScope, item: MemoryItem) -> Remembered:
        """Keep `item` durably; found by its words as soon as this returns.

        Inside an open unit of work of the same tenant it commits with that unit.
        Idempotent on: (tenant, item.idempotency_key); the first text stays.
        """
        ...

    def remember_many(
        self, scope: MemoryScope, items: Sequence[MemoryItem]
    ) -> tuple[Remembered, ...]:
        """Keep all items or none; one acknowledgement an item, in order.

        Raises: MemoryTooLong for more than MAX_ITEMS.
        """
        ...

    def recall(self, scope: MemoryScope, query: RecallQuery) -> tuple[Recalled, ...]:
        """Return what bears on the question, best first, at most `query.limit`; often nothing.

        Raises: TimeoutError after `query.timeout_s`; else whatever the storage raises, which
        `memory.facade.recall` turns into a degradation.
        """
        ...

    def expect(self, text: str) -> None:
        """Prepare for a `recall` of this text that follows in a moment, if that saves time.

        Never waits, never fails; the recall need not come.
        """
        ...

    def recent(
        self, scope: MemoryScope, *, limit: int, before: Position | None = None
    ) -> tuple[Recalled, ...]:
        """Return the newest memories by the time they were said, after `before` in that order."""
        ...

    def forget(self, scope: MemoryScope, memory_ids: Sequence[UUID]) -> int:
        """Delete these memories with all that was derived from them; return how many there were.

        Ids outside the scope are as good as unknown.
        """
        ...

    def settle(self) -> int:
        """Do what earlier writes left to do, over all tenants; return how many were settled.

        For the worker only, outside any unit of work.
        """
        ...

    def pending(self) -> int:
        """Return how many memories, over all tenants, are not settled yet (worker, metrics)."""
        ...

    def probe(self) -> Probe:
        """Look at the real thing; never raises."""
        ...


BRAIN: Port[BrainPort] = Port("brain")
