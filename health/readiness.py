"""Readiness: the database must answer; Valkey may be away (chat goes on, and we say so)."""

import asyncio
from collections.abc import Callable
from dataclasses import asdict, dataclass

from django.conf import settings

from health.services import look_at_database
from kernel.bus.ports import BUS
from kernel.db import in_unit
from kernel.ports import Probe

PROBE_DEADLINE_S = 2.0


@dataclass(frozen=True, slots=True)
class Readiness:
    """`ready`: requests can be served. `services`: {name: {ok, latency_ms, detail, advice}}."""

    ready: bool
    deployment_mode: str
    services: dict[str, dict[str, object]]


async def readiness() -> Readiness:
    """Probe what every request needs, side by side, each within its own deadline."""
    database, bus = await asyncio.gather(_within(look_at_database), _within(BUS.get().probe))
    return Readiness(
        ready=database.ok,
        deployment_mode=settings.SOMA.deployment_mode,
        services={"database": asdict(database), "valkey": asdict(bus)},
    )


async def _within(probe: Callable[[], Probe]) -> Probe:
    try:
        async with asyncio.timeout(PROBE_DEADLINE_S):
            return await in_unit(probe)
    except TimeoutError:
        return Probe(ok=False, detail="no answer in time", advice="Look at the service's log.")
