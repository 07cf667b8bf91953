"""The identity port: who keeps people's accounts, knows their passwords and factors, signs them in.

Sessions, memberships and rights are this platform's whoever keeps the accounts. Provider and
platform know a person by one confirmed e-mail address.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol
from uuid import UUID

from kernel.errors import Unavailable
from kernel.ports import Port, Probe
from saas.errors import KeptElsewhere

if TYPE_CHECKING:
    from saas.sso.doors import Door


class IdentityAway(Unavailable):
    """The service that keeps accounts does not answer. Sessions that are open go on."""

    code, title = "identity-away", "The service that keeps accounts cannot be reached"


@dataclass(frozen=True, slots=True)
class Account:
    """A person as the provider knows them. `subject`: the provider's own name, which stays."""

    subject: str
    email: str
    is_enabled: bool


@dataclass(frozen=True, slots=True)
class Entrance:
    """How people come in. `name` empty: with a password that is kept here.

    `service`: what health calls it. `sign_in`: address of ours that leads there. `account`: where
    people see to their password, factors and address. `has_registration`: people may make accounts
    by themselves, here.
    """

    name: str = ""
    service: str = ""
    sign_in: str = ""
    account: str = ""
    has_registration: bool = False


class Identity(Protocol):
    """Contract: addresses are compared without case. What calls out raises IdentityAway."""

    # Whether memberships are copied to the provider, behind the database.
    is_mirror: bool

    def entrance(self) -> Entrance:
        """How people come in; calls nobody."""
        ...

    def door(self) -> "Door | None":
        """The provider's sign-in page, for `saas.sso.flow`; None: people sign in here."""
        ...

    def find(self, email: str) -> Account | None:
        """The account with this address."""
        ...

    def ensure(self, email: str, name: str) -> Account:
        """The account with this confirmed address, made without any password when missing."""
        ...

    def set_enabled(self, email: str, *, is_enabled: bool) -> None:
        """Let the account sign in, or no more. Nothing for an address that nobody has."""
        ...

    def send_reset(self, email: str) -> bool:
        """Mail a link to choose a password to whoever has this address. Whether there was one."""
        ...

    def roles_in(self, tenant_id: UUID, email: str) -> frozenset[str] | None:
        """The roles that the provider knows a person by in a tenant; None: no member there.

        Who is suspended is no member.
        """
        ...

    def mirror(self, tenant_id: UUID, user_id: UUID | None) -> int:
        """Make the provider's copy of a membership (None: of all in the tenant) what is true here.

        In the open unit of the tenant; safe to repeat. Returns how many things were changed.
        """
        ...

    def invite(self, email: str) -> None:
        """Somebody was invited: let them have an account to come in with."""
        ...

    def take_sessions(self, session_ids: Sequence[UUID]) -> list[str]:
        """The provider's sessions that these of ours came from, each given out once."""
        ...

    def end_session(self, sid: str) -> None:
        """End a session of the provider; nothing where it has ended."""
        ...

    def probe(self) -> Probe:
        """Whether it answers."""
        ...


IDENTITY: Port[Identity] = Port("identity")


def require_own_accounts() -> None:
    """Before a password or factor is asked for or kept here. Raises: KeptElsewhere."""
    entrance = IDENTITY.get().entrance()
    if entrance.name:
        raise KeptElsewhere(
            f"Passwords, second factors and addresses are kept in {entrance.name}.",
            account_url=entrance.account,
        )
