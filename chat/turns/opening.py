"""The unit that begins a turn: a message, an edit, another answer, or going on after a cut.

Locks: the conversation's row, so that turns of one conversation are opened one after the other.
Three statements and a commit, however long the conversation is: lock, look, write.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import orjson
from django.conf import settings
from django.db import connection
from django.db.models import Model

from chat import path
from chat.access import access_conversation, access_message, access_turn
from chat.errors import (
    EmptyMessage,
    MessageTooLong,
    NotEditable,
    NothingToContinue,
    TurnInProgress,
)
from chat.frames import MessageView, TurnView
from chat.models import Branch, Conversation, Message, Turn
from chat.turns.context import Said
from chat.turns.knobs import Knobs
from chat.views import message_view, turn_view
from kernel import rows
from kernel.actor import Actor, Scope
from kernel.clock import now
from kernel.db import unit_of_work
from kernel.ids import uuid7
from kernel.text import checked

# Of the history, at most so many messages and characters (a window of a million tokens) are read.
HISTORY_MESSAGES = 200
HISTORY_CHARS = 4_000_000


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
    knobs: Knobs
    user_id: UUID
    kind: str
    message_seq: int
    lineage: path.Lineage
    needs_title: bool
    user_message: MessageView | None
    question: str | None
    # What was said before the question, oldest first: read here, because a unit of its own would
    # cost the turn a thread hop and four round trips more.
    earlier: tuple[Said, ...] = ()


def lease_from_now() -> Any:
    """When a turn that shows no sign of life is given up."""
    return now() + timedelta(seconds=settings.SOMA.turn_lease_s)


def open_message(actor: Actor, conversation_id: UUID, content: str, client_key: str) -> Opened:
    """Commit a person's message and the turn that answers it. Idempotent on client_key.

    Raises: ConversationUnknown, EmptyMessage, MessageTooLong, UnstorableText, TurnInProgress.
    """
    with unit_of_work(actor.scope):
        conversation = access_conversation(actor, conversation_id, "write", lock=True)
        standing = _standing(actor, conversation, client_key)
        if standing.known_id is not None:
            return _known(actor, conversation, standing.known_id)
        text = _checked(content)
        _refuse_second(standing)
        asked = Asked(client_key, text=text, parent_id=standing.last_id)
        if standing.lineage is not None:
            return _open(actor, conversation, standing.lineage, asked)
        branch = _first_branch(conversation)
        return _open(actor, conversation, branch.lineage, asked, branch)


def open_edit(actor: Actor, message_id: UUID, content: str, client_key: str) -> Opened:
    """Say a message differently: a new branch beside the old one, and its answer.

    Raises: MessageUnknown, NotEditable, EmptyMessage, MessageTooLong, TurnInProgress.
    """
    with unit_of_work(actor.scope):
        message = access_message(actor, message_id, "write")
        conversation = access_conversation(actor, message.conversation_id, "write", lock=True)
        standing = _standing(actor, conversation, client_key)
        if standing.known_id is not None:
            return _known(actor, conversation, standing.known_id)
        if message.role != Message.Speaker.USER:
            raise NotEditable("Only your own messages can be edited.")
        text = _checked(content)
        _refuse_second(standing)
        branch = _fork(conversation, message.branch_id, message.seq - 1)
        asked = Asked(client_key, text=text, parent_id=message.parent_id)
        return _open(actor, conversation, branch.lineage, asked, branch)


def open_retry(actor: Actor, turn_id: UUID, client_key: str) -> Opened:
    """Answer the same message again, in a new branch beside the old answer.

    Raises: TurnUnknown, TurnInProgress, NothingToContinue (the turn continued another answer).
    """
    with unit_of_work(actor.scope):
        before = access_turn(actor, turn_id, "write")
        conversation = access_conversation(actor, before.conversation_id, "write", lock=True)
        standing = _standing(actor, conversation, client_key)
        if standing.known_id is not None:
            return _known(actor, conversation, standing.known_id)
        _refuse_second(standing)
        if before.user_message_id is None:
            raise NothingToContinue("Retry the answer that this one continued.")
        question = Message.objects.get(id=before.user_message_id)
        branch = _fork(conversation, before.branch_id, question.seq)
        asked = Asked(client_key, kind=Turn.Kind.RETRY, question=question)
        return _open(actor, conversation, branch.lineage, asked, branch)


def open_continue(actor: Actor, turn_id: UUID, client_key: str) -> Opened:
    """Go on after an answer that was cut.

    Raises: TurnUnknown, TurnInProgress, NothingToContinue.
    """
    with unit_of_work(actor.scope):
        before = access_turn(actor, turn_id, "write")
        conversation = access_conversation(actor, before.conversation_id, "write", lock=True)
        standing = _standing(actor, conversation, client_key)
        if standing.known_id is not None:
            return _known(actor, conversation, standing.known_id)
        _refuse_second(standing)
        lineage = standing.lineage or []
        last = path.newest(conversation, lineage, 1)
        if not last or last[0].id != before.message_id or not last[0].text:
            raise NothingToContinue
        if before.state == Turn.State.DONE and "output-limit" not in before.degraded:
            raise NothingToContinue("This answer is complete.")
        asked = Asked(client_key, kind=Turn.Kind.CONTINUE, parent_id=before.message_id)
        return _open(actor, conversation, lineage, asked)


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


@dataclass(frozen=True, slots=True)
class Asked:
    """What a turn is asked for: a new message (`text`), or an answer to one that exists."""

    client_key: str
    kind: str = Turn.Kind.MESSAGE
    text: str | None = None
    question: Message | None = None
    parent_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """How a locked conversation stands. `lineage` None: nothing was said in it yet."""

    known_id: UUID | None
    running_id: UUID | None
    lineage: path.Lineage | None
    last_id: UUID | None


def _standing(actor: Actor, conversation: Conversation, client_key: str) -> Standing:
    """The turn of this key, the running one, the active branch and its newest message.

    A statement of its own after the lock: one that waited for the lock would still see what was
    there before.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "select (select id from chat_turn where tenant_id = %(tenant)s "
            "  and conversation_id = %(conversation)s and user_id = %(user)s "
            "  and client_key = %(key)s), "
            "(select id from chat_turn where tenant_id = %(tenant)s "
            "  and conversation_id = %(conversation)s and state = 'open'), "
            "(select lineage from chat_branch where tenant_id = %(tenant)s "
            "  and conversation_id = %(conversation)s and id = %(branch)s), "
            # A branch holds its own newest message: it begins with one.
            "(select id from chat_message where tenant_id = %(tenant)s "
            "  and conversation_id = %(conversation)s and branch_id = %(branch)s "
            "  order by seq desc limit 1)",
            {
                "tenant": conversation.tenant_id,
                "conversation": conversation.id,
                "user": actor.user_id,
                "key": client_key,
                "branch": conversation.active_branch_id,
            },
        )
        known_id, running_id, lineage, last_id = cursor.fetchone()
    return Standing(known_id, running_id, orjson.loads(lineage) if lineage else None, last_id)


