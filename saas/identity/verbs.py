"""Signing in and out, changing the password, switching the tenant.

These verbs run before or across tenants; their check is possession of the secret or the session.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction

from kernel.actor import Actor
from kernel.clock import now
from saas.authz.check import granted
from saas.errors import InvalidCode, InvalidCredentials, NotAMember, WeakPassword
from saas.identity import csrf, lockout, onetime, passkeys, passwords, second_factor, sessions
from saas.identity.policy import policy_of
from saas.identity.port import require_own_accounts
from saas.identity.sessions import Proof, Visitor
from saas.models import Membership, Session, SignInAttempt, Tenant, User

SECOND_STEP_LIFE = timedelta(minutes=5)
HISTORY = 50


@dataclass(frozen=True, slots=True)
class Place:
    """A tenant as its members see it; `brand_colour`: `#rrggbb` or empty."""

    id: UUID
    name: str
    slug: str
    is_suspended: bool
    brand_colour: str


@dataclass(frozen=True, slots=True)
class Belonging:
    """A membership as the person sees it."""

    tenant: Place
    role: str


@dataclass(frozen=True, slots=True)
class ActedBy:
    """The platform admin who acts as the person, and until when."""

    user_id: UUID
    email: str
    display_name: str
    until: datetime


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
    must_enrol: bool
    csrf_token: str
    acted_by: ActedBy | None


@dataclass(frozen=True, slots=True)
class SignIn:
    """`secret` goes into the cookie and nowhere else."""

    secret: str
    actor: Actor


@dataclass(frozen=True, slots=True)
class SecondStep:
    """The password was right; `challenge` and one of `methods` finish the sign-in."""

    challenge: str
    methods: list[str]


@dataclass(frozen=True, slots=True)
class Attempt:
    """A try at signing in to one's account."""

    at: datetime
    address: str
    user_agent: str
    succeeded: bool


def sign_in(email: str, password: str, visitor: Visitor) -> SignIn | SecondStep:
    """Open a session for a correct password, or say that a second factor is needed.

    Raises: LockedOut, InvalidCredentials (the same for an unknown account, after the same work).
    """
    return proceed(check_password(email, password, visitor), visitor, Proof())


def proceed(
    user: User, visitor: Visitor, proof: Proof, tenant_id: UUID | None = None
) -> SignIn | SecondStep:
    """Open a session, unless a second factor of the person's is still to be shown."""
    methods = second_factor.factors_of(user.id).methods
    if methods and not proof.is_strong and not is_off(user.id):
        return _second_step(user, proof, methods, tenant_id)
    return enter(user, visitor, proof, tenant_id=tenant_id)


def sign_in_with_code(challenge: str, code: str, visitor: Visitor) -> SignIn:
    """Finish a sign-in with a code of the app or a recovery code.

    Raises: LockedOut, InvalidCode.
    """
    user, _ = _of_challenge(challenge)
    proof = second_factor.verify(user.id, user.email, code, visitor)
    spent = onetime.spend("second-factor", challenge)
    if spent is None:
        raise InvalidCode
    tenant_id = spent.data["tenant"]
    proof = proof.after(spent.data["methods"])
    return enter(user, visitor, proof, tenant_id=UUID(tenant_id) if tenant_id else None)


def ask_passkey(challenge: str | None) -> passkeys.Asked:
    """Ask for a passkey: as the first step, or as the second of `challenge`.

    Raises: InvalidCode.
    """
    if not challenge:
        return passkeys.begin_sign_in()
    user, first = _of_challenge(challenge)
    return passkeys.begin_sign_in(user.id, first)


def sign_in_with_passkey(
    challenge: str, credential: dict[str, Any], visitor: Visitor
) -> SignIn | SecondStep:
    """Open a session for a passkey. Raises: LockedOut, PasskeyRefused.

    One that did not verify its user is one factor: where there is an app, its code is asked for.
    """
    lockout.refuse_if_locked("passkey", visitor.address)
    try:
        shown = passkeys.show(challenge, credential)
    except passkeys.PasskeyRefused:
        lockout.record("passkey", visitor.address, succeeded=False)
        raise
    user = User.objects.filter(id=shown.user_id, is_active=True).first()
    if user is None:
        raise passkeys.PasskeyRefused
    app = second_factor.factors_of(user.id).app_since
    if not shown.proof.is_strong and app is not None and not is_off(user.id):
        return _second_step(user, shown.proof, ["code", "recovery"], None)
    return enter(user, visitor, shown.proof)


def check_password(email: str, password: str, visitor: Visitor) -> User:
    """The person whose password this is. Raises: KeptElsewhere, LockedOut, InvalidCredentials."""
    require_own_accounts()
    account = lockout.account_key(email)
    lockout.refuse_if_locked(account, visitor.address)
    user = User.objects.filter(email__iexact=email.strip(), is_active=True).first()
    if not passwords.verify(user.password_hash if user else None, password) or user is None:
        lockout.record(account, visitor.address, succeeded=False, agent=visitor.agent)
        raise InvalidCredentials
    if passwords.is_outdated(user.password_hash):
        # Only what was checked is replaced: the person may be changing it at this moment.
        known = User.objects.filter(id=user.id, password_hash=user.password_hash)
        known.update(password_hash=passwords.hash_password(password))
    return user


def enter(
    user: User,
    visitor: Visitor,
    proof: Proof,
    life: timedelta | None = None,
    tenant_id: UUID | None = None,
) -> SignIn:
    """Open a session in a tenant (the first one) of a person who proved who it is.

    `life`: of a program's session.
    """
    with transaction.atomic():
        lockout.record(
            lockout.account_key(user.email), visitor.address, succeeded=True, agent=visitor.agent
        )
        belongings = sessions.memberships(user.id)
        wanted = [one for one in belongings if one.tenant_id == tenant_id] or belongings
        tenant = wanted[0].tenant if wanted else None
        secret = sessions.open_session(user, tenant, visitor, proof, life=life)
    return SignIn(secret, sessions.authenticate(secret, visitor.request_id))


