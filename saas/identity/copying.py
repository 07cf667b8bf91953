"""What the provider is told of: memberships, invitations, sessions that ended. By the outbox.

Nothing is emitted where accounts are kept here. A subscriber makes the provider's copy what is true
now, so that order and repetition do not matter; while it is away the event waits.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction

from kernel import outbox
from kernel.actor import Scope
from kernel.db import platform_unit, unit_of_work
from kernel.events import Envelope, event, subscribe
from saas.authz.rights import RightsChanged
from saas.identity.models import Invitation
from saas.identity.port import IDENTITY
from saas.models import Tenant


@event("rights.invited", version=1, topic="audit")
@dataclass(frozen=True, slots=True)
class PersonInvited:
    """An invitation was sent, for the first time or again."""

    invitation_id: UUID


@event("rights.signed_out", version=1, topic="audit")
@dataclass(frozen=True, slots=True)
class SignedOut:
    """Sessions of the provider (its own names) whose sessions here have ended."""

    sids: list[str]


@subscribe(RightsChanged, name="identity.mirror")
def mirror_membership(event: RightsChanged, _: Envelope) -> None:
    """Copy what is true now, whatever the event was."""
    IDENTITY.get().mirror(event.tenant_id, event.user_id)


@subscribe(PersonInvited, name="identity.invite")
def invite(event: PersonInvited, _: Envelope) -> None:
    """Let the person have an account; one that was revoked meanwhile needs none."""
    row = Invitation.objects.filter(
        id=event.invitation_id, revoked_at=None, accepted_at=None
    ).first()
    if row is not None:
        IDENTITY.get().invite(row.email)


@subscribe(SignedOut, name="identity.end_sessions")
def end_sessions(event: SignedOut, _: Envelope) -> None:
    """End them there as well: whoever has the browser must sign in again."""
    for sid in event.sids:
        IDENTITY.get().end_session(sid)


def tell_invited(invitation_id: UUID) -> None:
    """In the unit of the invitation."""
    if IDENTITY.get().is_mirror:
        outbox.emit(PersonInvited(invitation_id), key=f"invitation:{invitation_id}")


def tell_ended(session_ids: Sequence[UUID]) -> None:
    """In the transaction that ends sessions here."""
    sids = IDENTITY.get().take_sessions(session_ids)
    if sids:
        transaction.on_commit(lambda: _emit_ended(sids))


def mirror_all() -> int:
    """Compare every tenant with the provider's copy, and repair. Raises: IdentityAway."""
    identity = IDENTITY.get()
    if not identity.is_mirror:
        return 0
    changed = 0
    for tenant_id in Tenant.objects.order_by("id").values_list("id", flat=True):
        with unit_of_work(Scope(tenant_id)):
            changed += identity.mirror(tenant_id, None)
    return changed


def _emit_ended(sids: list[str]) -> None:
    with platform_unit("sessions ended"):
        outbox.emit(SignedOut(sids), key=f"signed-out:{sids[0]}")
