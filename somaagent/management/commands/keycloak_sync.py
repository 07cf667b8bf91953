"""`manage.py keycloak_sync`: realm, client and organisations as this installation needs them."""

import secrets
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from saas.identity.copying import mirror_all
from saas.identity.port import IdentityAway
from saas.keycloak.admin import Admin, Login
from saas.keycloak.organisations import ensure_account
from saas.keycloak.realm import Realm, wanted_realm
from saas.models import User
from saas.sso.doors import PLATFORM_DOOR

# A cold server takes its time for the first calls.
TIMEOUT_S = 60.0


class Command(BaseCommand):
    help = "Make realm, client and organisations of Keycloak as they must be. Safe to repeat."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="say what would be changed")
        parser.add_argument("--realm-only", action="store_true", help="leave people alone")

    def handle(self, *args: Any, **options: Any) -> None:
        config = settings.SOMA
        if not config.accounts_in_keycloak:
            raise CommandError("SA01_IDENTITY_ADAPTER is not keycloak: there is nothing to write.")
        password = config.keycloak_admin_password
        try:
            changed = 0
            if password is not None:
                login = Login("admin-cli", "", config.keycloak_admin, password.get_secret_value())
                server = Admin(config.keycloak_url or "", "", login, timeout_s=TIMEOUT_S)
                realm = Realm(server, self._wanted(), is_dry=options["dry_run"])
                for line in realm.make_so():
                    self.stdout.write(line)
                    changed += 1
                if not options["dry_run"] and not options["realm_only"]:
                    changed += self._admit()
            else:
                self.stdout.write("SA01_KEYCLOAK_ADMIN_PASSWORD is not set: the realm stays as is")
            self.stdout.write(f"realm {config.keycloak_realm}: changes {changed}")
            if not options["dry_run"] and not options["realm_only"]:
                self.stdout.write(f"organisations: changes {mirror_all()}")
        except IdentityAway as exc:
            raise CommandError(f"{config.keycloak_url}: {exc.detail}") from exc

    def _wanted(self) -> dict[str, Any]:
        config = settings.SOMA
        values = {
            "SA01_KEYCLOAK_REALM": config.keycloak_realm,
            "SA01_KEYCLOAK_CLIENT_ID": config.keycloak_client_id,
            "SA01_KEYCLOAK_CLIENT_SECRET": _secret(),
            "SA01_PUBLIC_URL": config.effective_public_url,
            "SOMA_DOOR": str(PLATFORM_DOOR),
        }
        smtp = config.smtp_url.get_secret_value() if config.smtp_url else None
        return wanted_realm(values, smtp, config.mail_from)

    def _admit(self) -> int:
        """The platform's admins can sign in: who has no account gets one, with a first password."""
        config = settings.SOMA
        login = Login(config.keycloak_client_id, _secret())
        url, realm = config.keycloak_url or "", config.keycloak_realm
        admin = Admin(url, realm, login, timeout_s=TIMEOUT_S)
        made = 0
        try:
            rows = list(User.objects.filter(is_platform_admin=True, is_active=True))
        except DatabaseError as exc:
            raise CommandError("The database does not answer, or is not migrated yet.") from exc
        for user in rows:
            account, is_new = ensure_account(admin, user.email, user.display_name)
            if not is_new:
                continue
            first = secrets.token_urlsafe(15)
            admin.put(
                f"/users/{account.subject}/reset-password",
                {"type": "password", "value": first, "temporary": True},
            )
            self.stdout.write(f"account {user.email}: made, with the one-time password {first}")
            made += 1
        return made


def _secret() -> str:
    secret = settings.SOMA.keycloak_client_secret
    return secret.get_secret_value() if secret else ""
