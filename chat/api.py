"""Operations under /api/v2/chat.

Operations that wait for a model are asynchronous and served by Django's ASGI handler (see
`somaagent.asgi`); all others run on threads.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated
from uuid import UUID

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from ninja import Header, Query, Router, Status

from chat import frames, sse, verbs
from chat.frames import MessageView, TurnView
from chat.schemas import (
    AnswerOut,
    ContextReportOut,
    ConversationChangeIn,
    ConversationIn,
    ConversationOut,
    ConversationPage,
    EditIn,
    FeedbackIn,
    KeyIn,
    MessagePageOut,
    SendIn,
    TurnRef,
)
from chat.turns import opening, service, store
from kernel import paging, trace
from kernel.db import in_unit
from saas.api.auth import AsyncSessionAuth, actor_of

router = Router(tags=["chat"])
waits = AsyncSessionAuth()

# Longest wait of a non-streamed request; the turn itself goes on.
WHOLE_ANSWER_S = 600.0


@router.get("/conversations", response=ConversationPage, operation_id="conversations_list")
def list_conversations(  # one parameter a filter
    request: HttpRequest,
    q: Annotated[str, Query(max_length=500)] = "",
    archived: bool = False,  # a query parameter
    agent_id: UUID | None = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 30,
    cursor: str | None = None,
) -> ConversationPage:
    """One's own conversations, newest activity first; `q` searches titles and messages."""
    before = paging.decode(cursor, datetime.fromisoformat, UUID)
    wanted = verbs.ConversationFilter(
        q, archived, agent_id, limit, (before[0], before[1]) if before else None
    )
    rows = verbs.list_conversations(actor_of(request), wanted)
    more, rows = len(rows) > limit, rows[:limit]
    after = paging.encode(rows[-1].updated_at.isoformat(), str(rows[-1].id)) if more else None
    return ConversationPage(items=[ConversationOut.of(row) for row in rows], next=after)


@router.post("/conversations", response={201: ConversationOut}, operation_id="conversations_create")
def create_conversation(
    request: HttpRequest,
    body: ConversationIn,
    idempotency_key: Annotated[str | None, Header(alias="Idempotency-Key")] = None,
) -> Status[ConversationOut]:
    """Start a conversation with an agent."""
    row = verbs.create_conversation(actor_of(request), body.agent_id, body.title, idempotency_key)
    return Status(201, ConversationOut.of(row))


@router.get(
    "/conversations/{conversation_id}", response=ConversationOut, operation_id="conversations_get"
)
def get_conversation(request: HttpRequest, conversation_id: UUID) -> ConversationOut:
    """One conversation."""
    return ConversationOut.of(verbs.get_conversation(actor_of(request), conversation_id))


@router.patch(
    "/conversations/{conversation_id}",
    response=ConversationOut,
    operation_id="conversations_change",
)
def change_conversation(
    request: HttpRequest, conversation_id: UUID, body: ConversationChangeIn
) -> ConversationOut:
    """Rename, archive, or show another branch."""
    sent = body.dict(exclude_unset=True)
    change = verbs.ConversationChange(
        frozenset(sent), body.title, bool(body.archived), body.active_branch_id
    )
    row = verbs.change_conversation(actor_of(request), conversation_id, change)
    return ConversationOut.of(row)


@router.delete(
    "/conversations/{conversation_id}", response={204: None}, operation_id="conversations_delete"
)
def delete_conversation(request: HttpRequest, conversation_id: UUID) -> Status[None]:
    """Put a conversation away; it can be restored for 30 days."""
    verbs.delete_conversation(actor_of(request), conversation_id)
    return Status(204, None)


@router.post(
    "/conversations/{conversation_id}/restore",
    response=ConversationOut,
    operation_id="conversations_restore",
)
def restore_conversation(request: HttpRequest, conversation_id: UUID) -> ConversationOut:
    """Undo a deletion."""
    return ConversationOut.of(verbs.restore_conversation(actor_of(request), conversation_id))


@router.get("/messages/{conversation_id}", response=MessagePageOut, operation_id="messages_list")
def list_messages(  # one parameter a filter
    request: HttpRequest,
    conversation_id: UUID,
    branch_id: UUID | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    before: Annotated[int | None, Query(ge=1)] = None,
    after: Annotated[int | None, Query(ge=0)] = None,
) -> verbs.MessagePage:
    """A page of messages along a branch, oldest first; without bounds the newest."""
    return verbs.list_messages(
        actor_of(request),
        conversation_id,
        branch_id=branch_id,
        limit=limit,
        before=before,
        after=after,
    )


