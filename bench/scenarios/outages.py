"""A dependency goes and comes back: how soon every process knows, with production's intervals.

Two web processes over a brain of its own; one person asks. Seen: from the first call that meets the
absence until neither process calls it well. Well: from the return until both do.
"""

from typing import TYPE_CHECKING

from bench.apart import ask_apart
from bench.target import Figure

if TYPE_CHECKING:
    from bench.runner import Bench

ROUNDS = 3
SEEN_LIMIT_S, WELL_LIMIT_S = 2.0, 35.0


def run(bench: "Bench") -> list[Figure]:
    """The latest of all rounds, of each dependency."""
    found = bench.keep("outages", ask_apart("bench.outages", {"rounds": ROUNDS}))
    figures = []
    for service, times in found.items():
        seen, well = max(times["seen_s"]), max(times["well_s"])
        note = f"latest of {len(times['seen_s'])}"
        figures += [
            Figure(f"{service} away, seen everywhere", seen, SEEN_LIMIT_S, " s", 2, note),
            Figure(f"{service} back, well everywhere", well, WELL_LIMIT_S, " s", 1, note),
        ]
    return figures
