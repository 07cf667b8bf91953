"""Shapes of contract A, with what a truthful brain adds to them.

Added members: `memory_id`, `created`, `reason`, `parts`; `value` may carry the provenance of a
memory (see ValueIn).  What is asked for and not done is named in `warnings`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from ninja import Schema
from pydantic import BaseModel, ConfigDict, Field

from memory.brain_server.auth import ScopeIn
from memory.errors import BadMemory
from memory.overview import GraphQuery
from memory.ports import (
    MAX_ITEMS,
    MAX_LOOK_UP,
    Everything,
    Kind,
    Link,
    Matching,
    Recalled,
    RecallQuery,
    ScoreParts,
    Selection,
    Speaker,
    These,
)
from memory.values import Adjustment, Feedback, SleepRequest


class ValueIn(BaseModel):
    """What is to be remembered: the text (`text`, `content` or `task`) and where it comes from."""

    model_config = ConfigDict(extra="allow")

    text: str | None = None
    content: str | None = None
    task: str | None = None
    user_id: UUID | None = None
    agent_id: UUID | None = None
    speaker: Speaker = "user"
    said_at: datetime | None = None
    conversation_id: UUID | None = None
    turn_id: UUID | None = None
    message_id: UUID | None = None
    span_start: int = Field(0, ge=0)
    kind: Kind = "episodic"
    idempotency_key: str | None = Field(None, min_length=1, max_length=200)


class ItemIn(BaseModel):
    """One memory of a batch."""

    model_config = ConfigDict(extra="allow")

    key: str = Field(min_length=1)
    value: ValueIn
    importance: float | None = Field(None, ge=0)
    novelty: float | None = Field(None, ge=0)
    trace_id: str | None = None


class RememberIn(ItemIn):
    """One memory; the tenant is the key's, and one given here must be the same."""

    tenant: str | None = None
    namespace: str = Field(min_length=1, max_length=32)


class BatchIn(BaseModel):
    """Many memories of one person and agent, kept all or none."""

    model_config = ConfigDict(extra="allow")

    tenant: str | None = None
    namespace: str = Field(min_length=1, max_length=32)
    items: list[ItemIn] = Field(min_length=1, max_length=MAX_ITEMS)


class KeptOut(Schema):
    """The acknowledgement of one memory: it is durable, or there is an error instead."""

    key: str
    memory_id: UUID
    created: bool
    coordinate: list[float] | None = None
    promoted_to_wm: bool = False
    persisted_to_ltm: bool = True
    queued_for_ltm: bool = False
    deduplicated: bool
    importance: float | None = None
    novelty: float | None = None
    ttl_applied: int | None = None
    trace_id: str | None = None
    request_id: str
    warnings: list[str] = []
    signals: dict[str, Any] = {}


class RememberOut(KeptOut):
    """The acknowledgement of a single memory."""

    ok: bool = True
    tenant: UUID
    namespace: str


class BatchOut(Schema):
    """The acknowledgements of a batch, in its order."""

    ok: bool = True
    tenant: UUID
    namespace: str
    results: list[KeptOut]


class RecallIn(ScopeIn):
    """A question.  `layer` wm asks what is in focus now, which is a part of what ltm asks."""

    query: str
    top_k: int = 10
    layer: str = "both"
    # The question as BrainPort knows it; `query` and `top_k` win over its text and limit.
    ask: RecallQuery | None = None


class HitOut(Schema):
    """A memory that was found, best first; `content` is the verbatim text with its provenance."""

    memory_id: UUID
    content: dict[str, Any]
    layer: Literal["wm", "ltm"] = "ltm"
    score: float
    reason: str
    parts: ScoreParts
    coordinate: list[float] | None = None
    # The whole value as BrainPort knows it.
    recalled: Recalled


