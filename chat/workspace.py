"""What memory is told of agents, conversations and turns (`memory.workspace.Workspace`).

Every call runs inside a unit of the tenant concerned.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db import connection

from chat.access import access_agent
from chat.models import Agent, Conversation
from kernel.actor import Actor
from kernel.clock import now
from kernel.scope import require_scope
from memory.facade import Matching

# The consumer that makes memories of turns: see `chat.subscribers`.
REMEMBERS = "memory.remember_turn"


class ChatWorkspace:
    """The adapter over chat's own tables."""

    def require_agent(self, actor: Actor, agent_id: UUID, permission: str) -> None:
        """Check a permission on an agent.  Raises: AgentUnknown, Forbidden."""
        access_agent(actor, agent_id, permission)

    def agent_names(self, agent_ids: Sequence[UUID]) -> dict[UUID, str]:
        """Return the names of those agents that exist."""
        return dict(Agent.objects.filter(id__in=list(agent_ids)).values_list("id", "name"))

    def conversation_title(self, user_id: UUID, conversation_id: UUID) -> tuple[bool, str | None]:
        """Return whether the person still has the conversation, and its title."""
        own = Conversation.objects.filter(
            id=conversation_id, user_id=user_id, deleted_at__isnull=True
        )
        row = own.values_list("title").first()
        return row is not None, row[0] if row else None

    def quoted(self, user_id: UUID) -> set[UUID]:
        """Return the memories that turns of the person quote."""
        with connection.cursor() as cursor:
            cursor.execute(
                "select distinct (one ->> 'memory_id')::uuid from chat_turn t "
                "cross join lateral jsonb_array_elements(t.recalled) one "
                "where t.tenant_id = %s and t.user_id = %s and t.recalled <> '[]'",
                [require_scope().tenant_id, user_id],
            )
            return {row[0] for row in cursor.fetchall()}

    def erase_quotes(self, user_id: UUID, memory_ids: Sequence[UUID]) -> int:
        """Take these memories out of what turns of the person quote; return how many copies."""
        if not memory_ids:
            return 0
        with connection.cursor() as cursor:
            cursor.execute(
                "with kept as (select t.id, jsonb_array_length(t.recalled) as before, "
                "coalesce(jsonb_agg(one order by place) "
                "filter (where one ->> 'memory_id' <> all(%(ids)s)), '[]'::jsonb) as rest "
                "from chat_turn t "
                "cross join lateral jsonb_array_elements(t.recalled) "
                "with ordinality as o(one, place) "
                "where t.tenant_id = %(tenant)s and t.user_id = %(user)s and t.recalled <> '[]' "
                "group by t.id, t.recalled), "
                "changed as (update chat_turn t set recalled = kept.rest from kept "
                "where t.tenant_id = %(tenant)s and t.id = kept.id "
                "and jsonb_array_length(kept.rest) < kept.before "
                "returning kept.before - jsonb_array_length(kept.rest) as gone) "
                "select coalesce(sum(gone), 0) from changed",
                {
                    "tenant": require_scope().tenant_id,
                    "user": user_id,
                    "ids": [str(one) for one in memory_ids],
                },
            )
            return int(cursor.fetchone()[0])

    def drop_undelivered(
        self, user_id: UUID, agent_id: UUID | None, matching: Matching | None
    ) -> int:
        """Mark finished turns that memory was not told of as told; see `memory.workspace`.

        A receipt in the inbox: the event stays for its other consumers.  A condition that only a
        passage can meet (speaker, kind, message) keeps no whole turn back.
        """
        given: dict[str, Any] = {} if matching is None else matching.given()
        if {"speaker", "kind", "message_id"} & set(given):
            return 0
        with connection.cursor() as cursor:
            cursor.execute(
                "insert into kernel_inboxrecord (id, tenant_id, created_at, consumer, event_id) "
                "select gen_random_uuid(), e.tenant_id, %(now)s, %(consumer)s, e.id "
                "from kernel_outboxevent e "
                "left join chat_message m on m.tenant_id = e.tenant_id "
                "and m.id = (e.payload ->> 'user_message_id')::uuid "
                "where e.tenant_id = %(tenant)s and e.type = 'chat.turn_finished' "
                "and e.payload ->> 'user_id' = %(user)s "
                "and (%(agent)s::text is null or e.payload ->> 'agent_id' = %(agent)s) "
                "and (%(conversation)s::text is null "
                "or e.payload ->> 'conversation_id' = %(conversation)s) "
                "and (%(turn)s::text is null or e.payload ->> 'turn_id' = %(turn)s) "
                "and (%(from)s::timestamptz is null or m.created_at >= %(from)s) "
                "and (%(before)s::timestamptz is null or m.created_at < %(before)s) "
                "on conflict do nothing",
                {
                    "now": now(),
                    "consumer": REMEMBERS,
                    "tenant": require_scope().tenant_id,
                    "user": str(user_id),
                    "agent": _text(agent_id),
                    "conversation": _text(given.get("conversation_id")),
                    "turn": _text(given.get("turn_id")),
                    "from": given.get("said_from"),
                    "before": given.get("said_before"),
                },
            )
            return int(cursor.rowcount)


def _text(value: object) -> str | None:
    return None if value is None else str(value)
