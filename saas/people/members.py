"""Who belongs to a tenant, with which roles. Nobody changes their own.

Whoever has `manage_people` handles people without privileged roles; those roles, and roles of the
tenant's own, are given and taken with `assign_roles`. The last sysadmin stays: a trigger.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import IntegrityError, connection

from kernel.actor import Actor
from kernel.clock import now
from kernel.db import unit_of_work
from kernel.errors import Unprocessable
from kernel.text import as_like
from saas.audit import audit
from saas.authz.check import require
from saas.authz.rights import tell_rights
from saas.authz.schema import PRIVILEGED
from saas.errors import LastSysadmin, OwnRights, PersonUnknown, RoleUnknown
from saas.identity import sessions
from saas.models import Grant, Membership, Role, TenantRole


@dataclass(frozen=True, slots=True)
class Person:
    """A member as colleagues see them. `own_roles`: ids of roles of the tenant's own."""

    user_id: UUID
    email: str
    display_name: str
    role: str
    roles: list[str]
    own_roles: list[UUID]
    suspended_at: datetime | None
    is_active: bool
    joined_at: datetime
    last_seen_at: datetime | None
    sessions: int


@dataclass(frozen=True, slots=True)
class Roles:
    """What a person is to have: the main role, further ones, and roles of the tenant's own."""

    role: str
    roles: Sequence[str] = ()
    own_roles: Sequence[UUID] = ()


_PEOPLE = """
select u.id, u.email, u.display_name, m.role, m.roles, m.own_roles, m.suspended_at, u.is_active,
       m.created_at, s.last_seen_at, coalesce(s.count, 0)
from saas_membership m join saas_user u on u.id = m.user_id
left join lateral (
  select max(last_seen_at) as last_seen_at, count(*) filter (
    where ended_at is null and expires_at > %(now)s) as count
  from saas_session
  where user_id = u.id and tenant_id = m.tenant_id and acted_by_id is null) s on true
where m.tenant_id = %(tenant)s and (%(user)s::uuid is null or u.id = %(user)s)
  and (%(after)s::uuid is null or m.id > (
    select id from saas_membership where tenant_id = %(tenant)s and user_id = %(after)s))
  and (%(text)s = '' or u.email ilike %(like)s or u.display_name ilike %(like)s)
order by m.id limit %(limit)s
"""


def list_people(actor: Actor, limit: int, after: UUID | None, text: str = "") -> list[Person]:
    """Members by age (one more than `limit`, when there are more). Raises: Forbidden."""
    with unit_of_work(actor.scope):
        require(actor, "tenant.see_people")
        return _people(actor, limit + 1, after=after, text=text)


def see_person(actor: Actor, user_id: UUID) -> Person:
    """One member. Raises: Forbidden, PersonUnknown."""
    with unit_of_work(actor.scope):
        require(actor, "tenant.see_people")
        return _person(actor, user_id)


def change_roles(actor: Actor, user_id: UUID, wanted: Roles) -> Person:
    """Give a person these roles and no others; acts everywhere within a second.

    Raises: Forbidden, OwnRights, PersonUnknown, RoleUnknown, LastSysadmin, Unprocessable.
    """
    _refuse_unknown(wanted)
    with _changing(actor, user_id) as member:
        _may_touch(actor, {wanted.role, *wanted.roles}, wanted.own_roles)
        before = _roles(member)
        member.role = wanted.role
        member.roles = sorted(set(wanted.roles) - {wanted.role})
        member.own_roles = sorted(set(wanted.own_roles))
        member.rights = _rights_of(member.own_roles)
        member.save(update_fields=["role", "roles", "own_roles", "rights"])
        audit(actor, "person.roles_changed", "person", user_id, before, _roles(member))
        return _person(actor, user_id)


def suspend_person(actor: Actor, user_id: UUID, reason: str) -> Person:
    """Close the tenant for a person until `resume_person`. Raises: as `change_roles`."""
    return _set_suspended(actor, user_id, now(), {"reason": reason})


