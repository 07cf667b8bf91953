"""Roles of a tenant's own: a name for some of the tenant's permissions. System roles are fixed."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import IntegrityError, connection, transaction

from kernel.actor import Actor
from kernel.db import unit_of_work
from kernel.errors import Unprocessable
from kernel.text import checked
from saas.audit import audit
from saas.authz.check import require
from saas.authz.rights import tell_rights
from saas.authz.schema import GIVEABLE, PRIVILEGED, SCHEMA, Either, One
from saas.errors import RoleInUse, RoleTaken, RoleUnknown
from saas.models import Membership, Role, TenantRole

NAME_MAX = 60

# What the roles of each member come to, after one of them changed.
_REFRESH = """
update saas_membership m set rights = coalesce((
  select array_agg(distinct p order by p) from saas_tenantrole r, unnest(r.permissions) p
  where r.tenant_id = m.tenant_id and r.id = any(m.own_roles)), '{}')
where m.tenant_id = %s and %s = any(m.own_roles)
"""


@dataclass(frozen=True, slots=True)
class RoleView:
    """A role with what it may. `role_id` None: a system role, which is fixed."""

    role_id: UUID | None
    name: str
    title: str
    permissions: list[str]
    people: int
    is_privileged: bool


def list_roles(actor: Actor) -> list[RoleView]:
    """System roles in the order of the table, then the tenant's own by name. Raises: Forbidden."""
    with unit_of_work(actor.scope):
        require(actor, "tenant.see_people")
        members = list(
            Membership.objects.filter(tenant_id=actor.scope.tenant_id).values_list(
                "role", "roles", "own_roles"
            )
        )
        own = list(TenantRole.objects.order_by("name"))
    system = [
        RoleView(
            None, role.value, str(role.label), system_permissions(role.value),
            sum(role.value in {main, *more} for main, more, _ in members),
            role.value in PRIVILEGED,
        )
        for role in Role
    ]  # fmt: skip
    mine = [_view(row, sum(row.id in ids for _, _, ids in members)) for row in own]
    return system + mine


def system_permissions(role: str) -> list[str]:
    """The permissions of the tenant that a system role has."""
    found = []
    for name, expression in SCHEMA["tenant"].permissions.items():
        terms = expression.terms if isinstance(expression, Either) else (expression,)
        if One(role) in terms:
            found.append(name)
    return found


def create_role(actor: Actor, name: str, permissions: Sequence[str]) -> RoleView:
    """A new role. Raises: Forbidden, RoleTaken, Unprocessable."""
    row = TenantRole(name=_name(name), permissions=_permissions(permissions))
    with unit_of_work(actor.scope):
        require(actor, "tenant.assign_roles")
        row.tenant_id = actor.scope.tenant_id
        _save(row)
        audit(actor, "role.created", "role", row.id, after=_audited(row))
    return _view(row, 0)


def update_role(
    actor: Actor, role_id: UUID, name: str | None, permissions: Sequence[str] | None
) -> RoleView:
    """Change a role, for everybody who has it at once. Raises: as `create_role`, RoleUnknown."""
    with unit_of_work(actor.scope):
        row = _access(actor, role_id)
        before = _audited(row)
        if name is not None:
            row.name = _name(name)
        if permissions is not None:
            row.permissions = _permissions(permissions)
        _save(row)
        with connection.cursor() as cursor:
            cursor.execute(_REFRESH, [row.tenant_id, row.id])
            people = cursor.rowcount
        audit(actor, "role.updated", "role", row.id, before, _audited(row))
        tell_rights(row.tenant_id)
    return _view(row, people)


def delete_role(actor: Actor, role_id: UUID) -> None:
    """Delete a role that nobody has. Raises: Forbidden, RoleUnknown, RoleInUse."""
    with unit_of_work(actor.scope):
        row = _access(actor, role_id)
        if Membership.objects.filter(
            tenant_id=row.tenant_id, own_roles__contains=[row.id]
        ).exists():
            raise RoleInUse
        audit(actor, "role.deleted", "role", row.id, before=_audited(row))
        row.delete()


def _access(actor: Actor, role_id: UUID) -> TenantRole:
    require(actor, "tenant.assign_roles")
    row: TenantRole | None = TenantRole.objects.select_for_update().filter(id=role_id).first()
    if row is None:
        raise RoleUnknown
    return row


def _save(row: TenantRole) -> None:
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError as exc:
        raise RoleTaken from exc


def _name(text: str) -> str:
    name = checked(text, "/name").strip()
    if not name or len(name) > NAME_MAX or name.lower() in Role.values:
        detail = f"1 to {NAME_MAX} characters, and no name of a system role"
        raise Unprocessable(errors=[{"pointer": "/name", "detail": detail}])
    return name


def _permissions(names: Sequence[str]) -> list[str]:
    if not names or set(names) - set(GIVEABLE):
        detail = f"at least one of {', '.join(GIVEABLE)}"
        raise Unprocessable(errors=[{"pointer": "/permissions", "detail": detail}])
    return sorted(set(names))


def _view(row: TenantRole, people: int) -> RoleView:
    return RoleView(row.id, row.name, row.name, list(row.permissions), people, is_privileged=True)


def _audited(row: TenantRole) -> dict[str, object]:
    return {"name": row.name, "permissions": row.permissions}
