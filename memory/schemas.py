"""Shapes of the memory operations at the HTTP edge, and the page cursor."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from ninja import Schema
from pydantic import Field

from kernel import paging
from memory.errors import BadMemory
from memory.models_retention import MAX_DAYS
from memory.moments import Moment
from memory.ports import (
    Everything,
    Forgotten,
    Kind,
    Matching,
    Memory,
    Position,
    Recalled,
    Selection,
    Speaker,
    These,
)
from memory.scoping import Found
from memory.verbs import Summary, WholeMemory


class ScorePartsOut(Schema):
    """Why a memory ranks where it does; ranks start at 1, null when not in that list."""

    lexical_rank: int | None
    dense_rank: int | None
    coverage: float = Field(description="Share of the question's words found, 0 to 1.")
    cosine: float | None = Field(description="Closeness in meaning; null before indexing.")
    beside: float = Field(0.0, description="What the turns beside it lend.")
    conversation: float = Field(0.0, description="What its whole conversation lends.")
    person: float = Field(0.0, description="1 when it tells of a person asked about.")
    time: float = Field(0.0, description="1 when it belongs to the time asked about.")
    links: float = Field(0.0, description="Names shared with the best hits, 0 to 1.")
    recency: float = Field(0.0, description="1 just now, 1/2 after 90 days.")
    certainty: float = Field(0.0, description="How likely anything found is an answer, 0 to 1.")


class RecalledOut(Schema):
    """A memory that was found, word for word, with where it comes from.

    `agent_id`, `superseded_by` and `sources_count` are empty where the brain does not tell them.
    """

    memory_id: UUID
    text: str
    said_at: datetime
    speaker: str
    conversation_id: UUID | None
    turn_id: UUID | None
    score: float
    reason: str
    parts: ScorePartsOut
    kind: str = Field("episodic", description="episodic, semantic, working or procedural.")
    state: str = Field("stored", description="stored, indexed or consolidated.")
    agent_id: UUID | None = None
    superseded_by: UUID | None = Field(None, description="The newer memory that replaces it.")
    sources_count: int = Field(0, description="From how many memories it was drawn.")

    @classmethod
    def of(cls, found: Found) -> RecalledOut:
        """From the verb's value."""
        shown = cls.model_validate(found.recalled, from_attributes=True)
        for name in ("kind", "state", "agent_id", "superseded_by", "sources_count"):
            if found.memory is not None:
                setattr(shown, name, getattr(found.memory, name))
        return shown


class MemoryPageOut(Schema):
    """A page of memories; `next` asks for the following one."""

    items: list[RecalledOut]
    next: str | None

    @classmethod
    def of(cls, items: Sequence[Found], following: str | None = None) -> MemoryPageOut:
        """From the verb's values."""
        return cls(items=[RecalledOut.of(item) for item in items], next=following)


class SourceOut(Schema):
    """A memory that a fact was drawn from."""

    memory_id: UUID
    text: str
    said_at: datetime
    speaker: str
    conversation_id: UUID | None


class LinkOut(Schema):
    """An edge to another memory; `out` leaves the memory that was asked for."""

    relation: str
    direction: Literal["out", "in"]
    memory_id: UUID
    text: str
    said_at: datetime
    weight: float = Field(description="0 to 1.")


class WaitingOut(Schema):
    """It is kept, and the agent will know it once memory is back: see `GET /memory/pending`."""

    given_id: UUID
    detail: str = "Memory is away at the moment. This is kept and will be remembered after it."


class MemoryOut(Schema):
    """One memory whole."""

    memory_id: UUID
    text: str
    speaker: str
    said_at: datetime
    kind: str
    state: str
    agent_id: UUID
    agent_name: str | None = Field(description="Null when the agent is gone.")
    conversation_id: UUID | None
    conversation_exists: bool
    conversation_title: str | None
    turn_id: UUID | None
    message_id: UUID | None
    span_start: int
    superseded_by: UUID | None
    supersedes: list[UUID] = Field(description="The older memories that it replaces.")
    sources_count: int
    sources: list[SourceOut]
    links: list[LinkOut]

    @classmethod
    def of(cls, whole: WholeMemory) -> MemoryOut:
        """From the verb's value."""
        fields = {
            name: getattr(whole.memory, name)
            for name in Memory.__dataclass_fields__
            if name in cls.model_fields
        }
        near = whole.neighbours
        replaced = [one for one in near if one.outgoing and one.relation == "supersedes"]
        drawn = [one for one in near if one.outgoing and one.relation == "derived_from"]
        return cls(
            **fields,
            agent_name=whole.agent_name,
            conversation_exists=whole.conversation_exists,
            conversation_title=whole.conversation_title,
            supersedes=[one.memory.memory_id for one in replaced],
            sources=[SourceOut.model_validate(one.memory, from_attributes=True) for one in drawn],
            links=[
                LinkOut(
                    relation=one.relation,
                    direction="out" if one.outgoing else "in",
                    memory_id=one.memory.memory_id,
                    text=one.memory.text,
                    said_at=one.memory.said_at,
                    weight=one.strength,
                )
                for one in near
            ],
        )


class PendingOut(Schema):
    """What is acknowledged but not finished; nothing of it is lost."""

    waiting: int = Field(description="Memories that are found by words, not yet by meaning.")
    failed: int = Field(description="Memories whose meaning could not be computed.")
    undelivered: int = Field(description="Turns that are kept and wait to become memories.")
    dead: int = Field(description="Turns that repeatedly could not become memories.")
    is_of_tenant: bool = Field(description="Whether the figures are those of the whole tenant.")
    is_brain_away: bool = Field(
        description="The brain does not answer: `waiting` and `failed` are not known."
    )


