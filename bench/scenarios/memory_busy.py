"""Recall while 50 memories a second are written to the same tenant and indexed by the worker.

The same questions quiet, busy, and quiet again on 100,000 memories; the figure is the busy p95 over
the mean of the two quiet ones.
"""

from typing import TYPE_CHECKING

from bench.brain import process
from bench.scenarios import memory_recall
from bench.target import Figure, percentile

if TYPE_CHECKING:
    from bench.runner import Bench

SIZE, PER_SECOND, WRITERS, QUESTIONS = 100_000, 50, 4, 400
RATIO_LIMIT = 1.5


def run(bench: "Bench") -> list[Figure]:
    """The ratio."""
    size = max((one for one in bench.options.memories if one <= SIZE), default=SIZE)
    made = memory_recall.filled(bench, size)
    bench.catch_up()
    before = memory_recall.ask(bench, made, QUESTIONS)
    with process.going(
        bench.stand(),
        "write",
        tenant_id=made["tenant_id"],
        people=[[one["user_id"], one["agent_id"]] for one in made["people"]],
        threads=WRITERS,
        per_second=PER_SECOND,
    ) as written:
        busy = memory_recall.ask(bench, made, QUESTIONS)
    bench.catch_up()
    after = memory_recall.ask(bench, made, QUESTIONS)
    bench.keep("memory-busy", {"before": before, "busy": busy, "after": after, "written": written})
    bench.note_faults(busy["faults"] + written.get("faults", []))
    first, during, last = (
        percentile([sample["ms"] for sample in one["samples"]], 0.95)
        for one in (before, busy, after)
    )
    ratio = during / ((first + last) / 2)
    note = f"{during:.1f} against {first:.1f} and {last:.1f} ms, p95, {size:,} memories"
    return [Figure(f"recall during {PER_SECOND} writes/s", ratio, RATIO_LIMIT, " x quiet", 2, note)]
