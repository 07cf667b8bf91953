"""Operations that carry memories out and in, as JSON lines."""

from uuid import UUID

from django.http import HttpRequest, StreamingHttpResponse

from memory import verbs_moving as verbs
from memory.api.parameters import AgentFilter
from memory.api.routing import router
from memory.schemas import ImportedOut
from saas.api.auth import actor_of

NDJSON = "application/x-ndjson"
_LINES = {"schema": {"type": "string", "description": "One memory, as a JSON object, a line."}}


@router.get(
    "/export",
    operation_id="memory_export",
    openapi_extra={"responses": {200: {"description": "OK", "content": {NDJSON: _LINES}}}},
)
def export(request: HttpRequest, agent_id: AgentFilter = None) -> StreamingHttpResponse:
    """One's own memories, newest first, as JSON lines; streamed."""
    lines = verbs.export_memories(actor_of(request), agent_id)
    response = StreamingHttpResponse(lines, content_type=NDJSON)
    response["Content-Disposition"] = 'attachment; filename="memories.ndjson"'
    response["Cache-Control"] = "no-store"
    return response


@router.post(
    "/import",
    response=ImportedOut,
    operation_id="memory_import",
    openapi_extra={"requestBody": {"required": True, "content": {NDJSON: _LINES}}},
)
def import_lines(request: HttpRequest, agent_id: UUID) -> verbs.Imported:
    """Keep the memories of a file (10 MB, 10,000 lines) for an agent; bad lines are named."""
    return verbs.import_memories(actor_of(request), agent_id, request.body)