def sign_out(actor: Actor) -> None:
    """End this session, and those in which others act as the person.

    Whoever acts as somebody signs out as themselves.
    """
    if actor.session_id is None:
        return
    if actor.acted_by is not None:
        sessions.end_session(actor.acted_by, sessions.own_session(actor.session_id))
        return
    sessions.end_session(actor.user_id, actor.session_id)
    sessions.end_acting_as(actor.user_id)


def confirm_person(actor: Actor, visitor: Visitor, password: str | None, code: str | None) -> None:
    """Step up: prove again, with the password or a code, who this session belongs to.

    Raises: LockedOut, InvalidCredentials, InvalidCode.
    """
    user = User.objects.get(id=actor.user_id)
    if code:
        proof = second_factor.verify(user.id, user.email, code, visitor)
    else:
        check_password(user.email, password or "", visitor)
        proof = Proof()
    if actor.session_id is not None:
        sessions.strengthen(actor.session_id, proof)


def confirm_with_passkey(actor: Actor, challenge: str, credential: dict[str, Any]) -> None:
    """Step up with a passkey. Raises: PasskeyRefused."""
    shown = passkeys.show(challenge, credential)
    if shown.user_id != actor.user_id or actor.session_id is None:
        raise passkeys.PasskeyRefused
    sessions.strengthen(actor.session_id, shown.proof)


def change_password(actor: Actor, current: str, new: str, visitor: Visitor) -> None:
    """Replace the password and end the person's other sessions.

    Raises: LockedOut, InvalidCredentials (current is wrong), WeakPassword.
    """
    email = User.objects.values_list("email", flat=True).get(id=actor.user_id)
    user = check_password(email, current, visitor)
    set_password(user, hash_new(user, new), keep=actor.session_id)


def hash_new(user: User, new: str) -> str:
    """What is kept of a new password. Raises: WeakPassword.

    Slow on purpose: never within a transaction.
    """
    passwords.check_strength(new, user.email)
    if passwords.verify(user.password_hash, new):
        raise WeakPassword("The new password is the same as the old one.")
    return passwords.hash_password(new)


def set_password(user: User, hashed: str, keep: UUID | None) -> None:
    """Put what `hash_new` gave in force; all sessions but `keep` end, and links for a reset."""
    with transaction.atomic():
        User.objects.filter(id=user.id).update(password_hash=hashed, must_change_password=False)
        sessions.end_other_sessions(user.id, keep=keep)
        onetime.revoke("reset", user.id)
        second_factor.tell(user.id, "The password of your account was changed")


def switch_tenant(actor: Actor, tenant_id: UUID) -> None:
    """Make another of the person's tenants the session's tenant.

    Raises: NotAMember, BoundToTenant.
    """
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


def see_history(actor: Actor) -> list[Attempt]:
    """Tries at signing in to one's account in the last 30 days, newest first."""
    email = User.objects.values_list("email", flat=True).get(id=actor.user_id)
    rows = SignInAttempt.objects.filter(
        account=lockout.account_key(email), at__gt=now() - lockout.KEPT
    ).order_by("-at")
    return [Attempt(row.at, row.address, row.user_agent, row.succeeded) for row in rows[:HISTORY]]


def describe(actor: Actor) -> Me:
    """The person as the interface needs it."""
    user = User.objects.get(id=actor.user_id)
    belongings = [
        Belonging(_place(membership.tenant), membership.role)
        for membership in sessions.memberships(user.id)
        # Who acts as somebody learns nothing of their other organisations.
        if actor.acted_by is None or membership.tenant_id == actor.tenant_id
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
        must_change_password=actor.must_change_password,
        must_enrol=actor.must_enrol,
        csrf_token=csrf.token_for(actor.session_id) if actor.session_id else "",
        acted_by=_acted_by(actor),
    )


def _acted_by(actor: Actor) -> ActedBy | None:
    if actor.acted_by is None or actor.session_id is None:
        return None
    admin = User.objects.get(id=actor.acted_by)
    until = Session.objects.values_list("expires_at", flat=True).get(id=actor.session_id)
    return ActedBy(admin.id, admin.email, admin.display_name, until)


def _second_step(
    user: User, first: Proof, methods: list[str], tenant_id: UUID | None
) -> SecondStep:
    challenge = onetime.issue(
        "second-factor", SECOND_STEP_LIFE, user.id, methods=list(first.methods),
        tenant=str(tenant_id) if tenant_id else None,
    )  # fmt: skip
    return SecondStep(challenge, methods)


def _of_challenge(challenge: str) -> tuple[User, list[str]]:
    """Whose it is, and how they were recognised so far."""
    found = onetime.look("second-factor", challenge)
    if found is None or found.is_used or found.user_id is None:
        raise InvalidCode("Sign in with your password again.")
    user = User.objects.filter(id=found.user_id, is_active=True).first()
    if user is None:
        raise InvalidCode
    return user, found.data["methods"]


def is_off(user_id: UUID) -> bool:
    """Whether the only tenants of a person do without second factors."""
    policies = [policy_of(one.tenant_id).mfa for one in sessions.memberships(user_id)]
    return bool(policies) and all(mfa == "off" for mfa in policies)


def _place(tenant: Tenant) -> Place:
    is_suspended = tenant.status == Tenant.Status.SUSPENDED
    return Place(tenant.id, tenant.name, tenant.slug, is_suspended, tenant.brand_colour)
