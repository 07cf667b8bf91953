"""Verbs on conversations and messages. Each checks, works in one unit, and tells what changed."""

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from django.db import connection

from chat import path
from chat.access import access_agent, access_conversation, access_message
from chat.events import FeedbackGiven
from chat.frames import MessageView, TurnView
from chat.models import Branch, Conversation, Message, Turn
from chat.views import message_views, turn_view
from kernel import outbox
from kernel.actor import Actor
from kernel.bus.ports import BUS
from kernel.clock import now
from kernel.db import platform_unit, unit_of_work
from kernel.errors import NotFound
from kernel.holding import held_tenants
from kernel.idempotency import once
from kernel.text import checked
from saas.facade import audit, require

UNDO_DAYS = 30
SNIPPET_CHARS = 160


@dataclass(frozen=True, slots=True)
class ConversationRow:
    """A conversation as it stands in a list."""

    id: UUID
    title: str | None
    agent_id: UUID
    agent_name: str
    archived: bool
    created_at: datetime
    updated_at: datetime
    active_branch_id: UUID | None
    last_turn_id: UUID | None
    last_turn_state: str | None
    match: str | None = None


@dataclass(frozen=True, slots=True)
class ConversationFilter:
    """What to list. `before`: (active_at, id) of the last row of the previous page."""

    query: str = ""
    archived: bool = False
    agent_id: UUID | None = None
    limit: int = 30
    before: tuple[datetime, UUID] | None = None


@dataclass(frozen=True, slots=True)
class MessagePage:
    """Messages oldest first; `next_before`, `next_after`: seqs to go on from, if there is more."""

    items: list[MessageView]
    next_before: int | None
    next_after: int | None
    open_turn: TurnView | None


@dataclass(frozen=True, slots=True)
class ConversationChange:
    """What to change; only the named fields."""

    fields: frozenset[str] = field(default_factory=frozenset)
    title: str | None = None
    archived: bool = False
    active_branch_id: UUID | None = None


_COLUMNS = (
    "c.id, c.title, c.agent_id, a.name, c.archived_at is not null, c.created_at, c.active_at, "
    "c.active_branch_id, c.last_turn_id, t.state"
)
_JOINS = (
    "join chat_agent a on a.tenant_id = c.tenant_id and a.id = c.agent_id "
    "left join chat_turn t on t.tenant_id = c.tenant_id and t.id = c.last_turn_id"
)


def create_conversation(
    actor: Actor, agent_id: UUID, title: str | None, idempotency_key: str | None
) -> ConversationRow:
    """A new, empty conversation with an agent. Raises: AgentUnknown, Forbidden."""

    def work() -> dict[str, Any]:
        agent = access_agent(actor, agent_id, "use")
        require(actor, "conversation.write")
        row = Conversation.objects.create(
            user_id=actor.user_id,
            agent=agent,
            title=checked(title, "/title").strip()[:200] or None if title else None,
        )
        return {"id": str(row.id)}

    request = {"agent_id": str(agent_id), "title": title}
    with unit_of_work(actor.scope):
        made = once(actor, "conversation.create", idempotency_key, request, work)
        return _one(actor, UUID(made["id"]))


def get_conversation(actor: Actor, conversation_id: UUID) -> ConversationRow:
    """Raises: ConversationUnknown."""
    with unit_of_work(actor.scope):
        access_conversation(actor, conversation_id, "read")
        return _one(actor, conversation_id)


def list_conversations(actor: Actor, wanted: ConversationFilter) -> list[ConversationRow]:
    """The actor's own, newest activity first (one more than the limit, when there are more)."""
    require(actor, "conversation.read")
    where = ["c.tenant_id = %s", "c.user_id = %s", "c.deleted_at is null"]
    values: list[Any] = [actor.scope.tenant_id, actor.user_id]
    where.append("c.archived_at is not null" if wanted.archived else "c.archived_at is null")
    if wanted.agent_id is not None:
        where.append("c.agent_id = %s")
        values.append(wanted.agent_id)
    if wanted.before is not None:
        where.append("(c.active_at, c.id) < (%s, %s)")
        values += wanted.before
    match, joins = "null", _JOINS
    query = checked(wanted.query, "/q").strip()
    words = re.findall(r"\w+", query)
    if words:
        # The newest message that has all words (the last as a prefix), or a title that has them.
        tsquery = " & ".join(f"'{word}'" for word in words[:-1]) + (" & " if words[1:] else "")
        tsquery += f"'{words[-1]}':*"
        joins += (
            " left join chat_find_messages(%s, %s::tsquery) found on found.conversation_id = c.id"
            " left join chat_message hit"
            " on hit.tenant_id = c.tenant_id and hit.id = found.message_id"
        )
        match = (
            "case when hit.text is not null then ts_headline('simple', left(hit.text, 20000), "
            "%s::tsquery, 'StartSel=<<, StopSel=>>, MaxWords=24, MinWords=8') end"
        )
        where.append("(hit.text is not null or c.title ilike %s)")
        pattern = "%" + re.sub(r"([%_\\])", r"\\\1", query) + "%"
        values = [tsquery, actor.user_id, tsquery, *values, pattern]
    statement = (
        f"select {_COLUMNS}, {match} from chat_conversation c {joins} "  # noqa: S608  # constants
        f"where {' and '.join(where)} order by c.active_at desc, c.id desc limit %s"
    )
    with unit_of_work(actor.scope), connection.cursor() as cursor:
        cursor.execute(statement, [*values, wanted.limit + 1])
        return [ConversationRow(*row) for row in cursor.fetchall()]


