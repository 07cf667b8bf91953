"""What a tenant sets up: its identity providers. Verbs for whoever administrates the tenant."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import IntegrityError

from kernel.actor import Actor
from kernel.crypto import key_id_of, open_sealed, rewrap, ring, seal
from kernel.db import platform_unit, unit_of_work
from kernel.errors import Unprocessable
from kernel.text import checked
from saas.audit import audit
from saas.authz.check import require
from saas.authz.schema import PRIVILEGED
from saas.models import Role
from saas.sso import web
from saas.sso.errors import ProviderNameTaken, ProviderUnknown
from saas.sso.exchange import GOOGLE, Client
from saas.sso.models import ExternalIdentity, IdentityProvider, SsoDomain

NAME_MAX = 60
# A first sign-in makes nobody an administrator: those are named by people.
DEFAULT_ROLES = tuple(role.value for role in Role if role.value not in PRIVILEGED)
Kind = IdentityProvider.Kind


@dataclass(frozen=True, slots=True)
class ProviderDraft:
    """A provider. `issuer` only with `oidc`."""

    name: str
    kind: str
    client_id: str
    client_secret: str
    issuer: str = ""
    default_role: str = "member"


@dataclass(frozen=True, slots=True)
class ProviderChange:
    """None: stays as it is."""

    name: str | None = None
    client_id: str | None = None
    client_secret: str | None = None
    issuer: str | None = None
    default_role: str | None = None
    is_enabled: bool | None = None


@dataclass(frozen=True, slots=True)
class DomainView:
    """A domain and, until it is confirmed, the proof that its web server is to show."""

    domain: str
    proof: str
    confirmed_at: datetime | None


@dataclass(frozen=True, slots=True)
class ProviderView:
    """A provider without its secret."""

    id: UUID
    name: str
    kind: str
    issuer: str
    client_id: str
    default_role: str
    is_enabled: bool
    domains: list[DomainView]
    people: int


def list_providers(actor: Actor) -> list[ProviderView]:
    """The tenant's providers by name. Raises: Forbidden."""
    with unit_of_work(actor.scope):
        require(actor, "tenant.see_settings")
        return [_view(row) for row in IdentityProvider.objects.order_by("name")]


def create_provider(actor: Actor, draft: ProviderDraft) -> ProviderView:
    """Set one up. Raises: Forbidden, Unprocessable, EgressRefused, ProviderNameTaken."""
    with unit_of_work(actor.scope):
        require(actor, "tenant.manage")
    row = IdentityProvider(kind=draft.kind, is_enabled=True)
    if draft.kind not in Kind.values:
        raise _wrong("/kind", f"of {', '.join(Kind.values)}")
    _fill(
        row,
        name=draft.name,
        issuer=draft.issuer if draft.kind == Kind.OIDC else None,
        client_id=draft.client_id,
        client_secret=draft.client_secret,
        default_role=draft.default_role,
    )
    return _save(actor, row, "sso_provider.created", None)


def change_provider(actor: Actor, sso_id: UUID, change: ProviderChange) -> ProviderView:
    """Change what is given. People who are signed in stay so.

    Another issuer is another company: its people are recognised anew, by their addresses.
    Raises: Forbidden, ProviderUnknown, Unprocessable, EgressRefused, ProviderNameTaken.
    """
    with unit_of_work(actor.scope):
        require(actor, "tenant.manage")
        row = provider_of_tenant(sso_id)
    before = _audited(row)
    if change.is_enabled is not None:
        row.is_enabled = change.is_enabled
    _fill(
        row,
        name=change.name,
        issuer=change.issuer if row.kind == Kind.OIDC else None,
        client_id=change.client_id,
        client_secret=change.client_secret,
        default_role=change.default_role,
    )
    return _save(actor, row, "sso_provider.changed", before)


def delete_provider(actor: Actor, sso_id: UUID) -> None:
    """Remove it with its domains; people keep account and membership.

    Raises: Forbidden, ProviderUnknown.
    """
    with unit_of_work(actor.scope):
        require(actor, "tenant.manage")
        row = provider_of_tenant(sso_id)
        audit(actor, "sso_provider.deleted", "sso_provider", row.id, before=_audited(row))
        row.delete()


