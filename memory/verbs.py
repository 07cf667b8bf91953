"""Verbs that remember turns and read memories: for HTTP, the turn runner and the outbox.

Owns the authorisation of reading one's own memories and the shape of a remembered turn.
Never imports an adapter: everything goes through `BRAIN`.  Writing is in `verbs_writing`, export
and import in `verbs_moving`, cognition in `verbs_cognition`.
"""

from __future__ import annotations

import contextlib
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal
from uuid import UUID

from kernel import outbox, trace
from kernel.actor import Actor
from kernel.clock import now
from kernel.db import unit_of_work
from kernel.events import Envelope, taking
from kernel.scope import current_scope
from kernel.text import scrubbed
from memory import forgettings
from memory.errors import CapabilityAbsent, MemoryLate, MemoryRefused, MemoryUnavailable
from memory.events import MemoryRemembered
from memory.overview import Graph, GraphQuery, Stats
from memory.passages import split
from memory.ports import (
    BRAIN,
    MAX_ITEMS,
    MAX_NEIGHBOURS,
    Matching,
    Memory,
    MemoryItem,
    MemoryScope,
    Neighbour,
    Pending,
    Position,
    Recalled,
    RecallQuery,
    Remembered,
    Speaker,
)
from memory.scoping import CONSUMERS, own
from memory.values import Feedback
from memory.workspace import WORKSPACE
from saas.facade import allowed, require

# A person who searches waits longer than a turn does.
SEARCH_TIMEOUT_S = 2.0
# Of a question and of an answer, in a hint of what worked.
_HINT_CHARS = 200


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


@dataclass(frozen=True, slots=True)
class JudgedAnswer:
    """A person's judgement of an answer, and the memories that the answer quoted.

    `signal` neutral takes an earlier judgement back.
    """

    tenant_id: UUID
    user_id: UUID
    agent_id: UUID
    message_id: UUID
    signal: Literal["positive", "negative", "neutral"]
    memory_ids: tuple[UUID, ...] = ()
    conversation_id: UUID | None = None
    turn_id: UUID | None = None
    question: str = ""
    answer: str = ""


@dataclass(frozen=True, slots=True)
class WholeMemory:
    """A memory with its surroundings; `neighbours` are directly linked."""

    memory: Memory
    neighbours: tuple[Neighbour, ...] = ()
    agent_name: str | None = None
    conversation_exists: bool = False
    conversation_title: str | None = None


@dataclass(frozen=True, slots=True)
class Backlog:
    """What is acknowledged but not finished.

    `waiting`, `failed`: memories without embedding; not known while `is_brain_away`.
    `undelivered`, `dead`: turns in the outbox.
    """

    waiting: int
    failed: int
    undelivered: int
    dead: int
    is_of_tenant: bool
    is_brain_away: bool = False


@dataclass(frozen=True, slots=True)
class Summary:
    """Figures of a person's memory, with the names of the agents in them."""

    stats: Stats
    agent_names: Mapping[UUID, str] = field(default_factory=dict)
    pending: int = 0


def remember_turns(
    arrived: Sequence[tuple[FinishedTurn, Envelope]], consumer: str
) -> tuple[Remembered, ...]:
    """Keep both sides of turns of one tenant, cut into passages, word for word, in its open unit.

    Each in the trace that it came from, as the work of `consumer`.  Returns what became of each
    passage.  Idempotent on: (message id, else turn id; speaker; passage), so that a turn delivered
    twice, or a retry of the same user message, adds nothing.  Nor does a turn that its person
    forgot in bulk before memory was told of it.
    """
    forgotten = forgettings.forgotten(_told([turn for turn, _ in arrived]))
    kept: list[Remembered] = []
    news: list[tuple[object, str]] = []
    traces: list[str] = []
    for turn, envelope in arrived:
        if turn.turn_id in forgotten:
            continue
        with taking(consumer, envelope):
            scope = MemoryScope(turn.tenant_id, turn.user_id, turn.agent_id)
            own = _keep(scope, turn)
            found = _news(scope, own, turn.conversation_id, turn.turn_id)
            kept += own
            news += found
            traces += [trace.outgoing() for _ in found]
    outbox.emit_all(news, traces)
    return tuple(kept)


def tell_remembered(scope: MemoryScope, kept: Sequence[Remembered]) -> None:
    """Tell of what is new, in the open unit; without one (a bench, a command) nobody is told."""
    if current_scope() is not None:
        for event, key in _news(scope, kept):
            outbox.emit(event, key=key)


def _news(
    scope: MemoryScope,
    kept: Sequence[Remembered],
    conversation_id: UUID | None = None,
    turn_id: UUID | None = None,
) -> list[tuple[MemoryRemembered, str]]:
    """Return the event of what is new with its key; none when everything was known."""
    new = tuple(one.memory_id for one in kept if one.created)
    if not new or scope.agent_id is None:
        return []
    told = MemoryRemembered(scope.user_id, scope.agent_id, new, conversation_id, turn_id)
    return [(told, str(conversation_id or scope.user_id))]


def learn_from_feedback(judged: JudgedAnswer) -> None:
    """Let the agent learn from a person's judgement of one answer: its weights, and what worked.

    For the outbox: joins the open unit.  Idempotent on: (message, signal).  A brain that cannot
    learn is left as it is.
    """
    scope = MemoryScope(judged.tenant_id, judged.user_id, judged.agent_id)
    _keep_what_worked(scope, judged)
    if judged.signal == "neutral":
        return
    is_good = judged.signal == "positive"
    key = f"{judged.message_id}:{'good' if is_good else 'bad'}"
    feedback = Feedback(key, reward=1.0 if is_good else -1.0, memory_ids=judged.memory_ids)
    with contextlib.suppress(CapabilityAbsent):
        BRAIN.get().feedback(scope, feedback)