@router.post("/messages", response=AnswerOut, auth=waits, operation_id="messages_send")
async def send_message(
    request: HttpRequest, body: SendIn
) -> HttpResponse | StreamingHttpResponse | AnswerOut:
    """Say something. `stream` true: server-sent events; else the whole answer."""
    actor = actor_of(request)
    asked = (actor, body.conversation_id, body.content, body.client_key)
    opened = await _opened(opening.open_message, *asked, question=body.content)
    turn_id = UUID(opened.turn.id)
    if body.stream:
        accepted = frames.Accepted(
            None,
            opened.client_key,
            opened.created,
            opened.turn.id,
            opened.turn.conversation_id,
            opened.turn.branch_id,
            opened.user_message,
            opened.turn.message_id,
            trace.current_id(),
        )
        first = [("chat.accepted", frames.payload(accepted))]
        return _sse(sse.events(actor, turn_id, 0, first))
    turn = await service.wait_for_end(actor, turn_id, WHOLE_ANSWER_S)
    message = await in_unit(verbs.get_message, actor, UUID(turn.message_id))
    return AnswerOut(turn=turn, message=message)


@router.post(
    "/messages/{message_id}/edit",
    response={202: TurnRef},
    auth=waits,
    operation_id="messages_edit",
)
async def edit_message(request: HttpRequest, message_id: UUID, body: EditIn) -> Status[TurnRef]:
    """Say a message differently: a new branch, and its answer."""
    asked = (actor_of(request), message_id, body.content, body.client_key)
    opened = await _opened(opening.open_edit, *asked, question=body.content)
    return Status(202, TurnRef.of(opened))


@router.put(
    "/messages/{message_id}/feedback", response=MessageView, operation_id="messages_feedback"
)
def give_feedback(request: HttpRequest, message_id: UUID, body: FeedbackIn) -> MessageView:
    """Judge an answer; neutral takes it back."""
    return verbs.give_feedback(actor_of(request), message_id, body.signal, body.comment)


@router.get("/turns/{turn_id}", response=TurnView, operation_id="turns_get")
def get_turn(request: HttpRequest, turn_id: UUID) -> TurnView:
    """A turn as it was last kept."""
    return store.get_turn(actor_of(request), turn_id)


@router.get("/turns/{turn_id}/context", response=ContextReportOut, operation_id="turns_context")
def get_context_report(request: HttpRequest, turn_id: UUID) -> ContextReportOut:
    """What went into the prompt of a turn, in tokens, and what was left out."""
    return ContextReportOut(**store.get_report(actor_of(request), turn_id))


@router.get("/turns/{turn_id}/events", auth=waits, operation_id="turns_events")
async def turn_events(
    request: HttpRequest,
    turn_id: UUID,
    last_event_id: Annotated[int, Header(alias="Last-Event-ID", ge=0)] = 0,
) -> StreamingHttpResponse:
    """The frames of a turn after `Last-Event-ID`, as server-sent events."""
    actor = actor_of(request)
    await in_unit(store.get_turn, actor, turn_id)
    return _sse(sse.events(actor, turn_id, last_event_id, []))


@router.post("/turns/{turn_id}/cancel", response=TurnView, auth=waits, operation_id="turns_cancel")
async def cancel_turn(request: HttpRequest, turn_id: UUID) -> TurnView:
    """Stop an answer; responds when it has stopped."""
    return await service.cancel_turn(actor_of(request), turn_id)


@router.post(
    "/turns/{turn_id}/retry", response={202: TurnRef}, auth=waits, operation_id="turns_retry"
)
async def retry_turn(request: HttpRequest, turn_id: UUID, body: KeyIn) -> Status[TurnRef]:
    """Another answer to the same message, in a new branch."""
    opened = await _opened(opening.open_retry, actor_of(request), turn_id, body.client_key)
    return Status(202, TurnRef.of(opened))


@router.post(
    "/turns/{turn_id}/continue",
    response={202: TurnRef},
    auth=waits,
    operation_id="turns_continue",
)
async def continue_turn(request: HttpRequest, turn_id: UUID, body: KeyIn) -> Status[TurnRef]:
    """Go on after an answer that was cut."""
    opened = await _opened(opening.open_continue, actor_of(request), turn_id, body.client_key)
    return Status(202, TurnRef.of(opened))


async def _opened(
    opener: Callable[..., opening.Opened], *args: object, question: str | None = None
) -> opening.Opened:
    opened = await service.open_turn(opener, *args, question=question)
    await service.announce(opened)
    return opened


def _sse(chunks: object) -> StreamingHttpResponse:
    return StreamingHttpResponse(
        chunks,  # type: ignore[arg-type]  # an async iterator of bytes
        content_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )
