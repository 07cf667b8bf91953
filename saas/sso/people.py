"""From what a provider says of a person to an account with a membership.

Rules: only confirmed addresses count · a provider of the tenant's own speaks for its confirmed
domains alone, Google and GitHub for every address that they confirmed · a membership is made for
addresses of a confirmed domain alone, and never makes an administrator · platform admins do not
sign in through a tenant · who was suspended stays so. `docs/decisions/0007-identity.md`.
"""

from uuid import UUID

from kernel.actor import Actor, Scope
from kernel.clock import now
from kernel.db import platform_unit, unit_of_work
from saas.audit import audit
from saas.authz.rights import tell_rights
from saas.identity import addresses
from saas.identity.passwords import NO_PASSWORD
from saas.models import Membership, Tenant, User
from saas.sso.domains import domain_of
from saas.sso.errors import SsoNotForYou, SsoRefused
from saas.sso.exchange import Assertion
from saas.sso.models import ExternalIdentity, IdentityProvider, SsoDomain


def recognise(provider: IdentityProvider, said: Assertion) -> User:
    """The member that the provider speaks of, made at the first sign-in.

    Raises: SsoRefused (the address is not confirmed), SsoNotForYou.
    """
    with platform_unit("sso: who this is") as alias:
        known = ExternalIdentity.objects.using(alias).filter(
            provider_id=provider.id, subject=said.subject
        )
        user_id = known.values_list("user_id", flat=True).first()
        user = User.objects.using(alias).filter(id=user_id).first() if user_id else None
        if user is None:
            user = _by_address(alias, provider, said)
        is_of_domain = _speaks_for(alias, provider, user.email)
        _refuse_others(provider, user, is_of_domain=is_of_domain)
    _join(provider, user, said.subject, may_join=is_of_domain)
    return user


def _by_address(alias: str, provider: IdentityProvider, said: Assertion) -> User:
    address = confirmed_address(said)
    user = User.objects.using(alias).filter(email__iexact=address).first()
    if user is not None:
        return user
    if not _speaks_for(alias, provider, address):
        raise SsoNotForYou("There is no account for you. Ask your organisation to invite you.")
    return ensure_user(alias, said, address)


def confirmed_address(said: Assertion) -> str:
    """The address that the provider confirmed, in our spelling. Raises: SsoRefused."""
    if not said.email or not said.is_verified:
        raise SsoRefused("The provider did not confirm your e-mail address.")
    try:
        return addresses.clean(said.email)
    except addresses.EmailRefused as exc:
        raise SsoRefused("Your e-mail address has letters that are not accepted here.") from exc


def ensure_user(alias: str, said: Assertion, address: str) -> User:
    """The person with an address, made without a password; of two windows the second finds it."""
    made = User(email=address, display_name=_name(said, address), password_hash=NO_PASSWORD)
    User.objects.using(alias).bulk_create([made], ignore_conflicts=True)
    return User.objects.using(alias).get(email__iexact=address)


def _speaks_for(alias: str, provider: IdentityProvider, address: str) -> bool:
    return (
        SsoDomain.objects.using(alias)
        .filter(
            provider_id=provider.id, domain=domain_of(address), confirmed_at__isnull=False
        )
        .exists()
    )  # fmt: skip


def _refuse_others(provider: IdentityProvider, user: User, *, is_of_domain: bool) -> None:
    if not user.is_active:
        raise SsoNotForYou("This account is closed.")
    if user.is_platform_admin:
        raise SsoNotForYou("Whoever administrates the platform signs in with a password.")
    if provider.kind == IdentityProvider.Kind.OIDC and not is_of_domain:
        raise SsoNotForYou(
            "This provider does not speak for your address. Sign in with your password."
        )


def _join(provider: IdentityProvider, user: User, subject: str, *, may_join: bool) -> None:
    tenant_id: UUID = provider.tenant_id
    if not Tenant.objects.filter(id=tenant_id, status=Tenant.Status.ACTIVE).exists():
        raise SsoNotForYou("This organisation is suspended.")
    with unit_of_work(Scope(tenant_id)):
        member = Membership.objects.filter(user_id=user.id, tenant_id=tenant_id).first()
        if member is not None and member.suspended_at is not None:
            raise SsoNotForYou("Your organisation has suspended your access.")
        if member is None and not may_join:
            raise SsoNotForYou("You are no member of this organisation. Ask to be invited.")
        if member is None:
            _, is_new = Membership.objects.get_or_create(
                user_id=user.id, tenant_id=tenant_id, defaults={"role": provider.default_role}
            )
            if is_new:
                _record_joining(provider, user)
        ExternalIdentity.objects.update_or_create(
            tenant_id=tenant_id,
            provider_id=provider.id,
            subject=subject,
            defaults={"user_id": user.id, "last_used_at": now()},
        )


def _record_joining(provider: IdentityProvider, user: User) -> None:
    joined = {"role": provider.default_role, "provider": provider.name}
    audit(Actor(user.id, provider.tenant_id), "person.joined", "person", user.id, after=joined)
    tell_rights(provider.tenant_id, user.id)


def _name(said: Assertion, address: str) -> str:
    name = "".join(letter for letter in said.name if letter.isprintable()).strip()
    return name[:200] or address.partition("@")[0]
