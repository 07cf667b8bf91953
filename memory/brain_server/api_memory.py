"""Operations under /memory: contract A, corrected, and what clients expected beside it."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from django.http import HttpRequest
from ninja import Query, Router

from kernel.actor import Scope
from kernel.clock import monotonic_s, now
from memory.brain_server.auth import (
    ScopeIn,
    deadline_s,
    refuse_tenant_key,
    scope_of,
    shared_user,
    tenant_of,
)
from memory.brain_server.schemas import (
    BatchIn,
    BatchOut,
    ForgetIn,
    GraphIn,
    HitOut,
    ItemIn,
    KeptOut,
    LinkIn,
    LinkOut,
    LookUpIn,
    PageOut,
    RecallIn,
    RecallOut,
    RememberIn,
    RememberOut,
    RetriedOut,
    WhereIn,
)
from memory.cognition.focus import CAPACITY
from memory.errors import BadMemory, EmptyMemory
from memory.overview import Graph, Stats
from memory.ports import (
    BRAIN,
    FORGET_TIMEOUT_S,
    READ_TIMEOUT_S,
    WORKING,
    WRITE_TIMEOUT_S,
    Forgotten,
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
)
from memory.values import MAX_KEY_CHARS, Capability

router = Router(tags=["memory"])

Scoped = Annotated[ScopeIn, Query()]
# Asked for in contract A, kept by nobody: said in `warnings` instead of being swallowed.
_NOT_KEPT = (
    "importance",
    "novelty",
    "ttl_seconds",
    "tags",
    "policy_tags",
    "attachments",
    "links",
    "signals",
    "meta",
)
# Sent along for a brain that files memories otherwise; the scope and the answer say them here.
_SAID_OTHERWISE = frozenset({"memory_id", "tenant_id", "memory_namespace"})


@router.post("/remember", response=RememberOut, operation_id="remember")
def remember(request: HttpRequest, body: RememberIn) -> RememberOut:
    """Keep one memory durably; the same X-Idempotency-Key, or key, again changes nothing."""
    given_key = request.headers.get("X-Idempotency-Key")
    (kept,) = _keep(request, body.tenant, body.namespace, [(body, given_key)])
    tenant = tenant_of(request, body.tenant)
    return RememberOut(tenant=tenant, namespace=body.namespace, **kept.dict())


@router.post("/remember/batch", response=BatchOut, operation_id="remember_batch")
def remember_batch(request: HttpRequest, body: BatchIn) -> BatchOut:
    """Keep many memories, all or none, all of one person and agent."""
    kept = _keep(request, body.tenant, body.namespace, [(item, None) for item in body.items])
    tenant = tenant_of(request, body.tenant)
    return BatchOut(tenant=tenant, namespace=body.namespace, results=kept)


@router.post("/recall", response=RecallOut, operation_id="recall")
def recall(request: HttpRequest, body: RecallIn) -> RecallOut:
    """Find what bears on a question, best first."""
    started_s = monotonic_s()
    scope = scope_of(request, body)
    limit = max(1, body.top_k)
    timeout_s = deadline_s(request, READ_TIMEOUT_S)
    asked = body.ask or RecallQuery(body.query)
    asked = replace(asked, text=body.query, limit=limit, timeout_s=timeout_s)
    in_focus = body.layer == "wm"
    if in_focus:
        asked = replace(asked, where=replace(asked.where or Matching(), kind=WORKING))
    is_known = in_focus or body.layer in {"both", "ltm"}
    found = BRAIN.get().recall(scope, asked) if is_known else ()
    return RecallOut(
        tenant=scope.tenant_id,
        namespace=scope.namespace,
        results=[_hit(scope, one, "wm" if in_focus else "ltm") for one in found],
        wm_hits=len(found) if in_focus else 0,
        ltm_hits=0 if in_focus else len(found),
        total_results=len(found),
        duration_ms=round((monotonic_s() - started_s) * 1000, 3),
    )


@router.get("/items/{uuid:memory_id}", response=Memory, operation_id="get_memory")
def get(request: HttpRequest, memory_id: UUID, scope: Scoped) -> Memory:
    """One memory with its provenance and state."""
    timeout_s = deadline_s(request, READ_TIMEOUT_S)
    return BRAIN.get().get(scope_of(request, scope), memory_id, timeout_s=timeout_s)


@router.get("/recent", response=PageOut, operation_id="recent_memories")
def recent(
    request: HttpRequest,
    scope: Scoped,
    where: Annotated[WhereIn, Query()],
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    before_at: datetime | None = None,
    before_id: UUID | None = None,
) -> PageOut:
    """The newest memories, after (before_at, before_id) in that order."""
    before = None
    if before_at is not None and before_id is not None:
        if before_at.tzinfo is None:
            raise BadMemory(errors=[{"pointer": "/before_at", "detail": "has no time zone"}])
        before = Position(before_at, before_id)
    found = BRAIN.get().recent(
        scope_of(request, scope),
        limit=limit,
        before=before,
        where=where.matching(),
        timeout_s=deadline_s(request, READ_TIMEOUT_S),
    )
    return PageOut(memories=list(found))


@router.post("/look-up", response=list[Memory], operation_id="look_up_memories")
def look_up(request: HttpRequest, body: LookUpIn) -> list[Memory]:
    """Those of the memories that lie in the scope."""
    timeout_s = deadline_s(request, READ_TIMEOUT_S)
    return list(BRAIN.get().look_up(scope_of(request, body), body.ids, timeout_s=timeout_s))


@router.get("/stats", response=Stats, operation_id="memory_stats")
def stats(request: HttpRequest, scope: Scoped) -> Stats:
    """Figures of the scope."""
    timeout_s = deadline_s(request, READ_TIMEOUT_S)
    return BRAIN.get().stats(scope_of(request, scope), timeout_s=timeout_s)


@router.get("/graph", response=Graph, operation_id="memory_graph")
def graph(request: HttpRequest, scope: Scoped, asked: Annotated[GraphIn, Query()]) -> Graph:
    """Memories, the names in them and the edges between."""
    timeout_s = deadline_s(request, READ_TIMEOUT_S)
    return BRAIN.get().graph(scope_of(request, scope), asked.query(), timeout_s=timeout_s)


@router.post("/forget", response=Forgotten, operation_id="forget")
def forget(request: HttpRequest, body: ForgetIn) -> Forgotten:
    """Delete for good; the answer is the proof: what went from which store."""
    timeout_s = deadline_s(request, FORGET_TIMEOUT_S)
    return BRAIN.get().forget(scope_of(request, body), body.selection(), timeout_s=timeout_s)


@router.delete("/forget", response=Forgotten, operation_id="forget_by_delete")
def forget_by_delete(request: HttpRequest, body: ForgetIn) -> Forgotten:
    """The same as POST, for clients that delete."""
    return forget(request, body)


@router.get("/pending", response=Pending, operation_id="pending_memories")
def pending(request: HttpRequest, scope: Scoped) -> Pending:
    """How many memories of the scope wait for their embedding."""
    timeout_s = deadline_s(request, READ_TIMEOUT_S)
    return BRAIN.get().pending(scope_of(request, scope), timeout_s=timeout_s)


@router.get("/pending/tenant", response=Pending, operation_id="pending_of_tenant")
def pending_of_tenant(request: HttpRequest) -> Pending:
    """How many memories of the tenant wait for their embedding."""
    timeout_s = deadline_s(request, READ_TIMEOUT_S)
    return BRAIN.get().pending(Scope(tenant_of(request)), timeout_s=timeout_s)


@router.post("/pending/retry", response=RetriedOut, operation_id="retry_pending")
def retry_pending(request: HttpRequest) -> RetriedOut:
    """Let what was given up on in the tenant be tried again."""
    timeout_s = deadline_s(request, WRITE_TIMEOUT_S)
    return RetriedOut(retried=BRAIN.get().retry(Scope(tenant_of(request)), timeout_s=timeout_s))


@router.get("/people", response=list[tuple[UUID, str]], operation_id="memory_people")
def people(request: HttpRequest) -> list[tuple[UUID, str]]:
    """Everyone who has memories in the tenant, with the namespace."""
    timeout_s = deadline_s(request, READ_TIMEOUT_S)
    return list(BRAIN.get().people(Scope(tenant_of(request)), timeout_s=timeout_s))


@router.get("/pending/total", response=Pending, operation_id="pending_total")
def pending_total(request: HttpRequest) -> Pending:
    """How many memories of all tenants wait; for platform keys only."""
    refuse_tenant_key(request)
    return BRAIN.get().pending(timeout_s=deadline_s(request, READ_TIMEOUT_S))


@router.get("/metrics", response=dict[str, Any], operation_id="memory_metrics")
def metrics(request: HttpRequest, scope: Scoped) -> dict[str, Any]:
    """Contract A's figures; what is in focus is durable here."""
    tenant = tenant_of(request)
    mine = scope_of(request, scope)
    items = len(BRAIN.get().recent(mine, limit=CAPACITY, where=Matching(kind=WORKING)))
    return {
        "tenant": tenant,
        "namespace": scope.namespace,
        "wm_items": items,
        "circuit_open": False,
    }


