"""Facts that saas tells the other apps."""

from dataclasses import dataclass
from uuid import UUID

from kernel.events import event


@event("audit.recorded", version=1, waits=False)
@dataclass(frozen=True, slots=True)
class AuditRecorded:
    """An entry of the audit log was written; what changed stays in the log.

    `object_id`: of the object, or the name of one that has no id. `as_user_id`: as whom the actor
    acted, where that was somebody else.
    """

    entry_id: UUID
    actor_id: UUID
    action: str
    object_type: str
    object_id: str
    as_user_id: UUID | None = None


@event("tenant.suspended", version=1, topic="audit", waits=False)
@dataclass(frozen=True, slots=True)
class TenantSuspended:
    """A tenant was closed: what runs for it stops."""

    tenant_id: UUID
