"""Recall, embedding of the question included, with 10,000 to 1,000,000 memories of one tenant.

A tenant for each size, in one table, over as many people as such a tenant has, three agents each;
few people have much. One client asks 400 different questions; who has much asks much. How the
tables are filled: `bench.brain.filling`; the installation is then started anew, so that PostgreSQL
has buffers as large as this data asks for, and they are read once. A plan is kept with the samples.
"""

from typing import TYPE_CHECKING, Any

from bench.brain import process
from bench.target import Figure, middle, percentile

if TYPE_CHECKING:
    from bench.runner import Bench

# Size of the tenant: its people, and the limit of the issue.
PEOPLE = {10_000: 20, 100_000: 150, 1_000_000: 1_000}
LIMITS_MS = {10_000: 15, 100_000: 20, 1_000_000: 30}
QUESTIONS = 400


def run(bench: "Bench") -> list[Figure]:
    """One figure a size."""
    found = []
    # All tables first: filling is nothing to measure beside.
    tenants = {size: filled(bench, size) for size in bench.options.memories}
    bench.stand().restart()
    bench.keep("memory-recall-warm", process.ask(bench.stand(), "warm"))
    bench.catch_up()
    for size, made in tenants.items():
        answer = ask(bench, made, QUESTIONS)
        largest = max(made["people"], key=lambda one: one["size"])
        plan = process.ask(
            bench.stand(),
            "explain",
            tenant_id=made["tenant_id"],
            person=largest,
            question="What car does Ada Novak have?",
        )
        bench.keep(f"memory-recall-{size}", {**answer, "largest": largest, "plan": plan})
        bench.note_faults(answer["faults"])
        ms = [one["ms"] for one in answer["samples"]]
        most = [one["ms"] for one in answer["samples"] if one["size"] == largest["size"]]
        note = f"p50 {middle(ms):.1f} ms"
        if len(most) > 2:
            note += f"; who has most, {largest['size']:,}: p50 {middle(most):.1f} ms"
        limit = LIMITS_MS.get(size, 30)
        name = f"recall, {size:,} memories of a tenant, p95"
        found.append(Figure(name, percentile(ms, 0.95), limit, " ms", 1, note))
    return found


def filled(bench: "Bench", size: int) -> dict[str, Any]:
    """A tenant of that size: {tenant_id, people, facts}; made once a run."""
    name = f"memory-{size}"
    if name not in bench.made:
        stand = bench.stand()
        tenant_id = process.tenant(stand, name)
        people = PEOPLE.get(size, max(10, size // 1_000))
        made = process.ask(stand, "fill", tenant_id=tenant_id, size=size, people=people)
        bench.keep(f"fill-{size}", {"took_s": made["took_s"], "index_s": made["index_s"]})
        bench.made[name] = {"tenant_id": tenant_id, **made}
    return dict(bench.made[name])


def ask(bench: "Bench", made: dict[str, Any], count: int, seed: int = 11) -> dict[str, Any]:
    """Questions of one client to a filled tenant."""
    return process.ask(
        bench.stand(),
        "recall",
        tenant_id=made["tenant_id"],
        people=made["people"],
        facts=made["facts"],
        count=count,
        seed=seed,
    )
