"""Makes what Keycloak holds of memberships what is true here, whatever happened and how often.

Keycloak's people who have never been here are left alone: they come in by their organisation.
"""

from dataclasses import dataclass
from uuid import UUID

from django.db import connection

from saas.identity.port import Account
from saas.keycloak.admin import Admin
from saas.keycloak.models import RealmAccount
from saas.keycloak.organisations import (
    Organisation,
    ensure_account,
    ensure_organisation,
    find_account,
)
from saas.models import Membership, Tenant, User

# Two deliveries may know of the same person at the same time.
_KNOW = """
insert into saas_realmaccount (subject, user_id, joined) values (%(subject)s, %(user)s, %(joined)s)
on conflict (user_id) do update set subject = excluded.subject, joined = (
  select coalesce(array_agg(distinct one), '{}')
  from unnest(saas_realmaccount.joined || excluded.joined) one)
"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A member as it should be there."""

    user: User
    roles: frozenset[str]


def know(subject: str, user_id: UUID, joined: list[UUID]) -> None:
    """Keep whose account it is, and tenants that the person needs no letting in to any more."""
    with connection.cursor() as cursor:
        cursor.execute(_KNOW, {"subject": subject, "user": user_id, "joined": joined})


def copy_person(admin: Admin, tenant_id: UUID, user_id: UUID) -> int:
    """One membership. Returns how many things were changed. Raises: IdentityAway."""
    tenant = Tenant.objects.get(id=tenant_id)
    organisation, changed = ensure_organisation(admin, tenant)
    wanted = _wanted(tenant_id, user_id)
    if wanted:
        return changed + _put(admin, tenant_id, organisation, None, wanted[0])
    user = User.objects.filter(id=user_id).first()
    subject = _subject(admin, user) if user else None
    return changed + (organisation.remove(subject) if subject else 0)


def copy_tenant(admin: Admin, tenant_id: UUID) -> int:
    """All memberships: compares, and repairs what was lost. As `copy_person`."""
    tenant = Tenant.objects.get(id=tenant_id)
    organisation, changed = ensure_organisation(admin, tenant)
    held = organisation.members()
    wanted = _wanted(tenant_id, None)
    for one in wanted:
        changed += _put(admin, tenant_id, organisation, held, one)
    known = RealmAccount.objects.filter(subject__in=held, joined__contains=[tenant_id])
    gone = known.exclude(user_id__in=[one.user.id for one in wanted])
    for subject in gone.values_list("subject", flat=True):
        changed += organisation.remove(subject)
    return changed


def _put(
    admin: Admin,
    tenant_id: UUID,
    organisation: Organisation,
    held: dict[str, frozenset[str]] | None,
    one: Wanted,
) -> int:
    subject, changed = _subject(admin, one.user), 0
    if subject is None:
        account, is_new = ensure_account(admin, one.user.email, one.user.display_name)
        subject, changed = account.subject, int(is_new)
    # Before it is a member there: a token that says so must find it known here.
    know(subject, one.user.id, [tenant_id])
    roles = organisation.roles_of(subject) if held is None else held.get(subject)
    return changed + organisation.put(subject, roles, one.roles)


def _subject(admin: Admin, user: User) -> str | None:
    """Of the account that was used here, or of the one with the person's address."""
    known = RealmAccount.objects.filter(user_id=user.id).values_list("subject", flat=True).first()
    if known is not None and admin.get(f"/users/{known}") is not None:
        return known
    found: Account | None = find_account(admin, user.email)
    return found.subject if found else None


def _wanted(tenant_id: UUID, user_id: UUID | None) -> list[Wanted]:
    rows = Membership.objects.filter(
        tenant_id=tenant_id, suspended_at=None, user__is_active=True
    ).select_related("user")
    if user_id is not None:
        rows = rows.filter(user_id=user_id)
    return [Wanted(row.user, frozenset({row.role, *row.roles})) for row in rows]