def provider_of_tenant(sso_id: UUID) -> IdentityProvider:
    """The row, of the open unit's tenant. Raises: ProviderUnknown."""
    row: IdentityProvider | None = IdentityProvider.objects.filter(id=sso_id).first()
    if row is None:
        raise ProviderUnknown
    return row


def enabled_provider(provider_id: UUID) -> IdentityProvider:
    """The provider, of any tenant, that people may sign in with. Raises: ProviderUnknown."""
    with platform_unit("sso: where to sign in") as alias:
        row: IdentityProvider | None = (
            IdentityProvider.objects.using(alias).filter(id=provider_id, is_enabled=True).first()
        )
    if row is None:
        raise ProviderUnknown
    return row


def client_of(row: IdentityProvider) -> Client:
    """What we are to the provider. Raises: SealBroken."""
    secret = open_sealed(bytes(row.sealed_secret), _context(row.id))
    return Client(issuer_of(row), row.client_id, secret)


def issuer_of(row: IdentityProvider) -> str:
    """The issuer; empty for GitHub."""
    return GOOGLE if row.kind == Kind.GOOGLE else row.issuer


def rewrap_provider_secrets() -> int:
    """Wrap the stored secrets under the ring's first key. Returns how many changed."""
    count = 0
    with platform_unit("key rotation") as alias:
        for row in IdentityProvider.objects.using(alias):
            if key_id_of(bytes(row.sealed_secret)) == ring().active_id:
                continue
            row.sealed_secret = rewrap(bytes(row.sealed_secret), _context(row.id))
            row.save(using=alias, update_fields=["sealed_secret"])
            count += 1
    return count


def _fill(row: IdentityProvider, **given: str | None) -> None:
    name, issuer = given["name"], given["issuer"]
    if name is not None:
        row.name = checked(name.strip(), "/name")
        if not 0 < len(row.name) <= NAME_MAX:
            raise _wrong("/name", f"1 to {NAME_MAX} characters")
    if issuer is not None:
        row.issuer = issuer.strip()
        web.check_url(row.issuer)
    if given["client_id"] is not None:
        row.client_id = _printable("/client_id", given["client_id"], 300)
    if given["client_secret"] is not None:
        secret = _printable("/client_secret", given["client_secret"], 500)
        row.sealed_secret = seal(secret, _context(row.id))
    if given["default_role"] is not None:
        if given["default_role"] not in DEFAULT_ROLES:
            raise _wrong("/default_role", f"of {', '.join(DEFAULT_ROLES)}")
        row.default_role = given["default_role"]


def _save(
    actor: Actor, row: IdentityProvider, act: str, before: dict[str, Any] | None
) -> ProviderView:
    row.tenant_id = actor.scope.tenant_id
    try:
        with unit_of_work(actor.scope):
            row.save()
            if before is not None and before["issuer"] != row.issuer:
                ExternalIdentity.objects.filter(provider_id=row.id).delete()
            audit(actor, act, "sso_provider", row.id, before, _audited(row))
            return _view(row)
    except IntegrityError as exc:
        raise ProviderNameTaken from exc


def _view(row: IdentityProvider) -> ProviderView:
    domains = SsoDomain.objects.filter(provider_id=row.id).order_by("domain")
    return ProviderView(
        row.id,
        row.name,
        row.kind,
        issuer_of(row),
        row.client_id,
        row.default_role,
        row.is_enabled,
        [DomainView(one.domain, one.proof, one.confirmed_at) for one in domains],
        ExternalIdentity.objects.filter(provider_id=row.id).count(),
    )


def _audited(row: IdentityProvider) -> dict[str, Any]:
    names: Sequence[str] = ("name", "kind", "issuer", "client_id", "default_role", "is_enabled")
    return {name: getattr(row, name) for name in names}


def _printable(pointer: str, value: str, limit: int) -> str:
    value = value.strip()
    if not value or len(value) > limit or not all("!" <= letter <= "~" for letter in value):
        raise _wrong(pointer, f"printable ASCII without spaces, up to {limit}")
    return value


def _wrong(pointer: str, detail: str) -> Unprocessable:
    return Unprocessable(errors=[{"pointer": pointer, "detail": detail}])


def _context(provider_id: UUID) -> str:
    return f"saas.sso_provider:{provider_id}:secret"