def _keep_what_worked(scope: MemoryScope, judged: JudgedAnswer) -> None:
    """Keep a procedural hint of an answer that helped; forget it when the judgement changes.

    Short on purpose: the whole answer is an episode already.
    """
    if judged.signal != "positive":
        hints = Matching(message_id=judged.message_id, kind="procedural")
        with contextlib.suppress(CapabilityAbsent):
            BRAIN.get().forget(scope, hints)
        return
    question, answer = (
        textwrap.shorten(text, _HINT_CHARS, placeholder="…")
        for text in (judged.question, judged.answer)
    )
    if not question or not answer:
        return
    hint = MemoryItem(
        f"This helped when asked “{question}”: {answer}",
        "assistant",
        now(),
        f"hint:{judged.message_id}",
        conversation_id=judged.conversation_id,
        turn_id=judged.turn_id,
        message_id=judged.message_id,
        kind="procedural",
    )
    BRAIN.get().remember(scope, hint)


def search_memory(
    actor: Actor,
    text: str,
    *,
    agent_id: UUID | None = None,
    where: Matching | None = None,
    limit: int = 20,
) -> tuple[Recalled, ...]:
    """Return the actor's own memories that bear on `text`, best first.

    Raises: Forbidden, NoTenant, PasswordChangeRequired, MemoryUnavailable.
    """
    require(actor, "memory.read")
    query = RecallQuery(text, limit=limit, timeout_s=SEARCH_TIMEOUT_S, where=where)
    try:
        return BRAIN.get().recall(own(actor, agent_id), query)
    except TimeoutError as exc:
        raise MemoryUnavailable(
            "The search took too long. Fewer or rarer words may help.", retry_after=2
        ) from exc


def recent_memory(
    actor: Actor,
    *,
    agent_id: UUID | None = None,
    where: Matching | None = None,
    limit: int = 50,
    before: Position | None = None,
) -> tuple[Recalled, ...]:
    """Return the actor's own newest memories, after `before` in that order.

    Raises: Forbidden, NoTenant, PasswordChangeRequired.
    """
    require(actor, "memory.read")
    return BRAIN.get().recent(own(actor, agent_id), limit=limit, before=before, where=where)


def read_memory(actor: Actor, memory_id: UUID) -> WholeMemory:
    """Return one of the actor's own memories whole.

    Raises: NoSuchMemory (also for another person's), CapabilityAbsent, Forbidden.
    """
    require(actor, "memory.read")
    brain = BRAIN.get()
    memory = brain.get(own(actor), memory_id)
    try:
        near = brain.neighbours(own(actor), memory_id, limit=MAX_NEIGHBOURS)
    except CapabilityAbsent:
        near = ()
    exists, title = False, None
    with unit_of_work(actor.scope):
        names = WORKSPACE.get().agent_names([memory.agent_id])
        if memory.conversation_id is not None:
            exists, title = WORKSPACE.get().conversation_title(
                actor.user_id, memory.conversation_id
            )
    return WholeMemory(memory, near, names.get(memory.agent_id), exists, title)


def summarise(actor: Actor, agent_id: UUID | None = None) -> Summary:
    """Return the figures of the actor's own memory.  Raises: CapabilityAbsent, Forbidden."""
    require(actor, "memory.read")
    stats = BRAIN.get().stats(own(actor, agent_id))
    with unit_of_work(actor.scope):
        names = WORKSPACE.get().agent_names([one.agent_id for one in stats.by_agent])
    waiting = outbox.backlog(actor.scope, CONSUMERS, user_id=actor.user_id)
    pending = stats.by_state.get("stored", 0) + waiting.undelivered + waiting.dead
    return Summary(stats, names, pending)


def draw_graph(actor: Actor, query: GraphQuery, agent_id: UUID | None = None) -> Graph:
    """Return memories, names and edges.  Raises: NoSuchMemory, CapabilityAbsent, Forbidden."""
    require(actor, "memory.read")
    return BRAIN.get().graph(own(actor, agent_id), query)


def measure_backlog(actor: Actor) -> Backlog:
    """Count what is not finished: the actor's own; for administrators, the whole tenant's.

    Raises: Forbidden.  A brain that is away, or cannot count, is taken to have none waiting.
    """
    require(actor, "memory.read")
    is_of_tenant = allowed(actor, "tenant.administrate")
    whose = None if is_of_tenant else actor.user_id
    events = outbox.backlog(actor.scope, CONSUMERS, user_id=whose)
    found, is_away = Pending(0), False
    try:
        found = BRAIN.get().pending(actor.scope if is_of_tenant else own(actor))
    except CapabilityAbsent:
        pass
    except (MemoryUnavailable, MemoryLate, MemoryRefused):
        is_away = True
    return Backlog(
        found.waiting, found.failed, events.undelivered, events.dead, is_of_tenant, is_away
    )


def _keep(scope: MemoryScope, turn: FinishedTurn) -> tuple[Remembered, ...]:
    items = list(_items(turn, "user", turn.user))
    if not turn.answered_from_memory:
        items += _items(turn, "assistant", turn.assistant)
    kept: list[Remembered] = []
    for first in range(0, len(items), MAX_ITEMS):
        kept += BRAIN.get().remember_many(scope, items[first : first + MAX_ITEMS])
    return tuple(kept)


def _told(turns: Sequence[FinishedTurn]) -> list[forgettings.Told]:
    """Return what forgetting is asked about: a turn in which nothing was said is left out."""
    said = ((turn, turn.user or turn.assistant) for turn in turns)
    return [
        forgettings.Told(
            turn.turn_id, turn.user_id, turn.agent_id, turn.conversation_id, first.said_at
        )
        for turn, first in said
        if first is not None
    ]


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
