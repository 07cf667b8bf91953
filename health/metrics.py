"""Prometheus text exposition, every sample with the deployment mode."""

from collections.abc import Iterator

from django.conf import settings
from django.db import Error as DatabaseError
from prometheus_client import REGISTRY, Metric, generate_latest
from prometheus_client.registry import Collector

from kernel import outbox
from kernel.clock import monotonic_s
from kernel.db import in_unit
from memory.errors import CapabilityAbsent, MemoryLate, MemoryRefused, MemoryUnavailable
from memory.facade import BRAIN

# A scrape more often than this reuses the last database figures.
REFRESH_S = 5.0

_refreshed_at = 0.0


class Labelled(Collector):
    """The process's registry with one label more."""

    def collect(self) -> Iterator[Metric]:
        """Every family, each sample with deployment_mode."""
        mode = settings.SOMA.deployment_mode
        for family in REGISTRY.collect():
            family.samples = [
                sample._replace(labels={**sample.labels, "deployment_mode": mode})
                for sample in family.samples
            ]
            yield family


async def exposition() -> bytes:
    """Text format 0.0.4, with the backlog figures of the database refreshed."""
    global _refreshed_at  # noqa: PLW0603
    if monotonic_s() - _refreshed_at > REFRESH_S:
        _refreshed_at = monotonic_s()
        await in_unit(_measure)
    return generate_latest(Labelled())


def _measure() -> None:
    try:
        outbox.measure()
        BRAIN.get().pending()
    except (DatabaseError, MemoryUnavailable, MemoryLate, MemoryRefused, CapabilityAbsent):
        # The figures stay as they were; readiness is what reports the database.
        return
