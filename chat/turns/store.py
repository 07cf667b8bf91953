"""Every synchronous unit of a turn: open, load, keep alive, close. No await, no network.

Locks: the conversation's row, so that turns of one conversation are opened one after the other.
"""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Literal
from uuid import UUID

from django.conf import settings
from django.db import connection

from chat import path
from chat.access import access_conversation, access_message, access_turn
from chat.errors import (
    EmptyMessage,
    MessageTooLong,
    NotEditable,
    NothingToContinue,
    TurnInProgress,
)
from chat.events import TurnFinished
from chat.frames import MessageView, TurnView
from chat.models import Branch, Conversation, Message, Turn
from chat.turns.context import Said
from chat.views import message_view, turn_view
from kernel import outbox
from kernel.actor import Actor, Scope
from kernel.clock import now
from kernel.db import unit_of_work
from kernel.ids import uuid7
from kernel.text import checked, scrubbed

HISTORY_MESSAGES = 200
EndState = Literal["done", "failed", "cancelled", "interrupted"]


@dataclass(frozen=True, slots=True)
class Opened:
    """A committed turn, with what its runner needs; `created` false: it was known already."""

    created: bool
    scope: Scope
    turn: TurnView
    client_key: str
    agent_id: UUID
    agent_name: str
    instructions: str
    model_id: UUID | None
    user_id: UUID
    kind: str
    message_seq: int
    needs_title: bool
    user_message: MessageView | None
    question: str | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a turn ended. `seq` counts the closing frame too."""

    state: EndState
    seq: int
    content: str
    degraded: list[str] = field(default_factory=list)
    recalled: list[dict[str, Any]] = field(default_factory=list)
    error: dict[str, Any] | None = None
    model: str = ""
    usage: dict[str, Any] | None = None
    context_report: dict[str, Any] | None = None
    first_token_at: Any = None


def lease_from_now() -> Any:
    """When a turn that shows no sign of life is given up."""
    return now() + timedelta(seconds=settings.SOMA.turn_lease_s)


def open_message(actor: Actor, conversation_id: UUID, content: str, client_key: str) -> Opened:
    """Commit a person's message and the turn that answers it. Idempotent on client_key.

    Raises: ConversationUnknown, EmptyMessage, MessageTooLong, UnstorableText, TurnInProgress.
    """
    with unit_of_work(actor.scope):
        conversation = access_conversation(actor, conversation_id, "write", lock=True)
        known = _known(actor, conversation, client_key)
        if known is not None:
            return known
        text = _checked(content)
        _refuse_second(conversation)
        branch_id, lineage = _active_branch(conversation)
        last = path.newest(conversation, lineage, 1)
        parent_id = last[0].id if last else None
        return _open(actor, conversation, branch_id, client_key, text=text, parent_id=parent_id)


def open_edit(actor: Actor, message_id: UUID, content: str, client_key: str) -> Opened:
    """Say a message differently: a new branch beside the old one, and its answer.

    Raises: MessageUnknown, NotEditable, EmptyMessage, MessageTooLong, TurnInProgress.
    """
    with unit_of_work(actor.scope):
        message = access_message(actor, message_id, "write")
        conversation = access_conversation(actor, message.conversation_id, "write", lock=True)
        known = _known(actor, conversation, client_key)
        if known is not None:
            return known
        if message.role != Message.Speaker.USER:
            raise NotEditable("Only your own messages can be edited.")
        text = _checked(content)
        _refuse_second(conversation)
        branch_id = _fork(conversation, message.branch_id, message.seq - 1)
        return _open(
            actor, conversation, branch_id, client_key, text=text, parent_id=message.parent_id
        )


def open_retry(actor: Actor, turn_id: UUID, client_key: str) -> Opened:
    """Answer the same message again, in a new branch beside the old answer.

    Raises: TurnUnknown, TurnInProgress, NothingToContinue (the turn continued another answer).
    """
    with unit_of_work(actor.scope):
        before = access_turn(actor, turn_id, "write")
        conversation = access_conversation(actor, before.conversation_id, "write", lock=True)
        known = _known(actor, conversation, client_key)
        if known is not None:
            return known
        _refuse_second(conversation)
        if before.user_message_id is None:
            raise NothingToContinue("Retry the answer that this one continued.")
        question = Message.objects.get(id=before.user_message_id)
        branch_id = _fork(conversation, before.branch_id, question.seq)
        return _open(
            actor, conversation, branch_id, client_key, kind=Turn.Kind.RETRY, question=question
        )


def open_continue(actor: Actor, turn_id: UUID, client_key: str) -> Opened:
    """Go on after an answer that was cut.

    Raises: TurnUnknown, TurnInProgress, NothingToContinue.
    """
    with unit_of_work(actor.scope):
        before = access_turn(actor, turn_id, "write")
        conversation = access_conversation(actor, before.conversation_id, "write", lock=True)
        known = _known(actor, conversation, client_key)
        if known is not None:
            return known
        _refuse_second(conversation)
        branch_id, lineage = _active_branch(conversation)
        last = path.newest(conversation, lineage, 1)
        if not last or last[0].id != before.message_id or not last[0].text:
            raise NothingToContinue
        if before.state == Turn.State.DONE and "output-limit" not in before.degraded:
            raise NothingToContinue("This answer is complete.")
        return _open(
            actor,
            conversation,
            branch_id,
            client_key,
            kind=Turn.Kind.CONTINUE,
            parent_id=before.message_id,
        )


def load_history(opened: Opened, max_chars: int) -> list[Said]:
    """What was said before the turn's question, oldest first, at most `max_chars` in all."""
    with unit_of_work(opened.scope):
        conversation = Conversation.objects.get(id=opened.turn.conversation_id)
        lineage = path.lineage_of(conversation, UUID(opened.turn.branch_id))
        question_id = opened.turn.user_message_id
        found: list[Said] = []
        budget = max_chars
        for message in path.newest(
            conversation, lineage, HISTORY_MESSAGES, before=opened.message_seq
        ):
            if str(message.id) == question_id or not message.text:
                continue
            budget -= message.char_count
            if budget < 0:
                break
            found.append(Said(message.role, message.text))  # type: ignore[arg-type]  # a checked choice
    found.reverse()
    return found


