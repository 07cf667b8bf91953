"""The only way to get a conversation, turn or message: unknown and forbidden look the same."""

from typing import TypeVar
from uuid import UUID

from chat.models import Agent, Conversation, Message, Turn
from kernel.actor import Actor
from kernel.errors import NotFound
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
    rows = Conversation.objects.select_related("agent").filter(deleted_at=None)
    if lock:
        rows = rows.select_for_update(of=("self",))
    row: Conversation | None = rows.filter(id=conversation_id).first()
    if row is None:
        raise ConversationUnknown
    try:
        require(actor, f"conversation.{permission}", row)
    except NotFound as exc:
        raise ConversationUnknown from exc
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
