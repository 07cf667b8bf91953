"""Making tenants and people: set-up commands now, the platform console later.

Never called with data of a request that is not a platform admin's.
"""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from kernel.actor import Actor, Scope
from kernel.db import platform_unit, unit_of_work
from saas.authz.rights import tell_rights
from saas.identity import passwords
from saas.identity.port import IDENTITY
from saas.models import Membership, Role, Tenant, User
from saas.people.standing import standing_of

# Upper apps add what a new tenant starts with (a first agent); they register here.
_starters: list[Callable[[Scope], None]] = []


@dataclass(frozen=True, slots=True)
class Person:
    """A person and, when it was just made, the one-time password."""

    user_id: UUID
    email: str
    one_time_password: str | None


def on_new_tenant(starter: Callable[[Scope], None]) -> None:
    """Register what runs, idempotently, in each new tenant's first unit."""
    if starter not in _starters:
        _starters.append(starter)


def has_platform_admin(email: str = "") -> bool:
    """Whether anyone, or whoever has this address, can administrate this installation."""
    with platform_unit("first start"):
        admins = User.objects.using("platform").filter(is_platform_admin=True)
        return (admins.filter(email__iexact=email) if email else admins).exists()


def home_of_platform() -> UUID | None:
    """The oldest tenant that a platform admin runs, whatever it is called by now; None: none."""
    with platform_unit("provisioning"):
        runs = Membership.objects.using("platform").filter(
            role=Role.SYSADMIN, user__is_platform_admin=True
        )
        found: UUID | None = (
            runs.order_by("tenant__created_at").values_list("tenant_id", flat=True).first()
        )
    return found


def ensure_tenant(name: str, slug: str) -> UUID:
    """The tenant `slug`, made with its starting content when missing. Idempotent."""
    with platform_unit("provisioning"):
        tenant, _ = Tenant.objects.using("platform").get_or_create(
            slug=slug, defaults={"name": name}
        )
    with unit_of_work(Scope(tenant.id)):
        for starter in _starters:
            starter(Scope(tenant.id))
    return tenant.id


def ensure_person(
    email: str,
    display_name: str,
    *,
    password: str | None = None,
    is_platform_admin: bool = False,
) -> Person:
    """The person with `email`, made when missing; without `password`, with a one-time one.

    Where accounts are kept elsewhere, no password is made here. Nothing changes of somebody who is
    there already, except that they become a platform admin where that is asked.
    """
    with platform_unit("provisioning"):
        known = User.objects.using("platform").filter(email__iexact=email).first()
        if known is not None:
            if is_platform_admin and not known.is_platform_admin:
                known.is_platform_admin = True
                known.save(using="platform", update_fields=["is_platform_admin"])
            return Person(known.id, known.email, None)
        is_ours = not IDENTITY.get().entrance().name
        secret = password or passwords.one_time_password()
        user = User.objects.using("platform").create(
            email=email,
            display_name=display_name,
            password_hash=passwords.hash_password(secret) if is_ours else passwords.NO_PASSWORD,
            must_change_password=is_ours and password is None,
            is_platform_admin=is_platform_admin,
        )
    return Person(user.id, user.email, secret if is_ours and not password else None)


def ensure_membership(user_id: UUID, tenant_id: UUID, role: Role) -> None:
    """Make the person a member with `role` (changed when it differs). Idempotent."""
    with platform_unit("provisioning"):
        Membership.objects.using("platform").update_or_create(
            user_id=user_id, tenant_id=tenant_id, defaults={"role": role}
        )
    with unit_of_work(Scope(tenant_id)):
        tell_rights(tenant_id, user_id)


def member_actor(user_id: UUID, tenant_id: UUID) -> Actor:
    """The actor of a member outside any session (commands, consumers). Raises: DoesNotExist."""
    membership = Membership.objects.select_related("user", "tenant").get(
        user_id=user_id, tenant_id=tenant_id
    )
    return Actor(
        user_id=user_id,
        **standing_of(membership),
        is_platform_admin=membership.user.is_platform_admin,
    )


def acting_member(user_id: UUID, tenant_id: UUID) -> Actor | None:
    """The actor of a person who may work in a tenant now; None when either may not."""
    membership = (
        Membership.objects.select_related("tenant")
        .filter(
            user_id=user_id,
            tenant_id=tenant_id,
            suspended_at=None,
            user__is_active=True,
            tenant__status=Tenant.Status.ACTIVE,
        )
        .first()
    )
    if membership is None:
        return None
    return Actor(user_id=user_id, **standing_of(membership))


def is_active_tenant(tenant_id: UUID) -> bool:
    """Whether anything may be done for a tenant."""
    return Tenant.objects.filter(id=tenant_id, status=Tenant.Status.ACTIVE).exists()


def suspended_tenants() -> list[UUID]:
    """The tenants for which nothing may be done."""
    return list(Tenant.objects.filter(status=Tenant.Status.SUSPENDED).values_list("id", flat=True))
