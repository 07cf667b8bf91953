"""Writing: append-only, per tenant; platform acts live under the nil tenant."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from kernel import outbox
from kernel.actor import Actor
from kernel.scope import PLATFORM_TENANT, current_scope
from saas.models import AuditEntry
from saas.told import AuditRecorded

__all__ = ["OPERATOR", "PLATFORM_TENANT", "acted_since", "audit"]

# Whoever runs commands on the machine itself: no account, so no id.
OPERATOR = Actor(UUID(int=0), None, kind="service")


def audit(
    actor: Actor,
    action: str,
    object_type: str,
    object_id: object,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> None:
    """Record an act in the open unit, so that it commits with what it describes; it is an event.

    `action` is "noun.verb" in the past ("agent.created"). Never pass secrets or message text.
    """
    scope = current_scope()
    entry = AuditEntry(
        tenant_id=scope.tenant_id if scope else PLATFORM_TENANT,
        actor_id=actor.acted_by or actor.user_id,
        as_user_id=actor.user_id if actor.acted_by else None,
        action=action,
        object_type=object_type,
        object_id=str(object_id),
        before=before,
        after=after,
        request_id=actor.request_id,
        address=actor.address,
    )
    told = AuditRecorded(
        entry.id, entry.actor_id, action, object_type, str(object_id), entry.as_user_id
    )
    # Entries of one object are told in their order.
    outbox.emit(told, key=f"{object_type}:{object_id}"[:100], beside=[entry])


def acted_since(actions: Sequence[str], moment: datetime) -> bool:
    """Whether anyone did one of these in the open unit's tenant since."""
    return bool(
        AuditEntry.objects.filter(action__in=list(actions), created_at__gte=moment).exists()
    )
