"""Operations that read: the signed-in person's own memories in the tenant."""

from typing import Annotated
from uuid import UUID

from django.http import HttpRequest
from ninja import Query

from memory import verbs
from memory.api.parameters import AgentFilter, Cursor, Filter
from memory.api.routing import router
from memory.overview import MAX_GRAPH_HOPS, MAX_GRAPH_NODES, Graph, GraphQuery
from memory.schemas import (
    MemoryOut,
    MemoryPageOut,
    PendingOut,
    StatsOut,
    cursor_after,
    position_of,
)
from memory.scoping import described, own
from saas.api.auth import actor_of

_Text = Annotated[str, Query(max_length=4000, description="Words, or a question.")]
_Limit = Annotated[int, Query(ge=1, le=100)]


@router.get("/search", response=MemoryPageOut, operation_id="memory_search")
def search(
    request: HttpRequest, q: _Text, asked: Annotated[Filter, Query()], limit: _Limit = 20
) -> MemoryPageOut:
    """One's own memories that bear on `q`, best first; a single page."""
    found = verbs.search_memory(
        actor_of(request), q, agent_id=asked.agent_id, where=asked.matching(), limit=limit
    )
    return MemoryPageOut.of(described(own(actor_of(request)), found))


@router.get("/recent", response=MemoryPageOut, operation_id="memory_recent")
def recent(
    request: HttpRequest,
    asked: Annotated[Filter, Query()],
    limit: _Limit = 50,
    cursor: Cursor = None,
) -> MemoryPageOut:
    """One's own memories, the newest first."""
    # One more than asked tells whether there is a next page.
    found = verbs.recent_memory(
        actor_of(request),
        agent_id=asked.agent_id,
        where=asked.matching(),
        limit=limit + 1,
        before=position_of(cursor),
    )
    page = found[:limit]
    following = cursor_after(page[-1]) if len(found) > limit else None
    return MemoryPageOut.of(described(own(actor_of(request)), page), following)


@router.get("/pending", response=PendingOut, operation_id="memory_pending")
def pending(request: HttpRequest) -> verbs.Backlog:
    """What is acknowledged but not finished: one's own; for administrators, the tenant's."""
    return verbs.measure_backlog(actor_of(request))


@router.get("/stats", response=StatsOut, operation_id="memory_stats")
def stats(request: HttpRequest, agent_id: AgentFilter = None) -> StatsOut:
    """Figures of one's own memory."""
    return StatsOut.of(verbs.summarise(actor_of(request), agent_id))


@router.get("/graph", response=Graph, operation_id="memory_graph")
def graph(  # one parameter a filter
    request: HttpRequest,
    around: UUID | None = None,
    name: Annotated[str | None, Query(max_length=200)] = None,
    agent_id: AgentFilter = None,
    hops: Annotated[int, Query(ge=1, le=MAX_GRAPH_HOPS)] = 1,
    limit: Annotated[int, Query(ge=1, le=MAX_GRAPH_NODES)] = 100,
) -> Graph:
    """Memories, the names in them, and the edges: around one of them, or the most linked."""
    query = GraphQuery(around, name, hops, limit)
    return verbs.draw_graph(actor_of(request), query, agent_id)


@router.get("/{uuid:memory_id}", response=MemoryOut, operation_id="memory_get")
def get(request: HttpRequest, memory_id: UUID) -> MemoryOut:
    """One memory whole: links, what it replaces, what it was drawn from."""
    return MemoryOut.of(verbs.read_memory(actor_of(request), memory_id))
