"""In which mode the platform and each tenant work (SOMAGENT_MODE), and what that changes.

Owns: the table of modes (`docs/reference/modes.md` is made of it), the stored choice of the
platform and the overrides of tenants, and what this process knows of them. A change is told over
the bus, so every process knows within a second; without the bus within `KNOWN_FOR_S`.
ENTERPRISE_MODE is a setting of the installation, for all tenants; it narrows what modes allow.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Literal, get_args
from uuid import UUID

import structlog
from django.conf import settings

from kernel.actor import Actor, Scope
from kernel.bus.ports import BUS, Payload
from kernel.clock import monotonic_s, now
from kernel.db import in_unit, platform_unit, unit_of_work
from kernel.errors import NotFound
from saas.audit import PLATFORM_TENANT, audit
from saas.authz.check import require
from saas.models import OperatingMode, Tenant

Mode = Literal["developer", "training", "test", "production"]
MODES: tuple[Mode, ...] = get_args(Mode)
TOPIC = "modes"
KNOWN_FOR_S = 30.0

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What a mode changes. `logs`: least level, of the whole platform; None: as SA01_LOG_LEVEL.

    `learns`: whether judged answers change how an agent recalls. `audits_turns`: whether the audit
    log has an entry for each answer. `own_providers`: whether only providers that run on machines
    of one's own may be asked.
    """

    summary: str
    logs: Literal["debug", "info"] | None
    learns: bool
    audits_turns: bool = False
    own_providers: bool = False


TABLE: Mapping[Mode, Behaviour] = {
    "developer": Behaviour("Building: everything is logged.", "debug", learns=True),
    "training": Behaviour("Agents are being taught.", "info", learns=True),
    "test": Behaviour("Trying out: agents stay as they are.", "info", learns=False),
    "production": Behaviour("At work.", None, learns=True),
}


def behaviour(mode: Mode, *, is_enterprise: bool) -> Behaviour:
    """What a mode changes; in an enterprise agents learn only where they are being taught."""
    plain = TABLE[mode]
    if not is_enterprise:
        return plain
    learns = mode == "training"
    return replace(plain, learns=learns, audits_turns=True, own_providers=True)


@dataclass(frozen=True, slots=True)
class Choice:
    """What is set, and what follows for the actor's tenant. `own`: the tenant's override."""

    platform: Mode
    own: Mode | None
    effective: Mode
    is_enterprise: bool


@dataclass(frozen=True, slots=True)
class TenantMode:
    """A tenant and its override."""

    tenant_id: UUID
    name: str
    slug: str
    own: Mode | None


_known: dict[UUID, Mode] | None = None
_known_at = 0.0
_watchers: set[Callable[[], None]] = set()


def mode_of(tenant_id: UUID | None) -> Mode:
    """The mode in which a tenant works; None: the platform's."""
    known = _current()
    platform = known.get(PLATFORM_TENANT) or _first()
    return known.get(tenant_id, platform) if tenant_id else platform


def behaviour_of(tenant_id: UUID | None) -> Behaviour:
    """What the mode of a tenant (None: of the platform) changes."""
    return behaviour(mode_of(tenant_id), is_enterprise=is_enterprise())


def is_enterprise() -> bool:
    """Whether this installation is set to ENTERPRISE_MODE."""
    return bool(settings.SOMA.enterprise_mode)


def see_mode(actor: Actor) -> Choice:
    """What is set for the platform and the actor's tenant, as this process goes by."""
    own = _current().get(actor.tenant_id) if actor.tenant_id else None
    return Choice(mode_of(None), own, mode_of(actor.tenant_id), is_enterprise())


def known_choice(tenant_id: UUID | None) -> Choice | None:
    """The same without a row being read, for the event loop; None: nothing is known yet."""
    if _known is None:
        return None
    platform = _known.get(PLATFORM_TENANT) or _first()
    own = _known.get(tenant_id) if tenant_id else None
    return Choice(platform, own, own or platform, is_enterprise())


def watch_modes(on_change: Callable[[], None]) -> Callable[[], None]:
    """Call `on_change` in the loop that follows, at each change. Returns the way to stop."""
    _watchers.add(on_change)
    return lambda: _watchers.discard(on_change)


def list_tenant_modes(actor: Actor, limit: int, after_slug: str | None) -> list[TenantMode]:
    """Tenants by address with their overrides (one more than `limit`, when there are more).

    Raises: Forbidden.
    """
    require(actor, "platform.administrate")
    rows = Tenant.objects.order_by("slug")
    if after_slug is not None:
        rows = rows.filter(slug__gt=after_slug)
    known = _current()
    return [TenantMode(row.id, row.name, row.slug, known.get(row.id)) for row in rows[: limit + 1]]


def set_platform_mode(actor: Actor, mode: Mode) -> Choice:
    """Choose for the whole platform. Raises: Forbidden. Audited; told to every process."""
    require(actor, "platform.administrate")
    with platform_unit("mode"):
        before = _store(PLATFORM_TENANT, mode)
        audit(actor, "mode.changed", "platform", PLATFORM_TENANT, before, {"mode": mode})
    return _told(actor)


def set_tenant_mode(actor: Actor, mode: Mode | None, tenant_id: UUID | None = None) -> Choice:
    """Choose for a tenant; None: as the platform. Audited; told to every process.

    `tenant_id`: of another tenant than one's own, for platform admins.
    Raises: Forbidden, NoTenant, NotFound.
    """
    if tenant_id is None:
        require(actor, "tenant.manage")
    else:
        require(actor, "platform.administrate")
        if not Tenant.objects.filter(id=tenant_id).exists():
            raise NotFound("There is no such tenant.")
    scope = actor.scope if tenant_id is None else Scope(tenant_id)
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
            for tell in list(_watchers):
                tell()
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
