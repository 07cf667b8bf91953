"""100 concurrent streams: first token added (p50, p95) and total time against the upstream.

The p95 is that of the product's single turns over the bare upstream's median, which is stricter
than the difference of two p95s. The method is `bench.scenarios.crowds`.
"""

from typing import TYPE_CHECKING

from bench.scenarios import crowds
from bench.target import Figure

if TYPE_CHECKING:
    from bench.runner import Bench

SIZE, TURNS, ROUNDS = 100, 5, 3
P50_LIMIT_MS, P95_LIMIT_MS, RATIO_LIMIT = 60, 150, 1.10


def run(bench: "Bench") -> list[Figure]:
    """Three figures of one crowd."""
    crowd = crowds.gather(bench, SIZE, turns=TURNS, rounds=ROUNDS)
    bench.note_faults(crowd.faults)
    name = f"{SIZE} streams"
    return [
        Figure(f"first token added, {name}, p50", crowd.added_ms(0.50), P50_LIMIT_MS, " ms"),
        Figure(f"first token added, {name}, p95", crowd.added_ms(0.95), P95_LIMIT_MS, " ms"),
        Figure(f"total time, {name}", crowd.total_ratio, RATIO_LIMIT, " x upstream", 2),
    ]
