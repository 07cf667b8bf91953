"""Operations under /api/v2/saas/mode."""

from typing import Literal

from django.http import HttpRequest
from ninja import Router, Schema

from saas import modes
from saas.api.auth import actor_of

router = Router(tags=["mode"])


class BehaviourOut(Schema):
    """What a mode changes. `logs` null: as the settings say."""

    mode: modes.Mode
    summary: str
    logs: str | None
    learns: bool


class ModeOut(Schema):
    """What is set for the platform and the tenant, what follows, and what each mode changes."""

    platform: modes.Mode
    own: modes.Mode | None
    effective: modes.Mode
    table: list[BehaviourOut]


class ModeIn(Schema):
    """`mode` null, for the tenant: as the platform."""

    of: Literal["platform", "tenant"]
    mode: modes.Mode | None


@router.get("", response=ModeOut, operation_id="mode_see")
def see(request: HttpRequest) -> object:
    """The mode of the platform and of one's tenant."""
    return _shown(modes.see_mode(actor_of(request)))


@router.put("", response=ModeOut, operation_id="mode_set")
def choose(request: HttpRequest, body: ModeIn) -> object:
    """Set it: of the platform by platform admins, of the tenant by its sysadmins; audited."""
    actor = actor_of(request)
    if body.of == "tenant":
        return _shown(modes.set_tenant_mode(actor, body.mode))
    return _shown(modes.set_platform_mode(actor, body.mode or "production"))


def _shown(choice: modes.Choice) -> dict[str, object]:
    table = [
        {"mode": mode, "summary": one.summary, "logs": one.logs, "learns": one.learns}
        for mode, one in modes.TABLE.items()
    ]
    return {
        "platform": choice.platform,
        "own": choice.own,
        "effective": choice.effective,
        "table": table,
    }
