"""HTTP operations under /api/v2/memory: the signed-in person's own memories, read only."""

from typing import Annotated
from uuid import UUID

from django.http import HttpRequest
from ninja import Query, Router

from memory.schemas import MemoryPageOut, cursor_after, position_of
from memory.verbs import recent_memory, search_memory
from saas.api.auth import actor_of

router = Router(tags=["memory"])

_Text = Annotated[str, Query(max_length=4000, description="Words, or a question.")]
_Agent = Annotated[UUID | None, Query(description="Only what this agent remembers.")]
_Cursor = Annotated[str | None, Query(max_length=200)]


@router.get("/search", response=MemoryPageOut, operation_id="memory_search")
def search(
    request: HttpRequest,
    q: _Text,
    agent_id: _Agent = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> MemoryPageOut:
    """One's own memories that bear on `q`, best first; a single page."""
    found = search_memory(actor_of(request), q, agent_id=agent_id, limit=limit)
    return MemoryPageOut.of(found)


@router.get("/recent", response=MemoryPageOut, operation_id="memory_recent")
def recent(
    request: HttpRequest,
    agent_id: _Agent = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
    cursor: _Cursor = None,
) -> MemoryPageOut:
    """One's own memories, the newest first."""
    before = position_of(cursor)
    # One more than asked tells whether there is a next page.
    found = recent_memory(actor_of(request), agent_id=agent_id, limit=limit + 1, before=before)
    page = found[:limit]
    return MemoryPageOut.of(page, cursor_after(page[-1]) if len(found) > limit else None)
