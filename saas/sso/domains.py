"""For whose addresses a provider speaks: domains that were shown to be the tenant's.

Without this a tenant could set up a provider of its own that vouches for anybody's address, and
sign in as people of other tenants. A domain is shown by a file on its web server (as RFC 8555,
section 8.3 does it), or confirmed by a platform admin, who knows the tenant.
"""

import re
import secrets
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import IntegrityError

from kernel.actor import Actor, Scope
from kernel.clock import now
from kernel.db import platform_unit, unit_of_work
from kernel.errors import NotFound, Unprocessable
from saas.audit import audit
from saas.authz.check import require
from saas.models import Tenant
from saas.sso import web
from saas.sso.errors import DomainTaken, DomainUnproven, ProviderAway, ProviderUnknown
from saas.sso.models import IdentityProvider, SsoDomain
from saas.sso.providers import DomainView

PROOF_PATH = "/.well-known/somaagent-sso.txt"
_SHAPE = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]")


@dataclass(frozen=True, slots=True)
class WaitingDomain:
    """A domain that a tenant named, for the platform's administrators."""

    id: UUID
    domain: str
    tenant_name: str
    provider_name: str
    created_at: datetime


def add_domain(actor: Actor, sso_id: UUID, domain: str) -> DomainView:
    """Say that the provider is to speak for a domain; it does once that is confirmed.

    Raises: Forbidden, ProviderUnknown, Unprocessable, DomainTaken.
    """
    domain = domain.strip().lower()
    if len(domain) > 189 or not _SHAPE.fullmatch(domain):
        raise Unprocessable(
            errors=[{"pointer": "/domain", "detail": "a domain such as example.org, in ASCII"}]
        )
    try:
        with unit_of_work(actor.scope):
            require(actor, "tenant.manage")
            if not IdentityProvider.objects.filter(id=sso_id).exists():
                raise ProviderUnknown
            row = SsoDomain.objects.create(
                provider_id=sso_id, domain=domain, proof=secrets.token_urlsafe(24)
            )
            audit(actor, "sso_domain.added", "sso_provider", sso_id, after={"domain": domain})
    except IntegrityError as exc:
        raise DomainTaken from exc
    return DomainView(domain, row.proof, None)


def confirm_domain(actor: Actor, sso_id: UUID, domain: str) -> DomainView:
    """Look for the proof on the domain's web server; a platform admin's word is proof enough.

    Raises: Forbidden, NotFound, DomainUnproven, DomainTaken.
    """
    with unit_of_work(actor.scope):
        require(actor, "tenant.manage")
        row = _row(sso_id, domain)
    if not actor.is_platform_admin:
        _look_for_proof(row)
    row.confirmed_at = now()
    try:
        with unit_of_work(actor.scope):
            row.save(update_fields=["confirmed_at"])
            audit(actor, "sso_domain.confirmed", "sso_provider", sso_id, after={"domain": domain})
    except IntegrityError as exc:
        raise DomainTaken from exc
    return DomainView(row.domain, row.proof, row.confirmed_at)


def list_waiting(actor: Actor, limit: int) -> list[WaitingDomain]:
    """Domains of every tenant that are not confirmed, oldest first. Raises: Forbidden."""
    require(actor, "platform.manage_tenants")
    with platform_unit("sso: domains that wait") as alias:
        waiting = SsoDomain.objects.using(alias).filter(confirmed_at__isnull=True)
        rows = list(waiting.select_related("provider").order_by("id")[:limit])
        names = dict(
            Tenant.objects.using(alias)
            .filter(id__in={row.tenant_id for row in rows})
            .values_list("id", "name")
        )
    return [
        WaitingDomain(row.id, row.domain, names[row.tenant_id], row.provider.name, row.created_at)
        for row in rows
    ]


def approve_domain(actor: Actor, domain_id: UUID) -> None:
    """Confirm a domain of any tenant: whoever runs the platform knows whose it is.

    Raises: Forbidden, NotFound, DomainTaken.  Audited in the tenant's log.
    """
    require(actor, "platform.manage_tenants")
    with platform_unit("sso: whose domain") as alias:
        found = SsoDomain.objects.using(alias).filter(id=domain_id)
        tenant_id: UUID | None = found.values_list("tenant_id", flat=True).first()
    if tenant_id is None:
        raise NotFound
    try:
        with unit_of_work(Scope(tenant_id)):
            row = SsoDomain.objects.get(id=domain_id)
            row.confirmed_at = now()
            row.save(update_fields=["confirmed_at"])
            named = {"domain": row.domain, "by": "platform"}
            audit(actor, "sso_domain.confirmed", "sso_provider", row.provider_id, after=named)
    except IntegrityError as exc:
        raise DomainTaken from exc


def remove_domain(actor: Actor, sso_id: UUID, domain: str) -> None:
    """The provider speaks for it no longer. Raises: Forbidden, NotFound."""
    with unit_of_work(actor.scope):
        require(actor, "tenant.manage")
        _row(sso_id, domain).delete()
        audit(actor, "sso_domain.removed", "sso_provider", sso_id, before={"domain": domain})


def provider_for(address: str) -> UUID | None:
    """Where the people of an address sign in; None: here. Says nothing of single people."""
    with platform_unit("sso: whose address") as alias:
        row = SsoDomain.objects.using(alias).filter(
            domain=domain_of(address), confirmed_at__isnull=False, provider__is_enabled=True
        )
        found: UUID | None = row.values_list("provider_id", flat=True).first()
        return found


def domain_of(address: str) -> str:
    """The part after the last @, in lower case."""
    return address.strip().lower().rpartition("@")[2]


def _row(sso_id: UUID, domain: str) -> SsoDomain:
    row: SsoDomain | None = SsoDomain.objects.filter(
        provider_id=sso_id, domain=domain.lower()
    ).first()
    if row is None:
        raise NotFound
    return row


def _look_for_proof(row: SsoDomain) -> None:
    try:
        found = web.get_text(f"https://{row.domain}{PROOF_PATH}")
    except ProviderAway as exc:
        raise DomainUnproven(exc.detail) from exc
    if row.proof not in found.split():
        raise DomainUnproven(f"{row.domain}{PROOF_PATH} does not contain the proof.")
