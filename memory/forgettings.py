"""Keeps what was on its way when a person forgot in bulk from becoming a memory afterwards.

A turn may wait in the outbox, on the bus or as a dead letter while its person forgets the
conversation.  Each bulk forgetting therefore leaves a note, and every turn is held against the
notes before it is remembered.  The two take turns, per person: who remembers is waited for by who
forgets, who then finds it; who forgets is waited for by who remembers, who then reads the note.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import connection

from kernel.actor import Scope
from kernel.clock import now
from kernel.db import unit_of_work
from kernel.locks import take_turns
from kernel.scope import require_scope
from memory.models_retention import MemoryForgetting
from memory.ports import Everything, Matching, MemoryScope, Selection, These
from saas.facade import acted_since

# Conditions that a passage meets and a turn does not: they keep no whole turn out.
_OF_PASSAGES = frozenset(("speaker", "kind", "message_id"))


def note(scope: MemoryScope, selection: Selection) -> None:
    """Leave a note of a bulk forgetting, at the beginning of the open unit."""
    if isinstance(selection, These):
        return
    with connection.cursor() as cursor:
        take_turns(cursor, [_lock_of(scope.user_id)])
    given = selection.given() if isinstance(selection, Matching) else {}
    if _OF_PASSAGES & set(given):
        return
    MemoryForgetting.objects.bulk_create(
        [
            MemoryForgetting(
                tenant_id=require_scope().tenant_id,
                created_at=now(),
                user_id=scope.user_id,
                agent_id=None if isinstance(selection, Everything) else scope.agent_id,
                **given,
            )
        ]
    )


def was_forgotten_since(tenant: Scope, moment: datetime) -> bool:
    """Whether anything in the tenant was forgotten since, by hand or for its age."""
    with unit_of_work(tenant):
        return acted_since(("memory.forgotten", "memory.retained_no_longer"), moment)


@dataclass(frozen=True, slots=True)
class Told:
    """A turn of which memory is told: whose it is, where and when it was said."""

    turn_id: UUID
    user_id: UUID
    agent_id: UUID
    conversation_id: UUID
    said_at: datetime


def forgotten(turns: Sequence[Told]) -> set[UUID]:
    """Those of the turns that were forgotten since they were said, before memory was told of them.

    In the open unit of their tenant, in which the others are remembered.
    """
    with connection.cursor() as cursor:
        take_turns(cursor, (_lock_of(turn.user_id) for turn in turns), is_shared=True)
        cursor.execute(
            "select distinct t.turn_id from unnest(%s::uuid[], %s::uuid[], %s::uuid[], "
            "%s::uuid[], %s::timestamptz[]) as t (turn_id, user_id, agent_id, conversation_id, "
            "said_at) join memory_memoryforgetting f on f.tenant_id = %s "
            "and f.user_id = t.user_id and f.created_at >= t.said_at "
            "and (f.agent_id is null or f.agent_id = t.agent_id) "
            "and (f.conversation_id is null or f.conversation_id = t.conversation_id) "
            "and (f.turn_id is null or f.turn_id = t.turn_id) "
            "and (f.said_from is null or f.said_from <= t.said_at) "
            "and (f.said_before is null or f.said_before > t.said_at)",
            [
                [turn.turn_id for turn in turns],
                [turn.user_id for turn in turns],
                [turn.agent_id for turn in turns],
                [turn.conversation_id for turn in turns],
                [turn.said_at for turn in turns],
                require_scope().tenant_id,
            ],
        )
        return {row[0] for row in cursor.fetchall()}


def _lock_of(user_id: UUID) -> str:
    return f"forget:{user_id}"
