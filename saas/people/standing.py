"""What a membership makes of a person: the part of an actor that a check reads.

The columns are read wherever an actor is made (session, key, job), so that all see the same.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from saas.models import Membership, Tenant

# Of `saas_membership m` and `saas_tenant t`, as `standing` takes them.
COLUMNS = "m.role, m.roles, m.rights, m.has_grants, t.status"


def standing(tenant_id: UUID | None, found: Sequence[Any]) -> dict[str, Any]:
    """The fields of an actor in `tenant_id`; without a membership, none of any tenant."""
    role, roles, rights, has_grants, status = found
    if role is None:
        return {"tenant_id": None}
    return {
        "tenant_id": tenant_id,
        "role": role,
        "further": frozenset(roles),
        "rights": frozenset(rights),
        "has_grants": has_grants,
        "is_suspended": status == Tenant.Status.SUSPENDED,
    }


def standing_of(membership: Membership) -> dict[str, Any]:
    """The same of a row that came with its tenant."""
    one = membership
    found = (one.role, one.roles, one.rights, one.has_grants, one.tenant.status)
    return standing(one.tenant_id, found)