def change_conversation(
    actor: Actor, conversation_id: UUID, change: ConversationChange
) -> ConversationRow:
    """Rename, archive, or show another branch. Raises: ConversationUnknown, NotFound (branch)."""
    with unit_of_work(actor.scope):
        row = access_conversation(actor, conversation_id, "write", lock=True)
        values: dict[str, Any] = {}
        if "title" in change.fields:
            values["title"] = checked(change.title or "", "/title").strip()[:200] or None
        if "archived" in change.fields:
            values["archived_at"] = now() if change.archived else None
        if "active_branch_id" in change.fields:
            branches = Branch.objects.filter(conversation=row, id=change.active_branch_id)
            if not branches.exists():
                raise NotFound("This conversation has no such branch.")
            values["active_branch_id"] = change.active_branch_id
        Conversation.objects.filter(id=row.id).update(**values)
        changed = _one(actor, conversation_id)
    BUS.get().publish(f"conversation:{conversation_id}", {"changed": True})
    return changed


def delete_conversation(actor: Actor, conversation_id: UUID) -> None:
    """Put a conversation away; it can be restored for 30 days. Raises: ConversationUnknown."""
    with unit_of_work(actor.scope):
        row = access_conversation(actor, conversation_id, "delete")
        Conversation.objects.filter(id=row.id).update(deleted_at=now())
        audit(actor, "conversation.deleted", "conversation", row.id)
    BUS.get().publish(f"conversation:{conversation_id}", {"changed": True})


def restore_conversation(actor: Actor, conversation_id: UUID) -> ConversationRow:
    """Undo a deletion. Raises: ConversationUnknown (also when it is not deleted)."""
    with unit_of_work(actor.scope):
        deleted = Conversation.objects.filter(id=conversation_id, deleted_at__isnull=False).first()
        if deleted is None:
            access_conversation(actor, conversation_id, "write")
        else:
            require(actor, "conversation.delete", deleted)
            Conversation.objects.filter(id=conversation_id).update(deleted_at=None)
            audit(actor, "conversation.restored", "conversation", conversation_id)
        return _one(actor, conversation_id)


def purge_deleted() -> int:
    """Remove conversations whose time for undoing is over (schedule). Returns how many."""
    with platform_unit("conversation retention"):
        old = Conversation.objects.filter(deleted_at__lt=now() - timedelta(days=UNDO_DAYS))
        return old.exclude(tenant_id__in=held_tenants()).delete()[0]


def list_messages(
    actor: Actor,
    conversation_id: UUID,
    *,
    branch_id: UUID | None = None,
    limit: int = 50,
    before: int | None = None,
    after: int | None = None,
) -> MessagePage:
    """A page along a branch: the newest, or those before or after a seq."""
    with unit_of_work(actor.scope):
        conversation = access_conversation(actor, conversation_id, "read")
        lineage = path.lineage_of(conversation, branch_id)
        # Read before the rows: an answer that ends in between is then among them. The other way
        # round it would be in neither, and gone from the reader's page.
        open_turn = Turn.objects.filter(conversation=conversation, state=Turn.State.OPEN).first()
        if after is not None:
            rows = path.oldest_after(conversation, lineage, limit + 1, after)
            more, rows = len(rows) > limit, rows[:limit]
            next_before = rows[0].seq if rows else None
            next_after = rows[-1].seq if more and rows else None
        else:
            rows = path.newest(conversation, lineage, limit + 1, before=before)
            more, rows = len(rows) > limit, rows[:limit][::-1]
            next_before = rows[0].seq if more and rows else None
            next_after = rows[-1].seq if before is not None and rows else None
        if open_turn is not None and any(row.id == open_turn.message_id for row in rows):
            open_turn = None
        return MessagePage(
            message_views(rows),
            next_before,
            next_after,
            turn_view(open_turn) if open_turn else None,
        )


def get_message(actor: Actor, message_id: UUID) -> MessageView:
    """One message. Raises: MessageUnknown."""
    with unit_of_work(actor.scope):
        return message_views([access_message(actor, message_id, "read")])[0]


def give_feedback(
    actor: Actor,
    message_id: UUID,
    signal: Literal["positive", "negative", "neutral"],
    comment: str,
) -> MessageView:
    """Judge an answer; neutral takes a judgement back. Raises: MessageUnknown, NotFound."""
    with unit_of_work(actor.scope):
        message = access_message(actor, message_id, "write")
        if message.role != Message.Speaker.ASSISTANT:
            raise NotFound("Only answers can be judged.")
        message.feedback = "" if signal == "neutral" else signal
        message.feedback_comment = checked(comment, "/comment")[:2000]
        message.save(update_fields=["feedback", "feedback_comment"])
        outbox.emit(
            FeedbackGiven(message.id, actor.user_id, signal), key=str(message.conversation_id)
        )
        return message_views([message])[0]


def watch_conversation(actor: Actor, conversation_id: UUID) -> TurnView | None:
    """Check that the actor may watch; the turn that is being written, if any."""
    with unit_of_work(actor.scope):
        access_conversation(actor, conversation_id, "read")
        running = Turn.objects.filter(
            conversation_id=conversation_id, state=Turn.State.OPEN
        ).first()
        return turn_view(running) if running else None


def _one(actor: Actor, conversation_id: UUID) -> ConversationRow:
    with connection.cursor() as cursor:
        cursor.execute(
            f"select {_COLUMNS} from chat_conversation c {_JOINS} "  # noqa: S608  # constants
            "where c.tenant_id = %s and c.id = %s",
            [actor.scope.tenant_id, conversation_id],
        )
        return ConversationRow(*cursor.fetchone())
