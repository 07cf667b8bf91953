"""The isolation sweep of the integration suite, larger: see tests.support.memory_sweep."""

from typing import Any
from uuid import UUID

from memory.ports import BRAIN
from tests.support import memory_sweep

THREADS = 4


def run(tenant_ids: list[str], users: int, agents: int) -> dict[str, Any]:
    """Build the world and let every reader make every call, four at a time."""
    brain = BRAIN.get()
    world = memory_sweep.build(brain, [UUID(one) for one in tenant_ids], users, agents)
    tally = memory_sweep.sweep(brain, world, seed=5, threads=THREADS)
    return {
        "readers": len(list(world.readers())),
        "memories": len(world.owners),
        "calls": tally.calls,
        "hits": tally.hits,
        "foreign": tally.foreign[:100],
        "foreign_count": len(tally.foreign) + tally.unknown,
        "absent": sorted(tally.absent),
    }
