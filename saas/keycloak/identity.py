"""The adapter: accounts in Keycloak, with links of this platform that lead there."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import structlog

from kernel.clock import monotonic_s
from kernel.ports import Probe
from saas.identity.port import Account, Entrance, IdentityAway
from saas.keycloak.admin import Admin, KeycloakRefused, Login
from saas.keycloak.copying import copy_person, copy_tenant
from saas.keycloak.entrance import RealmDoor
from saas.keycloak.models import RealmSession
from saas.keycloak.organisations import ensure_account, find_account, find_organisation
from saas.models import Tenant
from saas.sso.doors import PLATFORM_DOOR

SERVICE = "keycloak"
RESET_LIFE_S = 3600

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class KeycloakPlace:
    """Where Keycloak is, and who we are there. `home`: where its mails lead back to."""

    url: str
    realm: str
    client_id: str
    secret: str
    home: str


class KeycloakIdentity:
    """See the port."""

    is_mirror = True

    def __init__(self, place: KeycloakPlace) -> None:
        self._place = place
        self.admin = Admin(place.url, place.realm, Login(place.client_id, place.secret))
        self._door = RealmDoor(self.admin.issuer, place.client_id, place.secret)

    def entrance(self) -> Entrance:
        """See the port."""
        return Entrance(
            name="Keycloak",
            service=SERVICE,
            sign_in=f"/api/v2/auth/oauth/{PLATFORM_DOOR}",
            account=f"{self.admin.issuer}/account",
        )

    def door(self) -> RealmDoor:
        """See the port."""
        return self._door

    def find(self, email: str) -> Account | None:
        """See the port."""
        return find_account(self.admin, email)

    def ensure(self, email: str, name: str) -> Account:
        """See the port."""
        return ensure_account(self.admin, email, name)[0]

    def set_enabled(self, email: str, *, is_enabled: bool) -> None:
        """See the port. What is open there ends."""
        found = self.find(email)
        if found is None:
            return
        path = f"/users/{found.subject}"
        # The whole of it: Keycloak empties what a part leaves out.
        self.admin.put(path, {**self.admin.get(path), "enabled": is_enabled})
        if not is_enabled:
            self.admin.post(f"{path}/logout")

    def send_reset(self, email: str) -> bool:
        """See the port. Keycloak mails it, over the realm's own mail server."""
        found = self.find(email)
        if found is None or not found.is_enabled:
            return False
        path = (
            f"/users/{found.subject}/execute-actions-email?lifespan={RESET_LIFE_S}"
            f"&client_id={self._place.client_id}&redirect_uri={self._place.home}"
        )
        try:
            return self.admin.put(path, ["UPDATE_PASSWORD"])
        except KeycloakRefused as exc:
            # Its mail server, mostly: asking again and again would not mend it.
            log.warning("keycloak.mail_not_sent", status=exc.answer)
            return False

    def roles_in(self, tenant_id: UUID, email: str) -> frozenset[str] | None:
        """See the port."""
        found = self.find(email)
        organisation = find_organisation(self.admin, Tenant.objects.get(id=tenant_id))
        if found is None or organisation is None:
            return None
        return organisation.roles_of(found.subject)

    def mirror(self, tenant_id: UUID, user_id: UUID | None) -> int:
        """See the port."""
        if user_id is None:
            return copy_tenant(self.admin, tenant_id)
        return copy_person(self.admin, tenant_id, user_id)

    def invite(self, email: str) -> None:
        """See the port. Who has no account yet gets one, and a mail to choose a password."""
        _, is_new = ensure_account(self.admin, email, "")
        if is_new:
            self.send_reset(email)

    def take_sessions(self, session_ids: Sequence[UUID]) -> list[str]:
        """See the port."""
        rows = RealmSession.objects.filter(session_id__in=session_ids)
        found = list(rows.values_list("sid", flat=True).distinct())
        rows.delete()
        return found

    def end_session(self, sid: str) -> None:
        """See the port. One that has ended there is left alone."""
        self.admin.delete(f"/sessions/{sid}")

    def probe(self) -> Probe:
        """Ask for the realm as our client: its secret is looked at too."""
        started = monotonic_s()
        try:
            is_there = self.admin.get("/organizations/count") is not None
        except KeycloakRefused as exc:
            return Probe(
                ok=False, detail=exc.detail, is_limited=True,
                advice="Run `manage.py keycloak_sync`: realm, client or its rights are not right.",
            )  # fmt: skip
        except IdentityAway as exc:
            return Probe(
                ok=False,
                detail=exc.detail,
                advice="Start Keycloak again; until then nobody new signs in.",
            )
        if not is_there:
            return Probe(
                ok=False, detail="there is no such realm", advice="manage.py keycloak_sync"
            )
        return Probe(ok=True, latency_ms=(monotonic_s() - started) * 1000)
