"""What a tenant asks of those who sign in: second factor, how many sessions, for how long."""

from dataclasses import asdict, dataclass
from typing import Literal
from uuid import UUID

from django.conf import settings

from kernel.actor import Actor
from kernel.db import platform_unit, unit_of_work
from saas.audit import audit
from saas.authz.check import require
from saas.authz.rights import tell_rights
from saas.identity.models import IdentityPolicy

Mfa = Literal["off", "optional", "admins", "required"]


@dataclass(frozen=True, slots=True)
class SignInPolicy:
    """Null: as the settings of the platform say."""

    mfa: Mfa = "optional"
    session_limit: int | None = None
    idle_minutes: int | None = None
    absolute_hours: int | None = None
    # False: acting as somebody here needs a second platform admin's approval.
    allows_impersonation: bool = True


def policy_of(tenant_id: UUID | None) -> SignInPolicy:
    """The policy of a tenant, or the defaults."""
    row = IdentityPolicy.objects.filter(tenant_id=tenant_id).first() if tenant_id else None
    if row is None:
        return SignInPolicy()
    mfa: Mfa = row.mfa  # type: ignore[assignment]  # the column holds only these
    return SignInPolicy(
        mfa, row.session_limit, row.idle_minutes, row.absolute_hours, row.allows_impersonation
    )


def session_limit(policy: SignInPolicy) -> int:
    """How many sessions a person may have at once."""
    limit: int = policy.session_limit or settings.SOMA.session_limit
    return limit


def see_sign_in_policy(actor: Actor) -> SignInPolicy:
    """The policy of the actor's tenant. Raises: Forbidden, NoTenant."""
    require(actor, "tenant.see_settings")
    return policy_of(actor.scope.tenant_id)


def set_sign_in_policy(actor: Actor, policy: SignInPolicy) -> SignInPolicy:
    """Replace it. Audited; open sockets of the tenant are looked at again.

    Raises: Forbidden, NoTenant.
    """
    require(actor, "tenant.manage")
    scope = actor.scope
    before = policy_of(scope.tenant_id)
    with platform_unit("sign-in policy of a tenant") as alias:
        IdentityPolicy.objects.using(alias).update_or_create(
            tenant_id=scope.tenant_id, defaults=asdict(policy)
        )
    with unit_of_work(scope):
        audit(
            actor,
            "sign_in_policy.changed",
            "tenant",
            scope.tenant_id,
            asdict(before),
            asdict(policy),
        )
        tell_rights(scope.tenant_id)
    return policy
