"""`manage.py audit_verify`: check the chain of every tenant's audit log."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from saas.audit.verifying import verify_all


class Command(BaseCommand):
    help = "Seal what is open and check every audit log from its beginning; fails when one broke."

    def handle(self, *args: Any, **options: Any) -> None:
        entries = broken = 0
        for verdict in verify_all():
            entries += verdict.entries
            if verdict.problem:
                broken += 1
                self.stderr.write(f"{verdict.tenant_id}: {verdict.problem}")
        if broken:
            raise CommandError(f"{broken} audit logs are not as they were written")
        self.stdout.write(f"{entries} entries are as they were written")
