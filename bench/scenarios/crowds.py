"""Many concurrent streams against the bare upstream under the same crowd.

A closed loop: each of N signed-in people asks again as soon as an answer is whole; they begin
evenly spread over the length of one turn. Bare and product phases alternate in the same run.
A person's first and last turn of a phase do not count (the crowd is not complete then); every turn
counts for correctness: frames without gap, joined deltas equal to `chat.done` and to what the
simulator says.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bench.stand import TOKENS, load
from bench.target import middle, percentile

if TYPE_CHECKING:
    from bench.runner import Bench

# One turn of the bare upstream: first token after 50 ms, then 100 tokens every 20 ms.
TURN_S = 2.05


@dataclass(frozen=True, slots=True)
class Crowd:
    """What a crowd saw. `added`: first token minus the median of the bare upstream's, ms."""

    size: int
    turns: int
    faults: list[str]
    added: list[float]
    total_ratio: float

    def added_ms(self, share: float) -> float:
        """A percentile of the added time to the first token."""
        return percentile(self.added, share)


def gather(bench: "Bench", size: int, *, turns: int, rounds: int) -> Crowd:
    """Let `size` people ask `turns` times in each of `rounds` alternating phases."""
    stand = bench.stand()
    lanes = {"bare": [stand.upstream()] * size, "product": stand.conversations(size)}
    found: dict[str, list[list[dict[str, Any]]]] = {"bare": [], "product": []}
    for number in range(rounds):
        for name, people in lanes.items():
            job = {
                "job": "crowd",
                "prefix": "long",
                "tokens": TOKENS["long"],
                "turns": turns,
                "from_turn": number * turns,
                "stagger_s": TURN_S,
                "lanes": people,
            }
            with stand.watched():
                answer = load(job)
            bench.keep(f"streams-{size}-{name}-{number}", answer)
            found[name] += answer["samples"]
            bench.catch_up()
    bare = _counted(found["bare"])
    product = _counted(found["product"])
    everything = [one for samples in found["product"] for one in samples]
    bench.refuse_faults(f"bare upstream, {size} streams", bare)
    faults = [one["fault"] for one in everything if one["fault"] is not None]
    whole = [one for one in product if one["fault"] is None]
    base_first = middle([one["first_ms"] for one in bare])
    base_total = middle([one["total_ms"] for one in bare])
    return Crowd(
        size=size,
        turns=len(everything),
        faults=faults,
        added=[one["first_ms"] - base_first for one in whole] or [float("inf")],
        total_ratio=(
            middle([one["total_ms"] for one in whole]) / base_total if whole else float("inf")
        ),
    )


def _counted(phases: list[list[dict[str, Any]]]) -> list[dict[str, Any]]:
    return [one for samples in phases for one in samples[1:-1]]
