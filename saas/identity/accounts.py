"""Closing an account for the whole installation, and opening it again: an operator's act."""

from kernel.actor import Scope
from kernel.db import platform_unit, unit_of_work
from saas.authz.rights import tell_rights
from saas.errors import PersonUnknown
from saas.identity import sessions
from saas.identity.port import IDENTITY
from saas.models import Membership, User


def set_account_open(email: str, *, is_open: bool) -> int:
    """Let nobody sign in as this person any more, or again. Returns how many sessions ended.

    Memberships stay. It holds here also when the provider is away.
    Raises: PersonUnknown, IntegrityError (the last platform admin), IdentityAway.
    """
    user = User.objects.filter(email__iexact=email.strip()).first()
    if user is None:
        raise PersonUnknown("Nobody has this address.")
    with platform_unit("an account is closed or opened") as alias:
        User.objects.using(alias).filter(id=user.id).update(is_active=is_open)
    ended = 0 if is_open else sessions.end_other_sessions(user.id, keep=None)
    for tenant_id in Membership.objects.filter(user=user).values_list("tenant_id", flat=True):
        with unit_of_work(Scope(tenant_id)):
            tell_rights(tenant_id, user.id)
    IDENTITY.get().set_enabled(user.email, is_enabled=is_open)
    return ended
