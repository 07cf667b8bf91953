"""Accounts that are kept here: `saas_user`, with passwords and factors of this platform."""

from collections.abc import Sequence
from contextlib import suppress
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError

from kernel.ports import Probe
from saas.identity import recovery
from saas.identity.passwords import NO_PASSWORD
from saas.identity.port import Account, Entrance
from saas.models import Membership, User


class EmbeddedIdentity:
    """The row of a person is the account, so nothing is copied and nothing can be away."""

    is_mirror = False

    def entrance(self) -> Entrance:
        """See the port."""
        return Entrance(has_registration=settings.SOMA.registration)

    def door(self) -> None:
        """See the port: people sign in here."""
        return

    def find(self, email: str) -> Account | None:
        """See the port."""
        row = User.objects.filter(email__iexact=email.strip()).first()
        return Account(str(row.id), row.email, row.is_active) if row else None

    def ensure(self, email: str, name: str) -> Account:
        """See the port. Of two who ask at once the second finds it."""
        known = self.find(email)
        if known is not None:
            return known
        with suppress(IntegrityError):
            recovery.make_person(email, name, NO_PASSWORD)
        made = self.find(email)
        assert made is not None  # noqa: S101  # one of the two made it
        return made

    def set_enabled(self, email: str, *, is_enabled: bool) -> None:
        """See the port: `accounts.set_account_open` has written the row."""

    def send_reset(self, email: str) -> bool:
        """See the port. By the outbox of mails."""
        return recovery.send_reset(email)

    def roles_in(self, tenant_id: UUID, email: str) -> frozenset[str] | None:
        """See the port."""
        member = Membership.objects.filter(
            tenant_id=tenant_id, user__email__iexact=email.strip(), suspended_at=None
        ).first()
        return frozenset({member.role, *member.roles}) if member else None

    def mirror(self, tenant_id: UUID, user_id: UUID | None) -> int:  # noqa: ARG002
        """See the port: there is no copy."""
        return 0

    def invite(self, email: str) -> None:
        """See the port: the link of the invitation makes the account."""

    def take_sessions(self, session_ids: Sequence[UUID]) -> list[str]:  # noqa: ARG002
        """See the port: there are none but ours."""
        return []

    def end_session(self, sid: str) -> None:
        """See the port: there are none but ours."""

    def probe(self) -> Probe:
        """See the port: it is the database, which is looked at by itself."""
        return Probe(ok=True, detail="accounts are kept here")
