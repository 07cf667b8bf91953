"""Operations that change one's own memory by hand, and forget."""

from typing import Annotated
from uuid import UUID

from django.http import HttpRequest
from ninja import Header, Status

from memory import verbs_writing as verbs
from memory.api.routing import router
from memory.schemas import (
    CorrectionIn,
    ForgetIn,
    MemoryIn,
    MemoryOut,
    ProofOut,
    ReplayedOut,
    WaitingOut,
)
from saas.api.auth import actor_of


@router.post("", response={201: MemoryOut, 202: WaitingOut}, operation_id="memory_create")
def create(
    request: HttpRequest,
    body: MemoryIn,
    idempotency_key: Annotated[str | None, Header(alias="Idempotency-Key", max_length=200)] = None,
) -> Status[MemoryOut] | Status[WaitingOut]:
    """Write something down for an agent to remember; 202 while the brain is away."""
    draft = verbs.Draft(body.agent_id, body.text, body.kind)
    made = verbs.create_memory(actor_of(request), draft, idempotency_key)
    if isinstance(made, verbs.Waiting):
        return Status(202, WaitingOut(given_id=made.given_id))
    return Status(201, MemoryOut.of(made))


@router.patch("/{uuid:memory_id}", response=MemoryOut, operation_id="memory_correct")
def correct(request: HttpRequest, memory_id: UUID, body: CorrectionIn) -> MemoryOut:
    """Correct a memory: a new one that supersedes it; the old one stays, marked."""
    return MemoryOut.of(verbs.correct_memory(actor_of(request), memory_id, body.text))


@router.delete("/{uuid:memory_id}", response=ProofOut, operation_id="memory_forget")
def forget(request: HttpRequest, memory_id: UUID) -> ProofOut:
    """Forget a memory for good, with all that hangs on it; the answer is the proof."""
    return ProofOut.of(verbs.forget_memory(actor_of(request), memory_id))


@router.post("/delete", response=ProofOut, operation_id="memory_forget_many")
def forget_many(request: HttpRequest, body: ForgetIn) -> ProofOut:
    """Forget many for good: by ids, by conditions, or everything; ids of others count 0."""
    proof = verbs.forget_memories(actor_of(request), body.selection(), agent_id=body.agent_id)
    return ProofOut.of(proof)


@router.post("/pending/replay", response=ReplayedOut, operation_id="memory_replay")
def replay(request: HttpRequest) -> ReplayedOut:
    """Try again what repeatedly failed to be remembered (tenant administrators)."""
    found = verbs.replay_backlog(actor_of(request))
    return ReplayedOut(
        replayed=found.turns + found.memories, turns=found.turns, memories=found.memories
    )