@dataclass(frozen=True, slots=True)
class Pulse:
    """What a running turn has to say about itself."""

    turn_id: UUID
    seq: int
    content: str
    degraded: list[str]
    recalled: list[dict[str, Any]]


def keep_alive(scope: Scope, pulses: list[Pulse]) -> tuple[set[UUID], set[UUID]]:
    """Renew leases and keep snapshots, in one statement. Returns (still ours, asked to cancel)."""
    from psycopg.types.json import Jsonb  # driver detail of this statement

    with unit_of_work(scope), connection.cursor() as cursor:
        cursor.execute(
            "update chat_turn t set lease_until = %s, seq = p.seq, content = p.content, "
            "degraded = p.degraded, recalled = p.recalled "
            "from unnest(%s::uuid[], %s::int[], %s::text[], %s::jsonb[], %s::jsonb[]) "
            "  as p(id, seq, content, degraded, recalled) "
            "where t.id = p.id and t.state = 'open' returning t.id, t.cancel_asked_at is not null",
            [
                lease_from_now(),
                [pulse.turn_id for pulse in pulses],
                [pulse.seq for pulse in pulses],
                [scrubbed(pulse.content) for pulse in pulses],
                [Jsonb(pulse.degraded) for pulse in pulses],
                [Jsonb(pulse.recalled) for pulse in pulses],
            ],
        )
        rows = cursor.fetchall()
    return {row[0] for row in rows}, {row[0] for row in rows if row[1]}


