"""BrainPort: the seam between the product and whatever remembers for it.

Values that cross the seam are frozen and plain (`memory.values` has those of cognition), so that an
adapter may live in this process or behind HTTP.

Rules that hold for every call and every adapter:

Scope.  Nothing is found, changed, counted or linked outside the scope given; what lies outside is
as good as unknown.  `agent_id` None reads over all agents of the user and is refused for writing.
Deadline.  `timeout_s` bounds the whole call; afterwards MemoryLate, which is also a TimeoutError.
Idempotency.  A write carries a key that is unique in its tenant; the same key again changes
nothing and answers with the first memory.  Whoever got an error may repeat the call.
Errors.  SomaErrors of `memory.errors`: BadMemory, EmptyMemory, MemoryTooLong for the values;
NoSuchMemory; MemoryLate; MemoryUnavailable when the brain is away; MemoryRefused when it does not
accept this installation; CapabilityAbsent when it cannot do this at all (see `capabilities`).
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
from memory.errors import BadMemory, EmptyMemory, MemoryTooLong
from memory.overview import Graph, GraphQuery, Stats
from memory.values import (
    Adjustment,
    Capability,
    CognitiveState,
    Feedback,
    FeedbackResult,
    SleepCycle,
    SleepRequest,
    require_key,
)

CHAT = "chat"
MAX_TEXT_CHARS = 20_000
MAX_ITEMS = 1_000
MAX_NEIGHBOURS = 200
MAX_LOOK_UP = 200
DEFAULT_RECALL_TIMEOUT_S = 0.3
READ_TIMEOUT_S = 2.0
WRITE_TIMEOUT_S = 10.0
FORGET_TIMEOUT_S = 60.0

Speaker = Literal["user", "assistant"]
# What happened; a fact drawn from several episodes; the present focus; what worked.
Kind = Literal["episodic", "semantic", "working", "procedural"]
# Not a kind that is written: what is in focus now, of whatever kind (see `cognition.focus`).
WORKING: Kind = "working"
# Found by its words; found by its meaning too; replayed by a sleep cycle.
State = Literal["stored", "indexed", "consolidated"]
# `supersedes`: the source is newer and replaces the target, which stays.  `derived_from`: the
# source is a fact drawn from the target, and is forgotten with its last target.
Relation = Literal["related", "supersedes", "derived_from", "mentions", "causes", "contradicts"]


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

    `idempotency_key`: 1 to 200 characters, unique in the tenant; again, it changes nothing.
    `span_start`: first character of the passage in its message.
    Raises: EmptyMemory, MemoryTooLong, UnstorableText, BadMemory.
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
        require_key(self.idempotency_key)


@dataclass(frozen=True, slots=True)
class Remembered:
    """The acknowledgement: durable, under this id; `created` False when the key was known."""

    memory_id: UUID
    created: bool


@dataclass(frozen=True, slots=True)
class Matching:
    """Where a memory comes from; every condition that is given must hold.

    `said_from` is included, `said_before` is not.
    Raises: BadMemory without any condition (say Everything when everything is meant).
    """

    conversation_id: UUID | None = None
    turn_id: UUID | None = None
    message_id: UUID | None = None
    speaker: Speaker | None = None
    kind: Kind | None = None
    said_from: datetime | None = None
    said_before: datetime | None = None

    def __post_init__(self) -> None:
        if not self.given():
            msg = "A filter needs a condition. To forget everything, say so."
            raise BadMemory(msg)

    def given(self) -> dict[str, object]:
        """Return the conditions that are set, by their field."""
        values = ((name, getattr(self, name)) for name in self.__slots__)
        return {name: value for name, value in values if value is not None}


@dataclass(frozen=True, slots=True)
class RecallQuery:
    """What to look for.  `exclude_*`: what the caller already has in front of it.

    `only_if_sure`: nothing rather than what is merely near, for callers without a model that could
    tell an answer from its neighbour.  `asked_at`: what "last spring" is seen from; None: now.
    `where`: only memories for which this holds are found.
    """

    text: str
    limit: int = 6
    exclude_conversation_id: UUID | None = None
    exclude_turn_ids: tuple[UUID, ...] = ()
    timeout_s: float = DEFAULT_RECALL_TIMEOUT_S
    only_if_sure: bool = False
    asked_at: datetime | None = None
    where: Matching | None = None


@dataclass(frozen=True, slots=True)
class ScoreParts:
    """Why a memory ranks where it does.

    `lexical_rank`, `dense_rank`: place in each list, from 1; None when absent from it.
    `coverage`: share of the question's words found, weighted by rarity, 0..1.
    `cosine`: closeness in meaning, -1..1; None while there is no embedding.
    `beside`, `conversation`: what the turns beside it and its whole conversation lend, 0..2.
    `person`, `time`: 1 when it tells of a person or a time that the question names.
    `links`: names shared with the best hits, 0..1.  `recency`: 1 just now, 1/2 after 90 days.
    `certainty`: how likely the question is answered by anything that was found, 0..1.
    """

    lexical_rank: int | None = None
    dense_rank: int | None = None
    coverage: float = 0.0
    cosine: float | None = None
    beside: float = 0.0
    conversation: float = 0.0
    person: float = 0.0
    time: float = 0.0
    links: float = 0.0
    recency: float = 0.0
    certainty: float = 0.0


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
class Memory:
    """One memory as it is kept, with its whole provenance and how far its enrichment has come.

    `superseded_by`: the newer memory that replaces it; None while it is current.
    `sources_count`: from how many memories it was drawn; 0 for what was said.
    """

    memory_id: UUID
    text: str
    speaker: str
    said_at: datetime
    kind: str
    state: State
    agent_id: UUID
    conversation_id: UUID | None
    turn_id: UUID | None
    message_id: UUID | None
    span_start: int
    superseded_by: UUID | None = None
    sources_count: int = 0


@dataclass(frozen=True, slots=True)
class Position:
    """A place in the list of recent memories: (said_at, id) of the last one seen."""

    said_at: datetime
    memory_id: UUID


@dataclass(frozen=True, slots=True)
class These:
    """Select the memories of these ids."""

    memory_ids: tuple[UUID, ...]


@dataclass(frozen=True, slots=True)
class Everything:
    """Select all memories of the user: over all agents and namespaces, whatever the scope says."""


Selection = These | Matching | Everything


@dataclass(frozen=True, slots=True)
class Forgotten:
    """The proof of a forgetting: how many memories went, and how many rows from which store.

    `stores`: {name: rows deleted}, for example memories, embeddings, links, derived; a store that
    was looked at and held nothing is there with 0.  `left`: memories of the selection that a look
    afterwards still found; 0 unless the brain cannot delete them.  `ids`: what went, derived facts
    included; empty when that is too many to list.
    """

    memories: int
    stores: tuple[tuple[str, int], ...]
    left: int = 0
    ids: tuple[UUID, ...] = ()


@dataclass(frozen=True, slots=True)
class Link:
    """A directed edge between two memories of one scope; `weight` is 0..1.

    The same (source, target, relation) again replaces the weight.
    """

    source_id: UUID
    target_id: UUID
    relation: Relation = "related"
    weight: float = 1.0

    def __post_init__(self) -> None:
        if not 0 <= self.weight <= 1:
            raise BadMemory(errors=[{"pointer": "/weight", "detail": "not within 0 and 1"}])
        if self.source_id == self.target_id:
            raise BadMemory(errors=[{"pointer": "/target_id", "detail": "the memory itself"}])


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A memory that is linked to the one asked about: `distance` 1 directly, 2 over another.

    `outgoing`: the first step leaves the memory asked about.  `strength`: product of the weights.
    """

    memory: Memory
    relation: str
    outgoing: bool
    distance: int
    strength: float


