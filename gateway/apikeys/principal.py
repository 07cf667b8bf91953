"""Who a key speaks for. Remembered for less than a second: a revoked key ends everywhere."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from uuid import UUID

from django.db.models import Q

from gateway.apikeys.token import digest, is_well_formed
from gateway.errors import KeyRefused
from gateway.models import ApiKey
from kernel.actor import Actor
from kernel.bus.ports import BUS, Payload
from kernel.clock import now
from kernel.db import platform_unit
from kernel.remembered import Remembered
from saas.facade import acting_member, is_active_tenant, watch_rights

TOPIC = "gateway.keys"
# Writing down every call would be a write a call.
USED_EVERY = timedelta(minutes=1)
# What a tenant's own key may do as a member would.
SERVICE_ROLE = "member"

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class Principal:
    """A key that is good now, with what it may do. `allowed_models`: names; empty: any."""

    key_id: UUID
    tenant_id: UUID
    actor: Actor
    scopes: frozenset[str]
    allowed_models: frozenset[str]
    networks: tuple[Network, ...]
    requests_a_minute: int | None
    tokens_a_minute: int | None
    good_until: datetime | None


async def authenticate(secret: str, address: str) -> Principal:
    """The principal of a key that is presented from `address`. Raises: KeyRefused."""
    if not is_well_formed(secret):
        raise KeyRefused
    principal = await PRINCIPALS.get(digest(secret))
    if principal is None:
        raise KeyRefused
    if principal.good_until is not None and principal.good_until <= now():
        raise KeyRefused("This key has expired.")
    if principal.networks and not _is_inside(address, principal.networks):
        raise KeyRefused("This key may not be used from this address.")
    return principal


async def is_still_good(secret: str) -> bool:
    """Whether a key that was good has not been revoked meanwhile (long answers)."""
    principal = await PRINCIPALS.get(digest(secret))
    return principal is not None


def read_principal(secret_hash: str) -> Principal | None:
    """Look it up. None: unknown, revoked, expired, or its person or tenant may not work."""
    moment = now()
    with platform_unit("gateway: key") as alias:
        row = (
            ApiKey.objects.using(alias)
            .filter(Q(secret_hash=secret_hash) | Q(previous_hash=secret_hash), revoked_at=None)
            .first()
        )
        if row is None:
            return None
        until = row.expires_at
        if row.secret_hash != secret_hash:
            until = min(filter(None, (row.previous_until, row.expires_at)), default=moment)
        if until is not None and until <= moment:
            return None
        if row.last_used_at is None or moment - row.last_used_at > USED_EVERY:
            ApiKey.objects.using(alias).filter(id=row.id).update(last_used_at=moment)
    actor = _actor(row)
    if actor is None:
        return None
    return Principal(
        row.id,
        row.tenant_id,
        actor,
        frozenset(row.scopes),
        frozenset(row.allowed_models),
        tuple(map(ip_network, row.networks)),
        row.requests_a_minute,
        row.tokens_a_minute,
        until,
    )


def _actor(row: ApiKey) -> Actor | None:
    if row.is_personal:
        return acting_member(row.user_id, row.tenant_id)
    if not is_active_tenant(row.tenant_id):
        return None
    return Actor(row.user_id, row.tenant_id, role=SERVICE_ROLE, kind="service")


def tell_keys() -> None:
    """A key changed: forget what is known of keys here and elsewhere, after the commit."""
    PRINCIPALS.forget()
    BUS.get().publish(TOPIC, {})


async def follow_keys() -> None:
    """Hear at once of keys and rights that changed elsewhere; once, in the process's own loop."""

    def changed(_: Payload) -> None:
        PRINCIPALS.forget()

    await BUS.get().listen(TOPIC, changed)
    # A key can do no more than its person, and nothing while its tenant is suspended.
    watch_rights(lambda _: PRINCIPALS.forget())


def _is_inside(address: str, networks: tuple[Network, ...]) -> bool:
    found = _address(address)
    return found is not None and any(found in network for network in networks)


@lru_cache(maxsize=1024)
def _address(text: str) -> Address | None:
    try:
        found = ip_address(text)
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return mapped or found


PRINCIPALS: Remembered[str, Principal | None] = Remembered(read_principal)
