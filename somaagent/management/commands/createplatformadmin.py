"""`manage.py createplatformadmin`: a person who administrates this installation."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from saas.identity.port import IDENTITY
from saas.models import Role
from saas.provisioning import (
    ensure_membership,
    ensure_person,
    ensure_tenant,
    has_platform_admin,
    home_of_platform,
)

HOME_NAME, HOME_SLUG = "Home", "home"


class Command(BaseCommand):
    help = "Create a platform admin with a one-time password, in the platform's own tenant."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--email", default=settings.SOMA.admin_email)
        parser.add_argument("--name", default="Platform admin")
        parser.add_argument(
            "--first-run", action="store_true", help="do nothing when there is a platform admin"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["first_run"] and has_platform_admin():
            return
        if has_platform_admin(options["email"]):
            self.stdout.write(f"{options['email']} is a platform admin; nothing was changed.")
            return
        tenant_id = home_of_platform() or ensure_tenant(HOME_NAME, HOME_SLUG)
        person = ensure_person(options["email"], options["name"], is_platform_admin=True)
        ensure_membership(person.user_id, tenant_id, Role.SYSADMIN)
        entrance = IDENTITY.get().entrance()
        if entrance.name:
            self.stdout.write(f"{person.email} administrates this platform.")
            self.stdout.write(f"Sign in at {entrance.name}; keycloak_sync makes the account there.")
            return
        if person.one_time_password is None:
            self.stdout.write(f"{person.email} had an account, and is a platform admin now.")
            return
        self.stdout.write(f"E-mail:            {person.email}")
        self.stdout.write(f"One-time password: {person.one_time_password}")
        self.stdout.write("It is shown only now and must be changed at the first sign-in.")