def _known(actor: Actor, conversation: Conversation, turn_id: UUID) -> Opened:
    turn = Turn.objects.get(id=turn_id)
    question = (
        Message.objects.filter(id=turn.user_message_id).first() if turn.user_message_id else None
    )
    return _opened(actor, conversation, [], turn, question, created=False)


def _refuse_second(standing: Standing) -> None:
    if standing.running_id is not None:
        raise TurnInProgress(
            "Wait for it or stop it, then send again. Your text was not lost.",
            retry_after=2,
            turn=str(standing.running_id),
        )


def _first_branch(conversation: Conversation) -> Branch:
    branch_id = uuid7()
    return _branch(conversation, branch_id, path.root(branch_id))


def _fork(conversation: Conversation, branch_id: UUID, after_seq: int) -> Branch:
    new_id = uuid7()
    lineage = path.fork(path.lineage_of(conversation, branch_id), after_seq, new_id)
    return _branch(conversation, new_id, lineage)


def _branch(conversation: Conversation, branch_id: UUID, lineage: path.Lineage) -> Branch:
    return Branch(
        id=branch_id,
        tenant_id=conversation.tenant_id,
        conversation_id=conversation.id,
        lineage=lineage,
    )


def _open(
    actor: Actor,
    conversation: Conversation,
    lineage: path.Lineage,
    asked: Asked,
    branch: Branch | None = None,
) -> Opened:
    """Insert what a turn begins with, `branch` included when it is new, in one statement."""
    turn_id, seq, question = uuid7(), conversation.next_seq, asked.question
    branch_id = UUID(lineage[-1][0])
    new: list[Model] = [branch] if branch else []
    if asked.text is not None:
        question = Message(
            tenant_id=conversation.tenant_id,
            conversation_id=conversation.id,
            branch_id=branch_id,
            seq=seq,
            parent_id=asked.parent_id,
            turn_id=turn_id,
            role=Message.Speaker.USER,
            parts=[{"kind": "text", "text": asked.text}],
            text=asked.text,
            char_count=len(asked.text),
        )
        new.append(question)
        seq += 1
    turn = Turn(
        id=turn_id,
        tenant_id=conversation.tenant_id,
        conversation_id=conversation.id,
        branch_id=branch_id,
        user_id=actor.user_id,
        kind=asked.kind,
        client_key=asked.client_key,
        user_message_id=question.id if question else None,
        message_id=uuid7(),
        message_seq=seq,
        parent_id=question.id if question else asked.parent_id,
        lease_until=lease_from_now(),
    )
    *rest, last = path.ranges(lineage)
    newest = rows.insert(
        [*new, turn],
        (
            "update chat_conversation set next_seq = %s, active_at = %s, active_branch_id = %s, "
            "last_turn_id = %s where tenant_id = %s and id = %s",
            [seq + 1, turn.created_at, branch_id, turn_id, conversation.tenant_id, conversation.id],
        ),
        path.texts_in(conversation.id, last, HISTORY_MESSAGES, before=seq),
    )
    left = HISTORY_MESSAGES - len(newest)
    newest += path.newest_texts(conversation.id, rest, left, before=seq)
    opened = _opened(actor, conversation, lineage, turn, question, created=True)
    return replace(opened, earlier=_earlier(turn, newest))


def _opened(
    actor: Actor,
    conversation: Conversation,
    lineage: path.Lineage,
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
        knobs=Knobs(agent.intelligence, agent.autonomy, agent.resource_usd),
        user_id=turn.user_id,
        kind=turn.kind,
        message_seq=turn.message_seq,
        lineage=lineage,
        needs_title=conversation.title is None,
        user_message=(
            message_view(question) if question and turn.kind == Turn.Kind.MESSAGE else None
        ),
        question=question.text if question else None,
    )


def _earlier(turn: Turn, newest: Sequence[tuple[Any, ...]]) -> tuple[Said, ...]:
    """What was said before the question, of the `newest` texts below it."""
    found: list[Said] = []
    budget = HISTORY_CHARS
    for message_id, seq, role, text in newest:
        if message_id == turn.user_message_id or not text:
            continue
        budget -= len(text)
        if budget < 0:
            break
        found.append(Said(role, text, seq))
    return tuple(reversed(found))