def close_turn(scope: Scope, turn_id: UUID, outcome: Outcome) -> bool:
    """End a turn: its answer, its record, its event, in one transaction.

    Returns False when it was ended already (by the reaper, say): then nothing changes.
    """
    with unit_of_work(scope):
        turn = Turn.objects.select_for_update().filter(id=turn_id, state=Turn.State.OPEN).first()
        if turn is None:
            return False
        text = scrubbed(outcome.content)
        moment = now()
        conversation = (
            Conversation.objects.filter(id=turn.conversation_id).only("tenant_id", "agent_id").get()
        )
        Message.objects.create(
            id=turn.message_id,
            conversation_id=turn.conversation_id,
            branch_id=turn.branch_id,
            seq=turn.message_seq,
            parent_id=turn.parent_id,
            turn_id=turn.id,
            role=Message.Speaker.ASSISTANT,
            parts=[{"kind": "text", "text": text}] if text else [],
            text=text,
            char_count=len(text),
            model=outcome.model,
        )
        Turn.objects.filter(id=turn_id).update(
            state=outcome.state,
            seq=outcome.seq,
            content=text,
            degraded=outcome.degraded,
            recalled=outcome.recalled,
            error=outcome.error,
            model=outcome.model,
            usage=outcome.usage,
            context_report=outcome.context_report,
            first_token_at=outcome.first_token_at,
            finished_at=moment,
        )
        Conversation.objects.filter(id=turn.conversation_id).update(active_at=moment)
        outbox.emit(
            TurnFinished(
                turn_id=turn.id,
                conversation_id=turn.conversation_id,
                agent_id=conversation.agent_id,
                user_id=turn.user_id,
                state=outcome.state,
                user_message_id=turn.user_message_id,
                message_id=turn.message_id if text else None,
            ),
            key=str(turn.conversation_id),
        )
        return True


def ask_cancel(actor: Actor, turn_id: UUID) -> TurnView:
    """Mark a turn for cancelling; its runner, wherever it is, sees the mark."""
    with unit_of_work(actor.scope):
        turn = access_turn(actor, turn_id, "write")
        if turn.state == Turn.State.OPEN and turn.cancel_asked_at is None:
            turn.cancel_asked_at = now()
            turn.save(update_fields=["cancel_asked_at"])
        return turn_view(turn)


def get_turn(actor: Actor, turn_id: UUID) -> TurnView:
    """The turn as it was last kept."""
    with unit_of_work(actor.scope):
        return turn_view(access_turn(actor, turn_id, "read"))


def read_turn(scope: Scope, turn_id: UUID) -> TurnView | None:
    """The turn for a reader whose access was checked when it began to follow."""
    with unit_of_work(scope):
        turn = Turn.objects.filter(id=turn_id).first()
        return turn_view(turn) if turn else None


def set_title(scope: Scope, conversation_id: UUID, title: str) -> bool:
    """Give a title to a conversation that has none. Returns whether it was used."""
    with unit_of_work(scope):
        untitled = Conversation.objects.filter(id=conversation_id, title=None)
        return bool(untitled.update(title=scrubbed(title)[:200]))


def load_accepted(actor: Actor, turn_id: UUID) -> tuple[TurnView, str, MessageView | None]:
    """(turn, client key, question) of a turn that another client opened. Raises: TurnUnknown."""
    with unit_of_work(actor.scope):
        turn = access_turn(actor, turn_id, "read")
        question = (
            Message.objects.filter(id=turn.user_message_id).first()
            if turn.user_message_id and turn.kind == Turn.Kind.MESSAGE
            else None
        )
        view = message_view(question) if question else None
        return turn_view(turn), turn.client_key, view


def _checked(content: str) -> str:
    text = checked(content, "/content")
    if not text.strip():
        raise EmptyMessage(errors=[{"pointer": "/content", "detail": "is empty"}])
    limit = settings.SOMA.max_message_chars
    if len(text) > limit:
        raise MessageTooLong(
            f"It has {len(text):,} characters; at most {limit:,} are kept. Nothing was sent.",
            errors=[{"pointer": "/content", "detail": "too long"}],
            limit=limit,
        )
    return text