class RecallOut(Schema):
    """What was found."""

    tenant: UUID
    namespace: str
    results: list[HitOut]
    wm_hits: int = 0
    ltm_hits: int
    duration_ms: float
    total_results: int
    degraded: bool = False
    degraded_reasons: list[str] = []


class ForgetIn(ScopeIn):
    """What to forget: exactly one of ids, a filter, everything of the user."""

    ids: list[UUID] | None = Field(None, max_length=10_000)
    matching: Matching | None = None
    everything: Literal[True] | None = None

    def selection(self) -> Selection:
        """Return the one that was given.  Raises: BadMemory."""
        given = [
            selection
            for selection in (
                None if self.ids is None else These(tuple(self.ids)),
                self.matching,
                Everything() if self.everything else None,
            )
            if selection is not None
        ]
        if len(given) != 1:
            raise BadMemory("Give ids, a filter (matching) or everything: exactly one of them.")
        return given[0]


class WhereIn(Schema):
    """Which memories; each condition that is given must hold."""

    conversation_id: UUID | None = None
    turn_id: UUID | None = None
    message_id: UUID | None = None
    speaker: Speaker | None = None
    kind: Kind | None = None
    said_from: datetime | None = None
    said_before: datetime | None = None

    def matching(self) -> Matching | None:
        """Return the filter; None when nothing was asked for.  Raises: BadMemory."""
        given = self.dict(exclude_none=True)
        for name in ("said_from", "said_before"):
            if name in given and given[name].tzinfo is None:
                raise BadMemory(errors=[{"pointer": f"/{name}", "detail": "has no time zone"}])
        return Matching(**given) if given else None


class LookUpIn(ScopeIn):
    """Which memories to read."""

    ids: list[UUID] = Field(max_length=MAX_LOOK_UP)


class RetriedOut(Schema):
    """How many memories are tried again."""

    retried: int


class GraphIn(Schema):
    """Which part of the graph."""

    around: UUID | None = None
    name: str | None = Field(None, max_length=200)
    hops: int = 1
    limit: int = 100

    def query(self) -> GraphQuery:
        """Return it as the port asks.  Raises: BadMemory."""
        return GraphQuery(**self.dict())


class LinkIn(ScopeIn):
    """An edge to draw."""

    link: Link


class LinkOut(Schema):
    """Whether the edge is new."""

    created: bool


class PageOut(Schema):
    """Memories, the newest first."""

    memories: list[Recalled]


class EvaluateIn(ScopeIn):
    """What a prompt is to be built for."""

    query: str
    session_id: str | None = None
    top_k: int = Field(6, ge=1, le=50)
    token_allowance: int = Field(1_500, ge=1, le=100_000)
    ask: RecallQuery | None = None


class EvaluateOut(Schema):
    """A prompt in which memories are quoted as data, and the memories in it."""

    query: str
    prompt: str
    tenant_id: UUID
    memories: list[Recalled]
    weights: list[float]
    tokens: int


class FeedbackIn(ScopeIn):
    """How useful an answer was."""

    feedback: Feedback


class AdjustIn(ScopeIn):
    """What to change."""

    adjustment: Adjustment


class LevelsIn(ScopeIn):
    """New levels of the neuromodulators; those left out stay."""

    dopamine: float | None = None
    serotonin: float | None = None
    noradrenaline: float | None = None
    acetylcholine: float | None = None


class LevelsOut(Schema):
    """The four levels as they are now, decay included."""

    tenant_id: UUID
    dopamine: float
    serotonin: float
    noradrenaline: float
    acetylcholine: float


class AdaptationOut(Schema):
    """What adaptation has learnt."""

    tenant_id: UUID
    retrieval: dict[str, float]
    utility: dict[str, float]
    history_len: int
    learning_rate: float


class SleepIn(ScopeIn):
    """How to sleep."""

    request: SleepRequest = SleepRequest()


class SleepStateOut(Schema):
    """How deep the brain of an agent sleeps."""

    tenant_id: UUID
    state: str
    timestamp: datetime
