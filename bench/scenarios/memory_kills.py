"""Memories lost or doubled over random kills at named points (`tests.support.memory_kills`).

On an installation of its own without workers: nothing but the killed processes writes. `--kills`
says how many; the issue's figure is 2,000.
"""

from typing import TYPE_CHECKING

from bench.apart import ask_apart
from bench.target import Figure

if TYPE_CHECKING:
    from bench.runner import Bench

SEED = 20_261


def run(bench: "Bench") -> list[Figure]:
    """Two counts; 0 is the only good one."""
    request = {"kills": bench.options.kills, "seed": SEED}
    told = bench.keep("memory-kills", ask_apart("bench.brain.killing", request))
    unfinished = told["not_indexed"] + told["undelivered"] + told["owed"]
    if unfinished:
        raise RuntimeError(f"after the kills {unfinished} things were never finished")
    bench.note_faults([f"{what} ({count})" for what, count in told["failures"].items()])
    kills = f"{told['kills']:,} kills"
    of = f" of {told['memories']:,}"
    note = f"at {len(told['points'])} points, in {told['took_s']:.0f} s"
    return [
        Figure(f"memories lost, {kills}", len(told["lost"]), 0, of, note=note),
        Figure(
            f"memories doubled or not asked for, {kills}",
            len(told["doubled"]) + len(told["strange"]),
            0,
            of,
        ),
    ]