def resume_person(actor: Actor, user_id: UUID) -> Person:
    """Open it again: roles and grants are as they were. Raises: as `change_roles`."""
    return _set_suspended(actor, user_id, None, {})


def sign_out_person(actor: Actor, user_id: UUID) -> int:
    """End the sessions that a person has in the tenant. Returns how many.

    Raises: Forbidden, OwnRights, PersonUnknown.
    """
    with _changing(actor, user_id):
        count = sessions.end_sessions_in(user_id, actor.scope.tenant_id)
        audit(actor, "person.signed_out", "person", user_id, after={"sessions": count})
    return count


def remove_person(actor: Actor, user_id: UUID) -> None:
    """End a membership, with all that the person was given on objects. Raises: as above."""
    with _changing(actor, user_id) as member:
        audit(actor, "person.removed", "person", user_id, before=_roles(member))
        Grant.objects.filter(user_id=user_id).delete()
        member.delete()


@contextmanager
def _changing(actor: Actor, user_id: UUID) -> Iterator[Membership]:
    """The membership, locked, in a unit; afterwards everybody is told."""
    with unit_of_work(actor.scope):
        require(actor, "tenant.manage_people")
        if user_id in (actor.user_id, actor.acted_by):
            raise OwnRights
        member = (
            Membership.objects.select_for_update()
            .filter(tenant_id=actor.scope.tenant_id, user_id=user_id)
            .first()
        )
        if member is None:
            raise PersonUnknown
        _may_touch(actor, {member.role, *member.roles}, member.own_roles)
        try:
            yield member
        except IntegrityError as exc:
            raise translated(exc) from exc
        tell_rights(actor.scope.tenant_id, user_id)


def _set_suspended(
    actor: Actor, user_id: UUID, moment: datetime | None, why: dict[str, str]
) -> Person:
    with _changing(actor, user_id) as member:
        member.suspended_at = moment
        member.save(update_fields=["suspended_at"])
        act = "person.suspended" if moment else "person.resumed"
        audit(actor, act, "person", user_id, after=why or None)
        return _person(actor, user_id)


def _may_touch(actor: Actor, roles: set[str], own_roles: Sequence[UUID]) -> None:
    if roles & PRIVILEGED or own_roles:
        require(actor, "tenant.assign_roles")


def _refuse_unknown(wanted: Roles) -> None:
    known = set(Role.values)
    errors = [
        {"pointer": pointer, "detail": f"of {', '.join(Role.values)}"}
        for pointer, names in (("/role", [wanted.role]), ("/roles", wanted.roles))
        if set(names) - known
    ]
    if errors:
        raise Unprocessable(errors=errors)


def _rights_of(own_roles: Sequence[UUID]) -> list[str]:
    # Held until the commit, so that a role that is deleted at this moment is not given.
    found = TenantRole.objects.select_for_update(no_key=True).filter(id__in=own_roles)
    rows = list(found)
    if len(rows) != len(own_roles):
        raise RoleUnknown
    return sorted({name for row in rows for name in row.permissions})


def _roles(member: Membership) -> dict[str, Any]:
    return {
        "role": member.role,
        "roles": list(member.roles),
        "own_roles": [str(one) for one in member.own_roles],
    }


def _person(actor: Actor, user_id: UUID) -> Person:
    found = _people(actor, 1, user_id=user_id)
    if not found:
        raise PersonUnknown
    return found[0]


def _people(
    actor: Actor,
    limit: int,
    *,
    user_id: UUID | None = None,
    after: UUID | None = None,
    text: str = "",
) -> list[Person]:
    values = {
        "tenant": actor.scope.tenant_id, "user": user_id, "after": after, "now": now(),
        "text": text, "like": f"%{as_like(text)}%", "limit": limit,
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(_PEOPLE, values)
        return [Person(*row) for row in cursor.fetchall()]


def translated(error: IntegrityError) -> Exception:
    """What the database's refusal means."""
    diagnosis = getattr(error.__cause__, "diag", None)
    if getattr(diagnosis, "constraint_name", "") == "tenant_keeps_a_sysadmin":
        return LastSysadmin("Make somebody else a sysadmin first.")
    return error