def _known(actor: Actor, conversation: Conversation, client_key: str) -> Opened | None:
    turn = Turn.objects.filter(
        conversation=conversation, user_id=actor.user_id, client_key=client_key
    ).first()
    if turn is None:
        return None
    question = (
        Message.objects.filter(id=turn.user_message_id).first() if turn.user_message_id else None
    )
    return _opened(actor, conversation, turn, question, created=False)


def _refuse_second(conversation: Conversation) -> None:
    running = Turn.objects.filter(conversation=conversation, state=Turn.State.OPEN)
    turn_id = running.values_list("id", flat=True).first()
    if turn_id is not None:
        raise TurnInProgress(
            "Wait for it or stop it, then send again. Your text was not lost.",
            retry_after=2,
            turn=str(turn_id),
        )


def _active_branch(conversation: Conversation) -> tuple[UUID, path.Lineage]:
    if conversation.active_branch_id is not None:
        return conversation.active_branch_id, path.lineage_of(conversation)
    branch_id = uuid7()
    lineage = path.root(branch_id)
    Branch.objects.create(id=branch_id, conversation=conversation, lineage=lineage)
    conversation.active_branch_id = branch_id
    return branch_id, lineage


def _fork(conversation: Conversation, branch_id: UUID, after_seq: int) -> UUID:
    new_id = uuid7()
    lineage = path.fork(path.lineage_of(conversation, branch_id), after_seq, new_id)
    Branch.objects.create(id=new_id, conversation=conversation, lineage=lineage)
    conversation.active_branch_id = new_id
    return new_id


def _open(  # noqa: PLR0913  # the columns of one insert
    actor: Actor,
    conversation: Conversation,
    branch_id: UUID,
    client_key: str,
    *,
    kind: str = Turn.Kind.MESSAGE,
    text: str | None = None,
    question: Message | None = None,
    parent_id: UUID | None = None,
) -> Opened:
    turn_id, seq = uuid7(), conversation.next_seq
    if text is not None:
        question = Message.objects.create(
            conversation=conversation,
            branch_id=branch_id,
            seq=seq,
            parent_id=parent_id,
            turn_id=turn_id,
            role=Message.Speaker.USER,
            parts=[{"kind": "text", "text": text}],
            text=text,
            char_count=len(text),
        )
        seq += 1
    turn = Turn.objects.create(
        id=turn_id,
        conversation=conversation,
        branch_id=branch_id,
        user_id=actor.user_id,
        kind=kind,
        client_key=client_key,
        user_message_id=question.id if question else None,
        message_id=uuid7(),
        message_seq=seq,
        parent_id=question.id if question else parent_id,
        lease_until=lease_from_now(),
    )
    Conversation.objects.filter(id=conversation.id).update(
        next_seq=seq + 1,
        active_at=turn.created_at,
        active_branch_id=branch_id,
        last_turn_id=turn_id,
    )
    return _opened(actor, conversation, turn, question, created=True)


def _opened(
    actor: Actor,
    conversation: Conversation,
    turn: Turn,
    question: Message | None,
    *,
    created: bool,
) -> Opened:
    agent = conversation.agent
    return Opened(
        created=created,
        scope=actor.scope,
        turn=turn_view(turn),
        client_key=turn.client_key,
        agent_id=agent.id,
        agent_name=agent.name,
        instructions=agent.instructions,
        model_id=agent.model_id,
        user_id=turn.user_id,
        kind=turn.kind,
        message_seq=turn.message_seq,
        needs_title=conversation.title is None,
        user_message=(
            message_view(question) if question and turn.kind == Turn.Kind.MESSAGE else None
        ),
        question=question.text if question else None,
    )
