"""Shapes of the health operations at the HTTP edge."""

from datetime import datetime
from typing import Literal

from ninja import Schema

from kernel.condition import Level, ServiceState


class ServiceOut(Schema):
    """A service. `slow_ms`: above it the service counts as slow."""

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


class BreakerOut(Schema):
    """A breaker. `trial_in_s`: seconds until one call is let through; null while closed."""

    name: str
    title: str
    dependency: str
    state: Literal["closed", "open", "half-open"]
    failures: int
    trial_in_s: float | None


class BreakersOut(Schema):
    """Every breaker."""

    items: list[BreakerOut]
    next: None = None


class AffectedOut(Schema):
    """A service that is not well, and what that means. `reads`: what people are shown."""

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


class DegradationOut(Schema):
    """How much is lost, since when, and why."""

    level: Level
    since: datetime
    affected: list[AffectedOut]


class HealthOut(DegradationOut):
    """Everything at once."""

    deployment_mode: str
    overall_health: Literal["healthy", "degraded", "unhealthy"]
    services: list[ServiceOut]
    breakers: list[BreakerOut]
