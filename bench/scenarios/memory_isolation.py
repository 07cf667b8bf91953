"""A generated sweep over every call that gives out memories: hits that belong to somebody else.

Tenants, users, agents and namespaces are crossed; all say the same, beside a secret of their own
(`tests.support.memory_sweep`). Any hit outside the asking scope counts, and any that is nobody's.
"""

from typing import TYPE_CHECKING

from bench.brain import process
from bench.target import Figure

if TYPE_CHECKING:
    from bench.runner import Bench

TENANTS, USERS, AGENTS = 4, 6, 2


def run(bench: "Bench") -> list[Figure]:
    """The count; 0 is the only good one."""
    stand = bench.stand()
    tenants = [process.tenant(stand, f"sweep-{number}") for number in range(TENANTS)]
    answer = process.ask(stand, "sweep", tenant_ids=tenants, users=USERS, agents=AGENTS)
    bench.keep("memory-isolation", answer)
    calls = sum(answer["calls"].values())
    note = f"{calls:,} calls of {answer['readers']} readers"
    if answer["absent"]:
        note += f"; the brain has no {', '.join(answer['absent'])}"
    return [
        Figure(
            "hits across tenants, users, agents or namespaces",
            answer["foreign_count"],
            0,
            f" of {answer['hits']:,}",
            note=note,
        )
    ]
