"""The doors that lead to a provider: one of each tenant's, and the one of the whole platform.

A door knows the provider's client, what to ask it for, and what follows from its answers; how one
goes out and comes back is the same for all (`saas.sso.flow`).
"""

from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

from kernel.db import platform_unit
from saas.identity import sessions
from saas.identity.port import IDENTITY
from saas.identity.sessions import Proof, Visitor
from saas.identity.verbs import SecondStep, SignIn, proceed
from saas.sso import people
from saas.sso.errors import ProviderUnknown
from saas.sso.exchange import SCOPE, Assertion, Client
from saas.sso.models import ExternalIdentity, IdentityProvider
from saas.sso.providers import client_of, enabled_provider, issuer_of

# The door of the platform's own provider, in addresses where those of tenants have their ids.
PLATFORM_DOOR = UUID("00000000-0000-7000-8000-6b6579636c6b")


class Door(Protocol):
    """Contract: `issuer` empty where the protocol has none (GitHub)."""

    @property
    def id(self) -> UUID: ...  # noqa: D102

    @property
    def issuer(self) -> str: ...  # noqa: D102

    @property
    def client_id(self) -> str: ...  # noqa: D102

    @property
    def scope(self) -> str: ...  # noqa: D102

    def client(self) -> Client:
        """What we are to the provider. Raises: SealBroken."""
        ...

    def look(self) -> None:
        """Before a browser is sent there: whether anybody answers. Raises: ProviderAway."""
        ...

    def enter(self, said: Assertion, visitor: Visitor) -> SignIn | SecondStep:
        """Let in whom the provider names. Raises: SsoRefused, SsoNotForYou."""
        ...

    def end(self, said: dict[str, Any]) -> int:
        """End what the claims of a logout token name. Returns how many sessions."""
        ...


@dataclass(frozen=True, slots=True)
class TenantDoor:
    """A provider that a tenant set up: it opens this tenant."""

    row: IdentityProvider
    id: UUID
    issuer: str
    client_id: str
    scope: str = SCOPE

    def client(self) -> Client:
        """See Door."""
        return client_of(self.row)

    def look(self) -> None:
        """See Door: what is known of it for an hour is good enough."""

    def enter(self, said: Assertion, visitor: Visitor) -> SignIn | SecondStep:
        """See Door. A second factor that the person has here is still to be shown."""
        user = people.recognise(self.row, said)
        proof = Proof(said.methods, is_strong=said.is_strong)
        return proceed(user, visitor, proof, tenant_id=self.row.tenant_id)

    def end(self, said: dict[str, Any]) -> int:
        """See Door. All of the person's sessions in the tenant."""
        with platform_unit("sso: who signed out") as alias:
            known = ExternalIdentity.objects.using(alias).filter(
                provider_id=self.id, subject=said["sub"]
            )
            user_id = known.values_list("user_id", flat=True).first()
        return sessions.end_sessions_in(user_id, self.row.tenant_id) if user_id else 0


def door_of(provider_id: UUID) -> Door:
    """The door with this id. Raises: ProviderUnknown.

    Where the platform has a provider its door is the only one: another would go past the second
    factors that are asked for there. Companies are federated there.
    """
    platform = IDENTITY.get().door()
    if platform is not None:
        if provider_id != platform.id:
            raise ProviderUnknown("People sign in through the platform's own provider here.")
        return platform
    row = enabled_provider(provider_id)
    return TenantDoor(row, row.id, issuer_of(row), row.client_id)
