"""What an operator does to an account: close it for the whole installation, let it in anew."""

from django.db import transaction

from kernel.actor import Scope
from kernel.db import platform_unit, unit_of_work
from saas.audit import OPERATOR, PLATFORM_TENANT, audit
from saas.authz.rights import tell_rights
from saas.errors import PersonUnknown
from saas.identity import second_factor, sessions
from saas.identity.port import IDENTITY, require_own_accounts
from saas.models import Membership, User


def set_account_open(email: str, *, is_open: bool) -> int:
    """Let nobody sign in as this person any more, or again. Returns how many sessions ended.

    Memberships stay. It holds here also when the provider is away.
    Raises: PersonUnknown, IntegrityError (the last platform admin), IdentityAway.
    """
    user = _person(email)
    with platform_unit("an account is closed or opened") as alias:
        User.objects.using(alias).filter(id=user.id).update(is_active=is_open)
    ended = 0 if is_open else sessions.end_other_sessions(user.id, keep=None)
    _record(user, "account.opened" if is_open else "account.closed")
    IDENTITY.get().set_enabled(user.email, is_enabled=is_open)
    return ended


def forget_factors(email: str) -> int:
    """Take app, passkeys and recovery codes from somebody who lost them; they set up new ones.

    Whoever calls this has made sure who it is (docs/operate.md). Every session ends, the password
    stays, and the person is written to. Returns how many sessions ended.
    Raises: PersonUnknown, KeptElsewhere.
    """
    require_own_accounts()
    user = _person(email)
    with transaction.atomic():
        second_factor.forget(user.id)
        second_factor.tell(user.id, "The second factors of your account were removed")
    _record(user, "account.factors_forgotten")
    return sessions.end_other_sessions(user.id, keep=None)


def _record(user: User, action: str) -> None:
    """In the audit of the platform and of each tenant that the person belongs to."""
    with unit_of_work(Scope(PLATFORM_TENANT)):
        audit(OPERATOR, action, "user", user.id)
    for tenant_id in Membership.objects.filter(user=user).values_list("tenant_id", flat=True):
        with unit_of_work(Scope(tenant_id)):
            audit(OPERATOR, action, "user", user.id)
            tell_rights(tenant_id, user.id)


def _person(email: str) -> User:
    user: User | None = User.objects.filter(email__iexact=email.strip()).first()
    if user is None:
        raise PersonUnknown("Nobody has this address.")
    return user