@dataclass(frozen=True, slots=True)
class Pending:
    """What is acknowledged but not enriched: memories without embedding, and those given up on."""

    waiting: int
    failed: int = 0


@dataclass(frozen=True, slots=True)
class ContextQuery:
    """What a prompt is to be built for; `token_allowance` bounds the memories in it."""

    recall: RecallQuery
    token_allowance: int = 1_500


@dataclass(frozen=True, slots=True)
class Context:
    """A prompt, and the memories in it with the share that each got (`weights`, sum 1)."""

    prompt: str
    recalled: tuple[Recalled, ...]
    weights: tuple[float, ...] = ()
    tokens: int = 0


class BrainPort(Protocol):
    """Remembers, recalls, connects and forgets within a scope."""

    def remember(
        self, scope: MemoryScope, item: MemoryItem, *, timeout_s: float = WRITE_TIMEOUT_S
    ) -> Remembered:
        """Keep `item` durably; found by its words as soon as this returns.

        Inside an open unit of work of the same tenant it commits with that unit (an adapter behind
        HTTP cannot undo: there the unit must not fail afterwards, which the outbox guarantees).
        Idempotent on: (tenant, item.idempotency_key); the first text stays.
        Raises: EmptyMemory without an agent; NotAcknowledged when durability is not proven.
        """
        ...

    def remember_many(
        self,
        scope: MemoryScope,
        items: Sequence[MemoryItem],
        *,
        timeout_s: float = WRITE_TIMEOUT_S,
    ) -> tuple[Remembered, ...]:
        """Keep all items or none; one acknowledgement an item, in order.

        Raises: MemoryTooLong for more than MAX_ITEMS; else as `remember`.
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

    def get(
        self, scope: MemoryScope, memory_id: UUID, *, timeout_s: float = READ_TIMEOUT_S
    ) -> Memory:
        """Return one memory.  Raises: NoSuchMemory (also for one outside the scope)."""
        ...

    def recent(
        self,
        scope: MemoryScope,
        *,
        limit: int,
        before: Position | None = None,
        where: Matching | None = None,
        timeout_s: float = READ_TIMEOUT_S,
    ) -> tuple[Recalled, ...]:
        """Return the newest memories by the time they were said, after `before` in that order."""
        ...

    def look_up(
        self,
        scope: MemoryScope,
        memory_ids: Sequence[UUID],
        *,
        timeout_s: float = READ_TIMEOUT_S,
    ) -> tuple[Memory, ...]:
        """Return those of the memories that lie in the scope, in the order asked for.

        Raises: MemoryTooLong for more than MAX_LOOK_UP.
        """
        ...

    def stats(self, scope: MemoryScope, *, timeout_s: float = READ_TIMEOUT_S) -> Stats:
        """Return the figures of the scope."""
        ...

    def graph(
        self, scope: MemoryScope, query: GraphQuery, *, timeout_s: float = READ_TIMEOUT_S
    ) -> Graph:
        """Return memories, the names in them and the edges between.

        Raises: NoSuchMemory for a memory to look around that is not in the scope.
        """
        ...

    def forget(
        self, scope: MemoryScope, selection: Selection, *, timeout_s: float = FORGET_TIMEOUT_S
    ) -> Forgotten:
        """Delete what is selected with all that was derived from it alone; return the proof.

        Row, embedding, search vector, links, derived facts without another source, what waits for
        enrichment, caches.  Ids outside the scope are as good as unknown.  All or nothing.
        Idempotent: the second time counts 0.
        """
        ...

    def link(self, scope: MemoryScope, link: Link, *, timeout_s: float = WRITE_TIMEOUT_S) -> bool:
        """Connect two memories; True when the edge is new.  Cycles are allowed.

        Raises: NoSuchMemory when an end is not in the scope.
        """
        ...

    def neighbours(
        self,
        scope: MemoryScope,
        memory_id: UUID,
        *,
        hops: int = 1,
        limit: int = 20,
        timeout_s: float = READ_TIMEOUT_S,
    ) -> tuple[Neighbour, ...]:
        """Return what is linked to a memory in either direction, nearest and strongest first.

        `hops`: 1..3; each memory once, by its shortest way.  Raises: NoSuchMemory.
        """
        ...

    def context(
        self, scope: MemoryScope, query: ContextQuery, *, timeout_s: float = READ_TIMEOUT_S
    ) -> Context:
        """Recall and lay out a prompt in which every memory is quoted as data, never instruction.

        Trimmed to the token allowance; `Context.recalled` lists what the prompt holds, in order.
        """
        ...

    def feedback(
        self, scope: MemoryScope, feedback: Feedback, *, timeout_s: float = WRITE_TIMEOUT_S
    ) -> FeedbackResult:
        """Let the weights of (tenant, agent) learn from how useful an answer was.

        Idempotent on: (tenant, feedback.idempotency_key).  Needs an agent.
        """
        ...

    def state(
        self, scope: MemoryScope, *, history: int = 0, timeout_s: float = READ_TIMEOUT_S
    ) -> CognitiveState:
        """Return neuromodulators and weights of (tenant, agent) as they are now, decay included.

        `history`: how many earlier states to add, newest first.  Needs an agent.
        """
        ...

    def adjust(
        self, scope: MemoryScope, adjustment: Adjustment, *, timeout_s: float = WRITE_TIMEOUT_S
    ) -> CognitiveState:
        """Set levels or weights, reset them, or roll back; return the new state.

        Raises: BadMemory for a value outside its bounds; nothing is changed then.
        """
        ...

    def sleep(
        self, scope: MemoryScope, request: SleepRequest, *, timeout_s: float = WRITE_TIMEOUT_S
    ) -> SleepCycle:
        """Start a sleep cycle of (tenant, user, agent) in the worker and return its record.

        While a cycle of the scope runs, its record is returned instead of a second start.
        """
        ...

    def sleep_cycles(
        self, scope: MemoryScope, *, limit: int = 1, timeout_s: float = READ_TIMEOUT_S
    ) -> tuple[SleepCycle, ...]:
        """Return the newest cycles of the scope with their progress, the running one first."""
        ...

    def wake(self, scope: MemoryScope, *, timeout_s: float = WRITE_TIMEOUT_S) -> SleepCycle | None:
        """Interrupt the running cycle at its next step; return its record, None without one."""
        ...

    def people(
        self, tenant: Scope, *, timeout_s: float = READ_TIMEOUT_S
    ) -> tuple[tuple[UUID, str], ...]:
        """Return (user, namespace) of everyone who has memories in a tenant."""
        ...

    def retry(self, tenant: Scope, *, timeout_s: float = WRITE_TIMEOUT_S) -> int:
        """Let what was given up on in a tenant (`Pending.failed`) be tried again; return how many.

        For the worker to settle.
        """
        ...

    def settle(self) -> int:
        """Do what earlier writes left to do, over all tenants; return how many were settled.

        For the worker only, outside any unit of work.  A brain that does it by itself returns 0.
        """
        ...

    def pending(
        self, scope: MemoryScope | Scope | None = None, *, timeout_s: float = READ_TIMEOUT_S
    ) -> Pending:
        """Count what is not settled yet: in the scope, in a tenant, or over all (metrics)."""
        ...

    def capabilities(self) -> frozenset[Capability]:
        """Return what this brain can do beyond remember and recall, as far as is known; no wait."""
        ...

    def probe(self) -> Probe:
        """Look at the real thing, within its own deadline; absent capabilities in `detail`."""
        ...


BRAIN: Port[BrainPort] = Port("brain")
