"""In by Keycloak's sign-in page, and out when somebody signs out there.

The realm is the operator's own, so that what it says of a person is believed of every tenant and of
platform admins. It says who somebody is; what they may is said here.
"""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import IntegrityError

from kernel.actor import Actor, Scope
from kernel.clock import now
from kernel.db import platform_unit, unit_of_work
from saas.audit import audit
from saas.authz.rights import tell_rights
from saas.identity import addresses, sessions
from saas.identity.models import Invitation
from saas.identity.sessions import Proof, Visitor
from saas.identity.verbs import SignIn, enter
from saas.keycloak.copying import know
from saas.keycloak.models import RealmAccount, RealmSession
from saas.keycloak.organisations import tenants_of
from saas.models import Membership, Role, Session, User
from saas.sso import discovery, people
from saas.sso.doors import PLATFORM_DOOR
from saas.sso.errors import SsoNotForYou
from saas.sso.exchange import SCOPE, Assertion, Client

# All organisations of the person; without the star Keycloak lets the person choose one.
ORGANISATIONS = "organization:*"
FIRST_ROLE = Role.MEMBER


@dataclass(frozen=True, slots=True)
class RealmDoor:
    """The door of the whole platform."""

    issuer: str
    client_id: str
    secret: str
    id: UUID = PLATFORM_DOOR
    scope: str = f"{SCOPE} {ORGANISATIONS}"

    def client(self) -> Client:
        """See Door."""
        return Client(self.issuer, self.client_id, self.secret)

    def look(self) -> None:
        """See Door: asked each time, because nobody gets in another way."""
        discovery.renewed(self.issuer)

    def enter(self, said: Assertion, visitor: Visitor) -> SignIn:
        """See Door. Second factors are asked for there."""
        user = _recognise(said)
        proof = Proof(said.methods, is_strong=said.is_strong, at=said.at)
        found = enter(user, visitor, proof)
        if said.session and found.actor.session_id is not None:
            # The same browser came again: what it had before is over, and nobody need be told.
            self.end({"sub": said.subject, "sid": said.session})
            RealmSession.objects.create(session_id=found.actor.session_id, sid=said.session)
        return found

    def end(self, said: dict[str, Any]) -> int:
        """See Door. What came from the session there; without one all of the person's."""
        user_id = (
            RealmAccount.objects.filter(subject=said["sub"])
            .values_list("user_id", flat=True)
            .first()
        )
        if user_id is None:
            return 0
        if not said.get("sid"):
            return sessions.end_other_sessions(user_id, keep=None)
        rows = RealmSession.objects.filter(sid=str(said["sid"]))
        ids = list(rows.values_list("session_id", flat=True))
        # It has ended there: nobody need be told.
        rows.delete()
        return sessions.end_sessions(user_id, ids)


def forget_sessions() -> int:
    """Forget which sessions there those came from that have ended by time. Returns how many."""
    is_open = Session.objects.filter(ended_at=None, expires_at__gt=now())
    rows = RealmSession.objects.exclude(session_id__in=is_open.values("id"))
    return rows.delete()[0]


def _recognise(said: Assertion) -> User:
    """The person, known by the subject or by a confirmed address, made at the first sign-in.

    Raises: SsoRefused (the address is not confirmed), SsoNotForYou.
    """
    with platform_unit("keycloak: who this is") as alias:
        account = RealmAccount.objects.using(alias).filter(subject=said.subject).first()
        user = User.objects.using(alias).filter(id=account.user_id).first() if account else None
        if user is None:
            user = _by_address(alias, said)
        if not user.is_active:
            raise SsoNotForYou("This account is closed.")
        _follow_address(alias, user, said)
        # Of a time when passwords were kept here.
        stale = User.objects.using(alias).filter(id=user.id, must_change_password=True)
        stale.update(must_change_password=False)
    _join(user, said)
    return user


def _by_address(alias: str, said: Assertion) -> User:
    address = people.confirmed_address(said)
    known = User.objects.using(alias).filter(email__iexact=address).first()
    if known is not None:
        return known
    invited = Invitation.objects.using(alias).filter(
        email=address, accepted_at=None, revoked_at=None, expires_at__gt=now()
    )
    if not tenants_of(said.organisations) and not invited.exists():
        raise SsoNotForYou("There is no account for you. Ask your organisation to invite you.")
    return people.ensure_user(alias, said, address)


def _follow_address(alias: str, user: User, said: Assertion) -> None:
    """Addresses are changed there; one that somebody else has here is not followed."""
    if not said.is_verified or said.email.lower() == user.email.lower():
        return
    try:
        address = addresses.clean(said.email)
        if not User.objects.using(alias).filter(email__iexact=address).exists():
            User.objects.using(alias).filter(id=user.id).update(email=address)
    except (addresses.EmailRefused, IntegrityError):
        return


def _join(user: User, said: Assertion) -> None:
    """Let a person in to the organisations that they were never let in to before."""
    account = RealmAccount.objects.filter(user_id=user.id).first()
    known = set(account.joined) if account else set()
    found = tenants_of(said.organisations)
    for tenant_id in found:
        if tenant_id not in known:
            _join_one(user, tenant_id)
    know(said.subject, user.id, found)
    RealmAccount.objects.filter(user_id=user.id).update(last_used_at=now())


def _join_one(user: User, tenant_id: UUID) -> None:
    with unit_of_work(Scope(tenant_id)):
        _, is_new = Membership.objects.get_or_create(
            user_id=user.id, tenant_id=tenant_id, defaults={"role": FIRST_ROLE}
        )
        if is_new:
            joined = {"role": FIRST_ROLE.value, "provider": "Keycloak"}
            audit(Actor(user.id, tenant_id), "person.joined", "person", user.id, after=joined)
            tell_rights(tenant_id, user.id)
