"""Keeps what was on its way when a person forgot in bulk from becoming a memory afterwards.

A turn may wait in the outbox, on the bus or as a dead letter while its person forgets the
conversation.  Each bulk forgetting therefore leaves a note, and every turn is held against the
notes before it is remembered.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db.models import Q

from kernel.actor import Scope
from kernel.clock import now
from kernel.db import unit_of_work
from kernel.scope import require_scope
from memory.models_retention import MemoryForgetting
from memory.ports import Everything, Matching, MemoryScope, Selection, These
from saas.facade import acted_since

# Conditions that a passage meets and a turn does not: they keep no whole turn out.
_OF_PASSAGES = frozenset(("speaker", "kind", "message_id"))


def note(scope: MemoryScope, selection: Selection) -> None:
    """Leave a note of a bulk forgetting, in the open unit."""
    if isinstance(selection, These):
        return
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


def is_forgotten(
    scope: MemoryScope, *, conversation_id: UUID, turn_id: UUID, said_at: datetime
) -> bool:
    """Whether a turn said at that time was forgotten since, before memory was told of it."""
    return (
        MemoryForgetting.objects.filter(user_id=scope.user_id, created_at__gte=said_at)
        .filter(Q(agent_id=None) | Q(agent_id=scope.agent_id))
        .filter(Q(conversation_id=None) | Q(conversation_id=conversation_id))
        .filter(Q(turn_id=None) | Q(turn_id=turn_id))
        .filter(Q(said_from=None) | Q(said_from__lte=said_at))
        .filter(Q(said_before=None) | Q(said_before__gt=said_at))
        .exists()
    )
