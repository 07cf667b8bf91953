"""300 concurrent streams: all complete, nothing lost or reordered, total time bounded.

The method is `bench.scenarios.crowds`. A turn is incomplete when it did not end as "done"; frames
are lost or reordered when a sequence number is missing or late, or when the joined deltas differ
from `chat.done` or from the simulator's text.
"""

from typing import TYPE_CHECKING

from bench.scenarios import crowds
from bench.target import Figure

if TYPE_CHECKING:
    from bench.runner import Bench

SIZE, TURNS, ROUNDS = 300, 4, 2
RATIO_LIMIT = 1.25


def run(bench: "Bench") -> list[Figure]:
    """Three figures of one crowd."""
    crowd = crowds.gather(bench, SIZE, turns=TURNS, rounds=ROUNDS)
    bench.note_faults(crowd.faults)
    garbled = [one for one in crowd.faults if "frame" in one or "delta" in one or "charact" in one]
    incomplete = len(crowd.faults) - len(garbled)
    name = f"{SIZE} streams"
    return [
        Figure(f"answers not completed, {name}", incomplete, 0, f" of {crowd.turns}"),
        Figure(f"answers with lost or reordered frames, {name}", len(garbled), 0, ""),
        Figure(f"total time, {name}", crowd.total_ratio, RATIO_LIMIT, " x upstream", 2),
    ]
