"""The live test of a provider: what was looked at, in order, each in words.

It does what a first sign-in would do without a person: discovery, keys, the sign-in page with our
address to come back to, and our secret beside a code that nobody was given.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from uuid import UUID

from kernel.actor import Actor
from kernel.db import unit_of_work
from saas.authz.check import require
from saas.sso import discovery, exchange, web
from saas.sso.errors import ProviderAway, SsoRefused
from saas.sso.exchange import Bound, Client
from saas.sso.models import SsoDomain
from saas.sso.providers import client_of, provider_of_tenant

# RFC 6749, section 5.2: the client is known, the code is not. GitHub has words of its own.
_KNOWS_US = frozenset({"invalid_grant", "bad_verification_code"})
_KNOWS_US_NOT = frozenset({"invalid_client", "unauthorized_client", "incorrect_client_credentials"})
_NOBODY = Bound("a-test-of-the-settings", "a-test-of-the-settings", "v" * 43)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `detail` says in words what is wrong, or what was found."""

    what: str
    is_ok: bool
    detail: str


def try_provider(actor: Actor, sso_id: UUID) -> list[Finding]:
    """Look whether it can work, step by step; stops at the first that is wrong.

    Raises: Forbidden, ProviderUnknown.
    """
    with unit_of_work(actor.scope):
        require(actor, "tenant.administrate")
        row = provider_of_tenant(sso_id)
        speaks = SsoDomain.objects.filter(provider_id=sso_id, confirmed_at__isnull=False)
        domains = sorted(speaks.values_list("domain", flat=True))
    found = []
    for what, look in _steps(client_of(row), domains):
        try:
            found.append(Finding(what, is_ok=True, detail=look()))
        except (ProviderAway, SsoRefused) as exc:
            return [*found, Finding(what, is_ok=False, detail=exc.detail)]
    return found


def _steps(client: Client, domains: list[str]) -> Iterator[tuple[str, Callable[[], str]]]:
    if client.issuer:
        # Looked up as it is now: what is remembered would hide a mistake.
        yield "discovery", lambda: f"The issuer is {discovery.renewed(client.issuer).issuer}."
        yield "pkce", lambda: _pkce(discovery.metadata(client.issuer))
        yield "keys", lambda: _keys(discovery.metadata(client.issuer))
    yield "page", lambda: _page(client)
    yield "secret", lambda: _secret(client)
    yield "domains", lambda: _domains(domains)


def _pkce(place: discovery.Metadata) -> str:
    if not place.can_s256:
        raise ProviderAway("The issuer does not offer PKCE with S256, which we always use.")
    return "PKCE with S256 is offered."


def _keys(place: discovery.Metadata) -> str:
    return f"Keys that sign: {len(discovery.read_keys(place.jwks_uri))}."


def _page(client: Client) -> str:
    try:
        web.look_at(exchange.authorize_url(client, exchange.SCOPE, _NOBODY))
    except web.RefusedByProvider as exc:
        raise ProviderAway(
            "The sign-in page refuses us: it does not know the client's id, or the address to come "
            f"back to is not registered there: {exchange.redirect_uri()}"
        ) from exc
    return "The sign-in page opens."


def _secret(client: Client) -> str:
    error = exchange.try_secret(client, _NOBODY)
    if error in _KNOWS_US_NOT:
        raise SsoRefused("The provider does not accept the client's id with this secret.")
    if error in _KNOWS_US:
        return "The client's id and secret are accepted."
    return "The provider does not say whether the secret is right; a sign-in shows it."


def _domains(domains: list[str]) -> str:
    if not domains:
        raise ProviderAway("No domain is confirmed yet: nobody can join by this provider.")
    return f"It speaks for {', '.join(domains)}."
