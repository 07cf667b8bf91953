"""Operations under /api/v2/saas/mode."""

from dataclasses import asdict
from typing import Annotated, Literal
from uuid import UUID

from django.http import HttpRequest
from ninja import Query, Router, Schema

from kernel import paging
from saas import modes
from saas.api.auth import actor_of

router = Router(tags=["mode"])


class BehaviourOut(Schema):
    """What a mode changes here. `logs` null: as the settings say."""

    mode: modes.Mode
    summary: str
    logs: str | None
    learns: bool
    audits_turns: bool
    own_providers: bool


class ModeOut(Schema):
    """What is set for the platform and the tenant, what follows, and what each mode changes."""

    platform: modes.Mode
    own: modes.Mode | None
    effective: modes.Mode
    is_enterprise: bool
    table: list[BehaviourOut]


class ModeIn(Schema):
    """`mode` null, for a tenant: as the platform. `tenant_id`: another one than one's own."""

    of: Literal["platform", "tenant"]
    mode: modes.Mode | None
    tenant_id: UUID | None = None


class TenantModeOut(Schema):
    """A tenant and its override; null: as the platform."""

    tenant_id: UUID
    name: str
    own: modes.Mode | None


class TenantModePage(Schema):
    """Tenants by address."""

    items: list[TenantModeOut]
    next: str | None


@router.get("", response=ModeOut, operation_id="mode_see")
def see(request: HttpRequest) -> object:
    """The mode of the platform and of one's tenant."""
    return _shown(modes.see_mode(actor_of(request)))


@router.get("/tenants", response=TenantModePage, operation_id="mode_tenants")
def tenants(
    request: HttpRequest,
    limit: Annotated[int, Query(ge=1, le=200)] = 100,
    cursor: str | None = None,
) -> object:
    """Every tenant with its override (platform admins)."""
    after = paging.decode(cursor, str)
    found = modes.list_tenant_modes(actor_of(request), limit, after[0] if after else None)
    rows = found[:limit]
    more = paging.encode(rows[-1].slug) if len(found) > limit else None
    return {"items": rows, "next": more}


@router.put("", response=ModeOut, operation_id="mode_set")
def choose(request: HttpRequest, body: ModeIn) -> object:
    """Set it: of the platform and of any tenant by platform admins, of one's own by sysadmins."""
    actor = actor_of(request)
    if body.of == "tenant":
        return _shown(modes.set_tenant_mode(actor, body.mode, body.tenant_id))
    return _shown(modes.set_platform_mode(actor, body.mode or "production"))


def _shown(choice: modes.Choice) -> dict[str, object]:
    table = [
        {"mode": mode, **asdict(modes.behaviour(mode, is_enterprise=choice.is_enterprise))}
        for mode in modes.MODES
    ]
    return asdict(choice) | {"table": table}
