"""Remember, acknowledged durable: p99 with 16 clients, and how many a second.

16 threads of one process (as a web process has them), each with a connection, call the port one
after the other for `SECONDS`; the acknowledgement follows the commit, and the installation waits
for the disk at each commit. The worker indexes meanwhile, on the same cores. Beside it, in the same
run: the same rows by the bare driver, one insert and one commit a call, which is the floor; and 16
clients that together ask for an even 1,000 a second, whose p99 says what clients feel that do not
press.
"""

from typing import TYPE_CHECKING, Any

from bench.brain import process
from bench.target import Figure, Quote, middle, percentile

if TYPE_CHECKING:
    from bench.runner import Bench

CLIENTS, SECONDS, PACED = 16, 10.0, 1_000
P99_LIMIT_MS, RATE_LIMIT = 10, 1_000


def run(bench: "Bench") -> list[Figure | Quote]:
    """Two figures and the floor."""
    stand = bench.stand()
    job = {
        "tenant_id": stand.tenant_id,
        "people": process.pairs(300),
        "threads": CLIENTS,
        "is_removed": True,
    }
    bare = process.ask(stand, "floor", threads=CLIENTS, seconds=SECONDS / 2)
    pressed = process.ask(stand, "write", seconds=SECONDS, **job)
    bench.catch_up()
    paced = process.ask(stand, "write", seconds=SECONDS, per_second=PACED, **job)
    bench.catch_up()
    bench.keep("memory-write", {"floor": bare, "pressed": pressed, "paced": paced})
    bench.note_faults(pressed["faults"] + paced["faults"])
    ms, even, least = (_ms(one) for one in (pressed, paced, bare))
    rate, least_rate = len(ms) / SECONDS, len(least) / (SECONDS / 2)
    note = (
        f"p50 {middle(ms):.1f} ms; asked for {PACED:,}/s: p50 {middle(even):.1f}, "
        f"p99 {percentile(even, 0.99):.1f} ms at {len(even) / SECONDS:,.0f}/s"
    )
    name = f"remember, durable, {CLIENTS} clients"
    floor = f"p50 {middle(least):.1f}, p99 {percentile(least, 0.99):.1f} ms, {least_rate:,.0f}/s"
    return [
        Figure(f"{name}, p99", percentile(ms, 0.99), P99_LIMIT_MS, " ms", 1, note),
        Figure(name, rate, RATE_LIMIT, " /s", is_least=True),
        Quote(f"bare driver: insert and commit, {CLIENTS} clients", floor, "measured, same run"),
    ]


def _ms(answer: dict[str, Any]) -> list[float]:
    return [took for _, took in answer["samples"]]
