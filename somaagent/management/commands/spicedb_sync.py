"""`manage.py spicedb_sync`: SpiceDB gets the table of permissions and every fact that it lacks."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from saas.authz.mirroring import mirror_all
from saas.authz.ports import AUTHORITY, AuthorityAway


class Command(BaseCommand):
    help = "Write the schema to SpiceDB, compare all tuples, repair. Safe to repeat."

    def handle(self, *args: Any, **options: Any) -> None:
        authority = AUTHORITY.get()
        if not authority.is_mirror:
            raise CommandError("SA01_AUTHZ_ADAPTER is not spicedb: there is nothing to write to.")
        try:
            authority.prepare()
            done = mirror_all()
        except AuthorityAway as exc:
            raise CommandError(f"SpiceDB does not answer: {exc.data.get('reason')}") from exc
        self.stdout.write(f"compared {done.tenants} tenants; tuples repaired: {done.repaired}")
