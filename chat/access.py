"""The only way to get a conversation, turn or message: unknown and forbidden look the same."""

from typing import TypeVar
from uuid import UUID

from django.db import connection

from chat.models import Agent, Conversation, Message, Turn
from kernel import rows
from kernel.actor import Actor
from kernel.errors import NotFound
from kernel.scope import require_scope
from saas.facade import require


class ConversationUnknown(NotFound):
    """No such conversation for this person."""

    code, title = "conversation-unknown", "There is no such conversation"


class AgentUnknown(NotFound):
    """No such agent in this tenant."""

    code, title = "agent-unknown", "There is no such agent"


class MessageUnknown(NotFound):
    """No such message for this person."""

    code, title = "message-unknown", "There is no such message"


class TurnUnknown(NotFound):
    """No such turn for this person."""

    code, title = "turn-unknown", "This answer is unknown"


def access_conversation(
    actor: Actor, conversation_id: UUID, permission: str, *, lock: bool = False
) -> Conversation:
    """The conversation with its agent. `lock` serialises the turns of one conversation.

    Must run in a unit. Raises: ConversationUnknown; Forbidden to whom the tenant itself denies it.
    """
    # First and always: whether the row exists must make no difference to the answer.
    require(actor, f"tenant.{'view' if permission == 'read' else 'use'}")
    row = _find(conversation_id, lock=lock)
    if row is None:
        raise ConversationUnknown
    try:
        require(actor, f"conversation.{permission}", row)
    except NotFound as exc:
        raise ConversationUnknown from exc
    return row


def _find(conversation_id: UUID, *, lock: bool) -> Conversation | None:
    # By hand, because every operation begins here: a quarter of the ORM's time.
    statement = (
        f"select {rows.columns(Conversation, 'c')}, {rows.columns(Agent, 'a')} "  # noqa: S608
        "from chat_conversation c "
        "join chat_agent a on a.tenant_id = c.tenant_id and a.id = c.agent_id "
        "where c.tenant_id = %s and c.id = %s and c.deleted_at is null"
    )
    with connection.cursor() as cursor:
        cursor.execute(
            f"{statement} for update of c" if lock else statement,
            [require_scope().tenant_id, conversation_id],
        )
        found = cursor.fetchone()
    if found is None:
        return None
    width = len(Conversation._meta.concrete_fields)  # noqa: SLF001
    row = rows.restore(Conversation, found[:width])
    row.agent = rows.restore(Agent, found[width:])
    return row


def access_agent(actor: Actor, agent_id: UUID, permission: str) -> Agent:
    """The agent. Must run in a unit. Raises: AgentUnknown."""
    row: Agent | None = Agent.objects.filter(id=agent_id).first()
    if row is None:
        require(actor, f"agent.{permission}")
        raise AgentUnknown
    require(actor, f"agent.{permission}", row)
    return row


def access_turn(actor: Actor, turn_id: UUID, permission: str) -> Turn:
    """The turn, by the rights on its conversation. Must run in a unit. Raises: TurnUnknown."""
    return _through_conversation(actor, Turn, turn_id, permission, TurnUnknown)


def access_message(actor: Actor, message_id: UUID, permission: str) -> Message:
    """The message, by the rights on its conversation, in a unit. Raises: MessageUnknown."""
    return _through_conversation(actor, Message, message_id, permission, MessageUnknown)


Row = TypeVar("Row", Turn, Message)


def _through_conversation(
    actor: Actor, model: type[Row], row_id: UUID, permission: str, unknown: type[NotFound]
) -> Row:
    require(actor, f"tenant.{'view' if permission == 'read' else 'use'}")
    row: Row | None = model.objects.filter(id=row_id).first()
    if row is None:
        raise unknown
    try:
        access_conversation(actor, row.conversation_id, permission)
    except NotFound as exc:
        raise unknown from exc
    return row
