"""Verbs that change one's own memory by hand: keep, correct, forget; and replay what hung.

A correction is a new memory that supersedes the old one, which stays.  Forgetting is for good: in
the brain, in the quotes of earlier answers, and among turns that were not yet remembered; its
proof is audited as counts, never with text.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from kernel import events, outbox
from kernel.actor import Actor
from kernel.clock import now
from kernel.db import unit_of_work
from kernel.errors import Conflict
from kernel.idempotency import once
from kernel.ids import uuid7
from memory import forgettings, givens
from memory.errors import CapabilityAbsent, MemoryLate, MemoryUnavailable, NoSuchMemory
from memory.events import MemoryForgotten
from memory.ports import (
    BRAIN,
    MAX_LOOK_UP,
    MAX_NEIGHBOURS,
    Everything,
    Forgotten,
    Kind,
    Link,
    Matching,
    Memory,
    MemoryItem,
    MemoryScope,
    Selection,
    These,
)
from memory.scoping import CONSUMERS, own
from memory.verbs import WholeMemory, read_memory, tell_remembered
from memory.workspace import WORKSPACE
from saas.facade import audit, require

# Before everything: a condition that every memory meets.
BEGINNING = datetime(1, 1, 1, tzinfo=UTC)


class AlreadyCorrected(Conflict):
    """A newer memory replaces this one already; `superseded_by` names it."""

    code, title = "already-corrected", "There is a newer version of this memory"


@dataclass(frozen=True, slots=True)
class Draft:
    """A memory that a person writes down for an agent."""

    agent_id: UUID
    text: str
    kind: Kind = "episodic"


@dataclass(frozen=True, slots=True)
class Replayed:
    """What is tried again: turns that could not become memories, memories without meaning."""

    turns: int
    memories: int


@dataclass(frozen=True, slots=True)
class Waiting:
    """What was written down while the brain was away; it will be told to it in its turn."""

    given_id: UUID


def create_memory(actor: Actor, draft: Draft, idempotency_key: str | None) -> WholeMemory | Waiting:
    """Keep what the actor wrote; while the brain is away, put it aside for it.

    Raises: NotFound (agent), Forbidden, EmptyMemory, MemoryTooLong, UnstorableText,
    IdempotencyMismatch.  Idempotent on: (actor, key).
    """
    require(actor, "memory.write")
    key = _digest(f"{actor.user_id}:{idempotency_key}") if idempotency_key else str(uuid7())
    item = MemoryItem(draft.text, "user", now(), f"hand:{key}", kind=draft.kind)

    def work() -> dict[str, Any]:
        WORKSPACE.get().require_agent(actor, draft.agent_id, "use")
        scope = own(actor, draft.agent_id)
        try:
            kept = BRAIN.get().remember(scope, item)
        except (MemoryUnavailable, MemoryLate):
            return {"given": str(givens.put_aside(scope, item))}
        tell_remembered(scope, (kept,))
        return {"id": str(kept.memory_id)}

    request = {"agent_id": str(draft.agent_id), "text": _digest(draft.text), "kind": draft.kind}
    with unit_of_work(actor.scope):
        made = once(actor, "memory.create", idempotency_key, request, work)
    if "given" in made:
        return Waiting(UUID(made["given"]))
    return read_memory(actor, UUID(made["id"]))


def correct_memory(actor: Actor, memory_id: UUID, text: str) -> WholeMemory:
    """Replace a memory by a new one, which supersedes it and what was drawn from it alone.

    Raises: NoSuchMemory, AlreadyCorrected, Forbidden, EmptyMemory, MemoryTooLong, UnstorableText.
    Idempotent on: (memory, text).
    """
    require(actor, "memory.write")
    brain = BRAIN.get()
    old = brain.get(own(actor), memory_id)
    if old.superseded_by is not None and brain.get(own(actor), old.superseded_by).text != text:
        raise AlreadyCorrected(superseded_by=str(old.superseded_by))
    scope = own(actor, old.agent_id)
    item = MemoryItem(
        text,
        "user",
        now(),
        f"edit:{memory_id}:{_digest(text)}",
        conversation_id=old.conversation_id,
        kind=_kind(old),
    )
    with unit_of_work(actor.scope):
        kept = brain.remember(scope, item)
        for replaced in (memory_id, *_drawn_from(scope, memory_id)):
            brain.link(scope, Link(kept.memory_id, replaced, "supersedes"))
        tell_remembered(scope, (kept,))
        if kept.created:
            audit(actor, "memory.corrected", "memory", memory_id, after={"id": str(kept.memory_id)})
    return read_memory(actor, kept.memory_id)


def forget_memory(actor: Actor, memory_id: UUID) -> Forgotten:
    """Forget one memory for good.  Raises: NoSuchMemory, Forbidden, CapabilityAbsent."""
    proof = _forget(actor, own(actor), These((memory_id,)), str(memory_id))
    if not proof.memories and not dict(proof.stores)["undelivered"]:
        raise NoSuchMemory
    return proof


def forget_memories(
    actor: Actor, selection: Selection | None, *, agent_id: UUID | None = None
) -> Forgotten:
    """Forget what is selected; None means all that one agent remembers.

    Raises: Forbidden, CapabilityAbsent.  Idempotent: the second time counts 0.
    """
    chosen = Matching(said_from=BEGINNING) if selection is None else selection
    return _forget(actor, own(actor, agent_id), chosen, "many")


def replay_backlog(actor: Actor) -> Replayed:
    """Let the tenant's dead letters of memory be delivered again, and failed memories be indexed.

    Raises: Forbidden.  Tenant administrators only.
    """
    require(actor, "tenant.administrate")
    with unit_of_work(actor.scope):
        turns = outbox.replay_dead(events.told_to(CONSUMERS))
        try:
            memories = BRAIN.get().retry(actor.scope)
        except CapabilityAbsent:
            memories = 0
        after = {"turns": turns, "memories": memories}
        audit(actor, "memory.replayed", "tenant", actor.scope.tenant_id, after=after)
    return Replayed(turns, memories)


def forget_in(scope: MemoryScope, selection: Selection) -> Forgotten:
    """Forget within the open unit: in the brain, in quotes, among undelivered turns.

    The proof has the brain's counts, and `quotes` and `undelivered` beside them.
    """
    workspace = WORKSPACE.get()
    undelivered = 0
    if not isinstance(selection, These):
        # Before the brain: what is delivered in between is then seen by it.
        is_all = isinstance(selection, Everything)
        undelivered = workspace.drop_undelivered(
            scope.user_id,
            None if is_all else scope.agent_id,
            selection if isinstance(selection, Matching) else None,
        )
    undelivered += givens.drop(scope, selection)
    proof = BRAIN.get().forget(scope, selection)
    if isinstance(selection, These) or len(proof.ids) == proof.memories:
        ids = {*proof.ids, *(selection.memory_ids if isinstance(selection, These) else ())}
    else:
        ids = _gone(scope, workspace.quoted(scope.user_id))
    if not proof.memories:
        ids = set()
    quotes = workspace.erase_quotes(scope.user_id, sorted(ids))
    if proof.memories:
        gone = MemoryForgotten(scope.user_id, scope.agent_id, proof.memories, proof.ids)
        outbox.emit(gone, key=str(scope.user_id))
    stores = (*proof.stores, ("quotes", quotes), ("undelivered", undelivered))
    return replace(proof, stores=stores)


def _forget(actor: Actor, scope: MemoryScope, selection: Selection, name: str) -> Forgotten:
    require(actor, "memory.delete")
    with unit_of_work(actor.scope):
        forgettings.note(scope, selection)
        proof = forget_in(scope, selection)
        if proof.memories or sum(count for _, count in proof.stores):
            after = {"stores": dict(proof.stores), "left": proof.left, "by": _by(scope, selection)}
            audit(actor, "memory.forgotten", "memory", name, after=after)
    return proof


def _gone(scope: MemoryScope, quoted: set[UUID]) -> set[UUID]:
    """Return those of the quoted memories that are no more."""
    everywhere = replace(scope, agent_id=None)
    ids = sorted(quoted)
    left: set[UUID] = set()
    for first in range(0, len(ids), MAX_LOOK_UP):
        found = BRAIN.get().look_up(everywhere, ids[first : first + MAX_LOOK_UP])
        left |= {one.memory_id for one in found}
    return quoted - left


def _drawn_from(scope: MemoryScope, memory_id: UUID) -> list[UUID]:
    """Return the facts whose only source is the memory; none where the brain has no links."""
    try:
        near = BRAIN.get().neighbours(scope, memory_id, limit=MAX_NEIGHBOURS)
    except CapabilityAbsent:
        return []
    return [
        one.memory.memory_id
        for one in near
        if one.relation == "derived_from" and not one.outgoing and one.memory.sources_count == 1
    ]


def _kind(old: Memory) -> Kind:
    return "semantic" if old.kind == "semantic" else "episodic"


def _by(scope: MemoryScope, selection: Selection) -> str:
    """Name the way of selecting for the audit, without values of a person."""
    if isinstance(selection, These):
        return "ids"
    if isinstance(selection, Everything):
        return "everything"
    agent = ("agent_id",) if scope.agent_id is not None else ()
    return ",".join((*agent, *selection.given()))


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
