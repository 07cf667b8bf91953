"""Invitations to a tenant: by mail, for 72 hours, accepted once, by the person of that address.

Whoever has `manage_people` invites; privileged roles are given with `assign_roles`, as for members.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from django.db import IntegrityError

from kernel.actor import Actor, Scope
from kernel.clock import now
from kernel.db import platform_unit, unit_of_work
from kernel.errors import Forbidden, NotFound, SomaError, Unprocessable
from saas.audit import audit
from saas.authz.check import require
from saas.authz.rights import tell_rights
from saas.authz.schema import PRIVILEGED
from saas.errors import EmailTaken, LinkInvalid
from saas.identity import addresses, copying, mails, passwords, recovery, verbs
from saas.identity.models import Invitation
from saas.identity.onetime import digest
from saas.identity.port import require_own_accounts
from saas.identity.sessions import Proof, Visitor
from saas.models import Membership, Role, Tenant, User

LIFE = timedelta(hours=72)
MOST_AT_ONCE = 200


class InvitationOfAnother(Forbidden):
    """The invitation was sent to another address than that of the person who is signed in."""

    code, title = "invitation-of-another", "This invitation is for another address"


@dataclass(frozen=True, slots=True)
class InvitationView:
    """An invitation as those see it who manage people."""

    id: UUID
    email: str
    role: str
    state: Literal["open", "accepted", "revoked", "expired"]
    sent_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Line:
    """What became of one address of a list. `problem`: the code of why not, and in words."""

    email: str
    invitation: InvitationView | None = None
    code: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Welcome:
    """What the person behind a link sees before accepting."""

    tenant: str
    email: str
    role: str
    has_account: bool


def list_invitations(actor: Actor, limit: int, before: UUID | None) -> list[InvitationView]:
    """Those of the tenant, newest first. Raises: Forbidden, NoTenant."""
    with unit_of_work(actor.scope):
        require(actor, "tenant.see_settings")
        rows = Invitation.objects.order_by("-id")
        if before is not None:
            rows = rows.filter(id__lt=before)
        return [_view(row) for row in rows[:limit]]


def invite(actor: Actor, emails: Sequence[str], role: str) -> list[Line]:
    """Invite each address to `role`; one that fails holds up no other.

    Raises: Forbidden, NoTenant, Unprocessable (no such role).
    """
    if role not in Role.values:
        detail = f"of {', '.join(Role.values)}"
        raise Unprocessable(errors=[{"pointer": "/role", "detail": detail}])
    with unit_of_work(actor.scope):
        require(actor, "tenant.manage_people")
        if role in PRIVILEGED:
            require(actor, "tenant.assign_roles")
    return [_invite_one(actor, email, role) for email in dict.fromkeys(emails)]


def resend(actor: Actor, invitation_id: UUID) -> InvitationView:
    """A new link, for 72 hours; the old one ends. Raises: Forbidden, NotFound, LinkInvalid."""
    with unit_of_work(actor.scope):
        row = _manage(actor, invitation_id)
        _send(actor, row)
        audit(actor, "invitation.sent_again", "invitation", row.id)
        return _view(row)


def revoke(actor: Actor, invitation_id: UUID) -> None:
    """The link works no more. Raises: Forbidden, NotFound, LinkInvalid."""
    with unit_of_work(actor.scope):
        row = _manage(actor, invitation_id)
        row.revoked_at = now()
        row.save(update_fields=["revoked_at"])
        audit(actor, "invitation.revoked", "invitation", row.id)


def look(token: str) -> Welcome:
    """What a link is for. Raises: LinkInvalid."""
    row = _of_token(token)
    tenant = Tenant.objects.get(id=row.tenant_id)
    has_account = User.objects.filter(email__iexact=row.email).exists()
    return Welcome(tenant.name, row.email, row.role, has_account)


def accept(actor: Actor, token: str) -> UUID:
    """Join as the person who is signed in; the session goes to the tenant. Returns its id.

    Raises: LinkInvalid, InvitationOfAnother.
    """
    row = _of_token(token)
    user = User.objects.get(id=actor.user_id)
    if user.email.lower() != row.email:
        raise InvitationOfAnother(f"It was sent to {row.email}: sign in with that account.")
    _join(row, user)
    verbs.switch_tenant(actor, row.tenant_id)
    return UUID(str(row.tenant_id))


def join(token: str, display_name: str, password: str, visitor: Visitor) -> verbs.SignIn:
    """Make an account for the invited address, join, and sign in.

    Raises: LinkInvalid, WeakPassword, EmailTaken (there is an account: sign in and accept).
    """
    require_own_accounts()
    row = _of_token(token)
    passwords.check_strength(password, row.email)
    try:
        user_id = recovery.make_person(row.email, display_name, passwords.hash_password(password))
    except IntegrityError as exc:
        raise EmailTaken("Sign in with it, then open the invitation again.") from exc
    user = User.objects.get(id=user_id)
    _join(row, user)
    return verbs.enter(user, visitor, Proof())


def _invite_one(actor: Actor, email: str, role: str) -> Line:
    try:
        address = addresses.clean(email)
        with unit_of_work(actor.scope):
            return Line(address, _view(_make(actor, address, role)))
    except SomaError as exc:
        return Line(email.strip()[:254], None, exc.code, exc.detail)


def _make(actor: Actor, address: str, role: str) -> Invitation:
    members = Membership.objects.filter(
        tenant_id=actor.scope.tenant_id, user__email__iexact=address
    )
    if members.exists():
        raise EmailTaken("This person is a member already.")
    row = Invitation.objects.filter(
        email=address, accepted_at__isnull=True, revoked_at__isnull=True
    ).first() or Invitation(tenant_id=actor.scope.tenant_id, email=address)
    row.role = role
    _send(actor, row)
    audit(actor, "invitation.sent", "invitation", row.id, after={"email": address, "role": role})
    return row


def _send(actor: Actor, row: Invitation) -> None:
    token = secrets.token_urlsafe(32)
    row.digest, row.invited_by = digest(token), actor.user_id
    row.sent_at, row.expires_at = now(), now() + LIFE
    row.save()
    copying.tell_invited(row.id)
    tenant = Tenant.objects.get(id=row.tenant_id).name
    inviter = User.objects.get(id=actor.user_id)
    mails.write(
        row.email,
        f"{tenant} invites you to SomaAgent",
        f"{inviter.display_name} ({inviter.email}) invites you to {tenant}. The link works for "
        "72 hours, and once:",
        mails.link(f"/invitation#token={token}"),
    )


def _manage(actor: Actor, invitation_id: UUID) -> Invitation:
    require(actor, "tenant.manage_people")
    row = Invitation.objects.select_for_update().filter(id=invitation_id).first()
    if row is None:
        raise NotFound
    if row.role in PRIVILEGED:
        require(actor, "tenant.assign_roles")
    if row.accepted_at or row.revoked_at:
        raise LinkInvalid("It was accepted or revoked already.")
    found: Invitation = row
    return found


def _of_token(token: str) -> Invitation:
    # The link is what says which tenant it is of.
    with platform_unit("invitation") as alias:
        row = Invitation.objects.using(alias).filter(digest=digest(token)).first()
    if row is None or _state(row) != "open":
        raise LinkInvalid("Ask for a new invitation: they work for 72 hours, and once.")
    if not Tenant.objects.filter(id=row.tenant_id, status=Tenant.Status.ACTIVE).exists():
        raise LinkInvalid
    found: Invitation = row
    return found


def _join(row: Invitation, user: User) -> None:
    with unit_of_work(Scope(row.tenant_id)):
        taken = Invitation.objects.filter(
            id=row.id, digest=row.digest, accepted_at__isnull=True, revoked_at__isnull=True
        ).update(accepted_at=now())
        if not taken:
            raise LinkInvalid
        Membership.objects.get_or_create(
            tenant_id=row.tenant_id, user=user, defaults={"role": row.role}
        )
        actor = Actor(user.id, row.tenant_id, role=row.role)
        audit(actor, "invitation.accepted", "invitation", row.id, after={"role": row.role})
        tell_rights(row.tenant_id, user.id)


def _state(row: Invitation) -> Literal["open", "accepted", "revoked", "expired"]:
    if row.accepted_at:
        return "accepted"
    if row.revoked_at:
        return "revoked"
    return "open" if row.expires_at > now() else "expired"


def _view(row: Invitation) -> InvitationView:
    return InvitationView(row.id, row.email, row.role, _state(row), row.sent_at, row.expires_at)
