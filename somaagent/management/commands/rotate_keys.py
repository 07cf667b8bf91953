"""`manage.py rotate_keys`: wrap every stored secret under the first key of the ring."""

from typing import Any

from django.core.management.base import BaseCommand

from gateway.facade import rewrap_stored_keys
from kernel.crypto import ring


class Command(BaseCommand):
    help = "After putting a new key in front of SA01_ENCRYPTION_KEYS: wrap stored secrets anew."

    def handle(self, *args: Any, **options: Any) -> None:
        changed = rewrap_stored_keys()
        self.stdout.write(f"wrapped anew under key {ring().active_id!r}: {changed}")
