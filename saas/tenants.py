"""What platform admins do with tenants: see them, suspend and resume them.

A suspended tenant keeps every row. Its admins may go on reading, everybody else is shut out
(`saas.authz.check`), its keys answer nothing, its running turns are stopped by who hears
`TenantSuspended`, its events and background work wait (`kernel.holding`). Resuming takes the mark
away; nothing else was changed.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import connection, transaction

from kernel import outbox
from kernel.actor import Actor, Scope
from kernel.clock import now
from kernel.db import unit_of_work
from kernel.errors import Unprocessable
from kernel.holding import look_again
from kernel.text import as_like, checked
from saas.audit import audit
from saas.authz.check import require
from saas.authz.rights import tell_rights
from saas.errors import TenantUnknown
from saas.models import Tenant
from saas.told import TenantSuspended

PERMISSION = "platform.manage_tenants"
REASON_MAX = 300

_LIST = """
select t.id, t.name, t.slug, t.status, t.created_at, t.suspended_at, t.suspended_why,
  (select count(*) from saas_membership m where m.tenant_id = t.id)
from saas_tenant t
where (%(one)s::uuid is null or t.id = %(one)s) and (%(after)s::text is null or t.slug > %(after)s)
  and (%(text)s = '' or t.slug like %(like)s or t.name ilike %(like)s)
order by t.slug limit %(limit)s
"""


@dataclass(frozen=True, slots=True)
class TenantView:
    """A tenant as platform admins see it."""

    id: UUID
    name: str
    slug: str
    status: str
    created_at: datetime
    suspended_at: datetime | None
    suspended_why: str
    people: int


def list_tenants(actor: Actor, limit: int, after: str | None, text: str = "") -> list[TenantView]:
    """Tenants by address (one more than `limit`, when there are more). Raises: Forbidden."""
    require(actor, PERMISSION)
    return _find(limit + 1, after=after, text=text)


def suspend_tenant(actor: Actor, tenant_id: UUID, reason: str) -> TenantView:
    """Close a tenant, everywhere within seconds. Raises: Forbidden, TenantUnknown, Unprocessable.

    Emits: TenantSuspended.  Audited in the tenant's log.
    """
    require(actor, PERMISSION)
    why = checked(reason, "/reason").strip()
    if not 3 <= len(why) <= REASON_MAX:
        detail = f"3 to {REASON_MAX} characters"
        raise Unprocessable(errors=[{"pointer": "/reason", "detail": detail}])
    return _set(actor, tenant_id, Tenant.Status.SUSPENDED, why)


def resume_tenant(actor: Actor, tenant_id: UUID) -> TenantView:
    """Open it again, as it was. Raises: Forbidden, TenantUnknown."""
    require(actor, PERMISSION)
    return _set(actor, tenant_id, Tenant.Status.ACTIVE, "")


def _set(actor: Actor, tenant_id: UUID, status: Tenant.Status, why: str) -> TenantView:
    moment = now() if why else None
    with unit_of_work(Scope(tenant_id)):
        known = Tenant.objects.filter(id=tenant_id).exists()
        changed = (
            Tenant.objects.filter(id=tenant_id)
            .exclude(status=status)
            .update(status=status, suspended_at=moment, suspended_why=why)
        )
        if not known:
            raise TenantUnknown
        if changed:
            act = "tenant.suspended" if why else "tenant.resumed"
            audit(actor, act, "tenant", tenant_id, after={"reason": why} if why else None)
            if why:
                outbox.emit(TenantSuspended(tenant_id), key=f"tenant:{tenant_id}")
            tell_rights(tenant_id)
            transaction.on_commit(look_again)
        return _find(1, one=tenant_id)[0]


def _find(
    limit: int, *, one: UUID | None = None, after: str | None = None, text: str = ""
) -> list[TenantView]:
    like = f"%{as_like(text.lower())}%"
    values = {"one": one, "after": after, "text": text, "like": like, "limit": limit}
    with connection.cursor() as cursor:
        cursor.execute(_LIST, values)
        return [TenantView(*row) for row in cursor.fetchall()]
