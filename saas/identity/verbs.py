"""Signing in and out, changing the password, switching the tenant.

These verbs run before or across tenants; their check is possession of the secret or the session.
"""

from dataclasses import dataclass
from uuid import UUID

from django.db import transaction

from kernel.actor import Actor
from saas.authz.check import granted
from saas.errors import InvalidCredentials, NotAMember, WeakPassword
from saas.identity import csrf, lockout, passwords, sessions
from saas.models import Membership, Tenant, User


@dataclass(frozen=True, slots=True)
class Place:
    """A tenant as its members see it."""

    id: UUID
    name: str
    slug: str
    is_suspended: bool


@dataclass(frozen=True, slots=True)
class Belonging:
    """A membership as the person sees it."""

    tenant: Place
    role: str


@dataclass(frozen=True, slots=True)
class Me:
    """Everything that the interface needs to know of the signed-in person."""

    user_id: UUID
    email: str
    display_name: str
    is_platform_admin: bool
    tenant: Place | None
    role: str | None
    roles: list[str]
    memberships: list[Belonging]
    permissions: list[str]
    must_change_password: bool
    csrf_token: str


@dataclass(frozen=True, slots=True)
class SignIn:
    """`secret` goes into the cookie and nowhere else."""

    secret: str
    actor: Actor


def sign_in(email: str, password: str, address: str, agent: str, request_id: str) -> SignIn:
    """Open a session for a correct password.

    Raises: LockedOut, InvalidCredentials (the same for an unknown account, after the same work).
    """
    account = lockout.account_key(email)
    lockout.refuse_if_locked(account, address)
    user = User.objects.filter(email__iexact=email.strip(), is_active=True).first()
    if not passwords.verify(user.password_hash if user else None, password) or user is None:
        lockout.record(account, address, succeeded=False)
        raise InvalidCredentials
    with transaction.atomic():
        lockout.record(account, address, succeeded=True)
        belongings = sessions.memberships(user.id)
        tenant = belongings[0].tenant if belongings else None
        secret = sessions.open_session(user, tenant, address or None, agent)
    return SignIn(secret, sessions.authenticate(secret, request_id))


def sign_out(actor: Actor) -> None:
    """End this session."""
    if actor.session_id is not None:
        sessions.end_session(actor.session_id)


def change_password(actor: Actor, current: str, new: str) -> None:
    """Replace the password and end the person's other sessions.

    Raises: InvalidCredentials (current is wrong), WeakPassword.
    """
    user = User.objects.get(id=actor.user_id)
    if not passwords.verify(user.password_hash, current):
        raise InvalidCredentials("The current password is wrong.")
    passwords.check_strength(new, user.email)
    if passwords.verify(user.password_hash, new):
        raise WeakPassword("The new password is the same as the old one.")
    with transaction.atomic():
        User.objects.filter(id=user.id).update(
            password_hash=passwords.hash_password(new), must_change_password=False
        )
        sessions.end_other_sessions(user.id, keep=actor.session_id)


def switch_tenant(actor: Actor, tenant_id: UUID) -> None:
    """Make another of the person's tenants the session's tenant. Raises: NotAMember."""
    member = Membership.objects.filter(
        user_id=actor.user_id, tenant_id=tenant_id, suspended_at=None
    )
    if not member.exists() or actor.session_id is None:
        raise NotAMember
    sessions.switch_tenant(actor.session_id, tenant_id)


def issue_ticket(actor: Actor) -> str:
    """A one-use WebSocket ticket for this session."""
    if actor.session_id is None:
        raise NotAMember
    return sessions.issue_ticket(actor.session_id)


def describe(actor: Actor) -> Me:
    """The person as the interface needs it."""
    user = User.objects.get(id=actor.user_id)
    belongings = [
        Belonging(_place(membership.tenant), membership.role)
        for membership in sessions.memberships(user.id)
    ]
    here = next((one.tenant for one in belongings if one.tenant.id == actor.tenant_id), None)
    return Me(
        user_id=user.id,
        email=user.email,
        display_name=user.display_name,
        is_platform_admin=user.is_platform_admin,
        tenant=here,
        role=actor.role,
        roles=sorted(actor.roles),
        memberships=belongings,
        permissions=granted(actor),
        must_change_password=user.must_change_password,
        csrf_token=csrf.token_for(actor.session_id) if actor.session_id else "",
    )


def _place(tenant: Tenant) -> Place:
    return Place(tenant.id, tenant.name, tenant.slug, tenant.status == Tenant.Status.SUSPENDED)