@router.post("/links", response=LinkOut, operation_id="link_memories")
def link(request: HttpRequest, body: LinkIn) -> LinkOut:
    """Connect two memories."""
    timeout_s = deadline_s(request, WRITE_TIMEOUT_S)
    created = BRAIN.get().link(scope_of(request, body), body.link, timeout_s=timeout_s)
    return LinkOut(created=created)


@router.get(
    "/items/{uuid:memory_id}/neighbours",
    response=list[Neighbour],
    operation_id="memory_neighbours",
)
def neighbours(
    request: HttpRequest,
    memory_id: UUID,
    scope: Scoped,
    hops: Annotated[int, Query(ge=1, le=3)] = 1,
    limit: Annotated[int, Query(ge=1, le=200)] = 20,
) -> list[Neighbour]:
    """What is linked to a memory, nearest and strongest first."""
    found = BRAIN.get().neighbours(
        scope_of(request, scope),
        memory_id,
        hops=hops,
        limit=limit,
        timeout_s=deadline_s(request, READ_TIMEOUT_S),
    )
    return list(found)


def capabilities() -> list[Capability]:
    """What the bound brain can do, for /health."""
    return sorted(BRAIN.get().capabilities())


def _keep(
    request: HttpRequest,
    tenant: str | None,
    namespace: str,
    given: list[tuple[ItemIn, str | None]],
) -> list[KeptOut]:
    """Remember all items of one person and agent; return their acknowledgements."""
    tenant_id = tenant_of(request, tenant)
    owners = {(item.value.user_id, item.value.agent_id) for item, _ in given}
    if len(owners) != 1:
        raise BadMemory("The memories of a batch belong to one person and one agent.")
    ((user_id, agent_id),) = owners
    shared = shared_user(tenant_id)
    scope = MemoryScope(tenant_id, user_id or shared, agent_id or shared, namespace)
    items = [_item(namespace, item, key) for item, key in given]
    timeout_s = deadline_s(request, WRITE_TIMEOUT_S)
    kept = BRAIN.get().remember_many(scope, items, timeout_s=timeout_s)
    request_id = str(getattr(request, "request_id", ""))
    return [
        _acknowledged(item, one, request_id if len(given) == 1 else f"{request_id}:{place}")
        for place, ((item, _), one) in enumerate(zip(given, kept, strict=True))
    ]


