"""What planning and building a prompt cost: pure functions, in this process, nothing else.

A history of 200 messages, 20 memories, a window that does not hold all of it, so that lanes are cut
and the summary is used; degraded, the same without memories. Tools are not there yet, so their
lanes are empty.
"""

import time
from typing import TYPE_CHECKING

from bench.target import Figure, middle, percentile
from chat.turns import context, governor
from gateway.tokens import estimate_tokens

if TYPE_CHECKING:
    from bench.runner import Bench

MESSAGES, MEMORIES, ROUNDS = 200, 20, 2_000
LIMITS_MS: dict[governor.Level, int] = {"normal": 5, "degraded": 3}
_LIMITS = governor.Limits(window=32_000, output=4_096)


def run(bench: "Bench") -> list[Figure]:
    """One figure a level."""
    history = [
        context.Said(
            "assistant" if place % 2 else "user",
            f"Message {place}. " + "The valve of segment nine closes slowly. " * (60 * (place % 2)),
            place,
        )
        for place in range(1, MESSAGES + 1)
    ]
    memories = [
        context.Remembered(f"Fact {place}: " + "the pump was serviced. " * 10, "2026-03-01", "user")
        for place in range(MEMORIES)
    ]
    found = []
    for level, limit in LIMITS_MS.items():
        parts = context.Parts(
            system="You are a helpful, precise assistant. " * 40,
            history=history,
            remembered=memories if level == "normal" else [],
            message="What did we decide about segment nine?",
            summary="They spoke about pumps. " * 30,
            summary_upto=100,
        )
        samples = []
        for _ in range(ROUNDS):
            began = time.perf_counter()
            plan = governor.plan(_LIMITS, context.needs_of(parts, estimate_tokens), level)
            built = context.build(plan, parts, estimate_tokens)
            samples.append((time.perf_counter() - began) * 1000)
        bench.keep(f"context-{level}", samples)
        note = f"p50 {middle(samples):.2f} ms; {built.report.history_kept} of {MESSAGES} kept"
        name = f"plan and prompt, {MESSAGES} messages, {level}, p95"
        found.append(Figure(name, percentile(samples, 0.95), limit, " ms", 2, note))
    return found
