"""What a tenant has in the database, to be compared: nothing of it may change by others."""

from uuid import UUID

from django.apps import apps
from django.db import connections

from kernel.db import PLATFORM_ALIAS
from kernel.tenancy import TenantModel

# Where events wait and leave receipts: moved by whoever delivers. Decisions are written half a
# second after their call.
IN_TRANSIT = {"kernel_outboxevent", "kernel_inboxrecord", "gateway_decision"}


def rows_of(tenant_id: UUID, ignored: frozenset[str] = frozenset()) -> dict[str, tuple[int, str]]:
    """{table: (rows, digest of them)} of every tenant table, and of people's memberships."""
    tables = {one._meta.db_table for one in apps.get_models() if issubclass(one, TenantModel)}
    found = {}
    with connections[PLATFORM_ALIAS].cursor() as cursor:
        for table in sorted(tables - IN_TRANSIT - ignored | {"saas_membership"}):
            cursor.execute(
                f"select count(*), coalesce(md5(string_agg(t::text, '' order by t.id)), '') "
                f"from {table} t where t.tenant_id = %s",
                [tenant_id],
            )
            found[table] = cursor.fetchone()
    return found
