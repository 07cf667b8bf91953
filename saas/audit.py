"""The audit log: append-only, per tenant; platform acts live under the nil tenant."""

from typing import Any
from uuid import UUID

from kernel.actor import Actor
from kernel.scope import current_scope
from saas.models import AuditEntry

PLATFORM_TENANT = UUID(int=0)


def audit(
    actor: Actor,
    action: str,
    object_type: str,
    object_id: object,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> None:
    """Record an act in the open unit, so that it commits with what it describes.

    `action` is "noun.verb" in the past ("agent.created"). Never pass secrets or message text.
    """
    scope = current_scope()
    AuditEntry.objects.create(
        tenant_id=scope.tenant_id if scope else PLATFORM_TENANT,
        actor_id=actor.user_id,
        action=action,
        object_type=object_type,
        object_id=str(object_id),
        before=before,
        after=after,
        request_id=actor.request_id,
    )
