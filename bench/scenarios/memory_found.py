"""How soon an acknowledged memory is found, at 50 writes a second, with the worker of the product.

By words: whether the first question after the acknowledgement, in the memory's own words, finds it.
By meaning: time from the acknowledgement until a question in other words finds it through its
embedding; the asking itself (every 20 ms and what a recall takes) is part of the time.
"""

from typing import TYPE_CHECKING

from bench.brain import process
from bench.target import Figure, middle, percentile

if TYPE_CHECKING:
    from bench.runner import Bench

PER_SECOND, SECONDS, PROBE_EVERY = 50, 40, 10
MEANING_LIMIT_S = 1


def run(bench: "Bench") -> list[Figure]:
    """Two figures."""
    stand = bench.stand()
    answer = process.ask(
        stand,
        "found",
        tenant_id=stand.tenant_id,
        per_second=PER_SECOND,
        seconds=SECONDS,
        probe_every=PROBE_EVERY,
    )
    bench.keep("memory-found", answer)
    bench.note_faults(answer["faults"])
    words, meaning_ms = answer["by_words"], answer["by_meaning"]
    again = sum(one["asks"] != 1 for one in words)
    probes = int(PER_SECOND * SECONDS / PROBE_EVERY)
    at = f"{PER_SECOND} writes/s"
    if len(meaning_ms) < probes * 0.95:
        raise RuntimeError(
            f"{len(meaning_ms)} of {probes} found by meaning: {answer['faults'][:1]}"
        )
    return [
        Figure(
            f"not found by words by the first question, {at}",
            again + probes - len(words),
            0,
            f" of {probes}",
            note=f"answered after {percentile([one['ms'] for one in words], 0.95):.1f} ms, p95",
        ),
        Figure(
            f"found by meaning after acknowledgement, {at}, p95",
            percentile(meaning_ms, 0.95) / 1000,
            MEANING_LIMIT_S,
            " s",
            2,
            f"p50 {middle(meaning_ms) / 1000:.2f} s, {answer['written_per_second']:.0f} written/s",
        ),
    ]