class AgentCountOut(Schema):
    """How many memories belong to one agent."""

    agent_id: UUID
    name: str | None = Field(description="Null when the agent is gone.")
    count: int


class StatsOut(Schema):
    """Figures of one's own memory."""

    total: int
    by_kind: dict[str, int]
    by_state: dict[str, int]
    by_agent: list[AgentCountOut]
    conversations: int
    oldest: datetime | None
    newest: datetime | None
    superseded: int = Field(description="Memories that a newer one replaces; they are kept.")
    pending: int = Field(description="Memories that wait for their meaning, and turns for memory.")

    @classmethod
    def of(cls, summary: Summary) -> StatsOut:
        """From the verb's value."""
        return cls(
            total=summary.stats.total,
            by_kind=dict(summary.stats.by_kind),
            by_state=dict(summary.stats.by_state),
            by_agent=[
                AgentCountOut(
                    agent_id=one.agent_id,
                    name=summary.agent_names.get(one.agent_id),
                    count=one.count,
                )
                for one in summary.stats.by_agent
            ],
            conversations=summary.stats.conversations,
            oldest=summary.stats.oldest,
            newest=summary.stats.newest,
            superseded=summary.stats.superseded,
            pending=summary.pending,
        )


class MemoryIn(Schema):
    """A memory that a person writes down for an agent."""

    agent_id: UUID
    text: str = Field(description="At most 20,000 characters.")
    kind: Literal["episodic", "semantic", "procedural"] = "episodic"


class CorrectionIn(Schema):
    """What a memory should say instead."""

    text: str = Field(description="At most 20,000 characters.")


class ForgetIn(Schema):
    """What to forget: ids, or everything, or what meets all conditions that are given."""

    ids: list[UUID] | None = Field(None, min_length=1, max_length=10_000)
    everything: Literal[True] | None = None
    agent_id: UUID | None = None
    conversation_id: UUID | None = None
    turn_id: UUID | None = None
    speaker: Speaker | None = None
    kind: Kind | None = None
    said_from: Moment | None = Field(None, description="Said then or later.")
    said_until: Moment | None = Field(None, description="Said before.")

    def selection(self) -> Selection | None:
        """Return the one way of selecting; None for an agent alone.  Raises: BadMemory."""
        given = {
            "conversation_id": self.conversation_id,
            "turn_id": self.turn_id,
            "speaker": self.speaker,
            "kind": self.kind,
            "said_from": self.said_from,
            "said_before": self.said_until,
        }
        given = {name: value for name, value in given.items() if value is not None}
        is_filter = bool(given or self.agent_id)
        if sum((self.ids is not None, self.everything is not None, is_filter)) != 1:
            raise BadMemory("Give ids, or everything, or conditions: exactly one of them.")
        if self.ids is not None:
            return These(tuple(self.ids))
        if self.everything:
            return Everything()
        return Matching(**given) if given else None  # type: ignore[arg-type]  # checked above


class ProofOut(Schema):
    """The proof of a forgetting."""

    memories: int = Field(description="Memories that are gone, derived facts included.")
    left: int = Field(description="Selected memories that a look afterwards still found.")
    stores: dict[str, int] = Field(
        description=(
            "Rows deleted, by store: memories, embeddings, pending (waited for an embedding), "
            "derived (facts without another source), facts, links, traces, names, sleep_reports, "
            "quotes (in earlier answers), undelivered (turns that were not yet remembered)."
        )
    )

    @classmethod
    def of(cls, proof: Forgotten) -> ProofOut:
        """From the verb's value."""
        return cls(memories=proof.memories, left=proof.left, stores=dict(proof.stores))


class ReplayedOut(Schema):
    """What is tried again."""

    replayed: int
    turns: int = Field(description="Turns that could not become memories.")
    memories: int = Field(description="Memories whose meaning could not be computed.")


class RefusedOut(Schema):
    """A line that was not kept, counted from 1."""

    line: int
    detail: str


class ImportedOut(Schema):
    """What became of a file."""

    kept: int
    known: int
    refused: list[RefusedOut]


_Days = Annotated[int | None, Field(ge=1, le=MAX_DAYS, strict=True, description="Null: for ever.")]


class RetentionIn(Schema):
    """For how many days memories are kept; what is not sent stays."""

    days: _Days = None
    tenant_days: _Days = None


class RetentionOut(Schema):
    """For how many days memories are kept after they were said; the stricter number counts."""

    days: int | None = Field(description="One's own wish; null: for ever.")
    tenant_days: int | None = Field(description="The tenant's rule; null: for ever.")
    effective_days: int | None
    may_set_tenant: bool


def cursor_after(item: Recalled) -> str:
    """Return the opaque cursor of the page that follows `item`."""
    return paging.encode(item.said_at.isoformat(), str(item.memory_id))


def position_of(cursor: str | None) -> Position | None:
    """Return the position that `cursor` stands for.  Raises: BadCursor."""
    keys = paging.decode(cursor, datetime.fromisoformat, UUID)
    if keys is None:
        return None
    said_at, memory_id = keys
    if said_at.tzinfo is None:
        raise paging.BadCursor
    return Position(said_at, memory_id)