def _item(namespace: str, given: ItemIn, header_key: str | None) -> MemoryItem:
    value = given.value
    text = value.text or value.content or value.task
    if text is None:
        raise EmptyMemory("value needs a text (or content, or task).")
    said_at = value.said_at or now()
    if said_at.tzinfo is None:
        raise BadMemory(errors=[{"pointer": "/value/said_at", "detail": "has no time zone"}])
    key = header_key or value.idempotency_key or f"{namespace}/{given.key}"
    if len(key) > MAX_KEY_CHARS:
        key = hashlib.blake2b(key.encode(), digest_size=32).hexdigest()
    return MemoryItem(
        text=text,
        speaker=value.speaker,
        said_at=said_at,
        idempotency_key=key,
        conversation_id=value.conversation_id,
        turn_id=value.turn_id,
        message_id=value.message_id,
        span_start=value.span_start,
        kind=value.kind,
    )


def _acknowledged(given: ItemIn, kept: Remembered, request_id: str) -> KeptOut:
    asked = given.model_fields_set | set(given.model_extra or {})
    unkept = [name for name in _NOT_KEPT if name in asked]
    strange = set(given.value.model_extra or {}) - _SAID_OTHERWISE
    unkept += [f"value.{name}" for name in sorted(strange)]
    return KeptOut(
        key=given.key,
        memory_id=kept.memory_id,
        created=kept.created,
        deduplicated=not kept.created,
        trace_id=given.trace_id,
        request_id=request_id,
        warnings=[f"not-kept:{name}" for name in unkept],
    )


def _hit(scope: MemoryScope, found: Recalled, layer: Literal["wm", "ltm"]) -> HitOut:
    return HitOut(
        layer=layer,
        memory_id=found.memory_id,
        content={
            "text": found.text,
            "content": found.text,
            "speaker": found.speaker,
            "said_at": found.said_at,
            "conversation_id": found.conversation_id,
            "turn_id": found.turn_id,
            "tenant": scope.tenant_id,
            "namespace": scope.namespace,
        },
        score=found.score,
        reason=found.reason,
        parts=found.parts,
        recalled=found,
    )
