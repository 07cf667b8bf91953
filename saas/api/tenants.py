"""Operations under /api/v2/saas/tenants, for platform admins."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from django.http import HttpRequest
from ninja import Query, Router, Schema
from pydantic import Field

from kernel import paging
from saas import tenants
from saas.api.auth import actor_of

router = Router(tags=["tenants"])


class PlatformTenantOut(Schema):
    """A tenant."""

    id: UUID
    name: str
    slug: str
    status: str
    created_at: datetime
    suspended_at: datetime | None
    suspended_why: str
    people: int


class PlatformTenantPage(Schema):
    """Tenants by address."""

    items: list[PlatformTenantOut]
    next: str | None


class SuspendIn(Schema):
    """Why: the tenant's admins read it, and the audit log keeps it."""

    reason: str = Field(min_length=3, max_length=300)


@router.get("", response=PlatformTenantPage, operation_id="tenants_list")
def list_tenants(
    request: HttpRequest,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: str | None = None,
    q: str = "",
) -> object:
    """Every tenant."""
    after = paging.decode(cursor, str)
    found = tenants.list_tenants(actor_of(request), limit, after[0] if after else None, q[:100])
    rows = found[:limit]
    return {"items": rows, "next": paging.encode(rows[-1].slug) if len(found) > limit else None}


@router.post("/{tenant_id}/suspend", response=PlatformTenantOut, operation_id="tenants_suspend")
def suspend(request: HttpRequest, tenant_id: UUID, body: SuspendIn) -> object:
    """Close a tenant: its admins may go on reading."""
    return tenants.suspend_tenant(actor_of(request), tenant_id, body.reason)


@router.post("/{tenant_id}/resume", response=PlatformTenantOut, operation_id="tenants_resume")
def resume(request: HttpRequest, tenant_id: UUID) -> object:
    """Open it again, as it was."""
    return tenants.resume_tenant(actor_of(request), tenant_id)
