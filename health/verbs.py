"""What operators may see and do: the condition of the platform, and closing a breaker by hand."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings

from health.degraded import Row, row_of
from health.facade import monitor
from health.judging import Seen
from kernel.actor import Actor
from kernel.condition import Level, ServiceState
from kernel.db import platform_unit
from kernel.errors import NotFound
from kernel.resilience import CircuitBreaker
from kernel.resilience import State as BreakerState
from saas.facade import audit, require

SEE = "platform.administrate"


class NoSuchBreaker(NotFound):
    """No breaker of this name is known."""

    code, title = "no-such-breaker", "No breaker of this name is known"


class ServiceNotConfigured(NotFound):
    """This installation does not use the service."""

    code, title = "service-not-configured", "This installation does not use this service"


@dataclass(frozen=True, slots=True)
class ServiceView:
    """A service as operators see it."""

    name: str
    title: str
    is_critical: bool
    state: ServiceState
    since: datetime
    looked_at: datetime
    latency_ms: float | None
    slow_ms: float
    detail: str
    advice: str


@dataclass(frozen=True, slots=True)
class BreakerView:
    """A breaker. `trial_in_s`: None while closed."""

    name: str
    title: str
    dependency: str
    state: BreakerState
    failures: int
    trial_in_s: float | None


@dataclass(frozen=True, slots=True)
class AffectedView:
    """A service that is not well, and what that means."""

    service: str
    title: str
    state: ServiceState
    since: datetime
    detail: str
    works: str
    waits: str
    off: str
    reads: str | None
    next: str


@dataclass(frozen=True, slots=True)
class HealthView:
    """Everything at once."""

    deployment_mode: str
    overall_health: str
    level: Level
    since: datetime
    services: Sequence[ServiceView]
    breakers: Sequence[BreakerView]
    affected: Sequence[AffectedView]


def see_health(actor: Actor) -> HealthView:
    """The whole condition. Raises: Forbidden."""
    require(actor, SEE)
    level, since, affected = see_degradation(actor)
    return HealthView(
        deployment_mode=settings.SOMA.deployment_mode,
        overall_health=overall(level),
        level=level,
        since=since,
        services=[_service(one.name) for one in monitor().services()],
        breakers=see_breakers(actor),
        affected=affected,
    )


def see_service(actor: Actor, name: str) -> ServiceView:
    """One service. Raises: Forbidden, ServiceNotConfigured."""
    require(actor, SEE)
    return _service(name)


def see_degradation(actor: Actor) -> tuple[Level, datetime, list[AffectedView]]:
    """The level, since when, and what is limited. Raises: Forbidden."""
    require(actor, SEE)
    found = monitor()
    affected = []
    for one in found.affected():
        row: Row = row_of(one.service)
        reads = row.reads if one.state == "down" else row.reads_slow
        affected.append(
            AffectedView(
                one.service,
                row.title,
                one.state,
                one.since,
                one.detail,
                row.works,
                row.waits,
                row.off,
                reads,
                row.next,
            )
        )
    return found.level(), found.level_since(), affected


def see_breakers(actor: Actor) -> list[BreakerView]:
    """Every breaker that was used, by name. Raises: Forbidden."""
    require(actor, SEE)
    return [_breaker(one) for one in monitor().board.all()]


def reset_breaker(actor: Actor, name: str) -> BreakerView:
    """Close a breaker in every process; audited. Raises: Forbidden, NoSuchBreaker."""
    require(actor, SEE)
    breaker = monitor().board.get(name)
    if breaker is None:
        raise NoSuchBreaker
    before = {"state": breaker.state, "failures": breaker.standing.failures}
    with platform_unit("health: reset breaker"):
        audit(actor, "breaker.reset", "breaker", name, before=before, after={"state": "closed"})
    breaker.reset()
    return _breaker(breaker)


def overall(level: Level) -> str:
    """The level in the words of load balancers."""
    return {"none": "healthy", "critical": "unhealthy"}.get(level, "degraded")


def _service(name: str) -> ServiceView:
    found = monitor()
    seen: Seen | None = found.seen(name)
    service = next((one for one in found.services() if one.name == name), None)
    if service is None or seen is None:
        raise ServiceNotConfigured
    return ServiceView(
        name,
        service.title,
        service.is_critical,
        seen.state,
        seen.since,
        seen.looked_at,
        seen.latency_ms,
        service.slow_ms,
        seen.detail,
        seen.advice,
    )


def _breaker(breaker: CircuitBreaker) -> BreakerView:
    return BreakerView(
        breaker.name,
        breaker.title,
        breaker.dependency,
        breaker.state,
        breaker.standing.failures,
        breaker.trial_in_s,
    )
