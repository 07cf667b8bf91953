"""The facts of a tenant as tuples: what SpiceDB is to hold of memberships and grants.

What an object says of itself (owner, tenant) stays in its row: the check reads it there.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Q

from kernel.clock import now
from saas.authz.schema import given
from saas.models import Grant, Membership


@dataclass(frozen=True, slots=True)
class Tuple:
    """`kind`:`object_id`#`relation`@user:`person`. `expires_at` in whole seconds."""

    kind: str
    object_id: str
    relation: str
    person: str
    expires_at: datetime | None = None


def person_name(tenant_id: UUID, user_id: UUID) -> str:
    """The subject: a person in one tenant, so that nothing of it counts in another."""
    return f"{tenant_id}/{user_id}"


def object_name(tenant_id: UUID, kind: str, object_id: UUID | None) -> str:
    """An object's name: with its tenant before it, so that the tuples of one tenant are found."""
    return str(tenant_id) if kind == "tenant" else f"{tenant_id}/{object_id}"


def wanted_tuples(tenant_id: UUID, user_id: UUID | None = None) -> set[Tuple]:
    """What is true now of a person (None: of everybody), in the open unit of the tenant."""
    members = Membership.objects.filter(
        tenant_id=tenant_id, suspended_at=None, user__is_active=True
    )
    moment = now()
    grants = Grant.objects.filter(Q(expires_at=None) | Q(expires_at__gt=moment))
    if user_id is not None:
        members, grants = members.filter(user_id=user_id), grants.filter(user_id=user_id)
    found = set()
    for member in members:
        person = person_name(tenant_id, member.user_id)
        relations = {member.role, *member.roles, *(given(name) for name in member.rights)}
        found |= {Tuple("tenant", str(tenant_id), one, person) for one in relations}
    for grant in grants:
        end = grant.expires_at.replace(microsecond=0) if grant.expires_at else None
        person = person_name(tenant_id, grant.user_id)
        name = object_name(tenant_id, grant.object_type, grant.object_id)
        found.add(Tuple(grant.object_type, name, grant.relation, person, end))
    return found
