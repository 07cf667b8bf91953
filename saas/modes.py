"""In which mode the platform and each tenant work (SOMAGENT_MODE), and what that changes.

Owns: the table of modes, the stored choice of the platform and the overrides of tenants, and what
this process knows of them. A change is told over the bus, so every process knows within a second;
without the bus within `KNOWN_FOR_S`.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args
from uuid import UUID

import structlog
from django.conf import settings

from kernel.actor import Actor
from kernel.bus.ports import BUS, Payload
from kernel.clock import monotonic_s, now
from kernel.db import in_unit, platform_unit, unit_of_work
from saas.audit import PLATFORM_TENANT, audit
from saas.authz.check import require
from saas.models import OperatingMode

Mode = Literal["developer", "training", "test", "production"]
MODES: tuple[Mode, ...] = get_args(Mode)
TOPIC = "modes"
KNOWN_FOR_S = 30.0

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What a mode changes. `logs`: least level, of the whole platform; None: as SA01_LOG_LEVEL.

    `learns`: whether judged answers change how an agent recalls.
    """

    summary: str
    logs: Literal["debug", "info"] | None
    learns: bool


TABLE: Mapping[Mode, Behaviour] = {
    "developer": Behaviour("Building: everything is logged, agents learn.", "debug", learns=True),
    "training": Behaviour("Agents are being taught: they learn.", "info", learns=True),
    "test": Behaviour("Trying out: agents stay as they are.", "info", learns=False),
    "production": Behaviour("At work: agents learn from judged answers.", None, learns=True),
}


@dataclass(frozen=True, slots=True)
class Choice:
    """What is set, and what follows for the actor's tenant. `own`: the tenant's override."""

    platform: Mode
    own: Mode | None
    effective: Mode


_known: dict[UUID, Mode] | None = None
_known_at = 0.0


def mode_of(tenant_id: UUID | None) -> Mode:
    """The mode in which a tenant works; None: the platform's."""
    known = _current()
    platform = known.get(PLATFORM_TENANT) or _first()
    return known.get(tenant_id, platform) if tenant_id else platform


def behaviour_of(tenant_id: UUID | None) -> Behaviour:
    """What the mode of a tenant (None: of the platform) changes."""
    return TABLE[mode_of(tenant_id)]


def see_mode(actor: Actor) -> Choice:
    """What is set for the platform and the actor's tenant, as this process goes by."""
    own = _current().get(actor.tenant_id) if actor.tenant_id else None
    return Choice(mode_of(None), own, mode_of(actor.tenant_id))


def set_platform_mode(actor: Actor, mode: Mode) -> Choice:
    """Choose for the whole platform. Raises: Forbidden. Audited; told to every process."""
    require(actor, "platform.administrate")
    with platform_unit("mode"):
        before = _store(PLATFORM_TENANT, mode)
        audit(actor, "mode.changed", "platform", PLATFORM_TENANT, before, {"mode": mode})
    return _told(actor)


def set_tenant_mode(actor: Actor, mode: Mode | None) -> Choice:
    """Choose for the actor's tenant; None: as the platform. Raises: Forbidden, NoTenant.

    Audited; told to every process.
    """
    require(actor, "tenant.manage")
    scope = actor.scope
    with platform_unit("mode of a tenant"):
        before = _store(scope.tenant_id, mode)
    with unit_of_work(scope):
        audit(actor, "mode.changed", "tenant", scope.tenant_id, before, {"mode": mode})
    return _told(actor)


async def follow_modes() -> None:
    """Take up the mode of this process, and every change from now on."""

    async def heard(_: Payload) -> None:
        try:
            await in_unit(reload)
        except Exception as exc:  # whatever it is, the loop that this runs in must go on
            # What was known stays; it is read again when it is asked for.
            log.warning("modes.not_read", error=type(exc).__name__)

    await BUS.get().listen(TOPIC, heard)
    await heard({})


def reload() -> None:
    """Read what is set, and log as the platform's mode says."""
    global _known, _known_at  # noqa: PLW0603
    rows = OperatingMode.objects.values_list("tenant_id", "mode")
    _known = {tenant_id: mode for tenant_id, mode in rows if mode in MODES}
    _known_at = monotonic_s()
    level = TABLE[_known.get(PLATFORM_TENANT) or _first()].logs or settings.SOMA.log_level
    logging.getLogger().setLevel(level.upper())


def _current() -> dict[UUID, Mode]:
    if _known is None or monotonic_s() - _known_at > KNOWN_FOR_S:
        reload()
    return _known or {}


def _first() -> Mode:
    mode: Mode = settings.SOMA.agent_mode
    return mode


def _store(tenant_id: UUID, mode: Mode | None) -> dict[str, str | None]:
    rows = OperatingMode.objects.using("platform")
    found = rows.filter(tenant_id=tenant_id).first()
    if mode is None:
        rows.filter(tenant_id=tenant_id).delete()
    else:
        rows.update_or_create(tenant_id=tenant_id, defaults={"mode": mode, "changed_at": now()})
    return {"mode": found.mode if found else None}


def _told(actor: Actor) -> Choice:
    reload()
    BUS.get().publish(TOPIC, {})
    return see_mode(actor)
