"""`manage.py rotate_keys`: stored secrets under the ring's first key; a new key for tokens."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from gateway.facade import rewrap_stored_keys
from kernel.crypto import ring
from saas.identity import second_factor, signing
from saas.sso.providers import rewrap_provider_secrets


class Command(BaseCommand):
    help = "After putting a new key in front of SA01_ENCRYPTION_KEYS: wrap stored secrets anew."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--tokens", action="store_true", help="also make a new key that signs access tokens"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        changed = rewrap_stored_keys() + signing.rewrap_signing_keys() + second_factor.rewrap_apps()
        changed += rewrap_provider_secrets()
        self.stdout.write(f"wrapped anew under key {ring().active_id!r}: {changed}")
        if options["tokens"]:
            kid = signing.rotate()
            wait_min = signing.JWKS_LIFE.total_seconds() / 60
            self.stdout.write(f"access tokens are signed by {kid!r} in {wait_min:.0f} minutes")
