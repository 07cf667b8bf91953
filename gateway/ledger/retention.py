"""Single calls are forgotten after a time; the sums of them by hour and by day stay."""

from datetime import timedelta
from uuid import UUID

from django.db import connections

from kernel.clock import now
from kernel.db import platform_unit
from kernel.holding import held_tenants

AT_ONCE = 5_000
_FORGET = """
delete from gateway_usage where id in (
  select id from gateway_usage where id < %s and tenant_id <> all(%s) order by id limit %s
)
"""


def forget_calls(kept: timedelta) -> int:
    """Delete what is recorded of calls that began longer ago. Returns how many.

    Ids rise with the time (RFC 9562), so the oldest are found without an index of their own.
    """
    first_kept = UUID(int=int((now() - kept).timestamp() * 1000) << 80)
    count = 0
    while gone := _forget_some(first_kept):
        count += gone
    return count


def _forget_some(before: UUID) -> int:
    with platform_unit("ledger: retention") as alias, connections[alias].cursor() as cursor:
        cursor.execute(_FORGET, [before, held_tenants(), AT_ONCE])
        return int(cursor.rowcount)
